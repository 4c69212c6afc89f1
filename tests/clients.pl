# clients.pl - clients of an HTTP server, good and bad ones, for tests
# usage: perl clients.pl PORT WHAT [ARG...]; what there is stands below
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl;
use IO::Handle;
use Socket;
use Time::HiRes qw(sleep time);

my ($port, $what, @args) = @ARGV;
my $get = "GET /list/services HTTP/1.1\r\nHost: localhost\r\n\r\n";
my $to = sockaddr_in($port, INADDR_LOOPBACK);
my %clients;
$SIG{PIPE} = 'IGNORE';
$| = 1;

sub dial {
	socket my $s, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
	connect $s, $to or die "connect: $!";
	fcntl $s, F_SETFL, O_NONBLOCK or die "fcntl: $!";
	return $s;
}

# ready SOCKET WRITING SECONDS: whether it can be read, and written
sub ready {
	my ($s, $writing, $seconds) = @_;
	my ($r, $w) = ('', '');
	vec($r, fileno $s, 1) = 1;
	vec($w, fileno $s, 1) = 1 if $writing;
	select $r, $w, undef, $seconds > 0 ? $seconds : 0;
	return vec($r, fileno $s, 1), $writing && vec($w, fileno $s, 1);
}

# talk TEXT SECONDS PAUSE LAST: sends TEXT, a byte each PAUSE seconds where
# that is not 0, and closes its end where LAST is set. Returns what came back,
# and how it ended: closed, reset, or open after SECONDS.
sub talk {
	my ($text, $seconds, $pause, $last) = @_;
	my ($s, $got, $sent, $next) = (dial(), '', 0, 0);
	my $end = time + $seconds;
	while (time < $end) {
		my $more = $sent < length $text;
		my $until = $more && $next > time ? $next : $end;
		my ($r, $w) = ready($s, $more && $next <= time, $until - time);
		if ($w) {
			my $n = syswrite $s, $text,
				$pause ? 1 : length($text) - $sent, $sent;
			# it may have said why before it closed
			$n = length $text unless defined $n || $! == EAGAIN;
			$sent += $n // 0;
			$next = time + $pause;
		}
		if ($last && $sent >= length $text) {
			shutdown $s, 1;
			$last = 0;
		}
		next unless $r;
		my $n = sysread $s, $got, 65536, length $got;
		return $got, 'reset' if !defined $n && $! != EAGAIN;
		return $got, 'closed' if defined $n && !$n;
	}
	return $got, 'open';
}

# alive SOCKET: whether it is open still, whatever came
sub alive {
	my $n;
	do {
		$n = sysread $_[0], my $buf, 65536;
	} while ($n);
	return !defined $n && $! == EAGAIN;
}

my %do = (

# say SECONDS [PAUSE]: standard input, as talk has it
say => sub {
	my $began = time;
	local $/;
	my ($got, $end) = talk(scalar <STDIN>, $_[0], $_[1] // 0, 0);
	printf "%s\n%s after %d s\n", $got, $end, time - $began;
},

# half SECONDS: the same, and nothing more will come
half => sub {
	local $/;
	my ($got, $end) = talk(scalar <STDIN>, $_[0], 0, 1);
	printf "%s\n%s\n", $got, $end;
},

# prompt N: asks N times, one after the other, and prints the median and the
# longest of the times to an answer, in microseconds
prompt => sub {
	my @times;
	for (1 .. $_[0]) {
		my $began = time;
		my $s = dial();
		syswrite $s, $get;
		ready($s, 0, 30);
		sysread $s, my $got, 65536;
		($got // '') =~ m{^HTTP/1.1 200 } or die "no answer: ",
			$got // $!, "\n";
		push @times, (time - $began) * 1e6;
	}
	@times = sort { $a <=> $b } @times;
	printf "%d %d\n", $times[@times / 2], $times[-1];
},

# crowd N SLOW: N connections, of which SLOW send a byte a second of a request
# without end, and come again when they are closed. Says `N open` when they
# are, and once in a second how many are `alive` and came `again`.
crowd => sub {
	my ($n, $slow) = @_;
	my $text = "GET / HTTP/1.1\r\nHost: localhost\r\n" . "A: bbbbb\r\n" x 99;
	my (@all, @sent);
	my $again = 0;
	push @all, dial() for 1 .. $n;
	print "$n open\n";
	for (;;) {
		my $next = time + 1;
		for my $i (0 .. $slow - 1) {
			if (!alive($all[$i])) {
				$all[$i] = dial();
				$sent[$i] = 0;
				$again++;
			}
			syswrite $all[$i], $text, 1, $sent[$i]++ || 0;
		}
		my $alive = grep { alive($_) } @all;
		print "$alive alive, $again again\n";
		sleep $next - time if $next > time;
	}
},

# idle N: N connections that asked once, got their answer, and stay; says
# `N open` when they are
idle => sub {
	my @all;
	for (1 .. $_[0]) {
		my $s = dial();
		syswrite $s, $get;
		ready($s, 0, 30);
		sysread $s, my $got, 65536;
		($got // '') =~ m{^HTTP/1.1 200 } or die "no answer: ",
			$got // $!, "\n";
		push @all, $s;
	}
	print scalar @all, " open\n";
	sleep;
},

# deaf N: N connections that ask and never read; says so when nothing more can
# be sent, and `gone` when all are closed
deaf => sub {
	my @all = map { dial() } 1 .. $_[0];
	my ($blocked, $gone) = (0, 0);
	my $text = $get x 1000;
	my %left = map { $_ => '' } @all;
	my $told = 0;
	while (@all) {
		my ($sent, @open) = 0;
		for my $s (@all) {
			$left{$s} = $text if $left{$s} eq '';
			my $n = syswrite $s, $left{$s};
			next if !defined $n && $! != EAGAIN;
			push @open, $s;
			$sent += $n // 0;
			substr($left{$s}, 0, $n) = '' if $n;
		}
		@all = @open;
		print "blocked\n" if !$sent && !$told++;
		sleep 0.1 unless $sent;
	}
	print "gone\n";
},

# bodies N SIZE: N requests with a body of SIZE bytes, and the last one missing
bodies => sub {
	my ($n, $size) = @_;
	my $text = "POST /state/pull/a HTTP/1.1\r\nHost: localhost\r\n" .
		"Content-Length: $size\r\n\r\n" . 'x' x ($size - 1);
	my @all = map { dial() } 1 .. $n;
	for my $s (@all) {
		my $sent = 0;
		while ($sent < length $text) {
			my (undef, $w) = ready($s, 1, 10);
			my $n = syswrite $s, $text, 65536, $sent;
			last unless defined $n || $! == EAGAIN;
			$sent += $n // 0;
		}
	}
	print "sent\n";
	for (;;) {
		printf "%d alive\n", scalar grep { alive($_) } @all;
		sleep 0.2;
	}
},

# garbage N: N connections with a few thousand random bytes each, and how many
# of them got an answer that is not 400
garbage => sub {
	my $wrong = 0;
	srand 1;
	for (1 .. $_[0]) {
		my $text = pack 'C*', map { int rand 256 } 1 .. rand 3000;
		# a head may begin well
		$text = substr($get, 0, rand length $get) . $text if rand 2 < 1;
		my ($got, $end) = talk($text, 10, 0, 1);
		$wrong++, print "$end: $got\n" unless $got =~
			m{\AHTTP/1.1 (400|501|505|200.*400) }s || $text eq '';
	}
	print "$wrong wrong\n";
},

# leave N HOW: N connections that go in the middle of a request, early or late,
# HOW being close or reset
leave => sub {
	my ($n, $how) = @_;
	for my $i (1 .. $n) {
		my $s = dial();
		setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
			if $how eq 'reset';
		syswrite $s, $get x 10, $i % (10 * length $get);
	}
	print "left\n";
},

# pipeline N: N requests at once; how many answers came, in order
pipeline => sub {
	my $text = join '', map {
		my $path = $_ % 2 ? '/list/services' : "/nothing/$_";
		"GET $path HTTP/1.1\r\nHost: localhost\r\n" .
		($_ == $_[0] ? "Connection: close\r\n" : '') . "\r\n"
	} 1 .. $_[0];
	my ($got, $end) = talk($text, 30, 0, 0);
	my @codes = $got =~ m{^HTTP/1.1 (\d+) }mg;
	my $good = grep { $codes[$_] == ($_ % 2 ? 404 : 200) } 0 .. $#codes;
	printf "%d answers, %d right, %s\n", scalar @codes, $good, $end;
},

# ends N: 1 to N requests at once, and nothing more will come; how many times
# there were not as many answers
ends => sub {
	my $wrong = 0;
	for my $n (1 .. $_[0]) {
		my ($got, $end) = talk($get x $n, 10, 0, 1);
		my @codes = $got =~ m{^HTTP/1.1 (200) }mg;
		$wrong++ unless @codes == $n && $end eq 'closed';
	}
	print "$wrong wrong\n";
},

# fill N: opens N connections one after the other, asks on the first one, begins
# to on the second one, then opens another one; prints which of them were closed
# then, counted from 1
fill => sub {
	my @all;
	for (1 .. $_[0]) {
		push @all, dial();
		sleep 0.02;
	}
	syswrite $all[1], 'GET ';
	syswrite $all[0], $get;
	ready($all[0], 0, 10);
	sysread $all[0], my $got, 65536;
	push @all, dial();
	my $end = time + 10;
	my @closed;
	do {
		@closed = grep { !alive($all[$_ - 1]) } 1 .. @all;
		sleep 0.05;
	} until @closed || time > $end;
	print "@closed\n";
},
);

die "clients.pl: no such thing: $what\n" unless $do{$what};
$do{$what}->(@args);
