#!/bin/sh
# generate.sh - makes a bare repository, quickly, by git fast-import
# usage: generate.sh DIR FILES COMMITS [DIRS [BRANCH]]
# File I is sI%DIRS/fI, so that each of DIRS (100) services can have one
# directory. The first commit has all files, each later one changes one file.

usage="usage: generate.sh DIR FILES COMMITS [DIRS [BRANCH]]"
repo=${1:?$usage} files=${2:?$usage} commits=${3:?$usage}
dirs=${4:-100} branch=${5:-main}

git init -q --bare "$repo" &&
git -C "$repo" symbolic-ref HEAD "refs/heads/$branch" &&
perl -e '
	use strict;
	use warnings;
	my ($files, $commits, $dirs, $branch) = @ARGV;

	sub file {
		my ($i, $round) = @_;
		# some hundred bytes, which differ from file to file
		my $text = join "", map {
			sprintf "key%d = %d\n", $_, ($i * 7919 + $_) * 31 % 99991
		} 1 .. 24;
		$text = "file $i round $round\n$text";
		printf "M 100644 inline s%d/f%d\ndata %d\n%s\n", $i % $dirs,
			$i, length $text, $text;
	}

	for my $n (1 .. $commits) {
		my $message = "commit $n\n";
		printf "commit refs/heads/%s\ncommitter Tester " .
			"<tester\@example.org> %d +0000\ndata %d\n%s", $branch,
			1700000000 + $n, length $message, $message;
		if ($n == 1) {
			file($_, 1) for 0 .. $files - 1;
		} else {
			file($n * 17 % $files, $n);
		}
		print "\n";
	}
	print "done\n";
' "$files" "$commits" "$dirs" "$branch" |
git -C "$repo" fast-import --quiet --done
