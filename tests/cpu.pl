# cpu.pl - the CPU time that commands take, their children's included
# usage: perl cpu.pl RUNS TIMES COMMAND...
# Prints the median over RUNS of the seconds (user and system) that one COMMAND
# takes, each run doing it TIMES times, for the clock ticks only every 10 ms.
use strict;
use warnings;

my ($runs, $times, @command) = @ARGV;
my @seconds;
for (1 .. $runs) {
	my (undef, undef, $user, $system) = times;
	for (1 .. $times) {
		system(@command) == 0 or die "@command: $?\n";
	}
	my (undef, undef, $user_after, $system_after) = times;
	push @seconds, ($user_after + $system_after - $user - $system) / $times;
}
printf "%.6f\n", (sort { $a <=> $b } @seconds)[$runs / 2];
