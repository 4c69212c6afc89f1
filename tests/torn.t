#!/bin/sh
# torn.t - readers that loop over the files during 200 updates
. tests/lib.sh
updates=200

# Each commit has its number in all its files, again and again up to 64 KiB;
# and a link, and a file that comes and goes.
up=$tmp/up.git
git init -q --bare "$up"
perl -e '
	for my $n (1 .. shift) {
		my $text = sprintf("%07d\n", $n) x 8192;
		my $name = $n % 2 ? "a" : "sub/c";
		printf "blob\nmark :%d\ndata %d\n%s\n", 2 * $n, length $text, $text;
		print "commit refs/heads/all\nmark :", 2 * $n + 1, "\n",
			"committer T <t\@example.org> $n +0000\ndata 0\n\n";
		print "M 100644 :", 2 * $n, " app/$_\n"
			for "a", "b", "sub/c", "sub/deep/d";
		print $n % 2 ? "M 100644 :" . 2 * $n . " app/odd\n" :
			"D app/odd\n";
		printf "M 120000 inline app/link\ndata %d\n%s\n\n",
			length $name, $name;
	}' $((updates + 1)) | git -C "$up" fast-import --quiet
git -C "$up" rev-list --reverse all >"$tmp/commits"

# Reads all files until SIGTERM. Says what was wrong, and what it saw.
# usage: perl reader.pl DIR CHUNK
cat >"$tmp/reader.pl" <<'EOF2'
use strict;
use warnings;
my ($dir, $chunk) = @ARGV;
my ($done, $bad, $loops, %seen, %last) = (0, 0, 0);
$SIG{TERM} = sub { $done = 1 };
sub bad { print "@_\n"; $bad = 1 }
while (!$done) {
	$loops++;
	for my $f ('a', 'b', 'sub/c', 'sub/deep/d', 'link', 'odd') {
		my $text = '';
		open my $in, '<:raw', "$dir/$f" or do {
			bad "$f: $!" if $f ne 'odd' || !$!{ENOENT};
			next;
		};
		my $n;
		do {
			$n = sysread $in, $text, $chunk, length $text;
			next if !defined $n && $!{EINTR};
		} while !defined $n || $n;
		my $line = substr $text, 0, 8;
		bad "$f: torn" if length $text != 65536 ||
			$text ne $line x 8192;
		bad "$f: went back" if $f ne 'link' && $line lt ($last{$f} // '');
		$last{$f} = $line;
		$seen{$line} = 1;
	}
}
printf "%d loops, %d generations\n", $loops, scalar keys %seen;
exit $bad;
EOF2

state=$GITOPPER_STATE/a
mkdir -p "$state/ctl"
printf 'machine=m\nservice=a\nupstream=%s\nbranch=main\ndir=app\t\tdir\n' \
	"$up" >"$state/conf"
# update COMMIT
update() {
	git -C "$up" update-ref refs/heads/main "$1" && gitopper-pull a
}
first=$(sed 1q "$tmp/commits")
ok "the first commit" update "$first"
inodes() {
	stat -c '%i %n' "$state/tree" "$state/tree/app" "$state/tree/app/sub" \
		"$state/tree/app/sub/deep"
}
before=$(inodes)

spawn perl "$tmp/reader.pl" "$state/tree/app" 65536 >"$tmp/whole"
whole=$pid
spawn perl "$tmp/reader.pl" "$state/tree/app" 4096 >"$tmp/parts"
parts=$pid
sed 1d "$tmp/commits" | while read -r commit; do
	update "$commit" || exit 1
done >"$tmp/out" 2>&1
result $? "$updates updates"
is "the last commit is there" "$(value a hash)" \
	"$(git -C "$up" rev-parse all)"
is "and its content" "$(tail -n 1 "$state/tree/app/sub/deep/d")" \
	"$(printf %07d $((updates + 1)))"
for reader in whole parts; do
	eval "pid=\$$reader"
	kill -TERM "$pid"
	wait "$pid"
	status=$?
	cp "$tmp/$reader" "$tmp/out"
	result "$status" "no file is missing or torn, reading in $reader"
	generations=$(sed -n 's/.*loops, \([0-9]*\) gen.*/\1/p' "$tmp/$reader")
	ok "the reader saw enough" [ "$generations" -gt $((updates / 4)) ]
	sed 's/^/# /' "$tmp/$reader"
done
is "directories stay the same" "$(inodes)" "$before"
is "nothing was kept as edited" "$(ls "$state")" "changes
conf
ctl
index
lock
log
status
tree"
done_testing
