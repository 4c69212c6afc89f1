#!/bin/sh
# gather.t - what an action writes to GITOPPER_METRICS
. tests/lib.sh
S=$GITOPPER_STATE
mkdir -p "$S" "$tmp/bin"
chmod 755 "$S"
B=2222222222222222222222222222222222222222
root=$(id -u)

# service NAME ACTION [KEY=VALUE...]: a service that has something to do
service() {
	name=$1 action=$2; shift 2
	mkdir -p "$S/$name/ctl" "$S/$name/tree"
	printf '%s\n' machine=m "service=$name" upstream=u branch=main \
		"action=$action" "$@" >"$S/$name/conf"
	printf '%s\n' "hash=$B" todo=act >"$S/$name/status"
	: >"$S/$name/log"
}

# script NAME: an executable with the text of standard input
script() {
	{ echo '#!/bin/sh'; cat; } >"$tmp/bin/$1"
	chmod 755 "$tmp/bin/$1"
}

# as_user: the same action again, as nobody's file
as_user() {
	cp "$tmp/bin/$1" "$tmp/bin/$1.user"
	chown nobody "$tmp/bin/$1.user"
}

act() { gitopper-act "$@" </dev/null; }
metrics() { cat "$S/$1/metrics"; }
kept() { [ ! -e "$S/$1/metrics.new" ]; }
none() { [ ! -e "$S/$1/metrics" ] && kept "$1"; }

script write <<'END'
ls -ln "$GITOPPER_METRICS"
echo "# an action" >"$GITOPPER_METRICS"
echo "a 1" >>"$GITOPPER_METRICS"
END
service one "$tmp/bin/write"
is 'an action writes metrics' "$(act one)" one
is 'and they are kept as they are' "$(metrics one)" '# an action
a 1'
is 'for all to read' "$(stat -c '%a %u' "$S/one/metrics")" "644 $root"
ok 'the file is gone' kept one
like 'it was for nobody else' "$(cat "$S/one/log")" \
	"act: -rw------- 1 $root .* 0 .* $S/one/metrics.new\$"
before=$(stat -c '%i %Z' "$S/one/metrics")
act one >/dev/null
is 'the same again are not written' "$(stat -c '%i %Z' "$S/one/metrics")" \
	"$before"

script silent <<'END'
exit 0
END
service one "$tmp/bin/silent"
ok 'an action that writes nothing' act one
is 'leaves those that are there' "$(metrics one | tail -n 1)" 'a 1'
script comment <<'END'
echo "#" >"$GITOPPER_METRICS"
END
service one "$tmp/bin/comment"
ok 'one that writes a comment' act one
is 'takes them away' "$(metrics one)" '#'
service one "$tmp/bin/write"
act one >/dev/null
sed -i /^action=/d "$S/one/conf"
echo todo=act >>"$S/one/status"
ok 'a service that has no action any more' act one
ok 'has no metrics either' none one

script fail <<'END'
echo "b $1" >"$GITOPPER_METRICS"
echo why
exit 3
END
service fail "$tmp/bin/fail 7"
fails 1 'an action that fails' act fail
is 'has metrics as well' "$(metrics fail)" 'b 7'
is 'its error is what it was' "$(value fail error)" 'act: exit status 3: why'
script late <<'END'
echo "b 8" >"$GITOPPER_METRICS"
exec sleep 100
END
service fail "$tmp/bin/late" action_timeout=1
fails 1 'so does one that takes too long' act fail
is 'as far as it came' "$(metrics fail)" 'b 8'

# nobody here parses it
script odd <<'END'
printf 'a 2\ngitopper_service_ok 1\n\377\000{' >"$GITOPPER_METRICS"
END
service one "$tmp/bin/odd"
is 'whatever an action writes' "$(act one)" one
printf 'a 2\ngitopper_service_ok 1\n\377\000{' >"$tmp/wanted"
ok 'is kept byte by byte' cmp "$tmp/wanted" "$S/one/metrics"
service one "$tmp/bin/write"
act one >/dev/null

# faulty DESCRIPTION WHY: the script on standard input, then what is said
faulty() {
	script odd
	service one "$tmp/bin/odd"
	is "$1" "$(act one 2>"$tmp/err")" one
	like '  is said' "$(cat "$tmp/err")" "^gitopper-act: one: metrics.new: $2"
	like '  and logged' "$(cat "$S/one/log")" "Z act: metrics.new: $2"
	is '  and changes nothing' "$(metrics one | tail -n 1)" 'a 1'
	ok '  and leaves nothing' kept one
}
faulty 'more than fits' 'too long' <<'END'
head -c 65537 /dev/zero >"$GITOPPER_METRICS"
END
faulty 'much more' 'too long' <<'END'
truncate -s 1T "$GITOPPER_METRICS"
END
faulty 'a link' 'Too many' <<'END'
ln -sf /etc/passwd "$GITOPPER_METRICS"
END
faulty 'a pipe' 'no regular file' <<'END'
rm "$GITOPPER_METRICS"
mkfifo "$GITOPPER_METRICS"
END
faulty 'a directory' 'no regular file' <<'END'
rm "$GITOPPER_METRICS"
mkdir -p "$GITOPPER_METRICS/x/y"
END
script remove <<'END'
rm "$GITOPPER_METRICS"
END
service one "$tmp/bin/remove"
is 'an action may remove it' "$(act one 2>&1)" one
script rename <<'END'
echo "a 3" >"$GITOPPER_METRICS.tmp"
mv "$GITOPPER_METRICS.tmp" "$GITOPPER_METRICS"
END
service one "$tmp/bin/rename"
ok 'or replace it, if it may' act one
is 'by what it wrote' "$(metrics one)" 'a 3'

# only the action has such a file
script ask <<'END'
echo "metrics: ${GITOPPER_METRICS-none}"
END
service ask "$tmp/bin/silent" "health=$tmp/bin/ask" "check=$tmp/bin/ask" \
	"other=$tmp/bin/ask"
act -k health ask >/dev/null
like 'not a health check' "$(cat "$S/ask/log")" 'metrics: none'
: >"$S/ask/log"
act -k other ask >/dev/null
like 'not another key' "$(cat "$S/ask/log")" 'metrics: none'
: >"$S/ask/log"
act -x "$tmp/bin/ask" ask >/dev/null
like 'not a command' "$(cat "$S/ask/log")" 'metrics: none'
ok 'and there is no file' none ask
service ask "$tmp/bin/ask" "env=GITOPPER_METRICS=/etc/passwd"
act ask >/dev/null
is 'nobody else says where it is' "$(grep -c "$S/ask/metrics.new" \
	"$S/ask/log")" 1

# killed: act first, then what it ran
script hang <<'END'
echo "a 9" >"$GITOPPER_METRICS"
touch "$GITOPPER_TREE/began"
exec sleep 100
END
service one "$tmp/bin/hang"
spawn gitopper-act one </dev/null
within 10 test -e "$S/one/tree/began"
kill -9 "$pid"
within 10 flock -n "$S/one/lock" true
service one "$tmp/bin/silent"
ok 'after kill -9, the next action' act one
is 'does not take over what was left' "$(metrics one)" 'a 3'
ok 'but removes it' kept one
rm "$S/one/tree/began"
service one "$tmp/bin/hang"
spawn gitopper-act one </dev/null
within 10 test -e "$S/one/tree/began"
kill "$pid"; wait "$pid"
ok 'SIGTERM leaves nothing' kept one
is 'and takes over nothing' "$(metrics one)" 'a 3'

[ "$root" -eq 0 ] || { done_testing; exit; }

# --- as another user
chown nobody "$S/one/tree"
script user <<'END'
id -u
echo "a 4" >"$GITOPPER_METRICS" || exit 1
cd "${GITOPPER_METRICS%/*}" || exit 1
for name in metrics status conf x metrics.new.tmp; do
	(echo b 1 >$name) 2>/dev/null && echo "wrote $name"
done
rm -f metrics.new 2>/dev/null && echo "removed it"
mv metrics.new metrics 2>/dev/null && echo "moved it"
ln metrics.new x 2>/dev/null && echo "linked it"
ln metrics.new "$GITOPPER_TREE/kept"
# whoever goes on after the end writes to a file that nobody reads
setsid sh -c 'touch "$GITOPPER_TREE/going"; until [ ! -e metrics.new ]; do sleep 0.05; done; sleep 0.1
	echo "a 5"; touch "$GITOPPER_TREE/late"' >>metrics.new 2>&1 &
# before that it is in our group, and ends with us
until [ -e "$GITOPPER_TREE/going" ]; do sleep 0.05; done
exit 0
END
as_user user
service one "$tmp/bin/user.user" user=nobody
ok 'an action of another user' act one
is 'writes metrics' "$(metrics one)" 'a 4'
like 'as that user' "$(cat "$S/one/log")" "act: $(id -u nobody)\$"
is 'and nothing else beside them' "$(grep -cE 'act: (wrote|removed|moved|linked)' \
	"$S/one/log")" 0
is 'they are not its own' "$(stat -c '%a %u' "$S/one/metrics")" '644 0'
ok 'it may go on' within 20 test -e "$S/one/tree/late"
is 'and changes nothing' "$(metrics one)" 'a 4'
is 'whatever other names its file has' "$(cat "$S/one/tree/kept")" 'a 4
a 5'
done_testing
