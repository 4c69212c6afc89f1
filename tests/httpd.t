#!/bin/sh
# httpd.t - gitopper-httpd as a whole: sockets, connections, rights, its end
. tests/lib.sh
. tests/servers.sh

accounts || exit 111
bin=${GITOPPER_BIN:-$top}
mkdir -p "$GITOPPER_STATE/web/ctl"
printf 'service=web\nupstream=https://git.example.org/ops/config\nbranch=main\n' \
	>"$GITOPPER_STATE/web/conf"
printf 'hash=%040d\napplied=%040d\n' 1 1 >"$GITOPPER_STATE/web/status"
if [ "$(id -u)" -eq 0 ]; then
	chgrp gitopper "$GITOPPER_STATE/web/ctl" &&
	chmod 3775 "$GITOPPER_STATE/web/ctl" || exit 111
fi
sock=$tmp/sock
get='GET /list/services HTTP/1.1\r\nHost: localhost\r\n'
freeze='POST /state/freeze/web HTTP/1.1\r\nHost: localhost\r\n'
end='Connection: close\r\n\r\n'

# httpd [OPTION...]: starts one, and waits until it listens; sets $httpd, and
# $port and $url where that is on 127.0.0.1
httpd() {
	log=$tmp/httpd.log
	: >"$log"
	spawn gitopper-httpd "$@" 2>"$log" </dev/null
	httpd=$pid
	within 20 grep -q 'listening on' "$log" || return 1
	port=$(sed -n 's/.*listening on 127\.0\.0\.1://p' "$log" | head -n 1)
	url=http://127.0.0.1:$port
}

raw() {
	perl "$top/tests/client.pl" "$@"
}

# status ARGUMENT...: what curl is answered
status() {
	curl -s -m 30 -o "$tmp/body" -w '%{http_code}' "$@" || echo " curl: $?"
}

# statuses: of the answers that standard input holds
statuses() {
	sed -n 's/^HTTP\/1\.1 \([0-9]*\) .*/\1/p' | tr '\n' ' '
}

frozen() {
	[ -e "$GITOPPER_STATE/web/ctl/frozen" ]
}

thaw() {
	rm -f "$GITOPPER_STATE/web/ctl/frozen"
}

# refuses DESCRIPTION PATTERN OPTION...: it ends with 100, and says that
refuses() {
	desc=$1 why=$2; shift 2
	fails 100 "$desc" timeout 20 gitopper-httpd "$@" </dev/null
	like "and why" "$(cat "$tmp/out")" "$why"
}

# -- what makes no sense
refuses "an operand" usage: operand
refuses "an unknown option" usage: -x
refuses "-g without -c" '-c' -g wheel
refuses "-A without users" '-a or -c' -A
refuses "-r and -w" contradict -r -w
refuses "a port alone" ':PORT' -l 9222
refuses "no port" 'no port' -l 127.0.0.1:
refuses "a port that is none" 'no port' -l 127.0.0.1:65536
refuses "a name as port" 'no port' -l 127.0.0.1:http
refuses "half a bracket" 'no address' -l '[::1'
refuses "a host that isn't one" '-l' -l 'no host.invalid:0'
refuses "a path too long" 'no path' -l "unix:$(printf '%0200d' 0)"
refuses "no path" 'no path' -l unix:
refuses "all addresses, without users" 'no loopback.*-a or -c.*-r' -l :0
refuses "0.0.0.0, without users" 'no loopback' -l 0.0.0.0:0
refuses "the second one" 'no loopback' -l 127.0.0.1:0 -l 0.0.0.0:0
like "which it names" "$(cat "$tmp/out")" '0\.0\.0\.0:[0-9]+: .*no loopback'
is "and it doesn't say that it listens" "$(grep listening "$tmp/out")" ""
fails 111 "users that can't be read" timeout 20 gitopper-httpd \
	-a "$tmp/nothing" -l 127.0.0.1:0 </dev/null
is "are told of before it says that it listens" \
	"$(grep listening "$tmp/out")" ""

# -- where it listens
ok "-l ADDR:0, several" httpd -l 127.0.0.1:0 -l 127.0.0.2:0 -l "unix:$sock"
like "it says the port" "$port" '^[1-9][0-9]*$'
is "one is answered" "$(status "$url/list/services")" 200
other=$(sed -n 's/.*listening on \(127\.0\.0\.2:\)/\1/p' "$log")
is "so is another" "$(status "http://$other/list/services")" 200
is "and a unix socket" "$(status --unix-socket "$sock" \
	http://localhost/list/services)" 200
like "with the service" "$(cat "$tmp/body")" '"service":"web"'
if [ "$(id -u)" -eq 0 ]; then
	is "the group may connect" "$(stat -c '%a %U %G' "$sock")" \
		"660 root gitopper"
fi
fails 111 "one in use stays" timeout 20 gitopper-httpd -l "unix:$sock"
like "and that is said" "$(cat "$tmp/out")" 'in use'
fails 111 "so does a port" timeout 20 gitopper-httpd -l "127.0.0.1:$port"
: >"$tmp/file"
refuses "what is no socket stays" 'no socket' -l "unix:$tmp/file"
ok "really" test -f "$tmp/file"

# -- connections
is "connections are kept" "$(curl -s -w '%{num_connects}' -o "$tmp/1" \
	"$url/list/services" -o "$tmp/2" "$url/list/machines")" 10
is "unless the client says so" "$(curl -s -w '%{num_connects}' -o "$tmp/1" \
	"$url/list/services" -o "$tmp/2" -H 'Connection: close' \
	"$url/list/services")" 11
is "HTTP/1.0 is not kept" "$(raw "$port" 'GET / HTTP/1.0\r\n\r\n' |
	sed -n 's/^Connection: \(.*\)\r/\1/p')" close
is "but if it asks" "$(raw "$port" 'GET /list/services HTTP/1.0\r
Connection: keep-alive\r\n\r\nGET /list/services HTTP/1.0\r\n\r\n' | statuses)" \
	"200 200 "
is "pipelining, in order" "$(raw "$port" "$get\r\nGET /no HTTP/1.1\r
Host: localhost\r\n\r\n$freeze\r\n$get$end" | statuses)" "200 404 403 200 "
perl -e 'print "GET /list/machines HTTP/1.1\r\nHost: a\r\n\r\n" x 20000,
	"GET / HTTP/1.0\r\n\r\n"' | sed 's/Host: a/Host: localhost/' >"$tmp/many"
is "and 20001 of them" "$(raw "$port" <"$tmp/many" | grep -ac '^HTTP/1.1 200')" \
	20001
is "in pieces" "$(raw "$port" 'GE' 'T /list/serv' 'ices HTTP/1.1\r' \
	'\nHost: localhost\r\n' "$end" | statuses)" "200 "
is "a half-closed client is answered" "$(raw -h "$port" \
	"$get\r\n" | statuses)" "200 "
is "so is one that ends too soon" "$(raw -h "$port" "$get" | statuses)" "400 "
is "and by unix socket" "$(raw -h "$sock" "$get\r\n$get\r\n" | statuses)" \
	"200 200 "
is "one that sends nothing is just closed" "$(raw -h "$port" '')" ""
for empty in '\r\n' '\n' '\r\n\r\n'; do
	is "nor is one answered that sends an empty line behind a request" \
		"$(raw -h "$port" "$get\r\n$empty" | statuses)" "200 "
	is "in two pieces" \
		"$(raw -h "$port" "$get\r\n" "$empty" | statuses)" "200 "
done
is "the next request counts after it" \
	"$(raw "$port" "$get\r\n" '\r\n' "$get$end" | statuses)" "200 200 "

raw "$port" 'HEAD /list/services HTTP/1.1\r\nHost: localhost\r\n' "$end" \
	>"$tmp/head"
raw "$port" "$get$end" >"$tmp/get"
like "HEAD has no body" "$(tail -c 4 "$tmp/head" | od -An -tx1)" '0d 0a 0d 0a'
is "but the same fields" "$(grep -av '^Date' "$tmp/head")" \
	"$(sed '/^\r$/q' "$tmp/get" | grep -av '^Date')"
like "the date is one" "$(grep -a ^Date "$tmp/get")" '^Date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT'
like "JSON is not stored" "$(cat "$tmp/get")" '^Cache-Control: no-store'
like "nor sniffed at" "$(cat "$tmp/get")" '^X-Content-Type-Options: nosniff'

# what is refused early is answered, and the answer isn't taken back
is "a body that is too large" "$(status -X POST --data-binary "@/bin/bash" \
	-H 'Expect:' -H 'Content-Length: 99999999' "$url/list/services")" 413
{
	printf 'POST /x HTTP/1.1\r\nHost: localhost\r\n'
	printf 'Content-Length: 3000000\r\n\r\n'
	head -c 3000000 /dev/zero
} >"$tmp/large"
for i in 1 2 3 4 5; do
	raw "$port" <"$tmp/large"
done >"$tmp/refused" 2>&1
is "its sender sees the answer" "$(statuses <"$tmp/refused")" \
	"413 413 413 413 413 "
# a part of it that is written at once: what goes wrong then is seen in reading
head -c 60000 "$tmp/large" >"$tmp/part"
for i in 1 2 3 4 5; do
	raw "$port" <"$tmp/part"
done >"$tmp/refused" 2>&1
is "and the end of the connection" "$(statuses <"$tmp/refused"
	grep -a '^reset' "$tmp/refused")" "413 413 413 413 413 "
is "garbage" "$(raw "$port" 'gar bage\r\n\r\nmore' | statuses)" "400 "
like "errors are JSON" "$(raw "$port" 'GET "\r\n\r\n' | tail -n 1)" \
	'^\{"error":"that is not HTTP/1\.1 as RFC 9112 has it"\}$'

# Expect: the body comes after the 100
{
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
			PeerPort => shift);
		alarm 30;
		syswrite $s, "POST /list/services HTTP/1.1\r\n" .
			"Host: localhost\r\nExpect: 100-continue\r\n" .
			"Content-Length: 4\r\nConnection: close\r\n\r\n";
		sysread $s, my $first, 4096;
		syswrite $s, "a=bc";
		print $first, <$s>' "$port"
} >"$tmp/expect"
is "100 (Continue)" "$(statuses <"$tmp/expect")" "100 405 "
is "without, for one who sends at once" "$(raw "$port" \
	'POST /list/services HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r
Content-Length: 4\r\nConnection: close\r\n\r\na=bc' | statuses)" "405 "

# -- waiting for news
next=$(curl -s "$url/watch?since=0" | sed 's/.*"next":\([0-9]*\).*/\1/')
mkfifo "$tmp/fifo"
like "/watch begins with a number" "$next" '^[0-9]+$'
# fds: how many descriptors the server has
fds() {
	ls "/proc/$httpd/fd" | wc -l
}
fds_are() {
	[ "$(fds)" -eq "$1" ]
}
base=$(fds)
perl -MIO::Socket::INET -e '
	my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		PeerPort => $ARGV[0]) } 1 .. 3;
	syswrite $_, "GET /watch?since=$ARGV[1] HTTP/1.1\r\n" .
		"Host: localhost\r\n\r\n" for @s;
	<STDIN>;
	setsockopt $_, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0 for @s' \
	"$port" "$next" <"$tmp/fifo" &
perl=$!
exec 3>"$tmp/fifo"
ok "watchers wait" within 20 fds_are $((base + 3))
exec 3>&-
wait "$perl"
ok "those that reset are forgotten" within 20 fds_are "$base"
spawn curl -s -m 30 "$url/watch?since=$next" >"$tmp/watch1"
watch1=$pid
spawn curl -s -m 30 --unix-socket "$sock" \
	"http://localhost/watch?since=$next" >"$tmp/watch2"
watch2=$pid
ok "others wait" within 20 fds_are $((base + 2))
is "and hear nothing" "$(cat "$tmp/watch1" "$tmp/watch2")" ""
printf 'POST /state/freeze/web HTTP/1.1\r\nHost: localhost\r\n\r\n' |
	raw -h "$sock" >"$tmp/frozen"
is "a unix socket may freeze" "$(statuses <"$tmp/frozen")" "200 "
ok "and it is" frozen
wait "$watch1" "$watch2"
like "a watcher is told" "$(cat "$tmp/watch1")" '"to":"FREEZE"'
like "so is the other" "$(cat "$tmp/watch2")" '"to":"FREEZE"'
next=$(sed 's/.*"next":\([0-9]*\).*/\1/' "$tmp/watch1")
spawn curl -s -m 30 "$url/watch?since=$next" >"$tmp/watch1"
watch1=$pid
ok "one more waits" within 20 fds_are $((base + 1))
echo $(($(date +%s) + 2)) >"$GITOPPER_STATE/web/ctl/new"
mv "$GITOPPER_STATE/web/ctl/new" "$GITOPPER_STATE/web/ctl/frozen"
wait "$watch1"
like "it is told of what others wrote" "$(cat "$tmp/watch1")" \
	"\"info\":\"frozen by $(id -un) until "
next=$(sed 's/.*"next":\([0-9]*\).*/\1/' "$tmp/watch1")
like "and of what time brings" "$(curl -s -m 30 "$url/watch?since=$next")" \
	'"to":"OK"'
thaw

# -- rights
if [ "$(id -u)" -eq 0 ]; then
	# who NAME FIELD: of the server's /proc/PID/status
	who() {
		sed -n "s/^$1:[[:blank:]]*//p" "/proc/$httpd/status" |
		tr -s '\t ' ' ' | sed 's/ $//'
	}
	uid=$(id -u gitopper-httpd) gid=$(id -g gitopper-httpd)
	is "its user" "$(who Uid)" "$uid $uid $uid $uid"
	is "its group" "$(who Gid)" "$gid $gid $gid $gid"
	is "and that of ctl/" "$(who Groups)" \
		"$(getent group gitopper | cut -d: -f3)"
	for set in CapInh CapPrm CapEff CapAmb; do
		is "$set" "$(who $set)" 0000000000000000
	done
	is "no new privileges" "$(who NoNewPrivs)" 1
	is "system calls are filtered" "$(who Seccomp)" 2
	like "no core files" "$(cat "/proc/$httpd/limits")" \
		'^Max core file size +0 +0 '
	like "its log" "$(cat "$log")" 'listening on'
	is "has no more to say" "$(grep -v 'listening on' "$log")" ""
fi
"$bin/tests/dropped" >"$tmp/dropped" 2>&1 <"$tmp/file"
is "the state can be read" "$(sed -n '/^read the state/s/.*: //p' \
	"$tmp/dropped")" 'done'
is "and that is all" "$(sed -n '/^read the state/d; /: done$/p' \
	"$tmp/dropped")" ""
is "of all that was tried" "$(grep -Ec ': (Operation not permitted|Permission denied)$' \
	"$tmp/dropped")" 14

# -- its end
spawn curl -s -m 30 "$url/watch?since=$next"
watch1=$pid
raw "$port" "$get" >"$tmp/half" 2>&1 &
half=$!
kill -TERM "$httpd"
wait "$httpd"
is "SIGTERM ends it" $? 0
wait "$half"
fails 1 "no connection is left" listens "$port"
ok "a socket file that was left is replaced" httpd -l "unix:$sock" \
	-l 127.0.0.1:0
rm -f "$GITOPPER_STATE/.running"
running
is "it is answered there" "$(status --unix-socket "$sock" \
	http://localhost/health)" 200
kill -INT "$httpd"
wait "$httpd"
is "SIGINT ends it as well" $? 0

# -- who may change things
ok "a server with -w" httpd -w -l 127.0.0.1:0
is "-w: loopback may freeze" "$(status -X POST "$url/state/freeze/web")" 200
ok "and it is" frozen
thaw
stop "$httpd"
ok "a server for all, with -r" httpd -r -l 0.0.0.0:0
port=$(sed -n 's/.*listening on 0\.0\.0\.0://p' "$log")
is "-r: they may look" "$(status "http://127.0.0.1:$port/list/services")" 200
is "and nothing else" "$(status -X POST \
	"http://127.0.0.1:$port/state/freeze/web")" 403
stop "$httpd"
ok "a server for all, with users" httpd -c /bin/true -l 0.0.0.0:0
stop "$httpd"

# -- standard input and output
inout() {
	timeout 60 gitopper-httpd "$@" 2>"$tmp/err"
}
text() {
	printf "$@"
}
is "a pipe" "$(text "$get\r\n$get\r\n" | inout | statuses)" "200 200 "
text "$get\r\n$get$end$get$end" >"$tmp/in"
inout <"$tmp/in" >"$tmp/answers"
is "its status" $? 0
is "files, until it is closed" "$(statuses <"$tmp/answers")" "200 200 "
is "nothing" "$(inout </dev/null)" ""
# silent DESCRIPTION WANTED TEXT: what a client is answered that says that, and
# nothing more, and stays: it has 5 s
mkfifo "$tmp/hold"
silent() {
	exec 4<>"$tmp/hold"
	printf "$3" >&4
	timeout 30 gitopper-httpd <"$tmp/hold" 2>"$tmp/err" >"$tmp/answers"
	is "$1: it is not waited for" $? 0
	is "$1: is what it gets" "$(statuses <"$tmp/answers")" "$2"
	exec 4<&-
}
silent "who says nothing" '' ''
silent "who asked once" '200 ' "$get\r\n"
silent "who sends an empty line behind it" '200 ' "$get\r\n\r\n"
silent "who doesn't end a request has longer" '408 ' "$get"
is "a pipe may freeze" "$(text "$freeze\r\n" | inout | statuses)" "200 "
ok "and it is" frozen
thaw
is "-r: a pipe may not" "$(text "$freeze\r\n" | inout -r | statuses)" "403 "
for name in TCPREMOTEIP SSLREMOTEIP REMOTE_ADDR; do
	for from in 192.0.2.1 2001:db8::1 127.0.0.1 ::1 nonsense; do
		is "nor one from $name=$from" "$(text "$freeze\r\n" |
			env "$name=$from" gitopper-httpd 2>/dev/null |
			statuses)" "403 "
	done
done
is "-w: one from 127.0.0.1 may" "$(text "$freeze\r\n" |
	TCPREMOTEIP=127.0.0.1 gitopper-httpd -w 2>/dev/null | statuses)" "200 "
is "-w: but not from elsewhere" "$(text "$freeze\r\n" |
	TCPREMOTEIP=192.0.2.1 gitopper-httpd -w 2>/dev/null | statuses)" "403 "
thaw
cp "$tmp/many" "$tmp/in"
is "as many as one likes" "$(inout <"$tmp/in" | grep -ac '^HTTP/1.1 200')" \
	20001
# who shares a pipe with it finds it as it was
is "what blocks blocks again after it" "$(perl -e '
	use Fcntl;
	pipe my $in, my $to or die;
	syswrite $to, "GET / HTTP/1.0\r\n\r\n";
	my $pid = fork // die;
	if (!$pid) {
		open STDIN, "<&", $in;
		exec @ARGV;
	}
	waitpid $pid, 0;
	print STDERR fcntl($in, F_GETFL, 0) & O_NONBLOCK ? "no" : "yes"' \
	gitopper-httpd 2>&1 >"$tmp/answers" | tail -n 1)" yes
like "it was answered" "$(cat "$tmp/answers")" '^HTTP/1.1 200'
is "a reader that left" "$(text "$get\r\n$get\r\n" | inout | :; cat "$tmp/err" |
	grep -v 'no .* here')" ""

# -- descriptors that were handed down (sd_listen_fds(3))
# handed.pl KIND [COMMAND...]: with a socket as 3; KIND: ADDR, or `connected`
cat >"$tmp/handed.pl" <<'END'
use strict;
use warnings;
use IO::Socket::INET;
use Socket;
use POSIX;

$^F = 9;
my $kind = shift;
my ($s, $other);
if ($kind eq 'connected') {
	socketpair $s, $other, AF_UNIX, SOCK_STREAM, 0 or die;
	syswrite $other, "GET /list/services HTTP/1.1\r\n" .
		"Host: localhost\r\nConnection: close\r\n\r\n";
} else {
	$s = IO::Socket::INET->new(Listen => 9, LocalAddr => $kind) or die;
}
my $pid = $other ? fork : 0;
if ($pid) {
	close $s;
	print <$other>;
	close $other;
	waitpid $pid, 0;
	exit $? >> 8;
}
close $other if $other;
POSIX::dup2(fileno $s, 3) or die if fileno $s != 3;
$ENV{LISTEN_FDS} = 1;
$ENV{LISTEN_PID} = $$;
exec @ARGV;
END
log=$tmp/handed.log
spawn perl "$tmp/handed.pl" 127.0.0.1:0 gitopper-httpd 2>"$log" </dev/null
httpd=$pid
ok "a listening one" within 20 grep -q 'listening on 127' "$log"
port=$(sed -n 's/.*listening on 127\.0\.0\.1://p' "$log")
is "is listened on" "$(status "http://127.0.0.1:$port/list/services")" 200
stop "$httpd"
is "a connection is served" "$(perl "$tmp/handed.pl" connected \
	gitopper-httpd </dev/null 2>"$tmp/err" | statuses)" "200 "
fails 100 "one that all can reach wants users" \
	perl "$tmp/handed.pl" 0.0.0.0:0 gitopper-httpd </dev/null
is "what was meant for another is left alone" "$(text "$get\r\n" |
	LISTEN_FDS=1 LISTEN_PID=1 inout | statuses)" "200 "

# -- few descriptors
if [ "$(id -u)" -eq 0 ]; then
	cp "$(command -v gitopper-httpd)" "$tmp/gitopper-httpd"
	few='ulimit -n "$1"; shift; exec "$@"'
	nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
	fails 111 "too few descriptors" $nobody sh -c "$few" sh 60 \
		"$tmp/gitopper-httpd" -l 127.0.0.1:0 </dev/null
	log=$tmp/few.log
	spawn $nobody sh -c "$few" sh 74 "$tmp/gitopper-httpd" \
		-l 127.0.0.1:0 2>"$log" </dev/null
	httpd=$pid
	ok "for ten connections" within 20 grep -q 'listening on' "$log"
	port=$(sed -n 's/.*listening on 127\.0\.0\.1://p' "$log")
	# in the end the first of the idle ones are closed, the last ones not
	perl -MIO::Socket::INET -e '
		my @s = map { IO::Socket::INET->new(PeerAddr =>
			"127.0.0.1", PeerPort => $ARGV[0]) or die } 1 .. 40;
		alarm 30;
		syswrite $s[39], "GET /list/services HTTP/1.1\r\n" .
			"Host: localhost\r\n\r\n";
		sysread $s[39], my $answer, 12;
		print "$answer,";
		print sysread($s[0], $answer, 1) ? "kept" : "closed";
		$s[39]->blocking(0);
		$s[38]->blocking(0);
		print defined sysread($s[38], $answer, 1) ? ",closed" : ",kept"
		' "$port" >"$tmp/few"
	is "the oldest idle one goes" "$(cat "$tmp/few")" \
		"HTTP/1.1 200,closed,kept"
	stop "$httpd"
fi

# -- other places, in a network of our own
if [ "$(id -u)" -eq 0 ]; then
	# what a machine without IPv6 would have there is passed over
	cat >"$tmp/hosts" <<-END
	127.0.0.1 localhost
	::1 localhost
	127.0.0.3 localhost
	127.0.0.1 localhost
	2001:db8::1 localhost
	END
	chmod 644 "$tmp/hosts"
	mount --bind "$tmp/hosts" /etc/hosts
	cat >"$tmp/net.sh" <<-'END'
	ip link set lo up
	gitopper-httpd -l 127.0.0.1 -l ::1 -l '[::1]:8001' -l localhost:8002 \
		2>>"$tmp/net.log" </dev/null &
	first=$!
	gitopper-httpd -r -l :8003 -l '[::]:8004' -l 0.0.0.0:8004 \
		2>>"$tmp/net.log" </dev/null &
	second=$!
	for try in $(seq 200); do
		[ $(grep -c listening "$tmp/net.log") -lt 9 ] || break
		sleep 0.1
	done
	for at in 127.0.0.1:9222 '[::1]:9222' '[::1]:8001' 127.0.0.1:8002 \
		'[::1]:8002' 127.0.0.3:8002 127.0.0.1:8003 '[::1]:8003' '[::1]:8004' 127.0.0.1:8004; do
		curl -s -g -m 30 -o /dev/null -w "$at %{http_code}\n" \
			"http://$at/list/services"
	done
	curl -s -m 30 -X POST http://127.0.0.1:8003/state/freeze/web
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 1,
			LocalAddr => "127.0.0.3:8005") or die;
		open STDERR, ">", "$ENV{tmp}/taken" or die;
		system qw(timeout 20 gitopper-httpd -l localhost:8005)'
	kill $first $second
	wait
	END
	export tmp
	unshare -n sh "$tmp/net.sh" >"$tmp/net" 2>&1
	is "every form of an address" "$(grep -c ' 200$' "$tmp/net")" 10
	is "a name is all of its addresses" "$(sed -n \
		's/.*listening on \(.*:8002\)$/\1/p' "$tmp/net.log" | sort |
		tr '\n' ' ')" '127.0.0.1:8002 127.0.0.3:8002 [::1]:8002 '
	is "and there it is answered" "$(grep -c ':8002 200$' "$tmp/net")" 3
	like "but one that is in use is not passed over" \
		"$(cat "$tmp/taken")" '-l localhost:8005: Address already in use'
	is "nor does it listen at the others" \
		"$(grep listening "$tmp/taken")" ""
	is "said as curl takes them" "$(sed -n '/:8002$/d
		s/.*listening on //p' "$tmp/net.log" | sort | tr '\n' ' ')" \
		"$(printf '%s ' 0.0.0.0:8004 127.0.0.1:9222 '[::1]:8001' \
			'[::1]:9222' '[::]:8003' '[::]:8004')"
fi
done_testing
