#!/bin/sh
# runner.t - gitopper: the whole suite at work
. tests/lib.sh

state=$GITOPPER_STATE
repo=$tmp/repo
config=$tmp/etc/config.toml
me=$(hostname)
mkdir -p "$tmp/etc" "$repo/a" "$repo/b"
chmod 755 "$tmp/etc"
git init -q "$repo"

# put FILE TEXT: a commit; prints it
put() {
	mkdir -p "$(dirname "$repo/$1")"
	echo "$2" >"$repo/$1"
	commit "$repo" "$1 $2"
}

# services [LINE]...: the config, with more lines for service b
services() {
	cat >"$tmp/etc/new" <<-END
	[global]
	upstream = "$repo"
	interval = "1h"
	[[services]]
	machine = "$me"
	service = "a"
	action = "$tmp/acted a"
	dirs = [ { link = "a" } ]
	[[services]]
	machine = "$me"
	service = "b"
	dirs = [ { link = "b" } ]
	END
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$tmp/etc/new"
	mv "$tmp/etc/new" "$config"
}

# what the actions are: one notes who was acted on, one takes its time
cat >"$tmp/acted" <<END
#!/bin/sh
echo "\$*" >>"$tmp/actions"
END
cat >"$tmp/slow" <<END
#!/bin/sh
: >"$tmp/slow.began"
sleep 63.0125
END
chmod 755 "$tmp/acted" "$tmp/slow"

# start [OPTION]...: the runner
start() {
	spawn gitopper -c "$config" "$@" 2>"$tmp/err"
	runner=$pid
}

# settled: nobody is at work, and nobody has work
settled() {
	[ -z "$(children 'gitopper-[pma]')" ] &&
		[ "$(ls "$state"/*/ctl/poke 2>/dev/null)" = "" ] &&
		asleep
}

# children PATTERN: processes that have our state directory and such a name
children() {
	for p in /proc/[0-9]*; do
		tr '\0' '\n' 2>/dev/null <"$p/environ" |
			grep -qx "GITOPPER_STATE=$state" || continue
		grep -E "$1" "$p/comm" 2>/dev/null | sed "s,^,${p#/proc/} ,"
	done
}

# alone: none of ours is left
alone() {
	[ -z "$(children 'gitopper|slow|sleep')" ]
}

# asleep: the runner's gitopper-wait is in poll
asleep() {
	waiter=$(pgrep -P "$runner" -x gitopper-wait) &&
		grep -Eq '^(7|271|73) ' "/proc/$waiter/syscall"
}

# holds FILE TEXT: that is what it says
holds() {
	[ "$(cat "$1" 2>&1)" = "$2" ]
}

# follows NAME: it is at the tip
follows() {
	[ "$(value "$1" applied)" = "$(git -C "$repo" rev-parse HEAD)" ]
}

# stop [SIGNAL]: ends the runner; its exit status. Prints the milliseconds.
stop() {
	t=$(date +%s%N)
	kill -s "${1:-TERM}" "$runner"
	wait "$runner"
	status=$?
	echo $((($(date +%s%N) - t) / 1000000)) >"$tmp/took"
	return $status
}

tree() {
	echo "$state/$1/tree"
}

# usage
fails 100 'an unknown option is refused' gitopper -x
fails 100 'so is an argument' gitopper -1 name
fails 100 'and a branch without an upstream' gitopper -B main
fails 100 'without a config there is nothing to do' \
	gitopper -c "$tmp/missing.toml"

# somebody with no business here, who has no other processes
uid=$((1000000 + $$))
other="setpriv --reuid=$uid --regid=$uid --clear-groups"
# feign: all that they can do with .running; says when it is done
feign() {
	: >"$tmp/feigned"
	# shellcheck disable=SC2016,SC2086
	spawn $other perl -MFcntl=:DEFAULT,:flock -e '
		$| = 1;
		sysopen my $f, $ARGV[0], O_RDONLY | O_NONBLOCK or die "$!";
		flock $f, LOCK_EX | LOCK_NB or die "$!";
		print "done\n";
		sleep' "$state/.running" >"$tmp/feigned"
}

# once
first=$(put a/f 1)
put b/f 1 >/dev/null
services
ok 'one cycle deploys' gitopper -1 -c "$config"
ok 'a file is there' holds "$(tree a)/a/f" 1
is 'the action ran' "$(cat "$tmp/actions")" a
ok 'a second cycle finds nothing to do' gitopper -1 -c "$config"
is 'and does nothing' "$(cat "$tmp/actions")" a
put a/f 2 >/dev/null
sed -i 's,/acted a,/false,' "$config"
fails 1 'an action that fails is the exit status' gitopper -1 -c "$config"
like 'and it is said' "$(cat "$tmp/out")" 'a: act: '
is 'who asks finds that there was a runner' "$(cat "$state/.running")" once
ok 'as if it ran' runs
services
ok 'a later cycle does it, whenever its retry is due' \
	gitopper -1 -c "$config"
is 'by its action' "$(value a applied)" "$(value a hash)"
echo 'x = ' >>"$config"
fails 100 'a faulty config is the exit status' gitopper -1 -c "$config"
services

# at work
if [ "$(id -u)" -eq 0 ]; then
	# one that an older runner left behind
	rm -f "$state/.lock"
	: >"$state/.lock"
	# shellcheck disable=SC2086
	spawn $other flock -F "$state/.lock" tail -f /dev/null
	held() { ! flock -n "$state/.lock" true; }
	within 5 held
fi
start
ok 'the runner starts' within 10 settled
is 'whoever locked what it locks' "$(stat -c %a "$state/.lock")" 600
ok 'who asks hears that it runs' runs
if [ "$(id -u)" -eq 0 ]; then
	fails 66 'others can not lock that' $other flock -n "$state/.lock" true
	fails 2 'nor open for writing what tells that it runs' \
		$other sh -c ': <>"$1"' sh "$state/.running"
	feign
	ok 'they may lock it, and read' within 5 [ -s "$tmp/feigned" ]
	stop
	start
	ok 'which is in nobody'"'s way" within 10 settled
	ok 'and says that it runs' runs
fi
fails 111 'a second one is refused' gitopper -c "$config"
like 'and says why' "$(cat "$tmp/out")" 'another runner has'
put a/f 3 >/dev/null
touch "$state/a/ctl/poke"
ok 'a poke is live at once' within 5 holds "$(tree a)/a/f" 3
ok 'its action ran, and it is at rest again' within 5 settled

# the fetch was for a, and b has seen that the tip moved
within 5 follows b
within 5 settled
timeout 3 strace -f -p "$runner" -p "$waiter" -o "$tmp/trace" \
	2>"$tmp/attached"
cp "$tmp/trace" "$tmp/out"
# a line for each, of what it was in when strace came and went
is 'idle, it makes no system call' "$(grep -c . "$tmp/trace")" 2

touch "$state/a/ctl/frozen"
put a/f 4 >/dev/null
touch "$state/b/ctl/poke"
within 5 test ! -e "$state/b/ctl/poke"
within 5 settled
ok 'a frozen service stays' holds "$(tree a)/a/f" 3
rm "$state/a/ctl/frozen"
ok 'unfrozen, it follows' within 5 holds "$(tree a)/a/f" 4
echo "$first" >"$state/a/ctl/.pin"
mv "$state/a/ctl/.pin" "$state/a/ctl/pin"
ok 'a pin is a rollback' within 5 holds "$(tree a)/a/f" 1
rm "$state/a/ctl/pin"
ok 'without it the tip is back' within 5 holds "$(tree a)/a/f" 4

# the config, while it runs
mkdir "$tmp/live"
chmod 755 "$tmp/live"
local=
[ "$(id -u)" -ne 0 ] || local=", local = '$tmp/live/c'"
services '[[services]]' "machine = '$me'" 'service = "c"' \
	"dirs = [ { link = 'a'$local } ]"
t=$(date +%s%N)
within 5 test -e "$state/c/conf"
t=$((($(date +%s%N) - t) / 1000000))
measure
ok 'a changed config is read within a second' test $t -lt $((1000 * slowness))
ok 'and deploys what is new' within 5 holds "$(tree c)/a/f" 4
[ -z "$local" ] || ok 'and mounts it' within 5 holds "$tmp/live/c/f" 4
echo nonsense >"$config"
ok 'a faulty one is said' within 5 grep -q 'config.toml:1:' "$tmp/err"
put a/f 5 >/dev/null
touch "$state/a/ctl/poke"
ok 'and the old services go on' within 5 holds "$(tree a)/a/f" 5
services
ok 'a service that left it is taken apart' within 5 test ! -e "$(tree c)"
is 'and not mounted any more' "$(ls "$tmp/live/c" 2>/dev/null)" ''
within 5 settled
echo 'service=a' >"$state/a/conf"
kill -s HUP "$runner"
ok 'SIGHUP reads it again' within 5 grep -q "^upstream=$repo" "$state/a/conf"
within 10 settled

# a slow action
services "action = '$tmp/slow'"
put b/f 2 >/dev/null
touch "$state/b/ctl/poke"
ok 'an action takes its minute' within 5 test -e "$tmp/slow.began"
put a/f 6 >/dev/null
t=$(date +%s%N)
touch "$state/a/ctl/poke"
ok 'another service is live meanwhile' within 5 holds "$(tree a)/a/f" 6
t=$((($(date +%s%N) - t) / 1000000))
measure
ok 'in its usual time' test $t -lt $((2000 * slowness))
ok 'and its action done' within 5 grep -qx 'applied=.*' "$state/a/status"
is 'while that one is still at it' \
	"$(children sleep | wc -l)" 1
stop
is 'SIGTERM ends it, and all is well' $? 0
ok 'and who asks hears that' [ ! -e "$state/.running" ]
is 'without a word of the shell on it' "$(grep Terminated "$tmp/err")" ''
ok 'within a second' test "$(cat "$tmp/took")" -lt 1000
ok 'no process is left' within 1 alone
is 'what was not done is written down' "$(value b todo)" act
rm -f "$tmp/slow.began"
start
ok 'and is begun again by the next' within 5 test -e "$tmp/slow.began"

# SIGKILL
within 5 asleep
kill -s KILL "$runner"
wait "$runner"
gone() { ! kill -0 "$waiter" 2>/dev/null; }
ok 'after SIGKILL its gitopper-wait ends' within 5 gone
if [ "$(id -u)" -eq 0 ]; then
	feign
	ok 'others may lock what it left, and read' \
		within 5 [ -s "$tmp/feigned" ]
fi
fails 1 'and who asks hears that no runner runs' runs
start
ok 'after SIGKILL the next one starts at once' within 5 asleep
put a/f 7 >/dev/null
touch "$state/a/ctl/poke"
ok 'and works' within 5 holds "$(tree a)/a/f" 7
stop
# what the killed one left behind ends by itself, but not that soon
for left in $(children 'gitopper|slow|sleep' | sed 's/ .*//'); do
	kill "$left" 2>/dev/null	# or it has, meanwhile
done
within 5 alone
services

# no config any more
rm "$config"
start
ok 'services go on without a config' within 5 grep -q 'go on' "$tmp/err"
stop
services

# the programs are missing, or fail
mkdir "$tmp/bin"
cp "$top/gitopper" "$tmp/bin/gitopper"
PATH=$tmp/bin:/usr/bin:/bin fails 111 'without its programs it does not start' \
	gitopper -1 -c "$config"
cat >"$tmp/bin/gitopper-wait" <<END
#!/bin/sh
case \$* in
*-t*) exit 2 ;;
esac
echo again >>"$tmp/waited"
exit 111
END
chmod 755 "$tmp/bin/gitopper-wait"
rm "$tmp/bin/gitopper"
for p in conf mount; do
	cat >"$tmp/bin/gitopper-$p" <<-END
	#!/bin/sh
	echo $p >>"$tmp/begun"
	exec "$(command -v gitopper-$p)" "\$@"
	END
	chmod 755 "$tmp/bin/gitopper-$p"
done
for p in pull act; do
	ln -s "$(command -v gitopper-$p)" "$tmp/bin/gitopper-$p"
done
ln -s "$(command -v gitopper)" "$tmp/bin/gitopper"
PATH=$tmp/bin:$PATH
# quiet: its first cycle is over
quiet() { [ -z "$(children 'gitopper-[pmac]')" ]; }
start
within 5 grep -q again "$tmp/waited"
ok 'a gitopper-wait that fails is said' within 5 \
	grep -q 'gitopper-wait: exit status 111' "$tmp/err"
within 10 quiet
cp "$tmp/begun" "$tmp/before"
ok 'with longer and longer pauses' within 20 \
	grep -q 'status 111; again in 4 s' "$tmp/err"
is 'and does not wear the machine out' "$(($(wc -l <"$tmp/waited") < 5))" 1
ok 'nor is the config read, or anything mounted, for that' \
	cmp "$tmp/before" "$tmp/begun"
stop
is 'it ends all the same' $? 0
PATH=${PATH#*:}

# its state directory goes
services
for how in 'rm -rf' 'gone() { mv "$1" "$1.was"; }; gone' \
	'swap() { mv "$1" "$1.old" && mkdir "$1"; }; swap'
do
	start
	within 10 settled
	eval "$how \"\$state\""
	ended() { ! kill -0 "$runner" 2>/dev/null; }
	ok "without its state directory the runner ends ($how)" within 10 ended
	kill -s KILL "$runner" 2>/dev/null	# one that would sleep for ever
	wait "$runner"
	is 'which is a failure' $? 111
	ok 'that it tells' grep -q "$state: is not there any more" "$tmp/err"
	ok 'and nothing of it is left' within 5 alone
	rm -rf "$state" "$state.was" "$state.old"
done

# processes that can't be had: that is the shell's business, and a sanitizer
# wants some of its own
if [ "$(id -u)" -eq 0 ] && [ -z "${ASAN_OPTIONS-}" ]; then
	cp -r "$repo" "$tmp/theirs"
	mkdir "$tmp/few"
	sed "s,$repo,$tmp/theirs,; s,^action.*,," "$config" >"$tmp/few.toml"
	chown -R "$uid:$uid" "$tmp/theirs" "$tmp/few"
	# few: so many processes at most; whether it does not lie about that
	few() {
		rm -rf "$tmp/few/state"
		HOME=$tmp/few GITOPPER_STATE=$tmp/few/state \
			$other prlimit --nproc="$1" gitopper -1 \
			-c "$tmp/few.toml" 2>"$tmp/few/err"
		status=$?
		[ -e "$tmp/few/state/b/tree/b/f" ] && done=1 || done=0
		echo "$1 processes: status $status, done: $done"
		[ "$status" -eq 0 ] || return 0
		[ "$done" -eq 1 ]
	}
	n=2
	while few $n && [ "$status" -ne 0 ] && [ $n -lt 200 ]; do
		n=$((n + 1))
	done >"$tmp/out" 2>&1
	[ "$status $done" = '0 1' ]
	result $? 'a cycle that can not be run is a failure'
fi

# once, after an unfreeze
if [ "$(id -u)" -eq 0 ]; then
	services
	gitopper -1 -c "$config" 2>"$tmp/err"
	touch "$state/b/ctl/frozen"
	put more/f 1 >/dev/null
	mkdir "$tmp/live/b"
	sed -i "s|link = \"b\"|& }, { link = 'more', local = '$tmp/live/b'|" \
		"$config"
	gitopper -1 -c "$config" 2>"$tmp/err"
	rm "$state/b/ctl/frozen"
	ok 'an unfreeze that brings a new dir is no failure' \
		gitopper -1 -c "$config"
	is 'it is mounted' "$(cat "$tmp/live/b/f")" 1
	sed -i "s,link = 'more',link = 'none'," "$config"
	fails 1 'one that is not there is' gitopper -1 -c "$config"
	umount "$tmp/live/b"
fi

# bootstrapping
rm -rf "$state"
mkdir "$repo/ops"
boot() {
	cat >"$repo/ops/my.toml" <<-END
	[[services]]
	machine = "$me"
	service = "$1"
	upstream = "$repo"
	dirs = [ { link = "a" } ]
	END
	commit "$repo" "config for $1" >/dev/null
}
fails 1 'a repository without the config is the exit status' \
	gitopper -1 -U "$repo" -D ops -c my.toml -t 1h
like 'and says so' "$(cat "$tmp/out")" 'my.toml: not there yet'
boot d
ok 'the config comes from the repository' \
	gitopper -1 -U "$repo" -D ops -c my.toml -t 1h
ok 'and what it names is deployed' holds "$(tree d)/a/f" 7
is 'with the service gitopper' "$(value gitopper hash)" \
	"$(git -C "$repo" rev-parse HEAD)"
boot e
spawn gitopper -U "$repo" -D ops -c my.toml -t 1h -P 2>"$tmp/err"
runner=$pid
ok '-P pulls before it starts' within 10 holds "$(tree e)/a/f" 7
within 5 settled
boot f
touch "$state/gitopper/ctl/poke"
ok 'a commit that changes it takes effect' within 10 holds "$(tree f)/a/f" 7
within 5 settled
stop
is 'and it ends' $? 0
rm -rf "$state"
ok '-M says where the tree lies' \
	gitopper -1 -U "file://$repo" -D ops -c my.toml -M "$tmp/srv"
ok 'which is where the config is' test -e "$tmp/srv/gitopper/ops/my.toml"
rm -rf "$state"
git -C "$repo" mv ops/my.toml ops/other.toml
commit "$repo" 'no config' >/dev/null
spawn gitopper -U "$repo" -D ops -c my.toml -t 1h 2>"$tmp/err"
runner=$pid
within 10 settled
git -C "$repo" mv ops/other.toml ops/my.toml
commit "$repo" 'config' >/dev/null
touch "$state/gitopper/ctl/poke"
ok 'a config that comes later is found' within 10 holds "$(tree f)/a/f" 7
stop
rm -rf "$state"
spawn perl -MIO::Socket::INET -e '$| = 1;
	$hole = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1");
	print $hole->sockport, "\n"; sleep 1000' >"$tmp/port"
ok 'an upstream that never says anything' within 10 test -s "$tmp/port"
spawn gitopper -U "git://127.0.0.1:$(cat "$tmp/port")/x" 2>"$tmp/err"
runner=$pid
pulls() { children gitopper-pull | grep -q .; }
ok 'is asked for the config' within 20 pulls
stop
is 'and SIGTERM ends it meanwhile, with all well' $? 0
ok 'nothing of it is left' within 5 alone

done_testing
