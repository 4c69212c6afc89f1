#!/bin/sh
# pull.t - gitopper-pull: a tree follows its repository
. tests/lib.sh

umask 022
cd "$tmp" || exit 111
state=$GITOPPER_STATE
t=$(printf '\t')
nl='
'

# repo NAME: an empty repository, $tmp/NAME
repo() { git init -q "$1"; }

# put REPO PATH TEXT: writes a file, and the directories above it
put() { mkdir -p "$(dirname "$1/$2")" && printf '%s\n' "$3" >"$1/$2"; }

# service NAME REPO [LINE...]: the conf of one, with dirs and more
service() {
	name=$1 url=$tmp/$2; shift 2
	mkdir -p "$state/$name/ctl"
	printf '%s\n' machine=here "service=$name" "upstream=$url" \
		branch=main "$@" >"$state/$name/conf"
}

# dir LINK [LOCAL [KIND]]: a line for conf
dir() { printf 'dir=%s\t%s\t%s' "$1" "${2-}" "${3:-dir}"; }

# one FILE...: a new repository r with these files, and service s on its app
one() {
	rm -rf r "$state/s"
	repo r
	for f; do put r "$f" "$f"; done
	commit r first >/dev/null
	service s r "$(dir app)"
}

# pull [OPTION...] NAME: what it printed, on one line
pull() { gitopper-pull "$@" 2>err | tr '\n' ' '; }

# snap DIR: all that can be seen of it from outside; of_all: with directories
snap() { find "$1" ! -type d -printf '%P %i %m %s %T@ %C@ %l\n' | sort; }

# redo: a poke of s that was there before the contact begins
redo() {
	echo redo >"$state/s/ctl/poke"
	touch -d '1 second ago' "$state/s/ctl/poke"
}

# last REPO: its commit
last() { git -C "$1" rev-parse HEAD; }

log() { cat "$state/$1/log"; }

# saved NAME: the files that it keeps, and what is in them
saved() {
	(cd "$state/$1" 2>/dev/null && [ -d saved ] && cd saved/* &&
		find . ! -type d | sort | while read -r f; do
			echo "$f: $(cat "$f")"
		done)
}

#
# A first commit, in two steps
#
one app/a app/sub/b other/c
h1=$(last r)
is '-f prints what is staged' "$(echo s | gitopper-pull -f)" s
ok '-f publishes nothing' test ! -e "$state/s/tree"
ok 'next/ is complete' test -f "$state/s/next/app/sub/b"
is 'plan.changes: all is added' "$(cat "$state/s/plan.changes")" \
	"A${t}app/a${nl}A${t}app/sub/b"
is '-f again prints it again' "$(echo s | gitopper-pull -f)" s
is '-p publishes and prints it' "$(echo s | gitopper-pull -p)" s
is 'the tree' "$(cd "$state/s/tree" && grep -r . . | sort)" \
	"./app/a:app/a${nl}./app/sub/b:app/sub/b"
is 'hash' "$(value s hash)" "$h1"
is 'todo=act' "$(value s todo)" act
is 'nothing is applied yet' "$(value s applied)" ''
is 'changes' "$(cat "$state/s/changes")" "A${t}app/a${nl}A${t}app/sub/b"
ok 'next/ and plan are gone' test ! -e "$state/s/next" -a ! -e "$state/s/plan"
like 'the log says it' "$(log s)" "pull: at $(echo "$h1" | cut -c1-8): 2 files"
like 'the index begins with its commit' "$(head -n 1 "$state/s/index")" \
	"^commit $h1\$"
is '-p with nothing staged prints what has a todo' \
	"$(echo s | gitopper-pull -p)" s

#
# status of the upstream
#
up=$(upstream_dir "$tmp/r")
upstream() { sed -n "s/^$1=//p" "$up/status"; }
is 'the url' "$(upstream url)" "$tmp/r"
is 'the tip' "$(upstream tip)" "main$t$h1"
# for commits, for files, and for those that can be gone back to
is 'ops' "$(upstream ops)" 3
is 'no errors' "$(upstream errors)" ''
like 'tried' "$(upstream tried)" "^[0-9]{10}\$"
like 'contact' "$(upstream contact)" "^[0-9]{10}\$"

#
# No change
#
sed -i 's/^todo=.*//' "$state/s/status"
echo "applied=$h1" >>"$state/s/status"
pull s >/dev/null
snap "$state/s" >before
is 'no change: nothing is printed' "$(pull s)" ''
is 'nor by -f | -p' "$(echo s | gitopper-pull -f | gitopper-pull -p)" ''
snap "$state/s" >after
ok 'and no file is written' diff before after

#
# An update
#
ino=$(stat -c %i "$state/s/tree/app" "$state/s/tree/app/sub")
put r app/a two
rm r/app/sub/b
put r app/sub/n new
put r app/deep/er/x x
h2=$(commit r two)
is 'an update' "$(pull s)" 's '
is 'a changed file' "$(cat "$state/s/tree/app/a")" two
ok 'a removed file' test ! -e "$state/s/tree/app/sub/b"
is 'changes: M, D, A' "$(cat "$state/s/changes")" \
	"$(printf '%s\n' "M${t}app/a" "A${t}app/deep/er/x" "D${t}app/sub/b" \
		"A${t}app/sub/n")"
is 'directories keep their inodes' \
	"$(stat -c %i "$state/s/tree/app" "$state/s/tree/app/sub")" "$ino"
rm -r r/app/deep
put r app/sub/n newer
commit r three >/dev/null
pull s >/dev/null
ok 'directories that lost all their files go' \
	test ! -e "$state/s/tree/app/deep"
is 'changes are reckoned from what was applied' "$(cat "$state/s/changes")" \
	"M${t}app/a${nl}D${t}app/sub/b${nl}A${t}app/sub/n"
ok 'nothing was saved' test ! -e "$state/s/saved"

#
# An empty repository; a branch that is not there yet; one that is deleted
#
repo e
service e e "$(dir app)"
fails 1 'an empty repository' gitopper-pull e
like 'is an error of pull' "$(value e error)" '^pull: the upstream has no main$'
is 'counted' "$(value e failures)" 1
like 'and tried again' "$(value e retry)" '^[0-9]{10}$'
ok 'no hash' test -z "$(value e hash)"
put e app/a 1
commit e first >/dev/null
is 'a later commit converges' "$(pull e)" 'e '
is 'without an error' "$(value e error)$(value e retry)" ''
like 'the log says that, too' "$(log e)" 'pull: fine again'
sed -i 's/^branch=.*/branch=next/' "$state/e/conf"
fails 1 'a branch that is not there yet' gitopper-pull e
like 'is said' "$(value e error)" '^pull: the upstream has no next$'
ok 'the tree stays' test -f "$state/e/tree/app/a"
git -C e checkout -q -b next
put e app/a 2
commit e next >/dev/null
is 'and is followed when it is' "$(pull e)" 'e '
is 'to its files' "$(cat "$state/e/tree/app/a")" 2
git -C e checkout -q main
git -C e branch -q -D next
fails 1 'a deleted branch' gitopper-pull e
like 'is said' "$(value e error)" '^pull: the upstream has no next$'
is 'and keeps the tree' "$(cat "$state/e/tree/app/a")" 2
git -C e checkout -q -b next/one
put e app/a 3
commit e one >/dev/null
sed -i 's,^branch=.*,branch=next/one,' "$state/e/conf"
is 'a branch below the name of a deleted one' "$(pull e)" 'e '
git -C e checkout -q main
git -C e branch -q -D next/one
git -C e branch next
sed -i 's/^branch=.*/branch=next/' "$state/e/conf"
is 'and the other way round' "$(pull e)" 'e '
is 'has its files' "$(cat "$state/e/tree/app/a")" 1

#
# Rewritten branches
#
one app/a
put r app/a 2
h2=$(commit r two)
pull s >/dev/null
like 'a branch that goes on is not rewritten' \
	"$(log s | grep -c rewritten)" '^0$'
git -C r reset -q --hard HEAD~
put r app/a forced
h3=$(commit r forced)
is 'a rewritten branch is followed' "$(pull s)" 's '
is 'to its files' "$(cat "$state/s/tree/app/a")" forced
like 'and that is said in the log' "$(log s)" \
	"rewritten: $(echo "$h2" | cut -c1-8) is not in the history of $(
	echo "$h3" | cut -c1-8)"
git -C r reset -q --hard HEAD~
is 'backward, too' "$(pull s; cat "$state/s/tree/app/a")" 's app/a'
is 'and said' "$(log s | grep -c rewritten)" 2
git -C r commit -q --amend -m 'other words'
is 'rewritten to the same content' "$(pull s)" 's '
is 'is said as well' "$(log s | grep -c rewritten)" 3
is 'and followed' "$(value s hash)" "$(last r)"

#
# Tags and commits as branch
#
one app/a
h1=$(last r)
git -C r tag v1
put r app/a 2
h2=$(commit r two)
sed -i 's/^branch=.*/branch=v1/' "$state/s/conf"
pull s >/dev/null
is 'a tag' "$(value s hash)" "$h1"
git -C r tag -f v1 >/dev/null
pull s >/dev/null
is 'a moved tag' "$(value s hash) $(cat "$state/s/tree/app/a")" "$h2 2"
put r app/a 3
h3=$(commit r three)
git -C r tag -a -m annotated v3
sed -i 's/^branch=.*/branch=v3/' "$state/s/conf"
pull s >/dev/null
is 'an annotated tag' "$(value s hash) $(cat "$state/s/tree/app/a")" "$h3 3"
sed -i "s/^branch=.*/branch=$h2/" "$state/s/conf"
pull s >/dev/null
is 'a commit' "$(value s hash) $(cat "$state/s/tree/app/a")" "$h2 2"
service c r "$(dir app)"
sed -i "s/^branch=.*/branch=$h1/" "$state/c/conf"
rm -rf "$state/.upstream"
pull c >/dev/null
is 'a commit that nothing else points to here' "$(value c hash)" "$h1"

#
# Modes and links
#
one app/plain app/run app/turns
chmod 755 r/app/run
ln -s plain r/app/link
ln -s nowhere r/app/dangling
ln -s ../../../../etc/passwd r/app/leaves
ln -s /etc r/app/abs
ln -s sub r/app/dirlink
commit r links >/dev/null
(umask 077; gitopper-pull s >/dev/null)
tree=$state/s/tree
is 'modes, whatever the umask' "$(stat -c %a "$tree" "$tree/app" \
	"$tree/app/plain" "$tree/app/run" | tr '\n' ' ')" '755 755 644 755 '
is 'links are links, wherever they go' "$(readlink "$tree/app/link" \
	"$tree/app/dangling" "$tree/app/leaves" "$tree/app/abs" \
	"$tree/app/dirlink" | tr '\n' ' ')" \
	'plain nowhere ../../../../etc/passwd /etc sub '
chmod 755 r/app/turns
chmod 644 r/app/run
ln -sf elsewhere r/app/dangling
rm r/app/link
put r app/link 'a file now'
commit r turned >/dev/null
sed -i '/^todo/d' "$state/s/status"
echo "applied=$(value s hash)" >>"$state/s/status"
pull s >/dev/null
is 'changed modes' "$(stat -c %a "$tree/app/turns" "$tree/app/run" |
	tr '\n' ' ')" '755 644 '
is 'a changed link' "$(readlink "$tree/app/dangling")" elsewhere
is 'a link that becomes a file' "$(cat "$tree/app/link")" 'a file now'
is 'changes name each' "$(cat "$state/s/changes")" \
	"$(printf 'M\tapp/%s\n' dangling link run turns)"
ok 'nothing of that is an edit' test ! -e "$state/s/saved"
is 'nor drift' "$(value s drift)" ''

#
# Names
#
one app/plain
h1=$(last r)
pull s >/dev/null
echo "applied=$h1" >>"$state/s/status"
latin=$(printf 'caf\351')
for f in 'two words' 'quo"te' 'back\slash' "new${nl}line" "tab${t}here" \
	"$latin" 'ümläut' ' lead' 'trail ' 'semi;colon' '$HOME' '*' \
	"bell$(printf '\007')" "del$(printf '\177')" '#hash' 'a -> b'; do
	put r "app/$f" "[$f]"
done
commit r names >/dev/null
is 'odd names' "$(pull s)" 's '
git -C r -c core.quotePath=true diff --name-status HEAD~ HEAD >want
ok 'changes quotes them as git does' diff want "$state/s/changes"
(cd r/app && find . -type f -print0 | sort -z | xargs -0 cksum) >want
(cd "$tree/app" && find . -type f -print0 | sort -z | xargs -0 cksum) >got
ok 'each is there with its bytes' diff want got
git -C r -c core.quotePath=true ls-files | LC_ALL=C sort >want
sed -n 's/^1[0-7]* [^\t]*\t//p' "$state/s/index" | LC_ALL=C sort >got
ok 'the index, too' diff want got
git -C r mv "app/new${nl}line" "app/new${nl}name"
rm "r/app/$latin"
commit r renamed >/dev/null
pull s >/dev/null
ok 'they can be removed' test ! -e "$tree/app/$latin" -a \
	! -e "$tree/app/new${nl}line" -a -e "$tree/app/new${nl}name"
ok 'and were no edits' test ! -e "$state/s/saved"

#
# Only the service's own paths
#
one app/a app2/a pp/a
h1=$(last r)
pull s >/dev/null
is 'nothing else is written out' "$(ls "$tree")" app
sed -i '/^todo/d' "$state/s/status"
echo "applied=$h1" >>"$state/s/status"
put r app2/a 2
h2=$(commit r sibling)
is 'a commit in app2 is none for app, for -f' "$(pull -f s)" ''
is 'hash moves along' "$(value s hash)" "$h2"
is 'and applied' "$(value s applied)" "$h2"
is 'todo does not come' "$(value s todo)" ''
put r pp/a 2
put r x/app/a 2
put r app.d 2
h3=$(commit r more)
is 'nor pp, x/app or app.d' "$(pull s)" ''
is 'which move hash as well' "$(value s hash) $(value s applied)" "$h3 $h3"
put r app/a 2
commit r own >/dev/null
is 'but app/a is' "$(pull s)" 's '
is 'alone' "$(cat "$state/s/changes")" "M${t}app/a"

one a/x b/y c/z/deep single other/single
service m r "$(dir a)" "$(dir c/z)" "$(dir single '' file)"
pull m >/dev/null
is 'several dirs, one of them a file' \
	"$(cd "$state/m/tree" && find . -type f | sort | tr '\n' ' ')" \
	'./a/x ./c/z/deep ./single '
put r single 2
commit r single >/dev/null
pull m >/dev/null
is 'the file changes' "$(cat "$state/m/tree/single")" 2
service o r "$(dir c)" "$(dir c/z)" "$(dir c/z/deep '' file)"
is 'links that overlap' "$(pull o)" 'o '
is 'give each file once' "$(grep -c "${t}c/z/deep" "$state/o/index")" 1
put r c/z/deep 2
commit r deep >/dev/null
pull o >/dev/null
is 'and one change' "$(cat "$state/o/changes")" "A${t}c/z/deep"
is 'with the new bytes' "$(cat "$state/o/tree/c/z/deep")" 2
service w r "$(dir '')"
pull w >/dev/null
is 'the whole repository' \
	"$(cd "$state/w/tree" && find . -type f | sort | tr '\n' ' ')" \
	'./a/x ./b/y ./c/z/deep ./other/single ./single '
repo nothing
commit nothing empty >/dev/null
service n nothing "$(dir '')"
is 'a whole repository without a file' "$(pull n)" 'n '
is 'is one' "$(value n hash)" "$(last nothing)"
sed -i '/^todo/d' "$state/n/status"
is 'and done once' "$(pull n)" ''

git -C r rm -q -r a
h=$(commit r 'no a')
fails 1 'a link that the commit does not have' gitopper-pull m
like 'is named' "$(value m error)" \
	"^pull: commit $(echo "$h" | cut -c1-8): there is no a\$"
ok 'and nothing is deleted' test -e "$state/m/tree/a/x"
ok 'nor moved' test "$(value m hash)" != "$h"
rm r/single
put r single/sub 1
put r a/x again
commit r 'a dir' >/dev/null
fails 1 'a file link that is a directory' gitopper-pull m
like 'is said' "$(value m error)" 'single is a directory, not a file$'
service d r "$(dir a/x "$tmp/place")"
fails 1 'a dir link that is a file' gitopper-pull d
like 'is said as well' "$(value d error)" 'a/x is a file'

#
# Submodules and LFS files
#
one app/a
repo sub
put sub f 1
commit sub first >/dev/null
git -C r -c protocol.file.allow=always submodule --quiet add "$tmp/sub" \
	app/module 2>/dev/null
lfs=https://git-lfs.github.com/spec/v1
printf 'version %s\noid sha256:%064d\nsize 9\n' $lfs 7 >r/app/large
put r app/not-lfs 'version https://git-lfs.github.com/'
commit r modules >/dev/null
is 'a submodule and an LFS file' "$(pull s)" 's '
is 'the first is skipped' \
	"$(cd "$tree/app" && find . ! -type d | sort | tr '\n' ' ')" \
	'./a ./large ./not-lfs '
is 'of the other there is what git has' "$(cat "$tree/app/large")" \
	"$(cat r/app/large)"
like 'the submodule is named in the log' "$(log s)" 'app/module is a submodule'
like 'and the LFS file' "$(log s)" \
	'app/large is an LFS file, of which only the pointer is written'
is 'but no other' "$(log s | grep -c 'LFS file')" 1
sed -i '/^todo/d' "$state/s/status"
is 'and done once' "$(pull s)" ''

# a file that LFS takes over, and gives back
one app/a app/large
pull s >/dev/null
sed -i /^todo/d "$state/s/status"
cp r/app/large was
printf 'version %s\noid sha256:%064d\nsize 9\n' $lfs 7 >r/app/large
commit r 'to LFS' >/dev/null
is 'a file becomes an LFS pointer' "$(pull s)" 's '
is 'it is there, as git has it' "$(cat "$tree/app/large" 2>&1)" \
	"$(cat r/app/large)"
like 'and nothing is removed' "$(log s)" '0 files added, 1 changed, 0 removed$'
like 'the log says so' "$(log s)" 'app/large is an LFS file'
sed -i /^todo/d "$state/s/status"
put r app/a new
commit r 'something else' >/dev/null
is 'another commit' "$(pull s)" 's '
is 'leaves it there' "$(cat "$tree/app/large")" "$(cat r/app/large)"
is 'and says nothing of it again' "$(log s | grep -c 'LFS file')" 1
sed -i /^todo/d "$state/s/status"
cp was r/app/large
commit r 'from LFS' >/dev/null
is 'it becomes a file again' "$(pull s)" 's '
ok 'as it was' cmp was "$tree/app/large"

#
# File and directory
#
one app/x app/d/one app/d/sub/two
pull s >/dev/null
put "$state/s/tree" app/d/mine untracked
rm -r r/app/d r/app/x
put r app/d 'a file'
put r app/x/below 'in a directory'
commit r turned >/dev/null
is 'a directory becomes a file, and the other way' "$(pull s)" 's '
is 'the file' "$(cat "$tree/app/d")" 'a file'
is 'the directory' "$(cat "$tree/app/x/below")" 'in a directory'
is 'what was untracked in it is kept' "$(saved s)" './app/d/mine: untracked'
rm -rf "$state/s/saved" r/app/d r/app/x
put r app/d/one/deep 1
put r app/x plain
commit r back >/dev/null
pull s >/dev/null
is 'and back' "$(cat "$tree/app/d/one/deep" "$tree/app/x")" "1${nl}plain"
ok 'with nothing to keep' test ! -e "$state/s/saved"
if [ "$(id -u)" -eq 0 ]; then
	# of the same file system, as is what it is mounted on
	mkdir "$tree/app/d/data" away.data
	echo precious >away.data/f
	mount --bind away.data "$tree/app/d/data"
	rm -r r/app/d
	put r app/d 'a file'
	commit r 'instead of what has a mount in it' >/dev/null
	is 'a directory with a mount in it makes way' "$(pull s)" 's '
	mv "$state"/s/saved/* "$state/s/saved/20200101T000000Z"
	for day in 02 03 04 05 06 07 08 09 10; do
		put "$state/s/saved/202001${day}T000000Z" f old
	done
	echo edit >>"$tree/app/x"
	put r app/x other
	commit r 'one edit too many' >/dev/null
	is 'when it is the oldest of what is kept' "$(pull s)" 's '
	is 'what is mounted there stays' "$(cat away.data/f)" precious
	umount "$state/s/saved/20200101T000000Z/app/d/data"
	rm -rf "$state/s/saved" r/app/d away.data
	put r app/d/one/deep 1
	put r app/x plain
	commit r 'back again' >/dev/null
	pull s >/dev/null
fi
ln -s /etc link && rm "$tree/app/x" && mv link "$tree/app/x"
rm r/app/x
put r app/x/passwd 'not that one'
commit r 'beneath a link' >/dev/null
pull s >/dev/null
is 'a link of somebody is no way out' "$(cat "$tree/app/x/passwd")" \
	'not that one'
is 'it is kept' "$(readlink "$state"/s/saved/*/app/x)" /etc
one app/keep app/d/e/f/only
pull s >/dev/null
rm -r r/app/d/e
put r app/d/e 'a file'
commit r alone >/dev/null
is 'a directory that is all there is above it' "$(pull s; cat err)" 's '
is 'becomes a file as well' "$(cat "$tree/app/d/e")" 'a file'

#
# Edits
#
one app/changed app/gone app/same app/dropped
pull s >/dev/null
echo edit >>"$tree/app/changed"
rm "$tree/app/gone"
echo edit >>"$tree/app/same"
echo edit >>"$tree/app/dropped"
put "$state/s/tree" app/new untracked
put "$state/s/tree" app/mine untracked
put "$state/s/tree" beside untracked
put "$state/s/tree" app/equal equal
put r app/changed 2
put r app/gone 2
put r app/new 2
put r app/equal equal
rm r/app/dropped
commit r two >/dev/null
like 'edits in the way' "$(gitopper-pull s 2>&1)" \
	'gitopper-pull: s: app/changed was edited here: kept in saved/'
is 'are kept' "$(saved s)" "./app/changed: app/changed
edit
./app/dropped: app/dropped
edit
./app/new: untracked"
is 'upstream wins' "$(cat "$tree/app/changed" "$tree/app/new" |
	tr '\n' ' ')" '2 2 '
is 'a removed file comes back when it changes' "$(cat "$tree/app/gone")" 2
ok 'an edited file that upstream removed goes' test ! -e "$tree/app/dropped"
is 'other untracked files are left alone' \
	"$(cat "$tree/app/mine" "$tree/beside" | tr '\n' ' ')" \
	'untracked untracked '
is 'and an edit that no commit is about' "$(cat "$tree/app/same")" \
	"app/same${nl}edit"
is 'is counted' "$(value s drift)" 1
like 'and said in the log' "$(log s)" 'edited here: app/same$'
is 'saved/ is for its owner only' "$(stat -c %a "$state/s/saved")" 700

# what is kept of them
for day in 01 02 03 04 05 06 07 08 09 10 11; do
	put "$state/s/saved/202001${day}T000000Z" f old
done
echo edit >>"$tree/app/changed"
put r app/changed 3
commit r three >/dev/null
ok 'edits once more' gitopper-pull s
is 'ten of them are kept' "$(ls "$state/s/saved" | wc -l)" 10
like 'the newest' "$(ls "$state/s/saved" | head -n 1)" '^2020010[34]T'
for day in 09 10 11; do
	head -c 40000000 /dev/zero >"$state/s/saved/202001${day}T000000Z/f"
done
# the next entry has a name of its own
within 3 sh -c '[ ! -e "$1/$(date -u +%Y%m%dT%H%M%SZ)" ]' sh "$state/s/saved"
echo edit >>"$tree/app/changed"
put r app/changed 4
commit r four >/dev/null
ok 'and once more' gitopper-pull s
is '100 MiB of them are kept' "$(ls "$state/s/saved" | head -n 1)" \
	20200110T000000Z
rm -rf "$state"/s/saved/*

# a clock that was ahead: what it named is older than what is kept now
for day in 01 02 03 04 05 06 07 08 09 10; do
	put "$state/s/saved/209001${day}T000000Z" f old
done
put "$state/s/saved/mine" f 'not by gitopper'
for i in 5 6; do
	echo "edit $i" >>"$tree/app/changed"
	put r app/changed "$i"
	commit r "$i" >/dev/null
	ok 'edits after a clock that was ahead' gitopper-pull s
	is 'upstream wins' "$(cat "$tree/app/changed")" "$i"
	is 'what was kept last is there' "$(tail -qn 1 \
		"$state"/s/saved/*/app/changed | sort | tail -n 1)" "edit $i"
	# the next entry has a name of its own
	within 3 sh -c '[ ! -e "$1/$(date -u +%Y%m%dT%H%M%SZ)" ]' sh \
		"$state/s/saved"
done
is 'and what was kept before that' "$(cat "$state"/s/saved/20[0-8]*/app/changed |
	grep edit | tr '\n' ' ')" 'edit 5 edit 6 '
is 'ten are kept, of ours' "$(ls "$state/s/saved" | wc -l)" 11
is 'what is not is left' "$(cat "$state/s/saved/mine/f")" 'not by gitopper'
rm -rf "$state"/s/saved/*

# what was kept in the same second may stand in the way
now=$(date +%s)
for i in 0 1 2 3 4 5 6 7 8; do
	put "$state/s/saved/$(date -u -d @$((now + i)) +%Y%m%dT%H%M%SZ)" \
		app 'was a file'
done
echo 'edit in the way' >"$tree/app/changed"
put r app/changed 7
commit r seven >/dev/null
ok 'edits beneath what was a file' gitopper-pull s
is 'upstream wins' "$(cat "$tree/app/changed")" 7
is 'it is kept beside that' "$(find "$state/s/saved" -name changed \
	-exec cat {} +)" 'edit in the way'
rm -rf "$state"/s/saved/*

sed -i '/^todo/d' "$state/s/status"
rm "$tree/app/new"
is 'between two looks, nothing' "$(pull s; value s drift)" 1
touch -d '2 hours ago' "$state/s/index"
is 'an hour later' "$(pull s)" ''
is 'they are counted again' "$(value s drift)" 2
ok 'and not put back' test ! -e "$tree/app/new"
git -C r show HEAD:app/new >"$tree/app/new"
printf 'app/same\n' >"$tree/app/same"
touch -d '2 hours ago' "$state/s/index"
pull s >/dev/null
is 'one that is undone is none any more' "$(value s drift)" 0
chmod 600 "$tree/app/new"
touch -d '2 hours ago' "$state/s/index"
pull s >/dev/null
is 'a mode is an edit' "$(value s drift)" 1

rm -rf "$state/s/saved"
echo drift=fix >>"$state/s/conf"
rm "$tree/app/gone"
echo edit >>"$tree/app/same"
touch -d '2 hours ago' "$state/s/index"
is 'drift = "fix" puts them back' "$(pull s)" 's '
is 'with their content' \
	"$(cat "$tree/app/gone" "$tree/app/same" | tr '\n' ' ')" '2 app/same '
is 'and mode' "$(stat -c %a "$tree/app/new")" 644
is 'and keeps the edits' "$(saved s)" "./app/new: 2
./app/same: app/same
edit"
is 'which are none any more' "$(value s drift)" 0
sed -i '/^todo/d' "$state/s/status"
is 'once' "$(pull s)" ''

#
# A changed config, and trees that are not what they were
#
one app/a extra/b
pull s >/dev/null
ino=$(stat -c %i "$tree/app/a")
service s r "$(dir app)" "$(dir extra)"
redo
is 'another dir and a redo' "$(pull s)" 's '
ok 'its files are there' test -f "$tree/extra/b"
is 'the others are the same' "$(stat -c %i "$tree/app/a")" "$ino"
service s r "$(dir extra)"
redo
pull s >/dev/null
is 'a dir less' "$(ls "$tree")" extra
service s r "$(dir extra)" "mount=$tmp/mnt"
redo
is 'another mount' "$(pull s)" 's '
is 'the tree is there' "$(cat mnt/s/extra/b)" extra/b
is 'and next/ not left' "$(ls -A mnt/.gitopper/s 2>/dev/null)" ''
sed -i '/^todo/d' "$state/s/status"
rm -r mnt/s
is 'a tree that went away' "$(pull s)" 's '
is 'comes back' "$(cat mnt/s/extra/b)" extra/b
rm -r mnt/s/extra
pull s >/dev/null
is 'and one that was emptied' "$(cat mnt/s/extra/b)" extra/b
: >"$state/s/index"
put r extra/b 2
commit r two >/dev/null
put mnt s/extra/mine untracked
is 'an index that is no more' "$(pull s; cat mnt/s/extra/b)" 's 2'
put r extra/b 3
commit r three >/dev/null
pull -f s >/dev/null
service s r "$(dir extra)" "mount=$tmp/other"
is 'staged for another mount: not published' "$(pull -p s)" 's '
redo
is 'but staged anew' "$(pull s; cat other/s/extra/b)" 's 3'
service f r "$(dir app)"
pull f >/dev/null
sed -i "s/^todo=.*/todo=publish $(last r)/" "$state/f/status"
mkdir -p "$state/f/next"
sed "s,^tree .*,tree /elsewhere," "$state/f/index" >"$state/f/plan"
put r app/a 3
commit r four >/dev/null
rm "$state/f/index"
gitopper-pull f >/dev/null 2>&1
gitopper-pull f >/dev/null 2>&1
is 'a begun publish whose config has changed' \
	"$(value f todo) $(cat "$state/f/tree/app/a")" 'act 3'

if [ "$(id -u)" -eq 0 ]; then
	one app/sub/a
	put r app/sub/l 1
	ln -s l r/app/sub/link
	commit r link >/dev/null
	echo user=nobody >>"$state/s/conf"
	pull s >/dev/null
	is 'files belong to user' "$(cd "$tree" && stat -c %U . app app/sub \
		app/sub/a app/sub/link | tr '\n' ' ')" \
		'nobody nobody nobody nobody nobody '
	sed -i 's/^user=.*/user=daemon/' "$state/s/conf"
	redo
	pull s >/dev/null
	is 'a changed user gets them all' "$(cd "$tree" && stat -c %U . app \
		app/sub app/sub/a app/sub/link | tr '\n' ' ')" \
		'daemon daemon daemon daemon daemon '
	ok 'nothing was edited' test ! -e "$state/s/saved"
	sed -i 's/^user=.*/user=no-such-user/' "$state/s/conf"
	put r app/sub/a 2
	commit r two >/dev/null
	fails 1 'an unknown user' gitopper-pull s
	is 'is an error of pull' "$(value s error)" \
		'pull: unknown user no-such-user'
	is 'and nothing moves' "$(cat "$tree/app/sub/a")" app/sub/a
else
	one app/sub/a
	echo user=no-such-user >>"$state/s/conf"
	ok 'without root, user is nobody else' gitopper-pull s
fi

#
# An object store that was damaged
#
one app/a
pull s >/dev/null
store=$(upstream_dir "$tmp/r")/repo
damage() {
	put r app/a "$1"
	commit r "$1" >/dev/null
	[ ! -e "$store" ] || chmod -R u+w "$store"
	is "$1" "$(pull s; cat err)" 's '
	is 'is overcome' "$(cat "$tree/app/a")" "$1"
}
: >"$store/refs/heads/main"
damage 'an empty ref'
: >"$store/HEAD"
damage 'an empty HEAD'
: >"$store/refs/heads/main.lock"
damage 'a stale lock'
for f in "$store"/objects/pack/*.pack; do
	chmod u+w "$f"
	truncate -s 30 "$f"
done
damage 'packs that were cut off'
for f in "$store"/objects/pack/*.idx; do
	chmod u+w "$f"
	: >"$f"
done
damage 'empty indices'
rm -r "$store"
damage 'no store at all'

#
# Names of services, and exit statuses
#
rm -rf "$state"
for n in a b c; do
	rm -rf "r$n"
	repo "r$n"
	put "r$n" app/f "$n"
	commit "r$n" first >/dev/null
	service "$n" "r$n" "$(dir app)"
done
service a2 ra "$(dir app)"
is 'arguments' "$(gitopper-pull -f a b | sort | tr '\n' ' ')" 'a b '
is '-a' "$(gitopper-pull -f -a | sort | tr '\n' ' ')" 'a a2 b c '
is 'standard input, without its last newline' \
	"$(printf 'c\na' | gitopper-pull -f | sort | tr '\n' ' ')" 'a c '
is 'a name that comes twice' "$(printf 'a\na\n' | gitopper-pull -f |
	sort -u)" a
ok 'is no poke' test ! -e "$state/a/ctl/poke"
is 'services on one upstream: one contact' "$(
	before=$(sed -n 's/^ops=//p' "$(upstream_dir "$tmp/ra")/status")
	gitopper-pull -f a a2 >/dev/null
	after=$(sed -n 's/^ops=//p' "$(upstream_dir "$tmp/ra")/status")
	echo $((after - before)))" 1
fails 1 'an unknown service' gitopper-pull nosuch
like 'is named' "$(cat out)" '^gitopper-pull: nosuch: no such service$'
fails 1 'for -p, too' gitopper-pull -p nosuch
is 'and the others come through' \
	"$(gitopper-pull -f nosuch b 2>/dev/null)" b
for n in ../a .upstream 'a b' -x; do
	is "no name: '$n'" "$(printf '%s\nb\n' "$n" |
		gitopper-pull -f 2>err; echo $?)" "b${nl}1"
done
fails 100 'an unknown option' gitopper-pull -z
fails 100 '-f with -p' gitopper-pull -f -p a
fails 100 '-a with names' gitopper-pull -a b
ok 'no services, no trouble' env GITOPPER_STATE="$tmp/none" gitopper-pull -a

is 'plain gitopper-pull -a publishes' \
	"$(gitopper-pull -a | sort | tr '\n' ' ')" 'a a2 b c '
for n in a a2 b c; do
	sed -i '/^todo/d' "$state/$n/status"
	echo "applied=$(value $n hash)" >>"$state/$n/status"
done
is 'and then nothing' "$(gitopper-pull -a)" ''
echo always=1 >>"$state/b/conf"
is 'always' "$(gitopper-pull -a)" b
is 'by -f and -p' "$(echo b | gitopper-pull -f | gitopper-pull -p)" b
mv rb elsewhere
fails 1 'whose upstream is down' gitopper-pull b
is 'comes through none the less' "$(gitopper-pull b 2>err)" b
is 'with no error of its own' "$(value b error)" ''
like 'but one of its upstream' "$(sed -n 's/^error=//p' \
	"$(upstream_dir "$tmp/rb")/status")" 'rb'
ok 'which holds up nobody else' gitopper-pull a c
mv elsewhere rb
ok 'and is over when it is up again' gitopper-pull b
is 'in status as well' "$(value b error)" ''

#
# Where the trees are
#
mkdir away
ln -s away link
service m r "$(dir app)" "mount=$tmp/link"
ok 'a link on the way to mount is followed' gitopper-pull m
ok 'and the tree is where it leads' test -d away/m/app
rm -r "$state/m" away link

#
# Leaving the config
#
echo edit >>"$state/a/tree/app/f"
put "$state/a/tree" mine untracked
echo gone=1 >>"$state/a/conf"
echo "x${t}y" >"$state/a/mounts"
ok 'gone, and still mounted' gitopper-pull a
ok 'stays' test -f "$state/a/tree/app/f" -a -f "$state/a/conf"
rm "$state/a/mounts"
is 'gone: not printed' "$(gitopper-pull -f a 2>err)" ''
is 'taken apart' "$(ls "$state/a" | tr '\n' ' ')" 'lock log saved '
is 'edits and files of others are kept' "$(saved a)" "./app/f: a
edit
./tree/mine: untracked"
like 'the log says so' "$(log a)" 'left the config'
fails 1 'after that it is no service' gitopper-pull a
is 'the others go on' "$(gitopper-pull -a)" b
echo gone=1 >>"$state/c/conf"
: >"$state/c/plan.changes"
: >"$state/c/object"
echo user=no-such-user >>"$state/c/conf"
rm -rf "$state/c/tree"
is 'gone without a tree, or its user' \
	"$(gitopper-pull c; ls "$state/c" | tr '\n' ' ')" 'lock log '

done_testing
