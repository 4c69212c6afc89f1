# client.pl - raw bytes to a server, and what comes back
# usage: client.pl [-h] PORT|PATH [PART...]
# Sends the parts, with \r, \n and \\ as in C, a fifth of a second apart, and
# prints all that comes until the server closes. -h: closes its half before.
# Without parts: standard input.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;

my $how = @ARGV && $ARGV[0] eq '-h' ? shift : '';
my $to = shift;
my $s = $to =~ m{/} ? IO::Socket::UNIX->new(Peer => $to) :
	IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to);
die "$to: $!\n" unless $s;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "no end after 60 s\n" };
alarm 60;
if (@ARGV) {
	for my $i (0 .. $#ARGV) {
		my %c = (r => "\r", n => "\n", '\\' => '\\');
		(my $part = $ARGV[$i]) =~ s/\\(.)/$c{$1}/g;
		select undef, undef, undef, 0.2 if $i;
		syswrite $s, $part;
	}
} else {
	local $/ = \65536;
	while (my $part = <STDIN>) {
		syswrite $s, $part or last;
	}
}
shutdown $s, 1 if $how eq '-h';
binmode STDOUT;
my $n;
while ($n = sysread $s, my $buf, 65536) {
	print $buf;
}
die "reset: $!\n" unless defined $n;
