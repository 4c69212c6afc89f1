# memory.pl - looks for texts in a process's memory
# usage: perl memory.pl PID TEXT...
# A TEXT `hex:...` is of these bytes. Prints a line for each one that is found
# in what the process can write to: which of them, where (as in
# /proc/PID/maps), and what is around it. For root: who looks after secrets
# can't be looked at by others.
use strict;
use warnings;
no warnings 'portable';

my ($pid, @texts) = @ARGV;
@texts = map { /^hex:(.+)/ ? pack('H*', $1) : $_ } @texts;
open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
open my $mem, '<:raw', "/proc/$pid/mem" or die "mem: $!";
my $seen = 0;
while (my $line = <$maps>) {
	my ($from, $to, $how, $name) =
		$line =~ /^(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)/ or next;
	next if $how !~ /^rw/;
	($from, $to) = (hex $from, hex $to);
	next if $to - $from > 1 << 28;
	my $tail = '';
	while ($from < $to && sysseek $mem, $from, 0) {
		my $n = sysread $mem, my $buf, $to - $from < 1 << 20 ?
			$to - $from : 1 << 20;
		last if !$n;
		$seen += $n;
		$from += $n;
		$buf = $tail . $buf;
		for my $i (0 .. $#texts) {
			my $at = index $buf, $texts[$i];
			next if $at < 0;
			my $around = substr $buf, $at < 40 ? 0 : $at - 40, 120;
			printf "%d in %s: %s\n", $i + 1, $name || 'memory',
				$around =~ s/[^ -~]/./gr;
		}
		$tail = substr $buf, -4096;
	}
}
die "nothing to be read\n" if !$seen;
