#!/bin/sh
# demo.t - `make demo` does what it says, and leaves nothing behind
. tests/lib.sh

# what others may go to, for a user who isn't root
copy=$tmp/copy
mkdir -p "$copy/tests"
for program in gitopper gitopper-conf gitopper-wait gitopper-pull \
	gitopper-mount gitopper-act gitopper-window gitopper-ctl; do
	cp "$(command -v $program)" "$copy" || exit 111
done
cp tests/demo.sh "$copy/tests"
chmod -R a+rX "$copy"

# shown FILE: what a demo that went well has said
shown() {
	like 'the first deployment' "$(grep -A1 '^\$ cat .*/index.html' \
		"$1" | sed -n 2p)" '^hello, I am version 1$'
	is 'every version in its turn' \
		"$(grep -o '^hello, I am version.*' "$1" | tr '\n' ' ')" \
"hello, I am version 1 hello, I am version 2 hello, I am version 2 "\
"hello, I am version 1 hello, I am version 3 "
	for command in freeze rollback unfreeze; do
		like "$command, as it is typed" "$(cat "$1")" \
			"^\\\$ gitopper-ctl $command web"
	done
	dir=$(tail -1 "$1")
	like 'where it was' "$dir" '^/tmp/gitopper-demo\.[A-Za-z0-9]+$'
	fails 2 'is gone' ls "$dir"
	pid=$(sed -n 's/^\$ kill //p' "$1")
	like 'the runner' "$pid" '^[0-9]+$'
	fails 1 'has ended' kill -0 "$pid"
}

cat /proc/self/mountinfo >"$tmp/mounts"
start=$(date +%s)
ok 'the demo' sh -c 'sh tests/demo.sh >"$1" 2>&1 || { cat "$1"; exit 1; }' \
	- "$tmp/demo"
ok 'takes less than 20 seconds' [ $(($(date +%s) - start)) -lt 20 ]
shown "$tmp/demo"
is 'no mount is left, or was seen' "$(cat /proc/self/mountinfo)" \
	"$(cat "$tmp/mounts")"
is 'no state but its own' "$(ls "$tmp/state" 2>&1 | grep -v 'No such')" ''

if [ "$(id -u)" -eq 0 ]; then
	like 'as root it mounts' "$(cat "$tmp/demo")" 'local = '
	ok 'the demo without root' sh -c '
		cd "$1" && GITOPPER_BIN=$1 setpriv --reuid 65534 --regid 65534 \
			--clear-groups sh tests/demo.sh >"$2" 2>&1 ||
			{ cat "$2"; exit 1; }' - "$copy" "$tmp/demo2"
	shown "$tmp/demo2"
	like 'has nothing to mount' "$(cat "$tmp/demo2")" \
		'^\(Nothing can be mounted here'
fi

# one that goes wrong
cat >"$copy/gitopper" <<'END'
#!/bin/sh
exit 0
END
fails 1 'no runner, no success' env GITOPPER_BIN="$copy" sh tests/demo.sh
like 'said so' "$(cat "$tmp/out")" 'demo: the runner ended'
cat >"$copy/gitopper" <<'END'
#!/bin/sh
echo "I do nothing" >&2
exec sleep 1000
END
fails 1 'a runner that does nothing' \
	env GITOPPER_BIN="$copy" DEMO_SECONDS=1 sh tests/demo.sh
like 'is given up, with what it said' "$(cat "$tmp/out")" \
	'demo: runner: I do nothing'

# one that is interrupted, as by Ctrl-C, which goes to all of its processes
spawn env GITOPPER_BIN="$copy" setsid sh tests/demo.sh >"$tmp/demo3" 2>&1
within 10 grep -q '^\$ gitopper -c' "$tmp/demo3"
dir=$(sed -n 's/^.*GITOPPER_STATE=\(.*\)\/state$/\1/p' "$tmp/demo3")
ok 'a demo under way' [ -d "$dir" ]
start=$(date +%s)
kill -TERM "-$pid"
wait "$pid"
is 'ends when it is told to, and says so' "$?" 1
ok 'at once' [ $(($(date +%s) - start)) -lt 5 ]
ok 'and its directory goes' [ ! -e "$dir" ]

# the config that README.md shows
sed -n 's/^    //; /^# \/etc\/gitopper/,/^One file/p' README.md |
	sed '$d' >"$tmp/readme.toml"
ok "the README's config is one" \
	gitopper-conf -n -c "$tmp/readme.toml" -h web.example.org
like 'of two services' "$(cat "$tmp/out")" motd
done_testing
