# helper.pl - plays a gitopper-httpd that was taken over: sends its helper
# what it never would; usage: helper.pl PID
use strict;
use Socket;
use Errno qw(EAGAIN);

# the same numbers on every architecture: pidfd_open, pidfd_getfd
my $pidfd = syscall(434, $ARGV[0] + 0, 0);
die "pidfd_open: $!" if $pidfd < 0;
my $helper;
for my $fd (3 .. 255) {
	my $got = syscall(438, $pidfd, $fd, 0);
	next if $got < 0;
	open(my $s, '+<&=', $got) or die "$got: $!";
	my $type = getsockopt($s, SOL_SOCKET, SO_TYPE) or next;
	next if unpack('i', $type) != SOCK_SEQPACKET;
	$helper = $s;
	last;
}
die "no socket to a helper\n" unless $helper;

sub give {
	my $packet = shift;
	until (defined send($helper, $packet, 0)) {
		die "send: $!" if $! != EAGAIN;
		select(undef, undef, undef, 0.01);
	}
}

srand(1);
my $id = pack('L', 1);
give($_) for "\0", 'x' x 5, $id, "$id\0", "$id\0\0", "${id}x", "${id}a\0b",
	"${id}a\0b\0c", "${id}a\0b\0\0", "$id\0b\0", $id . 'a' x 510,
	$id . 'a' x 509 . "\0", $id . 'a' x 511 . "\0b\0", $id . "\0" x 510,
	$id . "a\0" . 'b' x 100000 . "\0", 'x' x 65536;
give(join '', map { chr(rand(256)) } 0 .. rand(600)) for 1 .. 2000;
# passwords that it does check; the server has no such questions
give(pack('L', 1000 + rand(2 ** 31)) . "ida\0wrong\0") for 1 .. 40;
