# proxy.pl - a TCP proxy that counts connections, and stalls when told to
# usage: perl proxy.pl PORTFILE [connect:]HOST:PORT|mute|garbage [BYTES]
# With connect: it is one of HTTP, to there whatever the client asks for.
# Writes its port to PORTFILE, and `Connection from` to standard output for
# each connection, `Closed N` when it ends, with N bytes from the server. After
# BYTES from the server it forwards nothing more of that connection, and closes
# nothing. One process, so that one signal ends it.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($file, $to, $limit) = @ARGV;
my $server = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
	LocalAddr => '127.0.0.1') or die "listen: $!";
open my $out, '>', "$file.new" or die "$file.new: $!";
print $out $server->sockport;
close $out or die "$file.new: $!";
rename "$file.new", $file or die "$file: $!";
$| = 1;
$SIG{PIPE} = 'IGNORE';

my $select = IO::Select->new($server);
my (%peer, %left);	# other end; bytes that still may go to it
my %sent;		# that went to a client

sub forget {
	for my $socket (@_) {
		$select->remove($socket);
		printf "Closed %d\n", delete $sent{$socket}
			if exists $sent{$socket};
		delete $left{$socket};
		delete $peer{$socket};
		close $socket;
	}
}

sub greet {
	my $client = $server->accept or return;
	printf "Connection from %s:%d\n", $client->peerhost, $client->peerport;
	if ($to eq 'mute') {
		# held, never read
		$peer{$client} = $client;
	} elsif ($to eq 'garbage') {
		print $client pack('C*', map { ($_ * 37 + 11) % 256 } 1 .. 9999);
		close $client;
	} elsif (my $socket = IO::Socket::INET->new($to =~ s/^connect://r)) {
		if ($to =~ /^connect:/) {
			my $line = <$client> // '';
			print "$line";
			1 while ($_ = <$client> // "\r\n") ne "\r\n";
			print $client "HTTP/1.1 200 OK\r\n\r\n";
			$client->flush;
		}
		$peer{$client} = $socket;
		$peer{$socket} = $client;
		$left{$client} = $limit // 1e18;
		$sent{$client} = 0;
		$select->add($client, $socket);
	}
}

while (my @ready = $select->can_read) {
	for my $from (@ready) {
		if ($from == $server) {
			greet();
			next;
		}
		my $peer = $peer{$from} or next;
		my $buf;
		if (!sysread $from, $buf, 65536) {
			# what stalls is not even closed
			if ($left{$peer} // 1) {
				forget($from, $peer);
			} else {
				$select->remove($from);
			}
			next;
		}
		if (exists $left{$peer}) {
			$buf = substr $buf, 0, $left{$peer};
			$left{$peer} -= length $buf;
			$sent{$peer} += length $buf;
		}
		my $n = 0;
		while ($n < length $buf) {
			$n += syswrite($peer, $buf, length($buf) - $n, $n) // last;
		}
	}
}
