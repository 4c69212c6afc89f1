#!/bin/sh
# policy.t - which commit a service should be at, and what is due to it
. tests/lib.sh

umask 022
cd "$tmp" || exit 111
state=$GITOPPER_STATE
t=$(printf '\t')
ctl=$state/s/ctl
tree=$state/s/tree

# put REPO PATH TEXT: writes a file, and the directories above it
put() { mkdir -p "$(dirname "$1/$2")" && printf '%s\n' "$3" >"$1/$2"; }

# push TEXT: a commit in r that makes app/a say so; prints it
push() { put r app/a "$1"; commit r "$1"; }

# service NAME [LINE...]: the conf of one on app of r, with more lines
service() {
	name=$1; shift
	mkdir -p "$state/$name/ctl"
	printf '%s\n' machine=here "service=$name" "upstream=$tmp/r" \
		branch=main "dir=app$t${t}dir" "$@" >"$state/$name/conf"
}

# pull [OPTION...] NAME: what it printed, on one line
pull() { gitopper-pull "$@" 2>err | tr '\n' ' '; }

# status LINE...: these keys of s get these values; without one, none
status() {
	touch "$state/s/status"
	for line; do
		sed -i "/^${line%%=*}=/d" "$state/s/status"
		[ -z "${line#*=}" ] || echo "$line" >>"$state/s/status"
	done
}

# act: what gitopper-act does when the action succeeds
act() { status "applied=$(value s hash)" todo=; }

# bad COMMIT LINE...: a verdict on it, as gitopper-act writes it down
bad() {
	status "bad=$1" 'verdict=health: it was not well' \
		'error=health: it was not well'
	shift
	status "$@"
}

# fresh [LINE...]: s at h2 of h1, h2, h3, all done, after which h3 came
fresh() {
	rm -rf r "$state"
	git init -q r
	service s "$@"
	h1=$(push one)
	gitopper-pull s >/dev/null 2>&1; act
	h2=$(push two)
	gitopper-pull s >/dev/null 2>&1; act
	h3=$(push three)
}

# at COMMIT TEXT: whether s is there, tree and all
at() {
	echo "hash $(value s hash), app/a: $(cat "$tree/app/a")"
	[ "$(value s hash)" = "$1" ] && [ "$(cat "$tree/app/a")" = "$2" ]
}

# redo: a poke that was there before the contact begins
redo() { echo redo >"$ctl/poke" && touch -d '1 second ago' "$ctl/poke"; }

short() { echo "$1" | cut -c"1-${2:-8}"; }
tip() { sed -n "s/^tip=main$t//p" "$(upstream_dir "$tmp/r")/status"; }
log() { cat "$state/s/log"; }

#
# Freeze
#
fresh
touch "$ctl/frozen"
is 'frozen: nothing is printed' "$(pull s)" ''
ok 'and nothing moves' at "$h2" two
is 'but the tip is known' "$(tip)" "$h3"
echo edit >>"$tree/app/a"
echo drift=fix >>"$state/s/conf"
touch -d '2 hours ago' "$state/s/index"
is 'the tree of a frozen one is left alone' "$(pull s)" ''
is 'edits and all' "$(tail -n 1 "$tree/app/a")" edit
echo two >"$tree/app/a"
echo $(($(date +%s) + 600)) >"$ctl/frozen"
pull s >/dev/null
ok 'frozen until a time to come' at "$h2" two
mv r away
ok 'upstream down is no error of a frozen one' gitopper-pull s
is 'nor in status' "$(value s error)" ''
mv away r
echo $(($(date +%s) - 1)) >"$ctl/frozen"
is 'a time that is over thaws' "$(pull s)" 's '
ok 'and the tip is followed' at "$h3" three
ok 'frozen is removed' test ! -e "$ctl/frozen"
act
touch "$ctl/frozen"
echo "$h1" >"$ctl/pin"
pull s >/dev/null
ok 'a pin moves a frozen one' at "$h1" one
act
echo 1 >"$ctl/frozen"
pull s >/dev/null
ok 'thawing, the pin goes with it' at "$h3" three
ok 'from the disk as well' test ! -e "$ctl/pin" -a ! -e "$ctl/frozen"
act
touch "$ctl/frozen"
push four >/dev/null
pull s >/dev/null
rm "$ctl/frozen"
is 'unfrozen, it goes on' "$(pull s)" 's '
ok 'to the tip' at "$(tip)" four
act
push five >/dev/null
h4=$(tip)
for why in 'waiting for the vendor' '20 minutes please' 2026-11-21 \
	"0 by anna: $(head -c 600 /dev/zero | tr '\0' x)" \
	"$(($(date +%s) + 600)) by anna, kernel 6.1 $(head -c 600 /dev/zero |
		tr '\0' y)"; do
	echo "$why" >"$ctl/frozen"
	is "frozen, because: $(echo "$why" | cut -c-40)" "$(pull s)" ''
	ok 'nothing moves' at "$h4" four
done
like 'the time that comes first counts' "$(gitopper-ctl status s)" \
	'^frozen: .* \(in [0-9]+ (minutes|seconds)\)$'
like 'what follows is shown' "$(gitopper-ctl list s)" \
	'frozen by root \(by anna, kernel 6.1 y+\) until '
echo "$(($(date +%s) - 1))" 'by anna' >"$ctl/frozen"
is 'one that is over thaws, whatever follows' "$(pull s)" 's '
service never
touch "$state/never/ctl/frozen"
is 'frozen before its first commit' "$(pull never)" ''
ok 'has none' sh -c '! grep hash= "$1"/status && ! test -e "$1"/tree' - \
	"$state/never"

#
# Pin
#
fresh
pull s >/dev/null; act
echo "$h1" >"$ctl/pin"
is 'a pin' "$(pull s)" 's '
ok 'is gone to' at "$h1" one
is 'changes are those of the way back' "$(cat "$state/s/changes")" \
	"M${t}app/a"
ok 'the log speaks of no rewritten branch' \
	sh -c '! grep rewritten "$1"' - "$state/s/log"
act
is 'and stayed at' "$(pull s)" ''
push four >/dev/null
is 'whatever comes' "$(pull s)" ''
ok 'still there' at "$h1" one
for pin in "$(short "$h2" 7)" "$(short "$h2" 12)" \
	"$(echo "$h2" | tr a-f A-F)" "$(short "$h2" 9 | tr a-f A-F)"; do
	echo "$h1" >"$ctl/pin"; pull s >/dev/null
	printf '%s' "$pin" >"$ctl/pin"
	is "pin $pin" "$(pull s)" 's '
	ok 'is that commit' at "$h2" two
	act
	is 'once' "$(pull s)" ''
done
for pin in "$(short "$h1" 6)" garbage "${h1}0" '' main HEAD "$h1 x"; do
	echo "$pin" >"$ctl/pin"
	fails 1 "pin '$pin' is none" gitopper-pull s
	is 'and said' "$(value s error)" 'pull: pin: what it holds is no commit'
	ok 'nothing moves' at "$h2" two
done
echo 0123456 >"$ctl/pin"
fails 1 'a commit that is nowhere' gitopper-pull s
is 'is said' "$(value s error)" \
	'pull: commit 0123456: there is no such commit'
is 'once for a cycle' "$(log | grep -c 'no such commit')" 1
ok 'and nothing moves' at "$h2" two
git -C r checkout -q -b side "$h1"
side=$(push side)
git -C r checkout -q main
service other
sed -i 's/^branch=.*/branch=side/' "$state/other/conf"
gitopper-pull other >/dev/null
echo "$side" >"$ctl/pin"
fails 1 'a commit of another branch' gitopper-pull s
is 'is said' "$(value s error)" \
	"pull: commit $(short "$side"): it is not in the history of the branch"
ok 'and nothing moves' at "$h2" two
rm "$ctl/pin"
is 'unpinned' "$(pull s)" 's '
ok 'it goes to the tip' at "$(tip)" four
is 'without an error' "$(value s error)" ''
act
h5=$(push five)
echo "$h5" >"$ctl/pin"
is 'a pin that is not here yet is fetched' "$(pull s; cat err)" 's '
ok 'and gone to' at "$h5" five
is 'and was no error' "$(log | grep -c "$(short "$h5").*no such")" 0
act
git -C r branch -q -m gone
echo "$h1" >"$ctl/pin"
pull s >/dev/null
ok 'a pin counts while the branch is gone' at "$h1" one
act
echo "$side" >"$ctl/pin"
fails 1 'but not any commit' gitopper-pull s
ok 'so nothing moves' at "$h1" one

# two commits that start with the same seven digits
rm -rf r "$state"
git init -q r
service s
put r app/a one
git -C r add -A
twin() {
	echo "$1" | GIT_AUTHOR_DATE='1700000000 +0000' \
		GIT_COMMITTER_DATE='1700000000 +0000' \
		git -C r commit-tree "$(git -C r write-tree)"
}
a=$(twin 3703) b=$(twin 5938)
is 'two commits are as alike as we need them' "$(short "$a" 7)" \
	"$(short "$b" 7)"
put r app/a two
git -C r add -A
both=$(git -C r commit-tree -p "$a" -p "$b" -m both "$(git -C r write-tree)")
git -C r update-ref refs/heads/main "$both"
pull s >/dev/null; act
short "$a" 7 >"$ctl/pin"
fails 1 'an ambiguous pin' gitopper-pull s
like 'is said' "$(value s error)" 'more than one commit starts like that$'
is 'and nothing moves' "$(cat "$tree/app/a")" two
short "$a" 10 >"$ctl/pin"
is 'three digits more tell' "$(pull s; value s hash)" "s $a"

#
# Rollback without the network
#
fresh
pull s >/dev/null; act
mv r away
echo "$h1" >"$ctl/pin"
is 'rollback with the upstream gone' "$(pull s; cat err)" 's '
ok 'works' at "$h1" one
is 'without an error' "$(value s error)" ''
act
short "$h2" >"$ctl/pin"
touch -d '1 second ago' "$ctl/poke"
is 'with a poke, too' "$(pull s | cut -c1)" s
ok 'works as well' at "$h2" two
ok 'and the poke goes' test ! -e "$ctl/poke"
rm "$ctl/pin"
fails 1 'unpinned, the upstream is missed' gitopper-pull s
like 'as an error' "$(value s error)" '^pull: '
act
is 'but the known tip is gone to' "$(pull s)" ''
ok 'of course' at "$h3" three
mv away r

#
# Errors: retry, since, failures
#
fresh
mv r away
# where it should be it has no trouble of its own; here it isn't
sed -i /^hash=/d "$state/s/status"
before=$(value s since)
fails 1 'an error' gitopper-pull s
like 'says what, and why' "$(value s error)" \
	'^pull: /.*/r: No such file or directory$'
first=$(value s error)
retry=$(($(value s retry) - $(date +%s)))
ok 'is tried again in 10 s' test $retry -ge 8 -a $retry -le 15
is 'is counted' "$(value s failures)" 1
ok 'has a since' test "$(value s since)" -ge "$before"
status "since=$(($(date +%s) - 100))"
fails 1 'the same again' gitopper-pull s
retry=$(($(value s retry) - $(date +%s)))
ok 'is tried again after as long again' test $retry -ge 98 -a $retry -le 152
status "since=$(($(date +%s) - 100000))"
fails 1 'for a day' gitopper-pull s
retry=$(($(value s retry) - $(date +%s)))
ok 'after the interval, or somewhat less' test $retry -ge 198 -a $retry -le 300
is 'all are counted' "$(value s failures)" 3
is 'and said once' "$(log | grep -cF "$first")" 1
mv away r
is 'when it is over' "$(pull s)" 's '
is 'the error goes' "$(value s error)$(value s retry)" ''
is 'the count stays' "$(value s failures)" 3
ok 'since is now' test "$(value s since)" -ge $(($(date +%s) - 5))

#
# Control files that are something else
#
# holds FILE WHAT WHY: what is there and makes no sense holds s, and is said
holds() {
	timeout 20 gitopper-pull s >/dev/null 2>err
	ok "$1: a $2 holds it where it is" at "$h2" two
	is 'which pull says' \
		"$(value s note | grep ^ctl; value s error | grep ^pull)" \
		"$(if [ "$1" = pin ]; then echo "pull: ctl/$1: $3"; else
			echo "ctl/$1: $3"; fi)"
	like 'and the list' "$(gitopper-ctl list s)" "ctl/$1: $3"
	rm -r "$ctl/$1"
}

for f in frozen pin; do
	fresh
	echo "$h3" >"$tmp/elsewhere"
	ln -s "$tmp/elsewhere" "$ctl/$f"
	holds "$f" link 'is no file'
	mkfifo "$ctl/$f"
	holds "$f" FIFO 'is no file'
	mkdir "$ctl/$f"
	holds "$f" directory 'is no file'
	head -c 200000 /dev/zero | tr '\0' 1 >"$ctl/$f"
	holds "$f" 'huge file' 'longer than 1024 bytes'
	is "without a $f it goes on" "$(pull s)" 's '
	ok 'to the tip' at "$h3" three
	is 'and nothing is said any more' "$(value s note)$(value s error)" ''
done
fresh
pull s >/dev/null; act
echo redo >"$tmp/elsewhere"
ln -s "$tmp/elsewhere" "$ctl/poke"
ok 'poke: a link says nothing' timeout 20 gitopper-pull s
mkfifo "$ctl/poke"
ok 'poke: nor does a FIFO, and it holds nothing up' timeout 20 gitopper-pull s
mkdir "$ctl/poke"
ok 'poke: nor a directory' timeout 20 gitopper-pull s
head -c 200000 /dev/zero | tr '\0' 1 >"$ctl/poke"
ok 'poke: nor a huge file' timeout 20 gitopper-pull s
ok 'none of them stays' test ! -e "$ctl/poke" -a ! -h "$ctl/poke"
ok 'none of them did anything' at "$h3" three
is 'nor left an error' "$(value s error)" ''
if [ "$(id -u)" -eq 0 ]; then
	touch "$ctl/frozen"
	echo "$h1" >"$ctl/pin"
	chown 65534 "$ctl/pin"
	pull s >/dev/null
	ok "root's freeze: another's pin does not count" at "$h3" three
	chown 65534 "$ctl/frozen"
	pull s >/dev/null
	ok "nobody's freeze: it counts" at "$h1" one
	chown 0 "$ctl/frozen" "$ctl/pin"
	echo "$h2" >"$ctl/pin"
	pull s >/dev/null
	ok "root's freeze and root's pin: it counts" at "$h2" two
fi

#
# Poke
#
fresh
pull s >/dev/null; act
touch -d '1 second ago' "$ctl/poke"
is 'a poke for nothing' "$(pull s)" ''
ok 'goes' test ! -e "$ctl/poke"
touch -d tomorrow "$ctl/poke"
is 'one out of the future' "$(pull s)" ''
ok 'goes, too' test ! -e "$ctl/poke"
status "checked=$(value s hash)"
redo
is 'a redo has it acted upon' "$(pull s)" 's '
is 'and checked again' "$(value s checked)" ''
is 'by todo=act' "$(value s todo)" act
ok 'and goes' test ! -e "$ctl/poke"
bad "$h3" todo=
redo
pull s >/dev/null
is 'a redo forgets a verdict' "$(value s bad)$(value s error)" ''
mv r away
touch -d '1 second ago' "$ctl/poke"
pull s >/dev/null
ok 'a poke goes though the upstream is down' test ! -e "$ctl/poke"
mv away r

#
# A verdict
#
fresh
pull s >/dev/null
bad "$h3" "applied=$h2" "retry=$(date +%s)" todo=
is 'bad: the applied commit' "$(pull s)" 's '
ok 'is published again' at "$h2" two
is 'the error stays' "$(value s error)" 'health: it was not well'
is 'the verdict, too' "$(value s bad)" "$h3"
ok 'the log speaks of no rewritten branch' \
	sh -c '! grep rewritten "$1"' - "$state/s/log"
status todo=
is 'and that is all' "$(pull s)" ''
mv r away
pull s >/dev/null
like 'an upstream that is down is an error, too' "$(value s error)" '^pull: '
mv away r
pull s >/dev/null
like 'and then the older one comes back' "$(value s error)" \
	'^health: it was not well; '
put r elsewhere 1
h4=$(commit r unrelated)
is 'a newer commit with the same content' "$(pull s)" ''
is 'is bad as well' "$(value s bad)" "$h4"
ok 'and not gone to' at "$h2" two
like 'the error stays' "$(value s error)" '^health: it was not well; '
h5=$(push better)
is 'another content' "$(pull s)" 's '
ok 'is gone to' at "$h5" better
is 'and the verdict goes' "$(value s bad)$(value s error)" ''

status "applied=$h5" "bad=$h5" todo=
pull s >/dev/null
push two >/dev/null
pull s >/dev/null
is 'a revert lifts it' "$(value s bad)" ''

fresh
pull s >/dev/null
bad "$h3" "applied=$h2" todo=
pull s >/dev/null
status todo=
git -C r reset -q --hard "$h2"
is 'the branch goes back to what was applied' "$(pull s)" ''
is 'and the verdict goes' "$(value s bad)$(value s error)" ''
ok 'nothing moved' at "$h2" two

fresh
bad "$h3"
gitopper-pull -f s >/dev/null
is 'a tip that failed its check is not staged' "$(pull -f s)" ''
ok 'nor is it there' at "$h2" two
echo "$h3" >"$ctl/pin"
is 'a pin says more than a verdict' "$(timeout 20 gitopper-pull s 2>&1)" s
ok 'so it is gone to' at "$h3" three
is 'which does not lift the verdict' "$(value s bad)" "$h3"
act
rm "$ctl/pin"
status "applied=$h2"
pull s >/dev/null
ok 'that counts again without the pin' at "$h2" two
rm -rf "$state"
service s
gitopper-pull s >/dev/null
bad "$h3" todo=
is 'bad, and nothing was ever applied' "$(pull s)" ''
ok 'hash is stayed at' at "$h3" three

#
# Between -f and -p
#
fresh
pull -f s >/dev/null
touch "$ctl/frozen"
is 'frozen after -f' "$(pull -p s)" ''
ok 'is not published' at "$h2" two
is 'nor staged again' "$(pull -f s)" ''
ok 'what was staged goes' test ! -e "$state/s/plan" -a ! -e "$state/s/next"
rm "$ctl/frozen"
pull -f s >/dev/null
echo "$h1" >"$ctl/pin"
is 'pinned after -f' "$(pull -p s)" ''
ok 'is not published' at "$h2" two
rm "$ctl/pin"
service other
h4=$(push four)
pull -f other >/dev/null
is 'the tip moved on after -f' "$(pull -p s)" ''
ok 'is not published' at "$h2" two
is 'but staged anew' "$(pull -f s; pull -p s)" 's s '
ok 'and published then' at "$h4" four
act
push five >/dev/null
pull -f s >/dev/null
status "bad=$(tip)"
is 'found bad after -f' "$(pull -p s)" ''
ok 'is not published' at "$h4" four
push four >/dev/null
is 'staged, and then reverted' "$(pull -f s)" ''
ok 'is staged no more' test ! -e "$state/s/plan"
put r more/b six
h6=$(commit r six)
gitopper-pull s >/dev/null 2>&1; act
service s "dir=more$t${t}dir"
echo redo >"$ctl/poke"
is 'other links' "$(pull -f s)" 's '
ok 'are asked for once' test ! -e "$ctl/poke"
is 'and staged until they are published' \
	"$(pull -f s; pull -f s; pull -p s)" 's s s '
ok 'at the same commit' at "$h6" four
is 'with what is new' "$(cat "$tree/more/b")" six
act
is 'and that is all' "$(pull -f s)" ''

#
# Check
#
fresh
rm -rf "$state/s"
service s check=/bin/true
is 'a check: -f prints' "$(pull -f s)" 's '
is '-p does not publish' "$(pull -p s)" ''
like 'what is not checked, and says so' "$(cat err)" 's: .* is not checked yet$'
ok 'nothing is there' test ! -e "$tree/app/a"
status "checked=$h2"
is 'another commit was checked' "$(pull -p s)" ''
status "checked=$h3"
is 'this one was' "$(pull -p s)" 's '
ok 'and is published' at "$h3" three

#
# An error that comes after a verdict
#
fresh
bad "$h3" 'verdict=health: ill' 'error=health: ill'
pull s >/dev/null
mv r away
fails 1 'trouble, while the tip is bad' gitopper-pull s
like 'is the error as long as it lasts' "$(value s error)" '^pull: '
mv away r
pull s >/dev/null
like 'and then the verdict is, again' "$(value s error)" '^health: ill; '
redo
pull s >/dev/null
is 'until that is taken back' "$(value s error)$(value s verdict)" ''

# a first commit that fails its check: neither tried again nor another error
fresh
status hash= applied= todo=
rm -rf "$state/s/index" "$tree"
pull -f s >/dev/null
ok 'the first commit is staged' test -e "$state/s/plan"
bad "$h3" failures=1
is 'and bad: it is not tried again' "$(pull -f s)" ''
ok 'nothing stays staged' test ! -e "$state/s/plan"
is 'and the error is what made it bad' "$(value s error)" \
	"$(value s verdict)"
is 'once' "$(value s failures)" 1

#
# todo
#
fresh
h4=$(push four)
pull -f s >/dev/null
cp -a "$state/s" kept
status "todo=publish $h4"
touch "$ctl/frozen"
echo "$h1" >"$ctl/pin"
is 'a begun publish, frozen and pinned' \
	"$(echo s | gitopper-pull -f | gitopper-pull -p)" s
ok 'is finished first' at "$h4" four
is 'and then it is to be acted upon' "$(value s todo)" act
pull s >/dev/null
ok 'the pin is next' at "$h1" one
rm -rf "$state/s"
cp -a kept "$state/s"
rm -r "$state/s/plan" "$state/s/next"
status "todo=publish $h4"
touch "$ctl/frozen"
is 'one of which nothing is left' "$(pull s)" 's '
ok 'is made from the object store' at "$h4" four
rm -rf "$state/s"
cp -a kept "$state/s"
rm -r "$state/s/next"
status "todo=publish $h4"
is 'or of which next/ was cleaned up' "$(pull s)" 's '
ok 'is made, too' at "$h4" four
rm -rf "$state/s"
cp -a kept "$state/s"
status "todo=publish $h4"
mv r away
is 'and without the network' "$(pull s)" 's '
ok 'as well' at "$h4" four
mv away r
rm -rf "$state/s"
cp -a kept "$state/s"
status "todo=publish $h4"
push five >/dev/null
is 'a newer tip does not come between' \
	"$(gitopper-pull -f s; pull -p s)" 's
s '
ok 'what was begun' at "$h4" four
is 'it comes after' "$(pull s; cat "$tree/app/a")" 's five'
rm -rf "$state/s"
cp -a kept "$state/s"
status "todo=publish $h4"
echo redo >"$ctl/poke"
touch -d '1 second ago' "$ctl/poke"
pull -f s >/dev/null
ok 'a redo is about what comes after it' test -e "$ctl/poke"
pull s >/dev/null
ok 'and is then done' test ! -e "$ctl/poke"
head -c 100000000 /dev/zero >r/app/big
commit r big >out
touch -d '1 second ago' "$ctl/poke"
spawn gitopper-pull s >out 2>err
within 20 test -e "$state/s/next/app" >out
redo
wait "$pid"
ok 'a poke that came meanwhile stays' grep -q redo "$ctl/poke"

# unlink(2) fails for what is a mount point: so one of two is not removed
if [ "$(id -u)" -eq 0 ]; then
	fresh
	echo 1 >"$ctl/frozen"
	echo "$h1" >"$ctl/pin"
	mount --bind "$ctl/frozen" "$ctl/frozen"
	gitopper-pull s >out 2>&1
	ok 'a thaw takes the pin away first' test ! -e "$ctl/pin"
	umount "$ctl/frozen"
fi

fresh
pull s >/dev/null
is 'todo=act is printed without a change' "$(pull s)" 's '
is 'by -f and by -p' "$(echo s | gitopper-pull -f | gitopper-pull -p)" s
put r elsewhere 1
h4=$(commit r unrelated)
is 'an unrelated commit' "$(pull s)" 's '
is 'moves hash' "$(value s hash)" "$h4"
is 'not applied' "$(value s applied)" "$h2"
is 'and keeps the todo' "$(value s todo)" act
act
put r elsewhere 2
h5=$(commit r unrelated)
is 'with nothing to do' "$(pull s)" ''
is 'it moves both' "$(value s hash) $(value s applied)" "$h5 $h5"
is 'and leaves no todo' "$(value s todo)" ''
status 'applied=' colour=green
put r elsewhere 3
h6=$(commit r unrelated)
pull s >/dev/null
is 'where nothing was applied, hash alone' \
	"$(value s hash)$(value s applied)" "$h6"
is 'a key that nobody knows is kept' "$(value s colour)" green

#
# A publish that fails
#
if [ "$(id -u)" -eq 0 ]; then
	fresh
	mount -t tmpfs tmpfs "$tree"
	mkdir "$tree/app"
	echo two >"$tree/app/a"
	mount -o remount,ro "$tree"
	fails 1 'a tree that can not be written to' gitopper-pull s
	like 'is an error of pull' "$(value s error)" '^pull: '
	fails 1 'and stays one' gitopper-pull s
	is 'the log does not say it again' \
		"$(log | grep -c 'fine again')" 0
	umount "$tree"
	is 'until it can' "$(pull s)" 's '
	ok 'and is at the tip' at "$h3" three
	is 'without an error' "$(value s error)" ''
fi

done_testing
