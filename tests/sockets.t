#!/bin/sh
# sockets.t - gitopper-httpd as systemd starts it, for each client: what one
# who takes all that he can get leaves to the others. A systemd is booted.
. tests/lib.sh
. tests/boot.sh

[ "$(id -u)" -eq 0 ] || skip 'mounts and containers are for root'
command -v systemd-nspawn >/dev/null || skip 'no systemd-nspawn'

overlay || exit 111
mkdir -p "$root/var/lib/gitopper/web/ctl" || exit 111
printf '%s\n' service=web upstream=/none branch=main \
	>"$root/var/lib/gitopper/web/conf"
printf 'hash=%040d\napplied=%040d\n' 7 7 >"$root/var/lib/gitopper/web/status"

# perl greedy.pl TO N: N connections that say nothing, or as many as there are
# to have; what is closed is opened again, until standard input ends. Prints
# `full` when one is turned away, which who serves does later (config.h).
cat >"$root/greedy.pl" <<'END'
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

my ($to, $most) = @ARGV;
my $select = IO::Select->new(\*STDIN);
my (%began, $full);
$| = 1;
OVER: while (1) {
	while ($select->count <= $most) {
		my $s = $to =~ m{/} ? IO::Socket::UNIX->new(Peer => $to) :
			IO::Socket::INET->new(PeerAddr => $to);
		last unless $s;
		$select->add($s);
		$began{$s} = time;
	}
	for my $s ($select->can_read(0.1)) {
		last OVER if $s == \*STDIN;
		print "full\n" if time - $began{$s} < 2 && !$full++;
		$select->remove($s);
		close $s;
	}
}
END

http=127.0.0.1:9222 sock=/run/gitopper.sock
# listed URL... [CURL'S]: curl is told of the service
listed() { there curl -sS -m 30 "$@" | grep -q '"service":"web"'; }
by_http() { listed "http://$http/list/services"; }
by_sock() { listed --unix-socket $sock http://localhost/list/services; }
# greedy TO N: starts it, and waits until it is turned away; enough: ends it
greedy() {
	rm -f "$tmp/hold" && mkfifo "$tmp/hold" || return 1
	there perl /greedy.pl "$1" "$2" <"$tmp/hold" >"$tmp/greedy" 2>&1 &
	greedy_pid=$!
	exec 7>"$tmp/hold"
	within 60 grep -q full "$tmp/greedy"
}
enough() {
	exec 7>&-
	wait "$greedy_pid"
}

ok 'systemd boots' boot
ok 'the suite is installed' install_suite
there chgrp -R gitopper /var/lib/gitopper/web/ctl
there chmod 3775 /var/lib/gitopper/web/ctl
ok 'the socket is started' there systemctl -q enable --now \
	gitopper-httpd.socket
ok 'it answers by TCP' by_http
ok 'and by a unix socket, which came along' by_sock
is 'which is for the group' "$(there stat -c '%a %U %G' $sock)" \
	'660 root gitopper'

ok 'one takes all connections by TCP' greedy $http 90
for i in 1 2 3 4 5; do
	ok 'the unix socket is there for the others' by_sock
done
ok 'who may change things can do so' there curl -sS -m 30 -f -X POST \
	--unix-socket $sock http://localhost/state/freeze/web
enough
ok 'when that is over there is TCP for all' within 30 by_http

ok 'one takes all connections to the unix socket' greedy $sock 90
ok 'TCP is there for the others' by_http
enough
ok 'when that is over there is the unix socket for all' within 30 by_sock

ok 'more at once than systemd starts by itself' greedy $http 400
enough
is 'end neither' "$(property gitopper-httpd.socket ActiveState) \
$(property gitopper-httpd-local.socket ActiveState)" 'active active'
ok 'and it answers as before' within 30 by_http

there systemctl stop gitopper-httpd.socket
fails 7 'both are stopped at once' there curl -sS "http://$http/"
fails 7 'and leave nothing' there curl -sS --unix-socket $sock http://localhost/
there systemctl start gitopper-httpd-local.socket
ok 'the unix socket can be had alone' by_sock
fails 7 'without TCP' there curl -sS "http://$http/"
there systemctl start gitopper-httpd.service
is 'one process for all takes the place of both' \
	"$(property gitopper-httpd.socket ActiveState) \
$(property gitopper-httpd-local.socket ActiveState)" 'inactive inactive'
ok 'at the unix socket' within 30 by_sock
ok 'and by TCP' within 30 by_http
there systemctl start gitopper-httpd.socket
ok 'and goes when they are wanted again' by_http
ok 'both' by_sock
shut_down
done_testing
