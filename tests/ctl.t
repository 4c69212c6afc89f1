#!/bin/sh
# ctl.t - gitopper-ctl on this machine: commands, tables, JSON, rights
. tests/lib.sh

one=1111111111111111111111111111111111111111
two=2222222222222222222222222222222222222222
tab=$(printf '\t')
now=$(date +%s)
url=https://anna:s3cret@git.example.org/ops/config

# service NAME: makes one as gitopper-conf does; standard input is its status
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl" "$GITOPPER_STATE/.upstream"
	cat >"$GITOPPER_STATE/$1/conf" <<-END
		service=$1
		upstream=$url
		branch=main
	END
	cat >"$GITOPPER_STATE/$1/status"
}

# upstream TIP: what pull keeps about $url; the hash in its directory's name
# is what upstream_id makes of it
upstream() {
	id=$GITOPPER_STATE/.upstream/ops_config-$(perl -Mbigint -e '
		my $h = 0xcbf29ce484222325;
		$h = (($h ^ ord) * 0x100000001b3) & 0xffffffffffffffff
			for split //, shift;
		printf "%012x", $h & 0xffffffffffff' "$url")
	mkdir -p "$id"
	printf 'url=%s\ncontact=%s\ntip=main\t%s\n' "$url" "$now" "$1" \
		>"$id/status"
}

# state ARGUMENTS...: what the column STATE says after that
state() {
	gitopper-ctl "$@" | awk 'NR == 2 { print $4 }'
}

# json EXPRESSION ARGUMENTS...: what $j->... is in the output
json() {
	expr=$1; shift
	gitopper-ctl "$@" | perl -MJSON::PP -e '
		local $/; my $expr = shift; my $j = decode_json(<STDIN>);
		my $v = eval "\$j->$expr"; die $@ if $@;
		binmode STDOUT, ":utf8";
		print ref $v ? JSON::PP->new->canonical->encode($v) : $v' \
		"$expr"
}

ctl() {
	cat "$GITOPPER_STATE/$1/ctl/$2" 2>&1
}

running
is 'no services, just the head' "$(gitopper-ctl list)" \
	'#  SERVICE  HASH  STATE  INFO  SINCE'
is 'no services, as JSON' "$(gitopper-ctl -m list)" '{"services":[]}'
is 'no machines, as JSON' "$(gitopper-ctl -m list machines)" '{"machines":[]}'

service web <<END
hash=$one
applied=$one
since=$((now - 200))
deploys=3
END
service dns </dev/null
service old </dev/null
echo gone=1 >>"$GITOPPER_STATE/old/conf"
mkdir "$GITOPPER_STATE/.cache" "$GITOPPER_STATE/empty"
upstream "$two"

# -- list
is 'a table, aligned, sorted, without what is gone' "$(gitopper-ctl list)" \
'#  SERVICE  HASH      STATE  INFO              SINCE
0  dns      -         DIFF   not deployed yet  -
1  web      11111111  DIFF   on its way        3 minutes ago'
for form in ls l 'list services' 'list service' 'do list' 'd ls services' \
	'l service' 'list service dns web' 'list dns web'; do
	is "the same by $form" "$(gitopper-ctl $form)" "$(gitopper-ctl list)"
done
is 'one service' "$(gitopper-ctl list service web | sed 1d)" \
	'0  web      11111111  DIFF   on its way  3 minutes ago'
is 'one service, the older form' "$(gitopper-ctl list web)" \
	"$(gitopper-ctl list service web)"

cat >"$GITOPPER_STATE/.machines" <<END
web1.example.org${tab}other
here.example.org${tab}mine
END
is 'machines' "$(gitopper-ctl list machines)" \
"#  MACHINE           ACTUAL
0  web1.example.org  -
1  here.example.org  $(uname -n)"
is 'machine, too' "$(gitopper-ctl l machine)" "$(gitopper-ctl list machines)"
is 'machines as JSON' "$(gitopper-ctl -m list machines)" \
'{"machines":[{"machine":"web1.example.org","actual":""},'\
'{"machine":"here.example.org","actual":"'"$(uname -n)"'"}]}'

# -- JSON
service full <<END
hash=$one
applied=$one
since=1668762892
drift=2
deploys=3
failures=4
note=waits for the window
END
is 'the JSON that the clients of old know comes first' \
	"$(gitopper-ctl -m list service full | cut -c-160)" \
	'{"services":[{"service":"full","hash":"11111111","state":"DIFF",'\
'"stateinfo":"waits for the window, 2 files edited here","change":"Fri, 18 Nov 2022 09:14:52 UTC"'
is 'and all of it' "$(json '{services}[0]' -m list service full)" \
'{"applied":"'$one'","bad":"","branch":"main","change":"Fri, 18 Nov 2022 '\
'09:14:52 UTC","contact":'$now',"deploys":3,"drift":2,'\
'"failures":4,"frozen":false,"frozenby":"",'\
'"frozenuntil":0,"fullhash":"'$one'","hash":"11111111","pin":"","retry":0,'\
'"service":"full","since":1668762892,"state":"DIFF",'\
'"stateinfo":"waits for the window, 2 files edited here","tip":"'$two'","todo":"",'\
'"tree":"'$(realpath "$GITOPPER_STATE")'/full/tree",'\
'"upstream":"https://git.example.org/ops/config","wanted":"'$two'"}'
is '-m counts wherever it stands' "$(gitopper-ctl status full -m)" \
	"$(gitopper-ctl -m list service full)"
is 'nothing has happened yet' \
	"$(json '{services}[0]{change}' -m status dns)" ''
is 'several objects' "$(json '{services}[1]{service}' -m status dns web)" web
# a stray byte, a surrogate, an overlong form; then a real one of four bytes
printf 'error=act: \\ "caf\303\251" %b \360\237\230\200\033[2J\177\n' \
	'\0377 \0355\0240\0200 \0340\0200\0200' \
	>>"$GITOPPER_STATE/full/status"
u='\0357\0277\0275'
is 'quotes, UTF-8, and bytes that are none' \
	"$(json '{services}[0]{stateinfo}' -m status full)" \
	"$(printf '%s"caf\303\251" %b \360\237\230\200\033[2J\177%s' \
		'act: \ ' "$u $u$u$u $u$u$u" \
		', waits for the window, 2 files edited here')"
like 'what is no text is escaped' "$(gitopper-ctl -m status full)" \
	'\\u001b\[2J\\u007f, '
like 'no control character gets to a terminal' \
	"$(gitopper-ctl list full)" 'BROKEN  act: .*\?\[2J\?, .* here  [0-9]+ days ago$'

# -- states
service x <<END
hash=$one
error=pull: no such host
retry=$((now + 600))
since=$((now - 7300))
END
is 'DIFF' "$(gitopper-ctl list x | sed 1d)" \
	'0  x        11111111  DIFF   pull: no such host  2 hours ago'
like 'retry, with the time that is left' "$(gitopper-ctl status x)" \
	'^retry:     .* \(in (9|10) minutes\)$'
for stage in package check mount act health; do
	echo "error=$stage: no" | service y
	is "BROKEN, by $stage" "$(state list y)" BROKEN
done
rm -r "$GITOPPER_STATE/x" "$GITOPPER_STATE/y" "$GITOPPER_STATE/full"

for pair in git@host:a/b=git@host:a/b ssh://git:pw@host/a=ssh://git@host/a \
	ssh://host/a=ssh://host/a https://token@host=https://host \
	http://a:b@c@host/d@e=http://host/d@e /a@b=/a@b; do
	echo since=$((now - 100)) | service z
	echo "upstream=${pair%=*}" >"$GITOPPER_STATE/z/conf"
	is "no credentials in ${pair%=*}" \
		"$(json '{services}[0]{upstream}' -m list z)" "${pair#*=}"
done
like '100 seconds are not yet minutes' "$(gitopper-ctl list z)" \
	' 1[01][0-9] seconds ago'
rm -r "$GITOPPER_STATE/z"

# -- status
is 'status' "$(gitopper-ctl status web | sed "s/ (.*)$//; /^since/d;
	/^contact/s/[A-Z].*UTC/NOW/")" \
"service:   web
state:     DIFF
info:      on its way
hash:      $one
applied:   $one
tip:       $two
wanted:    $two
branch:    main
upstream:  https://git.example.org/ops/config
contact:   NOW
tree:      $(realpath "$GITOPPER_STATE")/web/tree
deploys:   3"
is 'two of them, an empty line between' \
	"$(gitopper-ctl status dns web | grep -n '^$\|^service')" \
"1:service:   dns
10:
11:service:   web"

# -- freeze, unfreeze
me=$(id -un)
is 'freeze shows what came of it' "$(gitopper-ctl freeze web | sed 1d)" \
	"0  web      11111111  FREEZE  frozen by $me  3 minutes ago"
is 'frozen is empty' "$(ctl web frozen)" ''
like 'frozen, in status' "$(gitopper-ctl status web)" \
	'^frozen:    until unfrozen$'
is 'frozen wants what it is at' \
	"$(json '{services}[0]{wanted}' -m status web)" "$one"
ok 'freeze for 5 minutes' gitopper-ctl freeze web dns 5m
like 'it thaws then' "$(($(ctl web frozen) - now))" '^3[0-3][0-9]$'
like 'so does the other' "$(($(ctl dns frozen) - now))" '^3[0-3][0-9]$'
until=$(date -u -d "@$(ctl web frozen)" '+%a, %d %b %Y %H:%M:%S UTC')
like 'until when' "$(gitopper-ctl list web)" "FREEZE  frozen by $me until $until"
is 'until when, in seconds' \
	"$(json '{services}[0]{frozenuntil}' -m status web)" "$(ctl web frozen)"
is 'as JSON as well' "$(json '{services}[0]{state}' -m freeze web)" FREEZE
for dur in 50=50 1h30m=5400 2d=172800 1m1s=61 1.5h=5400 0.5d30m=45000 \
	1.001s=2 61s1ms=62 59500ms=60; do
	rm -f "$GITOPPER_STATE/web/ctl/frozen"
	gitopper-ctl freeze web "${dur%=*}" >"$tmp/out" 2>&1
	is "freeze for ${dur%=*}" \
		"$(($(ctl web frozen) - $(date +%s) >= ${dur#*=} - 5 &&
		$(ctl web frozen) - $(date +%s) <= ${dur#*=}))" 1
done
rm "$GITOPPER_STATE/web/ctl/frozen"
for dur in 5x 0 0s 5m1h 5m5m 99999999999999999999 \
	99999999999999999999s 36501d 5m5 1.5 1.h 1..5h 1.5.5h 1,5h 0.0s 0ms \
	5ms5s 5mm 5M 1.5h5 1.0000000001h 36500.1d; do
	fails 100 "no duration: $dur" gitopper-ctl freeze web "$dur"
done
is 'and nothing was frozen by that' "$(state list web)" DIFF
mkdir "$GITOPPER_STATE/web/ctl/frozen"
ok 'a directory in its place does not keep anyone from a freeze' \
	gitopper-ctl freeze web
is 'which counts' "$(state list web)" FREEZE
rm "$GITOPPER_STATE/web/ctl/frozen"
service 5m </dev/null
ok 'a service that is called like a duration' gitopper-ctl freeze web 5m
is 'is a service' "$(ctl 5m frozen)$(ctl web frozen)" ''
rm -r "$GITOPPER_STATE/5m"
echo "$one" >"$GITOPPER_STATE/web/ctl/pin"
is 'unfreeze' "$(state do unfreeze web)" DIFF
is 'both files are gone' "$(ls "$GITOPPER_STATE/web/ctl")" ''
ok 'unfreeze what is not frozen' gitopper-ctl unfreeze web dns
# a thaw that pull has not cleaned up after: the old pin must not come back
printf '%s\n' "$((now - 5))" >"$GITOPPER_STATE/web/ctl/frozen"
echo "$two" >"$GITOPPER_STATE/web/ctl/pin"
is 'thawed' "$(state list web)" DIFF
is 'frozen again, at this commit' "$(state freeze web)" FREEZE
is 'without the pin of before' "$(ls "$GITOPPER_STATE/web/ctl")" frozen
gitopper-ctl unfreeze web >/dev/null

# -- rollback
is 'a rollback on its way' "$(gitopper-ctl rollback web ABCDEF01 | sed 1d)" \
	"0  web      11111111  ROLLBACK  on its way to abcdef01 by $me, stays at \
11111111 until that is found; unfreeze follows the branch  3 minutes ago"
is 'the pin, in small letters' "$(ctl web pin)" abcdef01
is 'a rollback that is there' "$(state rollback web "$one")" FREEZE
is 'the pin, whole' "$(ctl web pin)" "$one"
like 'it says so' "$(gitopper-ctl ls web)" " pinned to 11111111 by $me  "
is 'and so does the JSON' "$(json '{services}[0]{pin}' -m ls web)" "$one"
for hash in 123456 g123456 "${one}1" '' HEAD; do
	fails 100 "no commit: '$hash'" gitopper-ctl rollback web "$hash"
done
is 'the pin is what it was' "$(ctl web pin)" "$one"
echo nonsense >"$GITOPPER_STATE/web/ctl/pin"
like 'a pin by hand that is none' "$(gitopper-ctl ls web)" \
	'ctl/pin holds no commit'
printf '%s\n' "$((now - 5))" >"$GITOPPER_STATE/web/ctl/frozen"
is 'a rollback after a thaw' "$(state rollback web "$two")" ROLLBACK
is 'leaves no thawed freeze to take it away' \
	"$(ls "$GITOPPER_STATE/web/ctl")" pin
gitopper-ctl unfreeze web >/dev/null

# -- pull, redo
ok 'pull' gitopper-ctl pull web dns
is 'is an empty poke' "$(ctl web poke)$(ctl dns poke)" ''
ok 'redo' gitopper-ctl d redo web
is 'is a poke that says so' "$(ctl web poke)" redo
ok 'a pull after it' gitopper-ctl pull web
is 'takes nothing from it' "$(ctl web poke)" redo
rm "$GITOPPER_STATE"/*/ctl/poke

# -- log, changes
is 'no log yet' "$(gitopper-ctl log web)" ''
printf 'one\n' >"$GITOPPER_STATE/web/log.old"
printf 'two\033[2J\tend\nthree, cut' >"$GITOPPER_STATE/web/log"
is 'log, the older lines first' "$(gitopper-ctl log web)" \
	"one
two?[2J${tab}end
three, cut"
is 'log as JSON' "$(json '{services}[0]{log}' log web -m)" \
	'["one","two?[2J\tend","three, cut"]'
printf 'A\tetc/new\nM\t"a\\tb \\303\\251"\nD\t"\\377"\n' \
	>"$GITOPPER_STATE/web/changes"
is 'changes' "$(gitopper-ctl changes web)" \
	"$(cat "$GITOPPER_STATE/web/changes")"
is 'changes as JSON' "$(json '{services}[0]{changes}' -m changes web)" \
	"$(printf '%s{"change":"M","path":"a\\tb \303\251"},%s%b%s' \
		'[{"change":"A","path":"etc/new"},' \
		'{"change":"D","path":"' "$u" '","quoted":"\"\\377\""}]')"
yes 'a line' | head -100000 >"$GITOPPER_STATE/web/log.old"
gitopper-ctl log web 2>"$tmp/err" | head -1 >/dev/null
is 'who has read enough may go' "$(cat "$tmp/err")" ''
fails 111 'a full disk is said' sh -c 'gitopper-ctl log web >/dev/full'

# -- errors
fails 1 'no such service' gitopper-ctl status nosuch
is 'said so' "$(cat "$tmp/out" | head -1)" \
	'gitopper-ctl: nosuch: no such service'
for name in n no; do
	is "one that is called as the message begins: $name" \
		"$(gitopper-ctl log $name 2>&1)" \
		"gitopper-ctl: $name: no such service"
done
fails 1 'one that is gone' gitopper-ctl list service old
fails 1 'one without a conf' gitopper-ctl list service empty
fails 1 'not a name' gitopper-ctl log ../web
fails 1 'a missing one among others' gitopper-ctl freeze nosuch web
is 'the others are done' "$(state list web)" FREEZE
gitopper-ctl unfreeze web >/dev/null
is 'what is missing is not in the JSON, which is whole' \
	"$(json '{services}' -m status nosuch 2>/dev/null)" '[]'
for args in '' nosuch -x 'list machines web' status freeze unfreeze rollback \
	'rollback web' 'rollback web 1111111 x' pull redo log changes do; do
	fails 100 "wrong usage: $args" gitopper-ctl $args
done
like 'usage goes to standard error' "$(gitopper-ctl 2>&1 >/dev/null)" ^usage:
printf 'garbage\000\377\nhash=' >"$GITOPPER_STATE/dns/status"
is 'a status of garbage' "$(gitopper-ctl list dns | sed 1d)" \
	'0  dns      -     DIFF   not deployed yet  -'
rm "$GITOPPER_STATE/dns/status" && mkdir "$GITOPPER_STATE/dns/status"
fails 1 'a status that is no file' gitopper-ctl list
like 'hides no other service' "$(cat "$tmp/out")" '^0  web '
rmdir "$GITOPPER_STATE/dns/status"
ok 'a state directory that is missing is one without services' \
	env GITOPPER_STATE="$tmp/a/b" gitopper-ctl list
like '-d tells' "$(gitopper-ctl -d list 2>&1)" "state directory .*/state"

# -- other users; an id without a name serves as the group gitopper
if [ "$(id -u)" -eq 0 ]; then
	user() {
		id=$1; shift
		setpriv --reuid "$id" --regid "$id" --groups "$group" -- \
			"$tmp/bin/gitopper-ctl" "$@"
	}
	# the checkout may lie where others can't go
	mkdir "$tmp/bin"
	cp "$(command -v gitopper-ctl)" "$tmp/bin/"
	chgrp 4242 "$GITOPPER_STATE/web/ctl"
	chmod 3775 "$GITOPPER_STATE/web/ctl"
	chmod 755 "$GITOPPER_STATE/web"

	group=5555
	ok 'anyone may read' user 5555 status web
	chgrp 4242 "$GITOPPER_STATE/web/log"
	chmod 640 "$GITOPPER_STATE/web/log"
	fails 1 'not everyone may read the log' user 5555 log web
	is 'why' "$(head -1 "$tmp/out")" \
		'gitopper-ctl: web: only root and the group gitopper may read it'
	group=4242
	ok 'the group may' user 5555 log web
	group=5555
	fails 1 'not everyone may freeze' user 5555 freeze web
	is 'why' "$(head -1 "$tmp/out")" \
		'gitopper-ctl: web: only root and the group gitopper may do that'
	fails 1 'nor pull' user 5555 pull web

	group=4242
	ok 'the group may freeze' user 5555 freeze web 5m
	ok 'and roll back' user 5555 rollback web 2222222
	ok 'and thaw' user 5555 unfreeze web
	ok 'and pull' user 5555 pull web
	ok 'a pull of another is as good' user 6666 pull web
	fails 1 'unless more is asked for' user 6666 redo web
	like 'that is said' "$(cat "$tmp/out")" "another's poke waits"
	ok 'root may' gitopper-ctl redo web
	ok 'a redo is a pull as well' user 6666 pull web
	rm "$GITOPPER_STATE/web/ctl/poke"

	user 5555 freeze web >"$tmp/out" 2>&1
	fails 1 "another's freeze is not replaced" user 6666 freeze web 5m
	like 'whose it is' "$(cat "$tmp/out")" \
		'web: frozen by user 5555: unfreeze it first'
	ok 'root lifts any' gitopper-ctl unfreeze web

	gitopper-ctl freeze web >"$tmp/out" 2>&1
	root='gitopper-ctl: web: frozen by root: can only be lifted by root'
	for args in 'unfreeze web' 'freeze web 5m' 'rollback web 2222222'; do
		fails 1 "under root's freeze: $args" user 5555 $args
		is 'is refused, and why' "$(cat "$tmp/out" | head -1)" "$root"
	done
	is 'it stands' "$(ls "$GITOPPER_STATE/web/ctl")" frozen
	gitopper-ctl unfreeze web >"$tmp/out" 2>&1

	gitopper-ctl rollback web "$one" >"$tmp/out" 2>&1
	fails 1 "root's rollback stays" user 5555 unfreeze web
	is 'why that' "$(head -1 "$tmp/out")" "$root"

	echo hash=$one >"$GITOPPER_STATE/dns/status"
	chmod 600 "$GITOPPER_STATE/dns/status"
	fails 1 'a status that one may not see' user 5555 list
	like 'is said' "$(cat "$tmp/out")" 'dns: Permission denied'
	like 'and hides no other' "$(cat "$tmp/out")" '^0  web '
fi
done_testing
