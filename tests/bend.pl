# bend.pl - a TCP proxy that does to the server's bytes what a file says
# usage: perl bend.pl PORTFILE HOST:PORT HOWFILE
# Writes its port to PORTFILE. HOWFILE is read at each connection: a word and
# a number of bytes, reckoned from the connection's first:
#	pass 0		forward all
#	cut N		end the connection after N bytes
#	reset N		the same, with an RST
#	flip N		change byte N
#	slow N		after N bytes, one a second
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
	forward($client, $buf);
}

sub serve {
	my ($client) = @_;
	open my $f, '<', $how or die "$how: $!";
	my ($word, $n) = split ' ', <$f>;
	my $socket = IO::Socket::INET->new($to) or exit;
	my $select = IO::Select->new($client, $socket);
	my $seen = 0;
	while (my @ready = $select->can_read) {
		for my $from (@ready) {
			my $got = sysread $from, my $buf, 65536;
			exit unless $got;
			if ($from == $client) {
				forward($socket, $buf);
				next;
			}
			select undef, undef, undef, $n / 1000
				if $word eq 'delay' && !$seen;
			bend($client, $buf, $seen, $word, $n);
			$seen += $got;
		}
	}
}

while (1) {
	my $client = $server->accept or next;
	next if fork;
	close $server;
	serve($client);
	exit;
}
