#!/bin/sh
# crowd.t - what watchers, freezes, pipelines and few descriptors cost
# gitopper-httpd
. tests/lib.sh
. tests/servers.sh

ASAN_OPTIONS=${ASAN_OPTIONS-}:quarantine_size_mb=1
export ASAN_OPTIONS
services=600 watchers=400
now=$(printf %040d 1)

accounts
i=0
while [ $((i += 1)) -le $services ]; do
	mkdir -p "$GITOPPER_STATE/s$i/ctl"
	printf 'service=s%d\nupstream=https://example.org/x\nbranch=main\n' \
		$i >"$GITOPPER_STATE/s$i/conf"
	printf 'hash=%s\napplied=%s\n' "$now" "$now" \
		>"$GITOPPER_STATE/s$i/status"
done

httpd() {
	port=$(free_port)
	started "$port" "$tmp/httpd.log" "$@" gitopper-httpd \
		-l "127.0.0.1:$port" -l "unix:$tmp/sock" || return 1
	url=http://127.0.0.1:$port server=$pid
}

field() {
	awk -v f="$1:" '$1 == f { print $2 }' "/proc/$server/status"
}

# ticks that the server's own work took so far
ticks() {
	sed 's/.*) //' "/proc/$server/stat" | awk '{ print $12 + $13 }'
}

ok 'gitopper-httpd listens' try httpd

### a freeze until the end of time
# Milliseconds don't hold that many seconds
curl -s "$url/health" >/dev/null
echo 900000000000000000 >"$GITOPPER_STATE/s1/ctl/frozen"
since=$(curl -s "$url/watch?since=0" | jq .next)
before=$(ticks)
curl -s -m 2 "$url/watch?since=$since" >"$tmp/out"
after=$(ticks)
like 'who waits while a service is frozen for ever costs no time' \
	"$((after - before))" '^[0-9]$|^[1-3][0-9]$'
rm "$GITOPPER_STATE/s1/ctl/frozen"

### watchers who don't read what many services have to say
cat >"$tmp/watch.pl" <<'E2'
use IO::Socket::UNIX;
my ($path, $n, $since, $pid, $state, $services) = @ARGV;
my @c;
for (1 .. $n) {
	my $s = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
	syswrite $s, "GET /watch?since=$since HTTP/1.1\r\n" .
		"Host: localhost\r\nConnection: close\r\n\r\n";
	push @c, $s;
}
# the last one's request was heard, so all were
my $s = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
syswrite $s, "GET /list/machines HTTP/1.0\r\n\r\n";
1 while sysread $s, my $text, 65536;
kill 'STOP', $pid;
for (1 .. $services) {
	open my $f, '>', "$state/s$_/new" or die "open: $!";
	print $f 'error=pull: ', 'x' x 300, "\n";
	close $f;
	rename "$state/s$_/new", "$state/s$_/status" or die "rename: $!";
}
kill 'CONT', $pid;
my $all = 0;
$s = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
syswrite $s, "GET /list/machines HTTP/1.0\r\n\r\n";
1 while sysread $s, my $text, 65536;
for my $s (@c) {
	my $text = '';
	1 while sysread $s, $text, 65536, length $text;
	$all++ if $text =~ /\]\}\n\z/ && $text =~ /"s$services"/ &&
		(() = $text =~ /"to"/g) == $services;
}
print "$all\n";
E2
since=$(curl -s "$url/watch?since=0" | jq .next)
rest=$(field VmHWM)
is 'each of them is told all of it' "$(perl "$tmp/watch.pl" "$tmp/sock" \
	$watchers "$since" "$server" "$GITOPPER_STATE" $services 2>&1)" \
	$watchers
grown=$(($(field VmHWM) - rest))
ok "and it is kept once ($grown KiB)" test "$grown" -lt 40000

### one that has sent many requests at once doesn't get ahead of others
# The other's request changes what the many are answered from then on. The unix
# socket is where it may.
[ "$(id -u)" -ne 0 ] || chown :gitopper "$GITOPPER_STATE/s2/ctl"
chmod 3775 "$GITOPPER_STATE/s2/ctl"
cat >"$tmp/turns.pl" <<'E2'
use IO::Socket::UNIX;
my ($path, $pid) = @ARGV;
sub ask {
	my ($s, $what, $n) = @_;
	syswrite $s, "$what HTTP/1.1\r\nHost: localhost\r\n\r\n" x $n;
}
my ($many, $one) = map {
	IO::Socket::UNIX->new(Peer => $path) or die "$!"
} 1, 2;
my ($text, $get) = ('', "GET /list/services/s2");
ask $many, $get, 1;
sysread $many, $text, 65536, length $text while $text !~ /\}\n/;
kill 'STOP', $pid;
ask $many, $get, 8;
ask $one, "POST /state/freeze/s2", 1;
kill 'CONT', $pid;
$text = '';
while ((() = $text =~ /\}\n/g) < 8) {
	sysread $many, $text, 65536, length $text or die "closed: $text";
}
print scalar(() = $text =~ /"frozen":false/g), "\n";
E2
like 'requests that are pipelined wait for those of others' \
	"$(perl "$tmp/turns.pl" "$tmp/sock" "$server" 2>&1)" '^[12]$'
stop "$server"

### root without the right to more descriptors than it has
ok 'few descriptors are enough to begin with' try httpd \
	prlimit --nofile=200:200 setpriv --bounding-set=-sys_resource \
	--inh-caps=-sys_resource
is 'and to answer' "$(curl -s -o "$tmp/out" -w '%{http_code}' \
	"$url/list/machines")" 200
stop "$server"
done_testing
