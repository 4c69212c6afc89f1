# redirect.pl - a web server that redirects, and prints what it is told
# usage: perl redirect.pl PORT TO [ADDRESS]
# A path with `early` is redirected to TO at once, others once they come with
# a password. Without TO, it wants a password of everybody.
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $to, $at) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
	LocalAddr => $at || '127.0.0.1', LocalPort => $port) or die "listen: $!";
$| = 1;
$SIG{PIPE} = 'IGNORE';
while (1) {
	my $client = $server->accept or next;
	my ($path, $knows) = ('', 0);
	while (my $line = <$client>) {
		$line =~ s/\r?\n//;
		last if $line eq '';
		$path ||= (split ' ', $line)[1];
		$knows = 1 if $line =~ /^authorization:/i;
		print "$line\n";
	}
	next if $path eq '';
	my $answer = !$to || !$knows && $path !~ /early/ ?
		"401 Who\r\nWWW-Authenticate: Basic realm=\"git\"" :
		"302 There\r\nLocation: $to$path";
	print $client "HTTP/1.1 $answer\r\nContent-Length: 0\r\n" .
		"Connection: close\r\n\r\n";
	close $client;
}
