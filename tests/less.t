#!/bin/sh
# less.t - a new commit takes work in proportion to what it changes
. tests/lib.sh
. tests/servers.sh

root=$tmp/root S=$GITOPPER_STATE
mkdir "$root"

# service NAME URL LINK...: its conf
service() {
	name=$1 url=$2; shift 2
	mkdir -p "$S/$name/ctl"
	{
		printf 'upstream=%s\nbranch=main\ntimeout=600\n' "$url"
		for link; do
			printf 'dir=%s\t\tdir\n' "$link"
		done
	} >"$S/$name/conf"
}

# applied NAME: as gitopper-act would have it
applied() {
	sed -i '/^applied=/d; /^todo=act/d' "$S/$1/status" &&
	echo "applied=$(value "$1" hash)" >>"$S/$1/status"
}

# looked NAME: how much the reader had to open
looked() {
	sed -n "s/^gitopper-pull: [^ ]*: $1: [0-9a-f]*: \(.*\) read$/\1/p" "$tmp/out"
}

# listed NAME: what the index says of the commit's files
listed() {
	sed -n 's/^\([0-7]* [0-9a-f]*\) .*\(	.*\)$/\1\2/p' "$S/$1/index"
}

# right REPO NAME: tree, index and hash are those of the branch
right() {
	repo=$root/$1
	rm -f "$tmp/index"
	[ "$(value "$2" hash)" = "$(git -C "$repo" rev-parse main)" ] &&
	git -C "$repo" -c core.quotePath=true ls-tree -r main |
	sed 's/ blob / /' >"$tmp/wanted" &&
	listed "$2" | diff "$tmp/wanted" - &&
	GIT_INDEX_FILE=$tmp/index git -C "$repo" read-tree main &&
	GIT_INDEX_FILE=$tmp/index git --git-dir="$repo" \
		--work-tree="$S/$2/tree" add -A --dry-run . >"$tmp/differs" &&
	diff /dev/null "$tmp/differs"
}

# change REPO TEXT DIR...: a commit that changes a file of each sDIR, and adds
# one to the last
change() {
	repo=$1; shift
	perl -e '
		my ($text, @dirs) = @ARGV;
		printf "commit refs/heads/main\ncommitter Tester " .
			"<tester\@example.org> %d +0000\ndata 1\nx\n" .
			"from refs/heads/main^0\n", 1800000000 + $text;
		printf "M 100644 inline s%d/f%d\ndata %d\n%s\n", $_, $_,
			length $text, $text for @dirs;
		printf "M 100644 inline s%d/new%s\ndata 0\n\n", $dirs[-1], $text;
		print "done\n";
	' "$@" | git -C "$root/$repo" fast-import --quiet --done
}

# many files in many directories, of which few change
sh tests/generate.sh "$root/r.git" 20000 300 400 || exit 111
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/r.git" config uploadpack.$key true
done
ok "a git daemon" try git_daemon "$root"
service big "$git_url/r.git" ""
ok "20,000 files in 400 directories" gitopper-pull -d big
is "all is read" "$(looked big)" "401 directories and 20000 files"
applied big
change r.git 1 0 100 200
ok "a commit that changes 3 of them, and adds one" gitopper-pull -d big
is "no more than these are, and the directories they are in, twice" \
	"$(looked big)" "8 directories and 4 files"
ok "the tree and the index are right" right r.git big
is "changes says what they are" "$(cat "$S/big/changes")" "M	s0/f0
M	s100/f100
M	s200/f200
A	s200/new1"
applied big
git -C "$root/r.git" update-ref refs/heads/main main~1
ok "one that is not followed by another" gitopper-pull -d big
is "is as cheap" "$(looked big)" "8 directories and 3 files"
ok "and right" right r.git big
applied big

# Each way to begin again: all 41 directories are read, and 6 to know what
# differs from what was applied.
sh tests/generate.sh "$root/s.git" 200 20 40 || exit 111
url=$root/s.git
service s "$url" ""
ok "fewer files" gitopper-pull -d s
applied s
before=$(value s hash)
# again HOW DIRECTORIES FILES
again() {
	n=$((${n:-0} + 1))
	change s.git "$n" 1 2
	ok "$1" gitopper-pull -d s
	is "$1: what was read" "$(looked s)" "$2 directories and $3 files"
	ok "$1: all is right" right s.git s
	applied s
}
again "as usual" 6 3
echo garbage >"$S/s/index"
again "an index that is damaged" 47 202
rm "$S/s/index"
again "one that is gone" 47 203
sed -i 's/^commit .*/commit 1111111111111111111111111111111111111111/' \
	"$S/s/index"
again "one of a commit that is not known" 47 3
again "then as usual" 6 3
printf 'dir=s1\t\tdir\n' >>"$S/s/conf"
again "other links" 50 3
again "links that overlap" 8 3
sed -i '$d' "$S/s/conf"
again "others again" 47 3
echo drift=fix >>"$S/s/conf"
echo edited >"$S/s/tree/s30/f30"
again "an edit that is put back" 47 4
sed -i '/^drift/d' "$S/s/conf"
rm -r "$S/s/tree"
again "a tree that is gone" 47 210
again "all is well" 6 3
echo edited >"$S/s/tree/s30/f30"
n=$((n + 1))
change s.git "$n" 1 2
ok "an edit elsewhere" gitopper-pull -d s
is "is of no consequence" "$(looked s)" "6 directories and 3 files"
is "and left alone" "$(cat "$S/s/tree/s30/f30") $(value s drift)" "edited 1"
git -C "$root/s.git" cat-file blob main:s30/f30 >"$S/s/tree/s30/f30"

# what was applied is not what is published
status=$(cat "$S/s/status")
n=$((n + 1))
change s.git "$n" 3
ok "a commit after one that wasn't applied" gitopper-pull -d s
is "is compared with both" "$(looked s)" "12 directories and 2 files"
is "changes since what was applied" "$(cat "$S/s/changes")" "M	s1/f1
M	s2/f2
A	s2/new$((n - 1))
M	s3/f3
A	s3/new$n"
printf '%s\n' "$status" | grep '^applied=' >"$tmp/applied"
sed -i "s/^applied=.*/applied=$before/" "$S/s/status"
ok "back to what was applied at first" sh -c "echo $before >$S/s/ctl/pin &&
	gitopper-pull s"
is "changes nothing" "$(cat "$S/s/changes")" ""
rm "$S/s/ctl/pin"
sed -i "s/^applied=.*/applied=1111111111111111111111111111111111111111/" \
	"$S/s/status"
ok "and on from one that nobody knows" gitopper-pull -d s
is "is all new" "$(grep -c ^A "$S/s/changes")" "$(listed s | wc -l)"
ok "and right" right s.git s

# what is the same isn't there to be read
git clone -q --bare "$root/s.git" "$root/holes.git"
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/holes.git" config uploadpack.$key true
done
service holes "$git_url/holes.git" ""
ok "a store of its own" gitopper-pull holes
applied holes
store=$(upstream_dir "$git_url/holes.git")
# punch: makes all objects files, and removes each directory but s1 and s2
punch() {
	mkdir "$tmp/packs" && mv "$store"/repo/objects/pack/* "$tmp/packs" &&
	for p in "$tmp"/packs/*.pack; do
		git -C "$store/repo" unpack-objects -q <"$p" || return 1
	done
	rm -r "$tmp/packs"
	git -C "$store/repo" ls-tree main |
	while read -r _ type id dir; do
		case $type$dir in
		trees1 | trees2) continue ;;
		tree*) ;;
		esac
		rm "$store/repo/objects/${id%"${id#??}"}/${id#??}" || return 1
	done
}
ok "from which 38 directories go" punch
fails 1 "they are missed by who needs them" sh -c "git -C '$store/repo' \
	ls-tree -r main >'$tmp/ls' 2>&1 || exit 1"
change holes.git 50 1 2
ok "a commit that doesn't is followed" gitopper-pull -d holes
is "the new hash" "$(value holes hash)" \
	"$(git -C "$root/holes.git" rev-parse main)"
is "with what it brought" "$(cat "$S/holes/tree/s1/f1")" 50
is "nobody missed them" "$(ls "$store" | grep damaged)" ""
ok "the tree is whole" right holes.git holes
applied holes
old=$(git -C "$root/holes.git" rev-list main | tail -n 1)
echo "$old" >"$S/holes/ctl/pin"
is "nor has the store been made anew" \
	"$(grep -c ^renewed= "$store/status")" 0
ok "one that does is followed, too" gitopper-pull holes
is "its hash" "$(value holes hash)" "$old"
is "they were missed then, and fetched" \
	"$(grep -c ^renewed= "$store/status")" 1

# anything may become anything else; a service that is new is the measure
git init -q --bare "$root/all.git"
perl -e '
	use strict;
	use warnings;

	my @names = qw(a b a.b a-b ab d/e/x d/e/y d/x);
	my %file = ("d/keep" => "100644 d", "d/e/keep" => "100644 e");
	srand 7;

	sub path { join "/", map { $names[rand @names] } 0 .. rand 3 }
	sub content {
		my $n = int rand 4;
		return (qw(100644 100755 120000 160000))[rand 4] . " $n";
	}

	for my $n (1 .. 40) {
		for (1 .. 1 + rand 6) {
			my $path = path();
			next if "d/e/keep" =~ m{^\Q$path\E(/|$)} ||
				$path =~ m{^d/(e/)?keep};
			delete @file{grep { m{^\Q$path\E/} ||
				$path =~ m{^\Q$_\E/} } keys %file};
			if (rand() < 0.3) {
				delete $file{$path};
			} else {
				$file{$path} = content();
			}
		}
		printf "commit refs/heads/main\ncommitter Tester " .
			"<tester\@example.org> %d +0000\ndata 1\nx\n" .
			"deleteall\n", 1700000000 + $n;
		for my $path (sort keys %file) {
			my ($mode, $text) = split " ", $file{$path};
			if ($mode eq "160000") {
				printf "M 160000 %s %s\n", $text x 40, $path;
				next;
			}
			$text = "version https://git-lfs.github.com/spec/v1\n"
				if $text eq "3" && $mode ne "120000";
			printf "M %s inline %s\ndata %d\n%s\n", $mode, $path,
				length $text, $text;
		}
	}
	print "done\n";
' | sed 's/^M 160000 0\{40\}/M 160000 4444444444444444444444444444444444444444/' |
git -C "$root/all.git" fast-import --quiet --done ||
	exit 111
git -C "$root/all.git" rev-list --reverse main >"$tmp/commits"
service whole "$root/all.git" ""
service parts "$root/all.git" d d/e
n=0 bad=
while read -r id; do
	n=$((n + 1))
	echo "$id" >"$root/all.git/refs/heads/main"
	rm -rf "$S/whole.new" "$S/parts.new"
	service whole.new "$root/all.git" ""
	service parts.new "$root/all.git" d d/e
	gitopper-pull whole parts whole.new parts.new >"$tmp/step" 2>&1 || {
		bad="$n: $(cat "$tmp/step")"
		break
	}
	for s in whole parts; do
		listed $s >"$tmp/old"
		listed $s.new >"$tmp/new"
		[ "$(value $s hash)" = "$id" ] &&
		diff "$tmp/old" "$tmp/new" >"$tmp/step" &&
		diff -r --no-dereference "$S/$s/tree" "$S/$s.new/tree" \
			>>"$tmp/step" &&
		[ "$(cd "$S/$s/tree" && find . -type f -perm -100 | sort)" = \
		"$(cd "$S/$s.new/tree" && find . -type f -perm -100 | sort)" ] || {
			bad="$n: $s: $(cat "$tmp/step")"
			break 2
		}
		applied $s
	done
done <"$tmp/commits"
is "each of 40 commits gives what a new service gets" "$bad" ""
is "all of them were followed" "$n" 40
ok "there were submodules, and LFS files" test \
	"$(grep -c 'is a submodule' "$S/whole/log")" -gt 5 -a \
	"$(grep -c 'is an LFS file' "$S/whole/log")" -gt 5

# trees that git wouldn't make: $1 and $2 are 20 bytes each, as printf has them
raw() {
	printf '100644 %s\0' "$1"
	printf %s "$2" | sed 's/../\\x&/g' | xargs -0 /usr/bin/printf
}
# odd TREE: a commit of it
odd() {
	id=$(git -C "$root/odd.git" commit-tree -p main -m odd "$1") &&
	git -C "$root/odd.git" update-ref refs/heads/main "$id"
}
tree() {
	git -C "$root/odd.git" hash-object -t tree -w --stdin --literally
}
git clone -q --bare "$root/s.git" "$root/odd.git"
one=$(echo one | git -C "$root/odd.git" hash-object -w --stdin)
two=$(echo two | git -C "$root/odd.git" hash-object -w --stdin)
odd "$( (raw a "$one"; raw b "$one") | tree)"
service odd "$root/odd.git" ""
ok "an ordinary tree" gitopper-pull odd
applied odd
odd "$( (raw b "$one"; raw a "$two"; raw c "$two") | tree)"
ok "one that is out of order" gitopper-pull odd
is "is followed all the same" "$(cd "$S/odd/tree" && cat a b c)" "two
one
two"
applied odd
odd "$( (raw a "$one"; raw b "$one") | tree)"
ok "as is the next" gitopper-pull odd
is "which is right" "$(cd "$S/odd/tree" && echo *; cat "$S/odd/tree/a")" "a b
one"
applied odd
odd "$( (raw a "$one"; raw a "$two"; raw b "$one") | tree)"
fails 1 "one that has a name twice" gitopper-pull odd
like "is refused" "$(value odd error)" 'a tree holds a twice'
is "nothing moves" "$(cat "$S/odd/tree/a")" one

# whether a branch was rewritten
git clone -q --bare "$root/s.git" "$root/h.git"
service h "$root/h.git" ""
ok "a history" gitopper-pull h
# follow NAME DATE [PARENT]: a commit on top, its committer's clock at DATE
follow() {
	id=$(GIT_COMMITTER_DATE="$2 +0000" git -C "$root/h.git" commit-tree \
		${3:+-p "$3"} -m x 'main^{tree}') &&
	git -C "$root/h.git" update-ref refs/heads/main "$id" &&
	gitopper-pull h
}
rewritten() {
	grep -c 'the branch was rewritten' "$S/h/log"
}
ok "a clock that is years behind" follow behind 1500000000 main
is "rewrites nothing" "$(rewritten)" 0
far=$(git -C "$root/h.git" rev-parse main)
n=0
while [ $n -lt 99 ]; do
	far=$(git -C "$root/h.git" commit-tree -p "$far" -m x 'main^{tree}')
	n=$((n + 1))
done
ok "nor do a hundred commits at once" follow far 1900000000 "$far"
is "in a row" "$(rewritten)" 0
ok "another commit in the place of the last" follow other 1900000001 main~1
is "does" "$(rewritten)" 1
ok "a history that has nothing in common" follow orphan 1900000002
is "does as well" "$(rewritten)" 2
done_testing
