# bend.pl - a TCP proxy that does to the server's bytes what a file says
# usage: perl bend.pl PORTFILE HOST:PORT HOWFILE
# Writes its port to PORTFILE. HOWFILE is read at each connection, and all lines
# but the last are good for one: a word and a number of bytes, reckoned from the
# connection's first, or, where a number P follows, from the first that
# answers the client's P-th POST:
#	pass 0		forward all
#	cut N		end the connection after N bytes
#	reset N		the same, with an RST
#	flip N		change byte N
#	slow N		after N bytes, one a second
#	rate N		N bytes a second
#	delay N		N milliseconds before the first one
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket;

my ($file, $to, $how) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
	LocalAddr => '127.0.0.1') or die "listen: $!";
open my $out, '>', "$file.new" or die "$file.new: $!";
print $out $server->sockport;
close $out or die "$file.new: $!";
rename "$file.new", $file or die "$file: $!";
$SIG{PIPE} = $SIG{CHLD} = 'IGNORE';

sub forward {
	my ($socket, $buf) = @_;
	my $n = 0;
	while ($n < length $buf) {
		$n += syswrite($socket, $buf, length($buf) - $n, $n) // exit;
	}
}

# what became of the server's bytes; ends the process where nothing follows
sub bend {
	my ($client, $buf, $seen, $word, $n) = @_;
	my $left = $n - $seen;
	if ($word eq 'flip' && $left >= 0 && $left < length $buf) {
		substr($buf, $left, 1) ^= "\x55";
	} elsif ($word =~ /cut|reset|slow/ && $left < length $buf) {
		forward($client, substr $buf, 0, $left > 0 ? $left : 0);
		if ($word eq 'slow') {
			for (split //, substr $buf, $left > 0 ? $left : 0) {
				forward($client, $_);
				sleep 1;
			}
			return;
		}
		setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
			if $word eq 'reset';
		exit;
	}
	while ($word eq 'rate' && length $buf) {
		forward($client, substr $buf, 0, $n / 20, '');
		select undef, undef, undef, 0.05;
	}
	forward($client, $buf);
}

sub serve {
	my ($client, $word, $n, $posts) = @_;
	my $socket = IO::Socket::INET->new($to) or exit;
	my $select = IO::Select->new($client, $socket);
	my $seen = 0;
	while (my @ready = $select->can_read) {
		for my $from (@ready) {
			my $got = sysread $from, my $buf, 65536;
			exit unless $got;
			if ($from == $client) {
				$posts -= () = $buf =~ /^POST /mg if ($posts // 0) > 0;
				forward($socket, $buf);
				next;
			}
			if (($posts // 0) > 0) {
				forward($client, $buf);
				next;
			}
			select undef, undef, undef, $n / 1000
				if $word eq 'delay' && !$seen;
			bend($client, $buf, $seen, $word, $n);
			$seen += $got;
		}
	}
}

# the first line of HOWFILE, which goes unless it is the last
sub next_how {
	open my $f, '<', $how or die "$how: $!";
	my ($line, @rest) = <$f>;
	if (@rest) {
		open my $new, '>', "$how.new" or die "$how.new: $!";
		print $new @rest;
		close $new or die "$how.new: $!";
		rename "$how.new", $how or die "$how: $!";
	}
	return split ' ', $line;
}

while (1) {
	my $client = $server->accept or next;
	my @how = next_how();
	next if fork;
	close $server;
	serve($client, @how);
	exit;
}
