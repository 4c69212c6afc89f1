# graph.pl - writes a commit-graph in which commits have parents of one's own
# usage: perl graph.pl FILE COMMIT:TREE:TIME[:PARENT]...
# (gitformat-commit-graph(5); PARENT is one of the commits)
use strict;
use warnings;
use Digest::SHA 'sha1';

my $file = shift;
my %commit = map { my ($id, @rest) = split /:/; ($id => \@rest) } @ARGV;
my @id = sort keys %commit;
my %position = map { $id[$_] => $_ } 0 .. $#id;

sub generation {
	my $parent = $commit{$_[0]}[2];
	return 1 + ($parent ? generation($parent) : 0);
}

my $fanout = '';
for my $byte (0 .. 255) {
	$fanout .= pack 'N', scalar grep { hex(substr $_, 0, 2) <= $byte } @id;
}
my $ids = pack 'H40' x @id, @id;
my $data = join '', map {
	my ($tree, $time, $parent) = @{$commit{$_}};
	pack 'H40NNNN', $tree, defined $parent ? $position{$parent} :
		0x70000000, 0x70000000, generation($_) << 2, $time;
} @id;
my @chunk = (['OIDF', $fanout], ['OIDL', $ids], ['CDAT', $data]);
my $at = 8 + 12 * (@chunk + 1);
my $text = 'CGPH' . pack('CCCC', 1, 1, scalar @chunk, 0);
for (@chunk, ["\0\0\0\0", '']) {
	$text .= $_->[0] . pack 'Q>', $at;
	$at += length $_->[1];
}
$text .= join '', map { $_->[1] } @chunk;
open my $f, '>', $file or die "$file: $!";
binmode $f;
print $f $text . sha1($text);
close $f or die "$file: $!";
