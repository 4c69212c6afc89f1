#!/bin/sh
# bench-http.sh - how gitopper-httpd does beside nginx with files of that size
# RUNS: how many times each is asked, for SECONDS. It takes turns, and what
# counts is the median.
. tests/lib.sh
. tests/servers.sh

runs=${RUNS:-5} seconds=${SECONDS_EACH:-2}
connections=50
mkdir "$tmp/files"
# the one who serves and the one who asks get in each other's way otherwise
server= client=
if [ "$(getconf _NPROCESSORS_ONLN)" -ge 2 ]; then
	server='taskset -c 0' client='taskset -c 1'
fi

# services STATE COUNT: a state directory as the programs leave it
services() {
	perl -e '
	my ($state, $n) = @ARGV;
	sub put {
		open my $f, ">", $_[0] or die "$_[0]: $!";
		print $f $_[1];
	}
	mkdir $state;
	for my $i (0 .. $n - 1) {
		my $name = "service-$i";
		my $hash = sprintf "%040x", $i * 7919 + 1;
		mkdir "$state/$name";
		mkdir "$state/$name/ctl";
		put("$state/$name/conf",
			"upstream=https://git.example.org/ops/config\n" .
			"branch=main\nmachine=bench\nservice=$name\n" .
			"user=web\naction=reload\ninterval=300\ntimeout=60\n" .
			"drift=note\ndir=$name/etc\t/etc/$name\tdir\n");
		put("$state/$name/status", "hash=$hash\napplied=$hash\n" .
			"since=1700000000\ndeploys=7\nfailures=2\n");
	}' "$1" "$2" && chmod 755 "$1"
}

# httpd STATE: sets httpd_pid and web
httpd() {
	port=$(free_port)
	GITOPPER_STATE=$1 started "$port" "$tmp/httpd.log" $server \
		gitopper-httpd -l "127.0.0.1:$port" || return 1
	httpd_pid=$pid web=http://127.0.0.1:$port
}

# nginx of one process, for what is in $tmp/files
files() {
	port=$(free_port)
	cat >"$tmp/nginx.conf" <<-END
	daemon off;
	worker_processes 1;
	pid $tmp/nginx.pid;
	error_log $tmp/nginx.log;
	events { worker_connections 1024; }
	http {
		access_log off;
		sendfile on;
		tcp_nopush on;
		keepalive_requests 1000000000;
		client_body_temp_path $tmp/body;
		proxy_temp_path $tmp/proxy;
		fastcgi_temp_path $tmp/fastcgi;
		uwsgi_temp_path $tmp/uwsgi;
		scgi_temp_path $tmp/scgi;
		server {
			listen 127.0.0.1:$port;
			root $tmp/files;
		}
	}
	END
	started "$port" "$tmp/nginx.log" $server nginx -c "$tmp/nginx.conf" \
		-e "$tmp/nginx.log" || return 1
	file=http://127.0.0.1:$port
}

# ask URL: requests per second
ask() {
	$client wrk -t 1 -c "$connections" -d "$seconds" "$1" >"$tmp/wrk" 2>&1
	if grep -q -e Non-2xx -e 'Socket errors' "$tmp/wrk"; then
		cat "$tmp/wrk" >&2
		exit 1
	fi
	awk '/^Requests\/sec/ { print $2 }' "$tmp/wrk"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# compare NAME PATH: beside a file with what is there now
compare() {
	curl -s -o "$tmp/files/$1" "$web$2" || exit 1
	chmod 644 "$tmp/files/$1"
	: >"$tmp/ours"
	: >"$tmp/theirs"
	i=0
	while [ "$i" -lt "$runs" ]; do
		ask "$web$2" >>"$tmp/ours"
		ask "$file/$1" >>"$tmp/theirs"
		i=$((i + 1))
	done
	awk -v name="$1" -v size="$(wc -c <"$tmp/files/$1")" \
		-v ours="$(median <"$tmp/ours")" \
		-v theirs="$(median <"$tmp/theirs")" 'BEGIN {
		printf "    %-15s %8d bytes  %8.0f  %8.0f  %5.2f\n", name, size,
			ours, theirs, ours / theirs }'
}

# rss PID: its resident memory, MB (of 10^6 bytes)
rss() {
	awk '/^VmRSS/ { printf "%.2f\n", $2 * 1024 / 1e6 }' "/proc/$1/status"
}

# as where it is installed: whom the C library doesn't find in the files it
# looks for by other modules, which stay in memory
known() {
	echo gitopper-httpd:x:64000:64000::/:/bin/false |
	cat /etc/passwd - >"$tmp/passwd" &&
	printf '%s\n' gitopper-httpd:x:64000: gitopper:x:64001: |
	cat /etc/group - >"$tmp/group" &&
	mount --bind "$tmp/passwd" /etc/passwd &&
	mount --bind "$tmp/group" /etc/group
}
[ "$(id -u)" -ne 0 ] || getent passwd gitopper-httpd >/dev/null || known ||
	exit 111

try files || exit 111
echo "requests per second at $connections connections, median of $runs:"
echo "                                       ours     nginx  ratio"
for n in 1 10 100 1000; do
	services "$tmp/state$n" "$n"
	try httpd "$tmp/state$n" || exit 111
	[ "$n" -ne 10 ] || {
		echo "resident memory at rest, 10 services:   $(rss "$httpd_pid") MB"
		compare list-10 /list/services
	}
	[ "$n" -eq 10 ] || compare "metrics-$n" /metrics
	[ "$n" -ne 1000 ] || scrape=$(for i in 1 2 3 4 5 6 7 8 9 10 11; do
		# as Prometheus does: now and then, and something has changed
		printf 'since=%d\n' "$i" >>"$tmp/state1000/service-$i/status"
		curl -s -o "$tmp/none" -w '%{time_total}\n' "$web/metrics"
	done | median)
	[ "$n" -ne 10 ] || ten=$web ten_pid=$httpd_pid
	[ "$n" -eq 10 ] || stop "$httpd_pid"
done
echo "a scrape with 1000 services, one of them changed: $(awk -v t="$scrape" \
	'BEGIN { printf "%.1f", t * 1000 }') ms"
ulimit -n 12000 || exit 111
spawn perl "$top/tests/clients.pl" "${ten##*:}" idle 10000 >"$tmp/idle"
opened() { grep -q '^10000 open' "$tmp/idle"; }
within 60 opened || exit 1
echo "resident memory with 10000 idle connections: $(rss "$ten_pid") MB"
