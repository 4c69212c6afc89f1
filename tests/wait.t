#!/bin/sh
# wait.t - gitopper-wait: who is due, when, and once only
. tests/lib.sh

state=$GITOPPER_STATE
url=/srv/git/config.git
hash=1111111111111111111111111111111111111111
tip=2222222222222222222222222222222222222222

# upstream_id URL: its directory's name (FNV-1a; upstream.c)
upstream_id() {
	h=-3750763034362895579	# 0xcbf29ce484222325, which is too much for sh
	for c in $(printf %s "$1" | od -An -v -tu1); do
		h=$(((h ^ c) * 0x100000001b3))
	done
	printf '%s-%012x\n' "$(printf %s "$1" |
		sed 's,.*/\([^/]*/[^/]*\)$,\1,; s,/,_,g')" \
		$((h & 0xffffffffffff))
}
up=$state/.upstream/$(upstream_id $url)

now() {
	date +%s
}

ms() {
	echo $(($(date +%s%N) / 1000000))
}

# upstream TRIED TIP: its status
upstream() {
	mkdir -p "$up"
	printf 'url=%s\ntried=%s\ntip=main\t%s\n' "$url" "$1" "$2" \
		>"$up/.new"
	mv "$up/.new" "$up/status"
}

# service NAME [LINE]...: one that is at the tip, with more lines of status
service() {
	name=$1; shift
	mkdir -p "$state/$name/ctl"
	printf '%s\n' "service=$name" "upstream=$url" branch=main \
		interval=300 >"$state/$name/conf"
	printf '%s\n' "hash=$hash" "applied=$hash" "$@" \
		>"$state/$name/.new"
	mv "$state/$name/.new" "$state/$name/status"
}

# fresh: nothing there but an upstream that was just looked at
fresh() {
	rm -rf "$state"
	mkdir "$state"
	upstream "$(now)" $hash
}

# breath: lets more than the second go by in which nothing is named twice
breath() {
	sed -i 's/^named .*/named 0/' "$state/.claims"
}

# due [OPTION]...: who is due now, on one line
due() {
	gitopper-wait -t 0 "$@" | tr '\n' ' '
}

# start [OPTION]...: gitopper-wait in the background, asleep
start() {
	rm -f "$tmp/named"
	spawn sh -c 'exec gitopper-wait "$@" >"$0" 8>&-' "$tmp/named" "$@"
	waiter=$pid
	within 5 asleep "$waiter"
}

# in poll, and nowhere else (7 and 271: poll and ppoll on x86-64)
asleep() {
	grep -q gitopper-wait "/proc/$1/comm" &&
		grep -Eq '^(7|271|73) ' "/proc/$1/syscall"
}

# ended: what start started has come to its end; its exit status
ended() {
	timeout 5 tail -s 0.02 -f --pid="$waiter" /dev/null ||
		kill "$waiter"
	wait "$waiter"
}

# usage
fails 100 'an unknown option is refused' gitopper-wait -x
fails 100 'so is an argument' gitopper-wait name
fails 100 'so is a time that is none' gitopper-wait -t 1x

# what there is when it starts
is 'nobody is due without a service' "$(due)" ''
service b; service a
is 'an upstream that was never tried is due, all its services' \
	"$(due)" 'a b '
is 'and is not named again' "$(due)" ''
fresh; service a
is 'one that was tried is not due' "$(due)" ''
fresh; service a; upstream $(($(now) - 451)) $hash
is 'it is after the interval and half of it again' "$(due)" 'a '
fresh; service a; upstream $(($(now) - 299)) $hash
is 'not before the interval is over' "$(due)" ''
fresh; service a; service b; upstream $(($(now) - 32)) $hash
sed -i 's/^interval=.*/interval=20/' "$state/b/conf"
is 'the shortest interval of its services counts' "$(due)" 'a b '
fresh; service a; upstream 1 $hash; : >"$up/lock"
sed -i 's/^interval=.*/interval=1/' "$state/a/conf"
is 'one that was tried long ago is due' "$(due)" 'a '
start
(flock 9; upstream "$(now)" $hash) 9>>"$up/lock"
ok 'as soon as it was tried, it is due after the interval' ended
is 'also a short one' "$(cat "$tmp/named")" a
fresh; service a; upstream $(($(now) + 4000)) $hash
is 'a last try in times to come is a clock that was wrong' "$(due)" 'a '

fresh; service a; upstream 1 $hash
due >/dev/null
sed -i "s/^a	[0-9]*/a	$(($(ms) + 9999999))/
	s/^named .*/named $(($(ms) + 9999999))/" "$state/.claims"
is 'so is a claim' "$(due)" 'a '

fresh; service a; upstream "$(now)" $tip
is 'one that is not at the tip is due' "$(due)" 'a '
fresh; service a; upstream "$(now)" $tip; touch "$state/a/ctl/frozen"
is 'not if it is frozen' "$(due)" ''
fresh; service a "bad=$tip"; upstream "$(now)" $tip
is 'nor if the tip is bad' "$(due)" ''
fresh; service a; echo $tip >"$state/a/ctl/pin"
is 'one that is not at its pin is due' "$(due)" 'a '
fresh; service a; echo 1111111 >"$state/a/ctl/pin"
is 'one that is there is not' "$(due)" ''
fresh; service a todo=act
is 'one with a todo is due' "$(due)" 'a '
fresh; service a; touch "$state/a/ctl/poke"
is 'so is one with a poke' "$(due)" 'a '
is 'which is named once' "$(due)" ''
touch "$state/a/ctl/poke"
is 'until there is a new one' "$(due)" 'a '
sed -i "s/^a	[0-9]*/a	$(($(ms) - 11000))/" "$state/.claims"
is 'or whoever took it has lost it' "$(breath; due)" 'a '
fresh; service a; echo gone=1 >>"$state/a/conf"
is 'one that left the config is due' "$(due)" 'a '
is 'once' "$(breath; due)" ''

fresh; service a error=x retry=$(($(now) - 1))
is 'one whose time has come to try again is due' "$(due)" 'a '
is 'once for each time' "$(breath; due)" ''
service a error=x retry=$(($(now) - 20))
sed -i "s/^a	[0-9]*/a	$(($(ms) - 11000))/" "$state/.claims"
is 'even if that was a while ago' "$(breath; due)" ''
service a error=x retry=$(($(now) + 100))
is 'not before that time' "$(breath; due)" ''

fresh; service a error=x retry=$(($(now) + 100)); upstream 0 $hash
is 'a look at the upstream is not held up by that' "$(due)" 'a '
sed -i "s/^a	[0-9]*/a	$(($(ms) - 11000))/" "$state/.claims"
is 'but if it never comes to look, it waits for its time' "$(breath; due)" ''
service a
is 'else it is due again' "$(breath; due)" 'a '

fresh; service a; touch -d '61 minutes ago' "$state/a/index"
is 'an hour after the last look for local edits it is due' "$(due)" 'a '
is 'once in an hour' "$(breath; due)" ''

fresh; service a; touch -d '3598 seconds ago' "$state/a/index"
start -t 3
touch "$state/a/index"
ended
is 'unless there was another look meanwhile' "$(cat "$tmp/named")" ''

# tips that another service's pull brought
fresh; service a; touch "$state/a/ctl/poke"
due >/dev/null; rm "$state/a/ctl/poke"; upstream "$(now)" $tip
is 'a moved tip is left to whoever was named just now' "$(breath; due)" ''
sed -i "s/^a	[0-9]*/a	$(($(ms) - 11000))/" "$state/.claims"
is 'but not for ever' "$(due)" 'a '

# ctl/, while it sleeps
fresh; service a; service b
best=1000
for i in 1 2 3 4 5; do
	start
	t=$(ms)
	touch "$state/a/ctl/poke"
	within 5 test -s "$tmp/named"
	t=$(($(ms) - t))
	[ "$(cat "$tmp/named")" = a ] || best=1001
	[ $t -lt $best ] && best=$t
done
echo "the best of 5: $best ms" >"$tmp/out"
[ $best -lt "${GITOPPER_BIN:+2}50" ]
result $? 'a poke is named within 50 ms'

start
touch "$state/a/ctl/frozen"
ended
is 'a freeze wakes it' "$(cat "$tmp/named")" a
start
rm "$state/a/ctl/frozen"
ended
is 'so does its end' "$(cat "$tmp/named")" a
start
echo $hash >"$state/a/ctl/.new"
mv "$state/a/ctl/.new" "$state/a/ctl/pin"
ended
is 'and a pin' "$(cat "$tmp/named")" a
rm "$state/a/ctl/pin"
breath; due >/dev/null; breath
echo $(($(now) + 2)) >"$state/a/ctl/frozen"
due >/dev/null
start
ended
is 'a freeze that is over wakes it by itself' \
	"$(cat "$tmp/named") $(($(now) >= $(cat "$state/a/ctl/frozen")))" 'a 1'
rm "$state/a/ctl/frozen"
breath; due >/dev/null; breath
start
service b error=x retry=$(($(now) + 1))
ended
is 'so does the time to try again' "$(cat "$tmp/named")" b

# a breath between
fresh
service a retry=1; due >/dev/null
t=$(ms)
service b retry=1
start
ended
[ $(($(ms) - t)) -ge 900 ]
result $? 'a second lies between two names'
service c retry=1
is 'whatever happens' "$(due)" ''
touch "$state/b/ctl/poke"
is 'but a new poke is named at once, and the others with it' "$(due)" 'b c '
touch "$state/a/ctl/frozen"
is 'so is a service that was just frozen' "$(due)" 'a '
rm "$state/a/ctl/frozen"
is 'or is not any more' "$(due)" 'a '

# new services
fresh; service a
start
mkdir "$state/c"
within 5 asleep "$waiter"
mkdir "$state/c/ctl"
printf '%s\n' "upstream=$url" branch=main >"$state/.c.conf"
touch "$state/c/ctl/poke"
mv "$state/.c.conf" "$state/c/conf"
ended
is 'a new service is seen, however slowly it comes' "$(cat "$tmp/named")" c

# locks
fresh; service a; service b
touch "$state/a/ctl/poke" "$state/b/ctl/poke"
exec 8<>"$state/a/lock"
flock 8
is 'a locked service is not named' "$(due)" 'b '
start
exec 8>&-
ended
is 'it is as soon as it is free' "$(cat "$tmp/named")" a
fresh; service a
touch "$state/a/ctl/poke"
exec 8<>"$up/lock"
flock 8
is 'nor is one whose upstream is being talked to' "$(due)" ''
start
exec 8>&-
ended
is 'which is then named too' "$(cat "$tmp/named")" a

# the config file
fresh; service a
mkdir "$tmp/etc"
conf=$tmp/etc/config.toml
echo 1 >"$conf"
fails 2 'a config that was never seen is a new one' \
	gitopper-wait -t 0 -c "$conf"
ok 'once' gitopper-wait -t 0 -c "$conf"
start -c "$conf"
echo 22 >"$conf"
ended
is 'one that was written over is reported' $? 2
ok 'once as well' gitopper-wait -t 0 -c "$conf"
start -c "$conf"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	date >>"$conf"
done
ended
is 'one that is being written, when it is done' $? 2
ok 'and not before' gitopper-wait -t 0 -c "$conf"
start -c "$conf"
cp "$conf" "$tmp/etc/new"; mv "$tmp/etc/new" "$conf"
ended
is 'one that was replaced' $? 2
echo 333 >"$conf"
fails 2 'one that changed between' gitopper-wait -c "$conf" -t 1
start -c "$conf"
rm "$conf"
ended
is 'one that was removed' $? 2
mkdir "$tmp/other"; echo 1 >"$tmp/other/config"
ln -s ../other/config "$conf"
fails 2 'one that is a link now' gitopper-wait -c "$conf" -t 1
start -c "$conf"
echo 22 >"$tmp/other/config"
ended
is 'one that is a link, and written to' $? 2
start -c "$conf"
rm -r "$tmp/etc"
ended
is 'one whose directory went' $? 2
start -c "$conf"
mkdir "$tmp/etc"
within 5 asleep "$waiter"
echo 1 >"$conf"
ended
is 'one whose directory came' $? 2
is 'and nobody was named for all that' "$(due)" ''
start
kill -HUP "$waiter"
ended
is 'SIGHUP does the same' $? 2

# idle
start -c "$conf"
timeout 2 strace -f -p "$waiter" -o "$tmp/trace" 2>"$tmp/attached"
is 'it makes no system call while nothing happens' \
	"$(grep -vc 'ppoll(\|restart_syscall(\|detached' "$tmp/trace")" 0
kill "$waiter"
t=$(ms)
gitopper-wait -t 1 >"$tmp/out"
t=$(($(ms) - t))
is '-t ends it, and it names nobody' \
	"$((t >= 1000 && t < 3000)) $(cat "$tmp/out")" '1 '

# bad input
fresh; service a; service b
mkdir "$state/empty" "$state/odd" "$state/odd/status" "$state/.hidden"
echo x >"$state/odd/conf"
echo upstream=x >>"$state/odd/conf"
echo file >"$state/file"
head -c 3000 /dev/urandom >"$state/b/status"
head -c 3000 /dev/urandom >"$state/.claims"
mkdir "$state/a/ctl/poke"
is 'garbage is no obstacle; what is unreadable is left to those who see to it' \
	"$(due)" 'a b odd '
ok 'and nothing of it wears it out' test -z "$(breath; due)"
rm "$state/.claims"; mkdir "$state/.claims"
spawn sh -c 'exec gitopper-wait >"$0" 2>"$1"' "$tmp/named" "$tmp/err"
within 5 grep -q '\.claims: Is a directory' "$tmp/err"
like 'what it can not write down it names, and says so' \
	"$(cat "$tmp/err"; cat "$tmp/named")" '\.claims: Is a directory'
kill "$pid"

# inotify that ran out
fresh; service a
cat >"$tmp/blind" <<'END'
echo $1 >/proc/sys/user/max_inotify_$2 || exit 1
exec gitopper-wait >"$3" 2>"$4"
END
for what in '0 instances' '1 watches'; do
	# shellcheck disable=SC2086
	spawn unshare -Ur sh "$tmp/blind" $what "$tmp/named" "$tmp/err"
	waiter=$pid
	within 5 grep -q second "$tmp/err"
	touch "$state/a/ctl/poke"
	ended
	is "it works with $what of inotify, and says so" \
		"$(grep -c 'every second' "$tmp/err") $(cat "$tmp/named")" '1 a'
	: >"$tmp/err"
done

# many
fresh
i=0
while [ $i -lt 500 ]; do
	service "s$i"
	i=$((i + 1))
done
(due >/dev/null; times) >"$tmp/times"
# the last line has the children's user and system time, as 0m0.010000s
awk 'END { gsub(/[ms]/, " "); exit !($2 + $4 < limit) }' \
	limit="${GITOPPER_BIN:+1}0.1" "$tmp/times"
cp "$tmp/times" "$tmp/out"
result $? 'a look at 500 services takes less than 100 ms'

done_testing
