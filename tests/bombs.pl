# bombs.pl - a git server, of repositories that are made to hurt
# usage: perl bombs.pl PORTFILE
# Writes its port to PORTFILE. Speaks git's own protocol, and sends what the
# path of the URL names, whatever the client asks for.
use strict;
use warnings;
use Compress::Zlib;
use Digest::SHA qw(sha1 sha1_hex);
use IO::Socket::INET;

my ($file) = @ARGV;
my %type = (commit => 1, tree => 2, blob => 3, delta => 6);
my (@entry, $bytes, $named);

# what stands before an object in a pack: its type and size
sub head {
	my ($type, $size) = @_;
	my $c = $type{$type} << 4 | ($size & 15);
	my $head = '';
	for ($size >>= 4; $size; $size >>= 7) {
		$head .= chr($c | 128);
		$c = $size & 127;
	}
	return $head . chr $c;
}

# adds bytes to the pack; returns where they begin
sub add {
	my ($text) = @_;
	my $at = $bytes;
	push @entry, $text;
	$bytes += length $text;
	return $at;
}

sub object {
	my ($type, $data) = @_;
	add(head($type, length $data) . compress($data));
	return sha1("$type " . length($data) . "\0$data");
}

# the last commit is what refs name
sub commit {
	my ($tree, $message) = @_;
	my $who = 'A <a@example.org> 1700000000 +0000';
	$named = unpack 'H*', object('commit', 'tree ' . unpack('H*', $tree) .
		"\nauthor $who\ncommitter $who\n\n$message\n");
}

sub tree {
	my $data = '';
	while (my ($mode, $name, $id) = splice @_, 0, 3) {
		$data .= "$mode $name\0$id";
	}
	return object('tree', $data);
}

# a commit whose app holds that
sub app {
	commit(tree('40000', 'app', tree(@_)), 'x');
}

# so many MiB of zeros, in a thousandth of that
sub zeros {
	my ($mib) = @_;
	my ($z) = deflateInit(-WindowBits => -15);
	my $mebi = "\0" x (1 << 20);
	my $block = $z->deflate($mebi) . $z->flush(Z_FULL_FLUSH);
	my $n = $mib << 20;
	return head('blob', $n) . "\x78\x9c" . $block x $mib . "\3\0" .
		pack 'nn', $n % 65521, 1;
}

# that of zeros(2048), which takes a while to reckon
my $two_gib = pack 'H*', '77e9132b46cb9535f286f18974872f40049d1a89';

# a number as deltas have it
sub number {
	my ($n) = @_;
	my $text = '';
	for (; $n > 127; $n >>= 7) {
		$text .= chr(128 | $n & 127);
	}
	return $text . chr $n;
}

# n times all of what lies size bytes long at an offset; returns its place
sub multiple {
	my ($at, $size, $n) = @_;
	my $most = 0xffffff;
	my $ops = '';
	for (my $from = 0; $from < $size; $from += $most) {
		my $len = $size - $from < $most ? $size - $from : $most;
		$ops .= "\xff" . pack('V', $from) . substr(pack('V', $len), 0, 3);
	}
	my $delta = number($size) . number($size * $n) . $ops x $n;
	my $back = $bytes - $at;
	my $offset = chr($back & 127);
	while ($back >>= 7) {
		$offset = chr(128 | --$back & 127) . $offset;
	}
	return add(head('delta', length $delta) . $offset . compress($delta));
}

my $nothing = "\1" x 20;
my %make = (
	good => sub { app('100644', 'file', object('blob', "good\n")) },
	# one that becomes 10 GiB
	delta => sub {
		app('100644', 'file', $nothing);
		my $at = add(zeros(1));
		$at = multiple($at, 1 << 20, 100);
		multiple($at, 100 << 20, 100);
	},
	# 200 that become 200 MiB each
	chain => sub {
		app('100644', 'file', $nothing);
		my $at = add(zeros(1));
		$at = multiple($at, 1 << 20, 200);
		$at = multiple($at, 200 << 20, 1) for 1 .. 200;
	},
	announced => sub {
		app('100644', 'file', $nothing);
		add(head('blob', 1 << 32) . compress('little'));
	},
	enormous => sub {
		app('100644', 'file', $nothing);
		add(head('blob', 1 << 62) . compress('little'));
	},
	enormoustree => sub {
		app('100644', 'file', $nothing);
		add(head('tree', 1 << 62) . compress('little'));
	},
	zeros => sub {
		add(zeros(2048));
		app('100644', 'file', $two_gib);
	},
	# each file is small enough
	wide => sub {
		my $id = sha1('blob ' . (100 << 20) . "\0" . "\0" x (100 << 20));
		add(zeros(100));
		app(map { ('100644', sprintf('f%03d', $_), $id) } 1 .. 999);
	},
	link => sub {
		my $id = sha1('blob ' . (100 << 20) . "\0" . "\0" x (100 << 20));
		add(zeros(100));
		app('120000', 'file', $id);
	},
	levels => sub {
		my $id = object('blob', "deep\n");
		$id = tree('40000', 'd', $id) for 1 .. 10000;
		app('40000', 'd', $id);
	},
	# 2^40 of them, and not one file
	dirs => sub {
		my $id = tree();
		$id = tree('40000', 'a', $id, '40000', 'b', $id) for 1 .. 40;
		app('40000', 'd', $id);
	},
	entries => sub {
		my $id = object('blob', "one\n");
		app(map { ('100644', sprintf('f%07d', $_), $id) } 0 .. 1000000);
	},
	commit => sub {
		my $id = object('blob', "good\n");
		commit(tree('40000', 'app', tree('100644', 'file', $id)),
			'x' x (100 << 20));
	},
	garbage => sub {
		app('100644', 'file', object('blob', "good\n"));
		@entry = map { pack 'C*', map { ($_ * 37 + 11) % 256 } 1 .. 9999 }
			1 .. 100;
	},
);

sub line {
	my ($text) = @_;
	return sprintf('%04x', 4 + length $text) . $text;
}

# up to a flush, or what ends the request
sub listen_to {
	my ($client) = @_;
	my ($n, $text);
	while (read($client, $n, 4) == 4) {
		return '' if hex $n < 5;
		read $client, $text, hex($n) - 4;
		return $text if $text eq "done\n" || $text =~ /^git-/;
	}
	exit;
}

sub say_to {
	my ($client, $text) = @_;
	print $client $text or exit;
}

sub advertise {
	my ($client, $kind) = @_;
	my $capable = $kind eq 'progress' ? 'side-band-64k ofs-delta' :
		'ofs-delta';
	say_to($client, line("$named HEAD\0$capable\n"));
	if ($kind =~ /^refs/) {
		say_to($client, join '', map {
			line(sprintf "%s refs/heads/b%06d\n", $named, $_)
		} 1 .. 200000);
	}
	for (my $i = 0; $kind eq 'lines'; $i += 100) {
		say_to($client, join '', map {
			line(sprintf "%s refs/heads/b%09d\n", $named, $_)
		} $i .. $i + 99);
	}
	say_to($client, line("$named refs/heads/main\n") . '0000');
}

sub serve {
	my ($client) = @_;
	my ($kind) = listen_to($client) =~ m{/([a-z]+)};
	my $claimed;
	@entry = ();
	$bytes = 12;
	($make{$kind} // $make{good})->();
	$claimed = $kind eq 'objects' ? 0xf0000000 : scalar @entry;
	advertise($client, $kind);
	listen_to($client);		# the wants
	1 while listen_to($client) ne "done\n";
	say_to($client, line("NAK\n"));
	my $progress = line("\2" . 'x' x 60000 . "\n");
	say_to($client, $progress) while $kind eq 'progress';
	my $pack = join '', 'PACK', pack('NN', 2, $claimed), @entry;
	say_to($client, $pack);
	say_to($client, sha1($pack));
}

my $server = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
	LocalAddr => '127.0.0.1') or die "listen: $!";
open my $out, '>', "$file.new" or die "$file.new: $!";
print $out $server->sockport;
close $out or die "$file.new: $!";
rename "$file.new", $file or die "$file: $!";
$SIG{CHLD} = 'IGNORE';
while (1) {
	my $client = $server->accept or next;
	next if fork;
	$SIG{PIPE} = 'IGNORE';
	$client->autoflush;
	serve($client);
	exit;
}
