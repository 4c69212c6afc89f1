# dns.pl - a name server that says 127.0.0.1 for every name, and nothing else
# usage: perl dns.pl ADDRESS
use strict;
use warnings;
use IO::Socket::INET;

my $s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => $ARGV[0],
	LocalPort => 53) or die "$ARGV[0]: $!";
while (defined $s->recv(my $q, 512)) {
	# the question alone: a name ends with an empty part (RFC 1035, 4.1)
	my $end = index($q, "\0", 12) + 5;
	my ($type) = unpack 'n', substr $q, $end - 4, 2;
	my $a = $type == 1 ?
		pack('nnnNnC4', 0xc00c, 1, 1, 60, 4, 127, 0, 0, 1) : '';
	$s->send(substr($q, 0, 2) . pack('n5', 0x8180, 1, $type == 1, 0, 0) .
		substr($q, 12, $end - 12) . $a);
}
