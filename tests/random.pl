# random.pl REPO STATE SEED STEPS NAME=URL|LINK,...[|fix]... - random commits,
# edits, pins and kills; after each step, every tree must be what its commit
# and the edits in it say. Prints what is wrong, and then exits 1.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Time::HiRes qw(sleep);

my ($repo, $state, $seed, $steps, @given) = @ARGV;
srand $seed;
my $token = 0;
my @log;	# what was done in this step, and in the one before

sub wrong {
	print "seed $seed: @_\n", map "$_\n", @log;
	system "cp", "-a", $state, $ENV{RANDOM_KEEP} if $ENV{RANDOM_KEEP};
	exit 1;
}
sub one_of { $_[rand @_] }
sub chance { rand() < $_[0] }
sub slurp { local $/; open my $f, "<", $_[0] or return ""; <$f> // "" }
sub spew {
	open my $f, ">", $_[0] or die "$_[0]: $!\n";
	print $f $_[1];
	close $f or die "$_[0]: $!\n";
}
sub above { my $p = shift; my @a; push @a, $p while $p =~ s{/[^/]*$}{}; @a }

# --- commits: of each, what is in it and which are its parents

my @names = ("a", "b", "a.b", "a-b", "ab", "a b", "a\nb", "\xc3\xa4\"\\",
    "d", "d/e", "d/e/x", "d/x", "k", "k/a", "k/b");
my %always = ("d/keep" => 1, "d/e/keep" => 1, "k/keep" => 1);
my (@file, @parents, @id);

sub random_path { join "/", map { one_of(@names) } 0 .. rand 3 }

sub random_content {
	my $n = int rand 5;
	my $mode = one_of(qw(100644 100644 100644 100755 120000 160000));
	return [$mode, $n + 1] if $mode eq "160000";
	return [$mode, "to $n"] if $mode eq "120000";
	return [$mode, ""] if $n == 4;
	return [$mode, "version https://git-lfs.github.com/spec/v1\n"]
	    if $n == 3;
	return [$mode, "text $n\n" x (1, 9, 5000)[$n]];
}

# makes room for the path; false where something is to stay there
sub room {
	my ($f, $path) = @_;
	return 0 if grep { $path eq $_ || m{^\Q$path\E/} ||
	    $path =~ m{^\Q$_\E/} } keys %always;
	delete @$f{grep { m{^\Q$path\E(/|\z)} } keys %$f};
	delete @$f{above($path)};
	return 1;
}

sub change {
	my $f = shift;
	my $what = rand;
	my $path = random_path();
	if ($what < 0.15) {
		$f->{one_of(sort keys %always)} = [one_of("100644", "100755"),
		    "kept " . int rand 5];
	} elsif ($what < 0.3) {		# a directory is copied, or moved
		my ($from) = above(one_of(sort keys %$f));
		return if !defined $from || $path =~ m{^\Q$from\E(/|\z)};
		my %copy = map { substr($_, length $from) => $f->{$_} }
		    grep { m{^\Q$from\E/} } keys %$f;
		return if !room($f, $path);
		$f->{"$path$_"} = $copy{$_} for keys %copy;
		room($f, $from) if chance(0.5);
	} elsif ($what < 0.5) {
		room($f, one_of(sort keys %$f));
	} elsif ($what < 0.6) {
		room($f, $path);
	} elsif (room($f, $path)) {
		$f->{$path} = random_content();
	}
}

sub c_quote {
	my $p = shift;
	$p =~ s/([\\"\n])/{ "\\" => "\\\\", '"' => '\\"', "\n" => "\\n" }->{$1}/ge;
	return "\"$p\"";
}

sub commit_make {
	my ($to, $n) = @_;
	my @from = !$n ? () : chance(0.85) ? $n - 1 : int rand $n;
	push @from, int rand $n if $n > 2 && chance(0.1);
	@from = ($from[0]) if @from == 2 && $from[0] == $from[1];
	my %f = $n ? %{$file[$from[0]]} :
	    map { $_ => ["100644", "keep"] } keys %always;
	if (!$n || !chance(0.1)) { change(\%f) for 0 .. rand 6 }
	$file[$n] = \%f;
	$parents[$n] = \@from;
	printf $to "commit refs/heads/c%d\nmark :%d\ncommitter T <t\@e> %d " .
	    "+0000\ndata 1\nx\n", $n, $n + 1, 1700000000 +
	    (chance(0.05) ? -int rand 1e6 : $n);
	print $to join "", map { ("from", "merge")[$_ > 0] . " :" .
	    ($from[$_] + 1) . "\n" } 0 .. $#from;
	print $to "deleteall\n";
	for (sort keys %f) {
		my ($mode, $text) = @{$f{$_}};
		if ($mode eq "160000") {
			printf $to "M 160000 %s %s\n", $text x 40, c_quote($_);
			next;
		}
		printf $to "M %s inline %s\ndata %d\n%s\n", $mode, c_quote($_),
		    length $text, $text;
	}
}

sub commits_make {
	my $n = shift;
	open my $to, "|-", "git", "--git-dir=$repo", "fast-import", "--quiet",
	    "--done", "--export-marks=$repo/marks" or die;
	commit_make($to, $_) for 0 .. $n - 1;
	print $to "done\n";
	close $to or die "fast-import failed\n";
	/^:(\d+) (\S+)/ and $id[$1 - 1] = $2 for split /\n/,
	    slurp("$repo/marks");
}

sub history {
	my %h;
	my @todo = shift;
	while (@todo) {
		my $n = pop @todo;
		push @todo, @{$parents[$n]} if !$h{$n}++;
	}
	return sort { $a <=> $b } keys %h;
}

# --- services

my %damaged;	# stores
my %s;		# NAME => { url, links, fix, at, pin, frozen, applied, saved }
my $tip = 0;

sub conf_write {
	my ($name, $s) = ($_[0], $s{$_[0]});
	spew("$state/$name/conf.new", "upstream=$s->{url}\nbranch=main\n" .
	    "timeout=600\n" . ($s->{fix} ? "drift=fix\n" : "") .
	    join "", map { "dir=$_\t\t" . (m{/keep$} ? "file" : "dir") .
	    "\n" } @{$s->{links}});
	rename "$state/$name/conf.new", "$state/$name/conf" or die;
}

# what the links hold of it; the whole, submodules aside
sub listing {
	my ($n, $links) = @_;
	my %l;
	for my $link (@$links) {
		for (keys %{$file[$n]}) {
			$l{$_} = $file[$n]{$_} if $file[$n]{$_}[0] ne
			    "160000" && ($link eq "" || m{^\Q$link\E(/|\z)});
		}
	}
	return \%l;
}

sub same { $_[0][0] eq $_[1][0] && $_[0][1] eq $_[1][1] }
# all that lies below a directory: path => [mode, text]
sub snapshot {
	my ($dir, $path, $all) = @_;
	opendir my $d, $dir or return $all;
	for (grep { !/^\.\.?$/ } readdir $d) {
		my ($at, $p) = ("$dir/$_", $path eq "" ? $_ : "$path/$_");
		my @st = lstat $at or die "$at: $!";
		if (-l _) {
			$all->{$p} = ["120000", readlink $at];
		} elsif (-d _) {
			snapshot($at, $p, $all);
		} else {
			$all->{$p} = [sprintf("%06o", $st[2]), slurp($at)];
		}
	}
	return $all;
}

sub key {
	my ($name, $key, $file) = @_;
	return slurp("$state/$name/" . ($file // "status")) =~
	    /^\Q$key\E=(.*)$/m ? $1 : "";
}

# --- what happens

sub edit {
	my $name = shift;
	my $tree = "$state/$name/tree";
	my $t = snapshot($tree, "", {});
	my @files = sort keys %$t;
	my $path = @files && chance(0.7) ? one_of(@files) : random_path();
	my $what = one_of(qw(write write chmod remove link dir file));
	my $text = "token " . ++$token . " ";
	# a file where a directory was
	$path = one_of(above($path)) // $path if $what eq "file";
	push @log, "  edit $name $what $path";
	return chmod 0600, "$tree/$path" if $what eq "chmod" &&
	    $t->{$path} && $t->{$path}[0] ne "120000";
	return unlink "$tree/$path" if $what eq "remove";
	# what stands in the way goes, as if by rm -r
	system "rm", "-rf", "$tree/$path";
	for (above($path)) {
		unlink "$tree/$_" if -l "$tree/$_" || !-d "$tree/$_";
	}
	my ($dir) = above($what eq "dir" ? "$path/x" : $path);
	system "mkdir", "-p", "$tree/" . ($dir // "");
	return symlink $text, "$tree/$path" if $what eq "link";
	spew($what eq "dir" ? "$tree/$path/mine" : "$tree/$path", $text);
}

sub pull {
	my ($flag, $kill) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, ">", "$state/.out";
		open STDERR, ">&", \*STDOUT;
		exec "gitopper-pull", $flag ? $flag : (), sort keys %s;
		exit 111;
	}
	if ($kill) {
		sleep $kill;
		kill 9, $pid;
	}
	waitpid $pid, 0;
	return $?;
}

sub pull_well {
	my $flag = shift;
	for (1 .. 200) {
		return if pull($flag) == 0;
		# what was killed may hold a lock for another instant
		last if slurp("$state/.out") !~ /lock/;
		sleep 0.05;
	}
	wrong("gitopper-pull ", $flag // "", ": ", slurp("$state/.out"));
}

sub wanted { $_[0]{pin} // ($_[0]{frozen} ? $_[0]{at} : $tip) }

# What the tree must be after the step, from the old and the new listing, and
# from what there was.
sub expected {
	my ($s, $old, $new, $there, $fix) = @_;
	my (%t, %change);
	for (keys %$new) {
		my $kept = $old->{$_} && same($old->{$_}, $new->{$_}) &&
		    !($fix && !($there->{$_} && same($there->{$_},
		    $old->{$_})));
		if (!$kept) {
			$t{$_} = $new->{$_};
			$change{$_} = 1;
		} elsif ($there->{$_}) {
			$t{$_} = $there->{$_};
		}
	}
	my %dir = map { $_ => 1 } map { above($_) } keys %change;
	for (keys %$there) {
		next if $t{$_} || $old->{$_} || $new->{$_} || $dir{$_} ||
		    grep { $change{$_} } above($_);
		$t{$_} = $there->{$_};
	}
	return \%t;
}

sub brief { my $t = "@{$_[0]}"; $t =~ s{(.{30}).*}{$1...}s; $t }
sub show {
	my $t = shift;
	return join "", map { "  $_: " . brief($t->{$_}) . "\n" } sort keys %$t;
}

sub differ {
	my ($got, $want) = @_;
	my %all = (%$got, %$want);
	return join "", map { my ($g, $w) = ($got->{$_}, $want->{$_});
	    $g && $w && same($g, $w) ? () : sprintf "%s: got %s, wanted %s\n",
	    $_, $g ? brief($g) : "nothing", $w ? brief($w) : "nothing" }
	    sort keys %all;
}

sub unquote {
	my $p = shift;
	return $p if $p !~ s/^"(.*)"$/$1/s;
	$p =~ s/\\([0-7]{3}|.)/length $1 == 3 ? chr oct $1 :
	    { n => "\n", t => "\t" }->{$1} \/\/ $1/ge;
	return $p;
}

sub index_check {
	my ($name, $new) = @_;
	my %want = map { my ($mode, $text) = @{$new->{$_}};
	    $_ => [$mode, sha1_hex("blob " . length($text) . "\0$text")] }
	    keys %$new;
	my %got = map { /^(\d+) (\w+) [^\t]*\t(.*)$/ ?
	    (unquote($3) => [$1, $2]) : () }
	    split /\n/, slurp("$state/$name/index");
	my $d = differ(\%got, \%want);
	wrong("$name: index: $d") if $d ne "";
}

sub changes_check {
	my ($name, $old, $new) = @_;
	my %got = map { /^([AMD])\t(.*)$/ ? (unquote($2) => [$1, ""]) : () }
	    split /\n/, slurp("$state/$name/changes");
	my %want = map { my ($o, $n) = ($old->{$_}, $new->{$_});
	    $o && $n && same($o, $n) ? () : ($_ => [$o && $n ? "M" :
	    $o ? "D" : "A", ""]) } keys %{{%$old, %$new}};
	my $d = differ(\%got, \%want);
	wrong("$name: changes: $d") if $d ne "";
}

sub tokens_check {
	my ($name, $before, $after) = @_;
	my %left = map { $_->[1] => 1 } values %$after;
	my @gone = grep { $_->[1] =~ /^token/ && !$left{$_->[1]} }
	    values %$before or return;
	my %saved = map { $_->[1] => 1 } values %{snapshot(
	    "$state/$name/saved", "", {})};
	for (@gone) {
		wrong("$name: \"$_->[1]\" is lost") if !$saved{$_->[1]};
	}
}

sub service_step {
	my ($name, $s) = ($_[0], $s{$_[0]});
	if (chance(0.08)) {
		my @h = history($tip);
		$s->{pin} = one_of(@h > 12 && chance(0.7) ? @h[-10 .. -1] : @h);
		spew("$state/$name/ctl/pin", "$id[$s->{pin}]\n");
		push @log, "  pin $name $s->{pin}";
	} elsif (chance(0.05)) {
		$s->{frozen} = 1;
		spew("$state/$name/ctl/frozen", "");
		push @log, "  freeze $name";
	} elsif (chance(0.3)) {
		delete @$s{qw(pin frozen)};
		unlink map "$state/$name/ctl/$_", "pin", "frozen";
		push @log, "  unfreeze $name";
	}
	if (chance(0.03) && $s->{links}[0] ne "" && !$s->{frozen}) {
		$s->{links} = one_of(["d"], ["d", "d/e"], ["k", "d/e"],
		    ["d/keep", "k"], ["d/e/keep"], ["k", "k", "d"]);
		push @log, "  links $name @{$s->{links}}";
		conf_write($name);
		spew("$state/$name/ctl/poke", "redo\n");
		$s->{asked} = 1;
	}
	edit($name) while chance(0.2);
}

sub tip_step {
	my $made = @id;
	if (chance(0.8)) {
		$tip += 1 + int rand 3;
		$tip = int rand $made / 2 if $tip >= $made;
	} elsif (chance(0.3)) {
		$tip = int rand $made;
	}
	spew("$repo/refs/heads/main", "$id[$tip]\n");
	push @log, "  tip $tip";
}

sub check {
	my ($name, $s, $there) = ($_[0], $s{$_[0]}, $_[1]);
	my $n = wanted($s);
	my $all = listing($n, $s->{links});
	my $new = $all;
	my $moved = !defined $s->{at} || $n != $s->{at};
	my $fix = $s->{fix} && ($moved || $s->{asked}) && !defined $s->{pin};
	my $want = expected($s, $s->{listing} // {}, $new, $there, $fix);
	my $got = snapshot("$state/$name/tree", "", {});
	my $d = differ($got, $want);
	wrong("$name at $n from ", $s->{at} // "nothing", ": $d",
	    "was:\n", show($there)) if $d ne "";
	wrong("$name: hash ", key($name, "hash"), " not $id[$n]")
	    if key($name, "hash") ne $id[$n];
	tokens_check($name, $there, $got);
	index_check($name, $new);
	my $inode = (stat "$state/$name/index")[1];
	changes_check($name, defined $s->{applied} ? listing($s->{applied},
	    $s->{links}) : {}, $all) if $inode != ($s->{inode} // 0) &&
	    !$s->{staged} && !$s->{unsure};
	@$s{qw(at listing inode staged asked)} = ($n, $new, $inode, 0, 0);
	# where nothing was to be done, it went on with the hash
	my $applied = key($name, "applied");
	($s->{applied}) = grep { $id[$_] eq $applied } 0 .. $#id if $applied;
	return if chance(0.3);
	my $status = slurp("$state/$name/status");
	$status =~ s/^(applied=.*|todo=act)\n//mg;
	spew("$state/$name/status", "${status}applied=$id[$n]\n");
	$s->{applied} = $n;
	$s->{unsure} = 0 if grep { $_ == $n } history($tip);
}

# once for each: what is damaged again within the hour has to wait
sub store_step {
	my ($store) = grep { !$damaged{$_}++ } glob "$state/.upstream/*" or
	    return;
	push @log, "  a store loses its packs";
	unlink glob "$store/repo/objects/pack/*";
	pull();		# may stumble over that
	# a new store may lack what was applied
	$_->{unsure} = 1 for values %s;
}

sub step {
	tip_step();
	service_step($_) for sort keys %s;
	my $how = rand;
	my %there = map { $_ => snapshot("$state/$_/tree", "", {}) } keys %s;
	store_step() if chance(0.03);
	if ($how < 0.3) {
		my $after = rand 0.08;
		push @log, "  kill after $after";
		pull(undef, $after);
	} elsif ($how < 0.5) {
		push @log, "  -f -p";
		pull_well("-f");
		pull_well("-p");
	} elsif ($how < 0.6) {
		push @log, "  -f";
		pull_well("-f");
		$_->{staged} = 1 for values %s;
	}
	pull_well();
	# a publish that was begun comes first
	pull_well() if $how < 0.3;
	check($_, $there{$_}) for sort keys %s;
}

commits_make($steps + int $steps / 2);
for (@given) {
	my ($name, $rest) = split /=/, $_, 2;
	my ($url, $links, $fix) = split /\|/, $rest;
	$s{$name} = { url => $url, links => [split /,/, $links], fix => $fix };
	$s{$name}{links} = [""] if !@{$s{$name}{links}};
	system "mkdir", "-p", "$state/$name/ctl";
	conf_write($name);
}
spew("$repo/refs/heads/main", "$id[0]\n");
pull_well();
check($_, {}) for sort keys %s;
for (1 .. $steps) {
	splice @log, 0, -40;
	push @log, "step $_";
	step();
}
print "all is well\n";
