# peak.pl - runs a command, and notes the memory of its greatest process
# usage: perl peak.pl FILE COMMAND...
# FILE gets the most KiB that the command, or a process of it, had (proc(5),
# VmHWM), looked at every 20 ms. Exits as the command does.
use strict;
use warnings;
use POSIX ':sys_wait_h';

my $file = shift;
my $pid = fork // die "fork: $!";
if ($pid == 0) {
	exec @ARGV or die "$ARGV[0]: $!";
}

# those that descend from one
sub family {
	my @all = @_;
	for (my $i = 0; $i < @all; $i++) {
		open my $f, '<', "/proc/$all[$i]/task/$all[$i]/children" or next;
		push @all, split ' ', <$f> // '';
	}
	return @all;
}

my $most = 0;
until (waitpid $pid, WNOHANG) {
	for (family($pid)) {
		open my $f, '<', "/proc/$_/status" or next;
		while (<$f>) {
			$most = $1 if /^VmHWM:\s+(\d+)/ && $1 > $most;
		}
	}
	select undef, undef, undef, 0.02;
}
my $status = $?;
open my $out, '>', $file or die "$file: $!";
print $out "$most\n";
close $out or die "$file: $!";
exit($status & 127 ? 111 : $status >> 8);
