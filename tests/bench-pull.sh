#!/bin/sh
# bench-pull.sh - time, CPU, network, memory and disk: gitopper-pull and git
# Each figure is a median of RUNS runs, in turn with those of git.
. tests/lib.sh
. tests/servers.sh
. tests/cycles.sh

files=${FILES:-50000} commits=${COMMITS:-5000} runs=${RUNS:-5}
# columns of what usage prints
line=1 end=2 cpu=3 memory=4

mkdir "$tmp/root" "$tmp/took" || exit 111
# serve NAME FILES COMMITS DIRS: a repository that can leave blobs out
serve() {
	sh tests/generate.sh "$tmp/root/$1" "$2" "$3" "$4" &&
	git -C "$tmp/root/$1" config uploadpack.allowFilter true &&
	git -C "$tmp/root/$1" config uploadpack.allowAnySHA1InWant true
}
serve r.git "$files" "$commits" 100 &&
serve many.git 1000 20 1000 &&
cp -r "$tmp/root/r.git" "$tmp/root/refs.git" &&
try git_daemon "$tmp/root" || exit 111
url=$git_url/r.git
i=1
while [ "$i" -le 20 ]; do
	ln -s many.git "$tmp/root/u$i.git" && i=$((i + 1)) || exit 111
done
git -C "$tmp/root/refs.git" rev-list --max-count=20000 main |
perl -e '
	my @commits = map { chomp; $_ } <STDIN>;
	print "create refs/pull/$_/head $commits[$_ % @commits]\n"
		for 1 .. 20000;
' | git -C "$tmp/root/refs.git" update-ref --stdin &&
git -C "$tmp/root/refs.git" pack-refs --all || exit 111

# take NAME COMMAND...: notes what one run of it takes
take() {
	name=$1; shift
	# what another one left to be written is not this one's to wait for
	sync
	"$top/tests/usage" "$@" >>"$tmp/took/$name" || {
		echo "$name failed" >&2
		exit 1
	}
}

# median NAME COLUMN
median() {
	sort -n -k "$2,$2" "$tmp/took/$1" | awk -v c="$2" '{ v[NR] = $c }
		END { print v[int((NR + 1) / 2)] }'
}

# row TEXT OURS THEIRS [WANTED]: a line of the table
row() {
	perl -e '
		my ($text, $a, $b, $wanted) = @ARGV;
		my $form = $a + 0 >= 100 || $b + 0 >= 100 ? "%10.0f" : "%10.4f";
		printf "    %-42s $form $form %6.2f%s\n", $text, $a, $b,
			$a / $b, $wanted ? "  <= $wanted" : "";
	' "$@"
}

title() {
	printf '%s\n%-46s %10s %10s %6s  wanted\n' "$1" '' ours "$2" ratio
}

# settled STATE: all is deployed, and nothing is left for later looks
make_cycle
settled() {
	"$tmp/cycle" "$1" && "$tmp/cycle" "$1"
}

# alternate COUNT FUNCTION: calls it with 1, 2, ...
alternate() {
	run=1
	while [ "$run" -le "$1" ]; do
		"$2" "$run" || exit 1
		run=$((run + 1))
	done
}

# pull STATE: the part of a cycle that looks, fetches and publishes
cat >"$tmp/pull" <<'EOF'
#!/bin/sh
GITOPPER_STATE=$1 exec gitopper-pull -a
EOF
cat >"$tmp/partial" <<'EOF'
#!/bin/sh
git clone -q --filter=blob:none --sparse --no-checkout "$1" "$2" &&
git -C "$2" sparse-checkout set s0 &&
git -C "$2" checkout -q
EOF
cat >"$tmp/bare" <<'EOF'
#!/bin/sh
git clone -q --no-checkout "$1" "$2" && git -C "$2" checkout -q HEAD -- s0
EOF
cat >"$tmp/merge" <<'EOF'
#!/bin/sh
cd "$1" && git fetch -q && git diff --stat HEAD origin/main -- s0 &&
git merge -q origin/main >/dev/null
EOF
chmod 755 "$tmp/pull" "$tmp/partial" "$tmp/bare" "$tmp/merge"

# disk DIR: KiB
disk() {
	du -sk "$1" | cut -f 1
}

# received COMMAND...: bytes that it gets through the proxy
received() {
	before=$(awk '/^Closed/ { n += $2 } END { print n + 0 }' "$proxy_log")
	"$@" >/dev/null && within 10 all_closed || exit 1
	awk -v n="-$before" '/^Closed/ { n += $2 } END { print n }' "$proxy_log"
}

all_closed() {
	[ "$(connections "$proxy_log")" -eq "$(grep -c ^Closed "$proxy_log")" ]
}

first() {
	services "$tmp/state$1" 1 "$url"
	take first "$tmp/pull" "$tmp/state$1"
	take partial "$tmp/partial" "$url" "$tmp/partial$1"
	take bare "$tmp/bare" "$url" "$tmp/bare$1"
	take full git clone -q "$url" "$tmp/full$1"
	diff -r "$tmp/state$1/s0/tree/s0" "$tmp/partial$1/s0"
}

echo "$files files in 100 directories, $commits commits, one directory" \
	"deployed; seconds, bytes, KiB"
alternate "$runs" first
proxy "${git_url#git://}" || exit 111
through=git://127.0.0.1:$proxy_port/r.git
services "$tmp/counted" 1 "$through"
bytes=$(received "$tmp/pull" "$tmp/counted")
partial=$(received "$tmp/partial" "$through" "$tmp/counted.partial")
full=$(received git clone -q -n "$through" "$tmp/counted.full")
store=$(disk "$(echo "$tmp"/state1/.upstream/*/repo)")
title '(a) first deployment' 'partial'
row 'until published' "$(median first $line)" "$(median partial $end)" 0.8
row 'CPU' "$(median first $cpu)" "$(median partial $cpu)"
row 'bytes received' "$bytes" "$partial"
row 'object store, .git' "$store" "$(disk "$tmp/partial1/.git")" 0.65
row 'memory, largest process' "$(median first $memory)" \
	"$(median partial $memory)"
title '' 'full'
row 'until published' "$(median first $line)" "$(median full $end)" 0.33
row 'the same, only s0 checked out' "$(median first $line)" \
	"$(median bare $end)"
row 'CPU' "$(median first $cpu)" "$(median full $cpu)"
row 'bytes received' "$bytes" "$full"
row 'object store, .git' "$store" "$(disk "$tmp/full1/.git")"
row 'memory, largest process' "$(median first $memory)" \
	"$(median full $memory)"

# change NUMBER: a commit that changes three files of s0
change() {
	perl -e '
		my ($n) = @ARGV;
		printf "commit refs/heads/main\ncommitter Tester " .
			"<tester\@example.org> %d +0000\ndata 1\nx\n" .
			"from refs/heads/main^0\n", 1800000000 + $n;
		printf "M 100644 inline s0/f%d\ndata %d\n%s\n", $_,
			length "now $n\n", "now $n\n" for 0, 100, 200;
		print "done\n";
	' "$1" | git -C "$tmp/root/r.git" fast-import --quiet --done
}

news() {
	change "$1"
	take news "$tmp/pull" "$tmp/state1"
	take git_news git -C "$tmp/partial1" pull -q
	diff -r "$tmp/state1/s0/tree/s0" "$tmp/partial1/s0"
}

alternate $((runs * 2)) news
title '(b) a commit that changes 3 files' 'pull'
row 'until published' "$(median news $line)" "$(median git_news $end)" 0.5
row 'CPU, and what comes after' "$(median news $cpu)" "$(median git_news $cpu)"

# the same without a server
local_url=file://$tmp/root/r.git
local_first() {
	services "$tmp/local$1" 1 "$local_url"
	take local "$tmp/pull" "$tmp/local$1"
	take git_local "$tmp/partial" "$local_url" "$tmp/git_local$1"
	diff -r "$tmp/local$1/s0/tree/s0" "$tmp/git_local$1/s0"
}
local_news() {
	change $((1000 + $1))
	take local_news "$tmp/pull" "$tmp/local1"
	take git_local_news git -C "$tmp/git_local1" pull -q
	diff -r "$tmp/local1/s0/tree/s0" "$tmp/git_local1/s0"
}
alternate "$runs" local_first
store=$(disk "$(echo "$tmp"/local1/.upstream/*/repo)")
title '(g) first deployment by file://' 'partial'
row 'until published' "$(median local $line)" "$(median git_local $end)" 1
row 'CPU' "$(median local $cpu)" "$(median git_local $cpu)"
row 'object store, .git' "$store" "$(disk "$tmp/git_local1/.git")" 1
row 'memory, largest process' "$(median local $memory)" \
	"$(median git_local $memory)"
alternate $((runs * 2)) local_news
title '    a commit that changes 3 files' 'pull'
row 'until published' "$(median local_news $line)" \
	"$(median git_local_news $end)" 1
row 'CPU, and what comes after' "$(median local_news $cpu)" \
	"$(median git_local_news $cpu)"

# look SUFFIX URL STATE CLONE: finds nothing new, three ways
look() {
	take "look$1" "$tmp/pull" "$3"
	take "ls$1" git ls-remote "$2"
	take "merge$1" "$tmp/merge" "$4"
}

look_table() {
	title "$1" ls-remote
	row 'time' "$(median "look$2" $end)" "$(median "ls$2" $end)" 1.2
	row 'CPU' "$(median "look$2" $cpu)" "$(median "ls$2" $cpu)"
	title '' fetch+...
	row 'time' "$(median "look$2" $end)" "$(median "merge$2" $end)"
	row 'CPU' "$(median "look$2" $cpu)" "$(median "merge$2" $cpu)" 1
}

look_c() {
	look _c "$url" "$tmp/state1" "$tmp/partial1"
}
settled "$tmp/state1" || exit 1
alternate $((runs * 4)) look_c
look_table '(c) nothing new' _c


counts='1 10 20 100 1000'
for n in $counts; do
	services "$tmp/many$n" "$n" "$git_url/many.git"
	settled "$tmp/many$n" || exit 1
done
k=1
while [ "$k" -le 20 ]; do
	services "$tmp/apart" 1 "$git_url/u$k.git" &&
	mv "$tmp/apart/s0" "$tmp/apart/a$k" &&
	sed -i "s/^service=.*/service=a$k/" "$tmp/apart/a$k/conf" || exit 1
	k=$((k + 1))
done
settled "$tmp/apart" || exit 1
look_d() {
	for n in $counts; do
		take "many$n" "$tmp/pull" "$tmp/many$n"
	done
	take apart "$tmp/pull" "$tmp/apart"
}
alternate $((runs * 2)) look_d
title '(d) nothing new, services on one upstream' one
for n in $counts; do
	row "$n: time" "$(median "many$n" $end)" "$(median many1 $end)" \
		"$(case $n in 1000) echo 5 ;; esac)"
	row "$n: CPU" "$(median "many$n" $cpu)" "$(median many1 $cpu)"
done
row '20 upstreams: time' "$(median apart $end)" "$(median many1 $end)"
row '20 upstreams: CPU' "$(median apart $cpu)" "$(median many1 $cpu)"
title '' fetch+...
row '20: CPU for each' \
	"$(perl -e 'print $ARGV[0] / 20' "$(median many20 $cpu)")" \
	"$(median merge_c $cpu)" 0.1
row '20 upstreams: CPU for each' \
	"$(perl -e 'print $ARGV[0] / 20' "$(median apart $cpu)")" \
	"$(median merge_c $cpu)"

services "$tmp/refs" 1 "$git_url/refs.git"
settled "$tmp/refs" &&
"$tmp/partial" "$git_url/refs.git" "$tmp/refs.clone" || exit 1
look_e() {
	look _e "$git_url/refs.git" "$tmp/refs" "$tmp/refs.clone"
}
alternate $((runs * 2)) look_e
look_table '(e) nothing new, 20,000 refs' _e

services "$tmp/twenty" 20 "$url"
settled "$tmp/twenty" || exit 1
all=$(find "$tmp/twenty" -name tree -prune -o -type f -printf '%k\n' |
	awk '{ n += $1 } END { print n }')
title '(f) disk of 20 services, but for their trees' '.git x 20'
row 'KiB' "$all" $((20 * $(disk "$tmp/partial1/.git"))) 0.1
