#!/bin/sh
# control.t - ctl/: orders of root and of members of the group, and traps
. tests/lib.sh
. tests/servers.sh

umask 022
cd "$tmp" || exit 111
S=$GITOPPER_STATE
t=$(printf '\t')
root=
[ "$(id -u)" -ne 0 ] || root=1

# push TEXT: a commit in r that makes app/a say so; prints it
push() { mkdir -p r/app && echo "$1" >r/app/a && commit r "$1"; }

# service NAME [LINE...]: one on app of r
service() {
	name=$1; shift
	mkdir -p "$S/$name/ctl"
	printf '%s\n' machine=here "service=$name" "upstream=$tmp/r" \
		branch=main "dir=app$t${t}dir" "$@" >"$S/$name/conf"
	[ -z "$root" ] || {
		chown root:gitopper "$S/$name/ctl"
		chmod 3775 "$S/$name/ctl"
	}
}
pull() { gitopper-pull "$@" 2>err | tr '\n' ' '; }
act() { sed -i '/^todo=/d' "$S/s/status"; }
at() {
	echo "hash $(value s hash), app/a: $(cat "$S/s/tree/app/a")"
	[ "$(value s hash)" = "$1" ] && [ "$(cat "$S/s/tree/app/a")" = "$2" ]
}
short() { echo "$1" | cut -c-8; }
info() { gitopper-ctl -m list "$@" | jq -r '.services[0].stateinfo'; }
state() { gitopper-ctl -m list "$@" | jq -r '.services[0].state'; }

# deep DIRECTORY [DEPTH]: makes it, deeper than anyone has descriptors
deep() {
	perl -e 'for (1 .. $ARGV[1]) {
		mkdir $ARGV[0] or die "$_: $!"; chdir $ARGV[0] or die $!;
		$ARGV[0] = "d" }
		open F, ">", "file" or die $!' "$1" "${2:-3000}"
}
# few COMMAND...: with as many descriptors as a process mostly has
few() { (ulimit -n 1024 && "$@"); }

# own_etc: an /etc of our own, with a group gitopper and its members
own_etc() {
	mkdir "$tmp/etc" && mount -t tmpfs tmpfs "$tmp/etc" &&
	mkdir "$tmp/etc/up" "$tmp/etc/work" && mount -t overlay overlay /etc \
		-o "lowerdir=/etc,upperdir=$tmp/etc/up,workdir=$tmp/etc/work" &&
	sed -i '/^gitopper/d' /etc/passwd /etc/group &&
	cat >>/etc/passwd <<-END &&
	gitopper-pull:x:3999:3999::/:/bin/false
	gitopper-httpd:x:3998:3998::/:/bin/false
	anna:x:4001:4001::/:/bin/sh
	bob:x:4002:4002::/:/bin/sh
	END
	printf '%s\n' gitopper:x:4000:anna,bob,gitopper-httpd \
		anna:x:4001: bob:x:4002: >>/etc/group
}
# as NAME COMMAND...: as a member of the group
as() {
	who=$1; shift
	setpriv --reuid "$who" --regid "$who" --init-groups -- "$@"
}
if [ -n "$root" ]; then
	ok 'an /etc' own_etc
	# the checkout may lie where others can't go
	mkdir "$tmp/bin"
	cp "$(command -v gitopper-ctl)" "$tmp/bin/"
	ctl=$tmp/bin/gitopper-ctl
fi

# fresh [LINE...]: s at h2 of h1, h2, and then h3
fresh() {
	rm -rf --one-file-system r "$S"
	git init -q r
	service s "$@"
	h1=$(push one) && gitopper-pull s >/dev/null 2>&1; act
	h2=$(push two) && gitopper-pull s >/dev/null 2>&1; act
	h3=$(push three)
	[ "$(value s hash)" = "$h2" ]
}

#
# What is in the way
#
ok 'a service' fresh
mkdir "$S/s/ctl/pin" "$S/s/ctl/pin/x" "$S/s/ctl/frozen"
ok 'unfreeze removes a directory' gitopper-ctl unfreeze s
is 'and all that is in it' "$(ls -A "$S/s/ctl")" ''
(cd "$S/s/ctl" && deep poke)
ok 'a directory 3,000 levels deep keeps nobody from an order' \
	few gitopper-ctl redo s
is 'which is there' "$(cat "$S/s/ctl/poke")" redo
is 'alone' "$(ls -A "$S/s/ctl")" poke
(cd "$S/s/ctl" && rm poke && deep poke)
cat >config.toml <<END
[global]
upstream = "$tmp/r"
[[services]]
machine = "here"
service = "s"
interval = "1h"
dirs = [ { link = "app" } ]
END
ok 'nor gitopper-conf from writing one' \
	few gitopper-conf -h here -c config.toml
ok 'its poke is there' test -f "$S/s/ctl/poke"
fresh
mkdir -p wide/b
(cd wide && deep a 100 && deep b/c 200)
mv wide "$S/s/ctl/frozen"
ok 'a tree both wide and deep' few gitopper-ctl freeze s
is 'goes, too' "$(ls -A "$S/s/ctl")" frozen

# those in the tree
fresh
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	mkdir -p "$S/s/saved/20200101T0000$((i + 10))Z"
	(cd "$S/s/saved/20200101T0000$((i + 10))Z" && deep edit)
done
rm "$S/s/tree/app/a"
(cd "$S/s/tree/app" && deep a)
is 'a deep directory stands where a file is to be' "$(few pull s)" 's '
ok 'which is published' at "$h3" three
is 'it is kept' "$(find "$S/s/saved" -maxdepth 3 -path '*/app/a' | wc -l)" 1
is 'and what is too deep to be counted is too much to keep beside it' \
	"$(find "$S/s/saved" -mindepth 1 -maxdepth 1 | wc -l)" 1
if [ -n "$root" ]; then
	cat >deepen <<-END
	#!/usr/bin/perl
	my \$d = "\$ENV{GITOPPER_NEXT}/app/d";
	for (1 .. 3000) { mkdir \$d or die \$!; chdir \$d or die \$!; \$d = "d" }
	END
	chmod 755 deepen
	fresh user=anna
	echo "check=$tmp/deepen" >>"$S/s/conf"
	pull -f s >/dev/null
	is "a check leaves a deep directory in its service's copy" \
		"$(few gitopper-act -k check s 2>err; cat err)" s
	ok 'the copy is gone' test ! -e "$S/s/check"
	mkdir "$S/s/check" && (cd "$S/s/check" && deep left)
	sed -i /^checked=/d "$S/s/status"
	is 'one that a run left behind is no obstacle' \
		"$(few gitopper-act -k check s 2>err; cat err)" s
	pull -p s >/dev/null
	ok 'to the commit' at "$h3" three
fi

# temporary names: in a name space of its own a process has a small number
if [ -n "$root" ]; then
	fresh
	as anna sh -c 'for i in $(seq 100); do
		mkdir "$1/ctl/.$i.tmp" "$1/ctl/.$i.tmp/x"; done' - "$S/s"
	for args in 'freeze s' 'unfreeze s' 'redo s' "rollback s $h1"; do
		ok "names that are taken keep nobody from: $args" \
			unshare -pf --mount-proc gitopper-ctl $args
	done
	ok 'nor the daemons' unshare -pf --mount-proc \
		gitopper-conf -h here -c config.toml
	is 'nothing else is left behind' "$(ls -A "$S/s/ctl" |
		grep -v '^\.[0-9]*\.tmp$' | tr '\n' ' ')" 'pin poke '
fi

#
# What root placed
#
if [ -n "$root" ]; then
	fresh
	mkdir -m 777 open
	# what root wrote for another purpose, where others could move it
	for f in a b c; do echo "$h1" >"open/$f"; done
	as anna mv open/a "$S/s/ctl/pin"
	touch "$S/s/ctl/frozen"
	pull s >/dev/null
	ok "a file of root's that a member moved is no pin of root's" \
		at "$h2" two
	rm "$S/s/ctl/pin"
	service other
	echo "$h1" >"$S/other/ctl/pin"
	# a member may do that where fs.protected_hardlinks is 0
	ln "$S/other/ctl/pin" "$S/s/ctl/pin"
	pull s >/dev/null
	ok 'nor is a link to one of another service' at "$h2" two
	rm "$S/s/ctl/pin"
	as anna sh -c 'echo "$1" >"$2/ctl/pin"' - "$h1" "$S/s"
	pull s >/dev/null
	ok 'nor one that a member wrote' at "$h2" two
	rm "$S/s/ctl/pin"
	echo "$h1" >"$S/s/ctl/pin"
	pull s >/dev/null; act
	ok "root's own counts, by whatever means" at "$h1" one
	ok 'by gitopper-ctl as well' gitopper-ctl rollback s "$h2"
	pull s >/dev/null; act
	ok 'it is gone to' at "$h2" two
	gitopper-ctl unfreeze s >/dev/null

	as anna mv open/b "$S/s/ctl/frozen"
	ok "a file of root's, moved, is no freeze of root's" \
		as bob "$ctl" unfreeze s
	is 'a member has it lifted' "$(pull s)" 's '
	ok 'and the branch is followed' at "$h3" three

	# before there was a group
	rm -r "$S/s/ctl" && mkdir "$S/s/ctl" && touch "$S/s/ctl/frozen"
	gitopper-conf -h here -c config.toml >/dev/null
	is 'what root placed before the group came' \
		"$(stat -c '%U:%G %a' "$S/s/ctl")" 'root:gitopper 3775'
	fails 1 "is root's still" as anna "$ctl" unfreeze s
	rm "$S/s/ctl/frozen"
fi

#
# What a member of the group placed
#
if [ -n "$root" ]; then
	fresh
	as anna "$ctl" freeze s >/dev/null
	is 'it is said who did' "$(info s)" 'frozen by anna'
	pull s >/dev/null
	ok 'frozen' at "$h2" two
	ok "another's freeze can be lifted" as bob "$ctl" unfreeze s
	like 'which is on its way' "$(cat "$tmp/out")" \
		'frozen by anna, about to be unfrozen'
	is 'makes it due' "$(gitopper-wait -t 0 | tr '\n' ' ')" 's '
	is 'and is done' "$(pull s)" 's '
	is 'nothing is left' "$(ls -A "$S/s/ctl")" ''
	ok 'the branch is followed' at "$h3" three
	like 'the log tells' "$(cat "$S/s/log")" 'unfreeze: bob asked for it'
	act
	as anna "$ctl" rollback s "$h1" >/dev/null
	pull s >/dev/null; act
	is 'a rollback says who' "$(info s)" "pinned to $(short "$h1") by anna"
	as anna "$ctl" freeze s 1h >/dev/null
	ok 'both at once' as bob "$ctl" unfreeze s
	pull s >/dev/null; act
	ok 'are lifted' at "$h3" three
	is 'by a file that anybody may make' "$(ls -A "$S/s/ctl")" ''
	as anna touch "$S/s/ctl/frozen"
	as bob touch "$S/s/ctl/unfreeze"
	pull s >/dev/null
	is 'by hand as well' "$(ls -A "$S/s/ctl")" ''

	touch "$S/s/ctl/frozen"
	fails 1 "root's freeze is not" as bob "$ctl" unfreeze s
	like 'and why' "$(cat "$tmp/out")" \
		's: frozen by root: can only be lifted by root'
	as bob touch "$S/s/ctl/unfreeze"
	pull s >/dev/null
	is 'nor by hand' "$(ls -A "$S/s/ctl")" frozen
	like 'which the log tells' "$(cat "$S/s/log")" \
		'unfreeze: bob asked for it, which lifts nothing'
	as anna sh -c 'echo "$1" >"$2/ctl/pin"' - "$h1" "$S/s"
	as bob touch "$S/s/ctl/unfreeze"
	pull s >/dev/null
	is "another's pin below it is" "$(ls -A "$S/s/ctl")" frozen
	rm "$S/s/ctl/frozen"

	as bob touch "$S/s/ctl/unfreeze"
	as anna "$ctl" freeze s >/dev/null
	pull s >/dev/null
	is 'what came after the wish stays' "$(ls -A "$S/s/ctl")" frozen
	ok 'root lifts anything' gitopper-ctl unfreeze s
	as anna mkdir "$S/s/ctl/pin" "$S/s/ctl/pin/x"
	ok 'a directory of a member' as bob "$ctl" unfreeze s
	pull s >/dev/null
	is 'goes that way, too' "$(ls -A "$S/s/ctl")" ''

	# what only its owner can take away, and says nothing
	for name in unfreeze poke; do
		for trap in mkfifo mkdir 'ln -s x'; do
			as anna $trap "$S/s/ctl/$name"
			is "$trap $name: makes it due" \
				"$(gitopper-wait -t 0 | tr '\n' ' ')" 's '
			pull s >/dev/null
			is 'is taken away' "$(ls -A "$S/s/ctl")" ''
			act
		done
	done
	as anna mkfifo "$S/s/ctl/unfreeze" "$S/s/ctl/poke"
	as anna "$ctl" freeze s >/dev/null
	fails 1 'until then it is in the way' as bob "$ctl" unfreeze s
	like 'which is said' "$(cat "$tmp/out")" \
		"s: another's unfreeze waits; try again"
	fails 1 'of a redo, too' as bob "$ctl" redo s
	like 'which is said as well' "$(cat "$tmp/out")" \
		"s: another's poke waits; try again"
	pull s >/dev/null
	ok 'and not after that' as bob "$ctl" unfreeze s
	ok 'of neither' as bob "$ctl" redo s
	pull s >/dev/null; act
	is 'which is obeyed' "$(ls -A "$S/s/ctl")" ''

	# an upstream that says nothing
	spawn perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(
		Listen => 9, LocalAddr => "127.0.0.1"); $| = 1;
		print $s->sockport, "\n"; push @c, $s->accept while 1' >port
	silent=$pid
	ok 'a server that answers nothing' within 10 test -s port
	service mute "upstream=git://127.0.0.1:$(cat port)/r" timeout=30
	sed -i 3d "$S/mute/conf"
	as anna touch "$S/mute/ctl/frozen"
	as bob touch "$S/mute/ctl/unfreeze"
	spawn gitopper-pull mute >/dev/null 2>&1
	ok 'does not hold it up' within 10 test ! -e "$S/mute/ctl/frozen"
	stop "$pid"
	stop "$silent"
	rm -r "$S/mute"
fi

#
# What is shown
#
fresh
me=$(id -un)
gitopper-ctl rollback s deadbeef >out
like 'who pins what may not be there is told where that leaves the service' \
	"$(cat out)" "ROLLBACK +on its way to deadbeef by $me, stays at \
$(short "$h2") until that is found; unfreeze follows the branch"
gitopper-pull s >/dev/null 2>&1
like 'and so is who looks later' "$(info s)" "^pull: commit deadbeef: there \
is no such commit, on its way to deadbeef by $me, stays at $(short "$h2") "
gitopper-ctl unfreeze s >out
for hash in 'HEAD~1' Main; do
	fails 100 "no commit: $hash" gitopper-ctl rollback s "$hash"
	like 'as it was given' "$(cat "$tmp/out")" ": $hash: not a commit"
done
sed -i '/^error=/d' "$S/s/status"
printf 'error=act: exit status 1\ndrift=1\n' >>"$S/s/status"
gitopper-ctl freeze s >out
like 'a broken service shows its freeze' "$(cat out)" \
	" BROKEN  act: exit status 1, frozen by $me, 1 file edited here "
sed -i '/^error=/d' "$S/s/status"
gitopper-ctl unfreeze s >out
like 'edits are in the list' "$(cat out)" ' DIFF   1 file edited here '

if [ -n "$root" ]; then
	httpd_start() {
		spawn gitopper-httpd -l "unix:$tmp/http.sock" "$@" >httpd.log 2>&1
		httpd=$pid
		within 10 curl -sS --unix-socket http.sock http://localhost/
	}
	http() {
		path=$1; shift
		curl -sS --unix-socket http.sock "$@" "http://localhost/$path"
	}
	says() { http list/service/s $user | jq -r ".services[0].$1"; }
	user=
	fresh
	ok 'a server' httpd_start
	(umask 077 && touch "$S/s/ctl/frozen")
	is 'a freeze that it may not read is one' "$(says state)" FREEZE
	is 'and why' "$(says stateinfo)" \
		'frozen by root (ctl/frozen: Permission denied)'
	(umask 077 && rm "$S/s/ctl/frozen" && echo "$h1" >"$S/s/ctl/pin")
	is 'so is a pin' "$(says state), $(says stateinfo)" \
		'FREEZE, pinned by root (ctl/pin: Permission denied)'
	rm "$S/s/ctl/pin"
	as anna touch "$S/s/ctl/frozen"
	is 'it knows the names of the group' "$(says stateinfo)" \
		'frozen by anna'
	is 'one key has it alone' "$(says frozenby)" anna
	rm "$S/s/ctl/frozen"
	setpriv --reuid 4242 --clear-groups touch "$S/free" 2>/dev/null
	touch "$S/s/ctl/frozen" && chown 4242 "$S/s/ctl/frozen"
	is 'and the number of others' "$(says stateinfo)" 'frozen by user 4242'
	rm "$S/s/ctl/frozen"
	http state/freeze/s -u carol:lies -X POST >out
	is 'a name that nobody checked is none' "$(says stateinfo)" \
		'frozen by gitopper-httpd'
	stop "$httpd"
	for hash in 'HEAD~1'; do
		ok 'a server' httpd_start
		like 'what is no commit is said as it was given' \
			"$(http "state/rollback/s?to=$hash" -X POST)" \
			"to: $hash: not a commit"
		stop "$httpd"
	done
	rm "$S/s/ctl/frozen"
	echo secret | gitopper-ctl passwd carol >users
	chmod 600 users
	ok 'one with users' httpd_start -a users
	user='-u carol:secret'
	http state/freeze/s $user -X POST >out
	is 'it says for whom' "$(cat "$S/s/ctl/frozen")" '0 by carol'
	is 'and so do all' "$(info s), $(says stateinfo)" \
		'frozen by carol, frozen by carol'
	http "state/freeze/s?duration=1h" $user -X POST >out
	like 'until when' "$(says stateinfo)" '^frozen by carol until '
	http "state/rollback/s?to=$h1" $user -X POST >out
	pull s >/dev/null; act
	ok 'a rollback' at "$h1" one
	like 'says so, too' "$(says stateinfo)" \
		"^pinned to $(short "$h1") by carol, frozen by carol until "
	as anna "$ctl" unfreeze s >out
	pull s >/dev/null
	is 'which anybody else of the group may lift' "$(ls -A "$S/s/ctl")" ''
	as anna touch "$S/s/ctl/frozen"
	is 'a client may lift what others placed' "$(http state/unfreeze/s \
		$user -X POST | jq -r '.services[0].stateinfo')" \
		'frozen by anna, about to be unfrozen'
	stop "$httpd"
fi

#
# The umask of who starts them
#
fresh
rm -r "$S"
(umask 077 && gitopper-conf -h here -c config.toml >/dev/null)
is 'the state directory is for all to see' "$(stat -c %a "$S")" 755
ok 'and those who fetch' sh -c 'umask 077 && exec gitopper-pull s'
rm -r "$S"
(umask 077 && GITOPPER_STATE=$tmp/a/b/state gitopper-conf -h here \
	-c config.toml >/dev/null && GITOPPER_STATE=$tmp/a/b/state \
	gitopper-pull s >/dev/null 2>err)
is 'and those above it, which are made' \
	"$(stat -c %a a a/b a/b/state a/b/state/s | tr '\n' ' ')" \
	'755 755 755 755 '
is 'what it follows can be fetched' "$(cat err)" ''

#
# A freeze that comes and goes
#
fresh
rm -rf "$S"
contacts() { sed -n 's/^ops=//p' "$(upstream_dir "$tmp/r")/status"; }
spawn gitopper -h here -c config.toml >runner.log 2>&1
runner=$pid
ok 'a runner' within 30 grep -qs "^applied=$h3" "$S/s/status"
before=$(contacts)
end=$(($(date +%s) + 10)) n=0
while [ "$(date +%s)" -lt "$end" ]; do
	touch "$S/s/ctl/frozen"
	sleep 0.05
	rm "$S/s/ctl/frozen"
	sleep 0.05
	n=$((n + 1))
done
n="$(($(contacts) - before)) contacts in 10 s for $n freezes"
like "a freeze that comes and goes makes few contacts: $n" "$n" \
	'^(1?[0-9]|2[0-4]) '
ok 'and an order is taken still' gitopper-ctl rollback s "$h1"
ok 'soon' within 10 grep -qs "^applied=$h1" "$S/s/status"
stop "$runner"

#
# Text of others
#
fresh
# an override, a mark, an isolate, a line's end; a C1 control, raw and not; a
# byte that is nothing; and what is all right
odd='\342\200\256 \330\234 \342\200\217 \342\201\247 \342\200\250 \302\233 \233 \377'
odd="$odd "'caf\303\251 \342\200\223 \360\237\230\200'
clean='??? ?? ??? ??? ??? ?? ? ? '$(printf 'caf\303\251 \342\200\223 \360\237\230\200')
printf '#!/bin/sh\nprintf "%%b\\n" '"'$(echo "$odd" | sed 's/\\/\\0/g')'"'\nexit 3\n' >noisy
chmod 755 noisy
echo "action=$tmp/noisy" >>"$S/s/conf"
pull s >/dev/null
gitopper-act s >/dev/null 2>err
is 'what a program prints is clean in the log' \
	"$(sed -n 's/^[^ ]* act: \(???.*\)/\1/p' "$S/s/log" | head -n 1)" \
	"$clean"
is 'in status' "$(value s error)" "act: exit status 3: $clean"
like 'and on standard error' "$(cat err)" \
	"^gitopper-act: s: act: exit status 3: \?\?\? \?\? "
# what was written before, or by others
sed -i '/^error=/d' "$S/s/status"
printf "error=act: $odd\n" >>"$S/s/status"
printf "$odd\n" >"$S/s/log"
is 'the log is shown clean' "$(gitopper-ctl log s)" "$clean"
like 'so is the list' "$(gitopper-ctl list s | tail -n 1)" \
	'BROKEN  act: \?\?\? \?\? \?\?\? \?\?\? \?\?\? \?\? [^ -~]+ [^ -~]+ caf'
like 'and all about it' "$(gitopper-ctl status s)" \
	'^info: *act: \?\?\? \?\? \?\?\? \?\?\? \?\?\? \?\? [^ -~]+ [^ -~]+ caf'
like 'JSON has it escaped' "$(gitopper-ctl -m list s)" 'act: \\u202e \\u061c '\
'\\u200f \\u2067 \\u2028 \\u009b '
ok 'and is UTF-8' sh -c \
	'gitopper-ctl -m list s | iconv -f UTF-8 -t UTF-8 >/dev/null'
spawn gitopper-httpd -r -l "unix:$tmp/http.sock" >httpd.log 2>&1
ok 'a server' within 10 curl -sS --unix-socket http.sock http://localhost/
curl -sS --unix-socket http.sock http://localhost/ >page
like 'a page has it replaced' "$(grep 'act: ' page)" \
	'act: (&#65533; ){8}caf'
is 'and the log' "$(curl -sS --unix-socket http.sock http://localhost/log/s)" \
	"$clean"
stop "$pid"
printf '[global]\n"\342\200\256x" = 1\n' >odd.toml
gitopper-conf -n -c odd.toml >err 2>&1
is 'so is what is wrong with a config' "$(grep -c "$(printf '\342\200\256')" err)" 0
done_testing
