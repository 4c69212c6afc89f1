# both.pl - one port for TLS and for plain text
# usage: perl both.pl PORT TLS_PORT PLAIN_PORT
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($port, $tls, $plain) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
	LocalAddr => '127.0.0.1', LocalPort => $port) or die "listen: $!";
$SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
while (1) {
	my $client = $server->accept or next;
	next if fork;
	# a TLS record of a handshake begins with 22
	my $first = '';
	recv $client, $first, 1, 2;	# MSG_PEEK
	my $to = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort =>
		$first eq "\x16" ? $tls : $plain) or exit 1;
	my %other = ($client => $to, $to => $client);
	my $both = IO::Select->new($client, $to);
	while (1) {
		for my $from ($both->can_read) {
			exit if !sysread $from, my $piece, 65536;
			syswrite $other{$from}, $piece or exit;
		}
	}
}
