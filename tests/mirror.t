#!/bin/sh
# mirror.t - gitopper-httpd sees what changes, and tells those who watch
. tests/lib.sh
. tests/servers.sh

state=$GITOPPER_STATE
repo=$tmp/repo
me=$(hostname)
one=1111111111111111111111111111111111111111

# get PATH: what is there
get() {
	curl -gsS -m 50 "$httpd_url$1"
}

# post PATH: gives an order
post() {
	curl -gsS -m 50 -o "$tmp/answer" -X POST "$httpd_url$1" ||
		cat "$tmp/answer"
}

# next: the number to go on with
next() {
	get '/watch?since=0' | jq .next
}

# states: of all services
states() {
	get /list/services | jq -cr '[.services[] | .service + " " + .state] |
		join(", ")'
}

# follow N: writes each event after N to $tmp/events, a line each
follow() {
	: >"$tmp/events"
	cat >"$tmp/follow" <<-'END'
	n=$1
	while curl -s -m 70 "$2/watch?since=$n" >"$3/told" 2>/dev/null; do
		jq -cr '.events[] | [.service, .from, .to, .hash, .info] |
			join(" ")' "$3/told" >>"$3/events"
		n=$(jq .next "$3/told")
	done
	END
	spawn sh "$tmp/follow" "$1" "$httpd_url" "$tmp" 2>/dev/null
}

# told LINE: that was the last event, but for what may follow
told() {
	tail -n 1 "$tmp/events"
	case $(tail -n 1 "$tmp/events") in
	"$1"*) ;;
	*) false ;;
	esac
}

# was_at COMMIT: the last event has it
was_at() {
	tail -n 1 "$tmp/events"
	[ "$(tail -n 1 "$tmp/events" | cut -d' ' -f1,3,4)" = "web FREEZE $1" ]
}

# put TEXT: a commit; prints it
put() {
	mkdir -p "$repo/web" && echo "$1" >"$repo/web/f" && commit "$repo" "$1"
}

# at COMMIT: the service was taken all the way there
at() {
	[ "$(value web applied)" = "$1" ] && [ "$(value web hash)" = "$1" ]
}

# -- a real deployment
may_steer
git init -q "$repo"
first=$(put one)
cat >"$tmp/act" <<END
#!/bin/sh
: >"$tmp/acting"
while [ -e "$tmp/hold" ]; do sleep 0.02; done
[ ! -e "$tmp/broken" ]
END
chmod 755 "$tmp/act"
cat >"$tmp/config.toml" <<END
[global]
upstream = "$repo"
interval = "1h"
[[services]]
machine = "$me"
service = "web"
action = "$tmp/act"
dirs = [ { link = "web" } ]
END
mkdir "$state"
ok 'gitopper-httpd, before there is anything' try httpd
n=$(next)
like 'a number to begin with' "$n" '^[0-9]{16}$'
follow "$n"
spawn gitopper -c "$tmp/config.toml" 2>"$tmp/runner.log"
ok 'the first deployment' within 30 at "$first"
ok 'is told when it is done' within 10 told "web DIFF OK $first "
is 'and before it that the service is there' \
	"$(head -n 1 "$tmp/events")" 'web  DIFF  not deployed yet'

: >"$tmp/events"
: >"$tmp/hold"
rm "$tmp/acting"
second=$(put two)
post /do/pull/web
ok 'the next one has come to its action' within 30 test -e "$tmp/acting"
is 'its commit is there' "$(get /list/service/web |
	jq -r '.services[0].fullhash')" "$second"
ok 'but only that it is on its way is told' within 10 \
	told "web OK DIFF $first on its way"
rm "$tmp/hold"
ok 'the action ends' within 30 at "$second"
ok 'and that is told' within 10 told "web DIFF OK $second "
is 'once' "$(grep -c "^web .* OK $second" "$tmp/events")" 1

: >"$tmp/events"
: >"$tmp/broken"
third=$(put three)
post /do/pull/web
ok 'an action that fails' within 30 told \
	"web DIFF BROKEN $third act: exit status 1"
fourth=$(put four)
post /do/pull/web
ok 'fails at the next commit' within 30 told \
	"web BROKEN BROKEN $fourth act: exit status 1"
rm "$tmp/broken"
post /do/redo/web
ok 'and works again' within 30 told "web BROKEN OK $fourth "
is 'nothing else was told' \
	"$(awk '$3 != "DIFF"' "$tmp/events" | wc -l)" 3

: >"$tmp/events"
post /do/freeze/web
ok 'a freeze' within 10 told "web OK FREEZE $fourth "
post "/do/rollback/web/$second"
ok 'a rollback' within 30 was_at "$second"
# on the way there its state may be told before its action is done
like 'had its way to go' "$(sed -n 2p "$tmp/events")" "^web FREEZE ROLLBACK \
$fourth on its way to $(echo "$second" | cut -c-8) by "
is 'is told once' "$(grep -c "^web .* $second" "$tmp/events")" 1
post /do/unfreeze/web
ok 'it follows its branch again' within 30 told "web DIFF OK $fourth "
ok 'the runner ends' stop "$pid"

# -- who waits
: >"$tmp/events"
n=$(next)
is 'nothing is newer than now: it waits' "$(timeout 1 curl -sS \
	"$httpd_url/watch?since=$n"; echo $?)" 124
is 'a number to come is one from before the clock was put back' \
	"$(get "/watch?since=99$n" | jq -c '[.events[].service]')" '["web"]'
began=$(date +%s%N)
echo 'error=act: no' >>"$state/web/status"
ok 'a change' within 10 told "web OK BROKEN $fourth act: no"
took=$((($(date +%s%N) - began) / 1000000))
measure
ok "is told within ${took} ms" test "$took" -lt $((1000 * slowness))
is 'and is there for who asks later' "$(get "/watch?since=$n" |
	jq -c '.events[] | [.from, .to, .info]')" '["OK","BROKEN","act: no"]'
sed -i /^error/d "$state/web/status"
ok 'it is over' within 10 told "web BROKEN OK $fourth "
echo $(($(date +%s) + 2)) >"$state/web/ctl/frozen"
ok 'a freeze for a moment' within 10 told "web OK FREEZE $fourth frozen by $(id -un) until "
ok 'ends by time alone' within 10 told "web FREEZE OK $fourth "
rm "$state/web/ctl/frozen"
mkdir -p "$state/new/ctl"
printf 'service=new\nupstream=/x\nbranch=main\n' >"$state/new/conf"
ok 'a service that is new' within 10 told 'new  DIFF  not deployed yet'
echo gone=1 >>"$state/new/conf"
ok 'and one that goes' within 10 told 'new DIFF   '
rm -r "$state/new"
is 'text that is no number' "$(get '/watch?since=-1' | jq -r .error)" \
	'since: -1: not a number'

# -- each request in a process of its own, as from inetd
mkfifo "$tmp/in"
# single N [SECONDS]: what such a process answers; 9 keeps its input open
single() {
	printf 'GET /watch?since=%s HTTP/1.0\r\n\r\n' "$1" >&9
	timeout "${2:-20}" gitopper-httpd <"$tmp/in" 9>&- 2>/dev/null | {
		sed -u '/^\r$/q' >/dev/null
		head -n 1
	}
}
exec 9<>"$tmp/in"
single 0 >"$tmp/one"
is 'a process of its own' \
	"$(jq -c '[.events[] | [.service, .to]]' "$tmp/one")" '[["web","OK"]]'
n=$(jq .next "$tmp/one")
gitopper-ctl freeze web >"$tmp/out" || cat "$tmp/out"
single "$n" >"$tmp/two"
is 'what happened between two' "$(jq -c '.events[] |
	[.service, .from, .to, .hash]' "$tmp/two")" \
	'["web","","FREEZE","'"$fourth"'"]'
# quiet: it has nothing to tell
quiet() {
	single "$n" 2 >"$tmp/three"
	cat "$tmp/three"
	[ ! -s "$tmp/three" ] || {
		n=$(jq .next "$tmp/three")
		return 1
	}
}
n=$(jq .next "$tmp/two")
ok 'is told once, or twice where that was just now' try quiet
single "$n" >"$tmp/three" &
waiting=$!
echo 'note=why' >>"$state/web/status"
wait $waiting
is 'one that waited is told' "$(jq -c '.events[] | [.to, .info]' \
	"$tmp/three")" "[\"FREEZE\",\"frozen by $(id -un), why\"]"
sed -i /^note/d "$state/web/status"
exec 9>&-
gitopper-ctl unfreeze web >"$tmp/out" || cat "$tmp/out"

# -- who waits for long
ok 'a build that is not so patient' small HTTP_WATCH_TIME=1
stop "$httpd_pid"
PATH=$tmp/small:$PATH
ok 'runs' try httpd
n=$(next)
get "/watch?since=$n" >"$tmp/one"
is 'after a while there is an answer in any case' \
	"$(jq -c "[.next >= $n, .events]" "$tmp/one")" '[true,[]]'
PATH=${PATH#*:}
stop "$httpd_pid"

# -- more than inotify remembers, and many services
cat >"$tmp/many.pl" <<'END'
# many.pl STATE COUNT: services s1000, s1001, ...
my ($state, $n) = @ARGV;
sub put { open my $f, '>', shift or die $!; print $f @_; close $f or die $! }
for (map { sprintf '%s/s%04d', $state, 999 + $_ } 1..$n) {
	mkdir $_ or die $!;
	mkdir "$_/ctl" or die $!;
	put "$_/conf", "service=x\nupstream=/x\nbranch=main\n";
	put "$_/status", 'hash=', '1' x 40, "\napplied=", '1' x 40, "\n";
}
END
ok 'gitopper-httpd' try httpd
is 'one service' "$(states)" 'web OK'
perl -e 'for (1..10000) { utime undef, undef, "$_/status" for @ARGV }' \
	"$state/web" "$state/web/ctl/.." "$tmp"
perl -e 'for (1..12000) { for (@ARGV) { open my $f, ">", $_ } }
	unlink @ARGV' "$state/web/ctl/.a" "$state/web/ctl/.b"
echo 'error=act: no' >>"$state/web/status"
is 'after more events than are kept' "$(states)" 'web BROKEN'
sed -i /^error/d "$state/web/status"
is 'it goes on' "$(states)" 'web OK'
n=$(next)
ok '1000 services more' perl "$tmp/many.pl" "$state" 1000
is 'are all there' "$(get /list/services | jq -c '.services |
	[length, .[0].service, .[1000].service]')" '[1001,"s1000","web"]'
is 'and told, each once' "$(get "/watch?since=$n" |
	jq -c '[.events[].service] | [length, (unique | length)]')" \
	'[1000,1000]'
ls "/proc/$httpd_pid/fd" >"$tmp/out"
like 'they take no descriptors' "$(wc -l <"$tmp/out")" '^[0-9]$|^1[0-9]$'
echo 1111111 >"$state/s1500/ctl/pin"
is 'one of them is rolled back' "$(get /list/service/s1500 |
	jq -r '.services[0].state')" FREEZE
rm -r "$state"/s1*
is 'all of them leave' "$(states)" 'web OK'
n=$(next)
mv "$state/web" "$state/web2"
is 'a directory that is renamed' "$(states)" 'web2 OK'
mv "$state/web2" "$state/web"
is 'and back' "$(states)" 'web OK'
rmdir "$state/web/ctl"
mkdir "$state/web/ctl"
: >"$state/web/ctl/frozen"
is 'a ctl/ that was made anew' "$(states)" 'web FREEZE'
rm "$state/web/ctl/frozen"
is 'nothing was missed' "$(get "/watch?since=$n" | jq -c '[.events[] |
	.service + " " + .from + " " + .to]')" \
	'["web OK ","web2  OK","web  OK","web2 OK ",'\
'"web OK FREEZE","web FREEZE OK"]'
mv "$state/.upstream" "$state/.old"
mv "$state/.old" "$state/.upstream"
sed -i "s/^tip=.*/tip=main	$one/" "$state"/.upstream/*/status
is 'a tip' "$(get /list/service/web | jq -r '.services[0].tip')" "$one"
case $(command -v gitopper-httpd) in
*/san/*) ;;
*) like 'it is small' "$(sed -n 's/^VmHWM:[^0-9]*//p' \
	"/proc/$httpd_pid/status")" '^[0-9]{4} kB'
esac
stop "$httpd_pid"

# -- without inotify; an id that is not root in a user namespace
cat >"$tmp/blind" <<'END'
echo $1 >/proc/sys/user/max_inotify_$2 || exit 1
shift 2
exec unshare -U --map-user=1 --map-group=1 gitopper-httpd "$@"
END
sed -i "s/^tip=.*/tip=main	$fourth/" "$state"/.upstream/*/status
for limit in 'watches 1' 'instances 0'; do
	port=$(free_port)
	: >"$tmp/blind.log"
	ok "without ${limit% *}" started "$port" "$tmp/blind.log" unshare -Ur \
		sh "$tmp/blind" "${limit#* }" "${limit% *}" -w \
		-l "127.0.0.1:$port"
	httpd_url=http://127.0.0.1:$port httpd_pid=$pid
	ok 'it says so' within 10 \
		grep -q 'looking every second, for' "$tmp/blind.log"
	echo 2222222 >"$state/web/ctl/pin"
	is 'and sees what is written in place' "$(states)" 'web ROLLBACK'
	rm "$state/web/ctl/pin"
	is 'or removed' "$(states)" 'web OK'
	sed -i "s/^tip=.*/tip=main	$fourth/" "$state"/.upstream/*/status
	is 'a tip' "$(get /list/service/web | jq -r '.services[0].tip')" \
		"$fourth"
	cp -r "$state/web" "$state/web2"
	is 'a new service' "$(states)" 'web OK, web2 OK'
	rm -r "$state/web2"
	is 'which goes' "$(states)" 'web OK'
	follow "$(next)"
	echo 'error=pull: no' >>"$state/web/status"
	ok 'who waits is told' within 10 told \
		"web OK DIFF $(value web hash) pull: no"
	sed -i /^error/d "$state/web/status"
	ok 'both ways' within 10 told "web DIFF OK $(value web hash) "
	stop "$httpd_pid"
	is 'it said so once' "$(grep -c looking "$tmp/blind.log")" 1
done
done_testing
