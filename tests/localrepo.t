#!/bin/sh
# localrepo.t - an upstream that is a directory of this machine
. tests/lib.sh

root=$tmp/root work=$tmp/work
bare=$root/bare.git
mkdir "$root"
git init -q --bare "$bare"
git clone -q "$bare" "$work" 2>/dev/null
mkdir -p "$work/app/deep/er" "$work/else"

# publish TEXT: commits files that say so, pushes them and sets $head
publish() {
	echo "$1" >"$work/app/conf" &&
	echo "deep $1" >"$work/app/deep/er/conf" &&
	echo "else $1" >"$work/else/conf" &&
	head=$(commit "$work" "$1") &&
	git -C "$work" push -q --force origin HEAD:main
}

# service NAME URL [BRANCH]: a service that follows it
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl" &&
	printf 'upstream=%s\nbranch=%s\ntimeout=30\ndir=app\t\tdir\n' "$2" \
		"${3-main}" >"$GITOPPER_STATE/$1/conf"
}

# at NAME: the commit that a service is at, and that it has its files
at() {
	git -C "$bare" show "$(value "$1" hash):app/deep/er/conf" |
	cmp - "$GITOPPER_STATE/$1/tree/app/deep/er/conf" &&
	value "$1" hash
}

# refused NAME DESCRIPTION PATTERN: it can't be pulled, and says why
refused() {
	fails 1 "$2: refused" gitopper-pull "$1"
	like "$2: the error says why" "$(value "$1" error)" "^pull: .*($3)"
	is "$2: nothing broke" "$(value "$1" error | grep "ended early")" ""
	is "$2: our store is none the worse" \
		"$(ls "$(upstream_dir "$(value "$1" upstream conf)")" |
		grep damaged)" ""
}

publish one
publish two
two=$head

# --- of each kind
git clone -q "$bare" "$root/full"
git -C "$root/full" worktree add -q "$root/beside" 2>/dev/null
git clone -q --bare --shared "$bare" "$root/shared.git"
git clone -q --bare --shared "$root/shared.git" "$root/twice.git"
git clone -q --bare "$bare" "$root/relative.git"
rm -r "$root/relative.git/objects"
mkdir -p "$root/relative.git/objects/info" "$root/relative.git/objects/pack"
echo ../../bare.git/objects >"$root/relative.git/objects/info/alternates"
git clone -q --bare "$bare" "$root/packed.git"
git -C "$root/packed.git" pack-refs --all
git -C "$root/packed.git" gc -q
git clone -q --bare "$bare" "$root/a blank.git"
git clone -q --bare "$bare" "$root/unsorted.git"
{
	i=0
	while [ $i -lt 3000 ]; do
		echo "$head refs/heads/x/$i"
		i=$((i + 1))
	done | sort -r
	echo "$head refs/heads/main"
} >"$root/unsorted.git/packed-refs"
rm -r "$root/unsorted.git/refs/heads"
mkdir "$root/unsorted.git/refs/heads"
service bare "$bare"
service slash "$bare/"
service url "file://$bare"
service blank "file://$root/a%20blank.git"
service plus "$root/a blank.git"
service full "$root/full"
service dot-git "$root/full/.git"
service beside "$root/beside"
service shared "$root/shared.git"
service twice "$root/twice.git"
service relative "$root/relative.git"
service packed "$root/packed.git"
service unsorted "$root/unsorted.git"
kinds="bare slash url blank plus full dot-git beside shared twice relative
	packed unsorted"
ok "a first deployment from all of them" gitopper-pull $kinds
for kind in $kinds; do
	is "$kind: is deployed" "$(at $kind)" "$head"
	is "$kind: without an error" "$(value $kind error)" ""
	is "$kind: and the files of nobody are not fetched" \
		"$(git -C "$(upstream_dir "$(value $kind upstream conf)")/repo" \
		cat-file -t "$(git -C "$bare" rev-parse main:else/conf)" \
		2>&1 | grep -c '^fatal')" 1
done

# --- what a branch may name
git -C "$bare" tag -a -m first light main~1
git -C "$bare" -c advice.nestedTag=false tag -a -m again heavy light
git -C "$bare" tag -a -m new released main
git -C "$bare" tag -a -m 'of a tree' t-tree 'main^{tree}'
git -C "$bare" symbolic-ref refs/heads/current refs/heads/main
git -C "$bare" symbolic-ref refs/heads/astray refs/heads/nowhere
git -C "$bare" symbolic-ref refs/heads/round refs/heads/about
git -C "$bare" symbolic-ref refs/heads/about refs/heads/round
git -C "$bare" branch a/b/c main
old=$(git -C "$bare" rev-parse main~1)
service tag "$bare" released
service heavy "$bare" heavy
service current "$bare" current
service a-b-c "$bare" a/b/c
service by-id "$bare" "$old"
ok "tags, links and names of commits" gitopper-pull tag heavy current a-b-c \
	by-id
is "an annotated tag" "$(at tag)" "$head"
is "a tag of a tag" "$(at heavy)" "$old"
is "a ref that leads to another" "$(at current)" "$head"
is "a branch with slashes" "$(at a-b-c)" "$head"
is "a commit by its name" "$(at by-id)" "$old"
git -C "$bare" pack-refs --all
git -C "$bare" gc -q --prune=now
publish three
ok "all refs packed, and a new commit" gitopper-pull tag heavy current a-b-c
is "the one that leads to another follows" "$(at current)" "$head"
is "a tag stays" "$(at heavy)" "$old"
service no-branch "$bare" nowhere
refused no-branch "a branch that isn't there" "no branch.*nowhere|nowhere"
service no-commit "$bare" 1234567812345678123456781234567812345678
refused no-commit "a commit that isn't there" "12345678"
service t-tree "$bare" t-tree
refused t-tree "a tag of a tree" "t-tree"
service astray "$bare" astray
refused astray "a ref that leads nowhere" "astray"
git clone -q --bare "$bare" "$root/round.git"
git -C "$root/round.git" symbolic-ref refs/heads/round refs/heads/about
git -C "$root/round.git" symbolic-ref refs/heads/about refs/heads/round
service round "$root/round.git" round
refused round "refs that lead to each other" "refs/heads/round.*nowhere"

# --- what is new, and what is old
# objects: how many our store has of the kind in $1
objects() {
	git -C "$(upstream_dir "$bare")/repo" cat-file --batch-all-objects \
		--batch-check | grep -c " $1 "
}
ok "all is here" gitopper-pull bare
commits=$(objects commit) trees=$(objects tree)
publish four
ok "a commit" gitopper-pull bare
is "is deployed" "$(at bare)" "$head"
is "one commit came with it" "$(objects commit)" $((commits + 1))
is "and the directories that changed" "$(objects tree)" $((trees + 5))
four=$head
git -C "$work" reset -q --hard HEAD~2
publish other
ok "a branch that was rewritten" gitopper-pull bare
is "is followed" "$(at bare)" "$head"
is "one commit came with it" "$(objects commit)" $((commits + 2))
echo "$old" >"$GITOPPER_STATE/bare/ctl/pin"
mv "$bare" "$bare.away"
ok "a rollback without the upstream" gitopper-pull bare
mv "$bare.away" "$bare"
is "works" "$(value bare hash)" "$old"
echo "$four" >"$GITOPPER_STATE/bare/ctl/pin"
fails 1 "a pin to a commit that the branch no longer has" gitopper-pull bare
rm "$GITOPPER_STATE/bare/ctl/pin"
ok "back to the tip" gitopper-pull bare
is "it is there" "$(at bare)" "$head"
git -C "$bare" update-ref -d refs/heads/a/b/c
refused a-b-c "a branch that was deleted" "a/b/c"
is "the service stays" "$(at a-b-c)" "$two"

# all that our store has is what git says it is
for repo in "$GITOPPER_STATE"/.upstream/*/repo; do
	git -C "$repo" fsck --no-dangling 2>&1 |
	grep -E 'mismatch|corrupt|bad|invalid|missing (commit|tree|tag)'
done >"$tmp/fsck"
is "git finds no fault with what was written" "$(cat "$tmp/fsck")" ""

# --- whoever writes there meanwhile
git clone -q --bare "$bare" "$root/busy.git"
service busy "$root/busy.git"
cat >"$tmp/writer" <<'END'
#!/bin/sh
# pushes, repacks and prunes for as long as $1 is there
cd "$2" || exit 1
n=0
while [ -e "$1" ]; do
	n=$((n + 1))
	echo "$n" >app/conf
	echo "deep $n" >app/deep/er/conf
	git commit -q -a -m "$n" && git push -q busy +HEAD:main || exit 1
	case $((n % 4)) in
	0) git -C "$3" repack -q -a -d && git -C "$3" prune-packed -q ;;
	1) git -C "$3" pack-refs --all ;;
	2) git -C "$3" gc -q --prune=now ;;
	3) git reset -q --hard HEAD~2 ;;
	esac
done
echo "$n" >"$1.done"
END
git -C "$work" remote add busy "$root/busy.git"
: >"$tmp/go"
spawn sh "$tmp/writer" "$tmp/go" "$work" "$root/busy.git" 2>"$tmp/writer.err"
writer=$pid
torn='' good=0 i=0
while [ $i -lt 40 ]; do
	i=$((i + 1))
	gitopper-pull busy >"$tmp/busy.out" 2>&1 && good=$((good + 1))
	set -- $(cat "$GITOPPER_STATE"/busy/tree/app/conf \
		"$GITOPPER_STATE"/busy/tree/app/deep/er/conf)
	[ "$#" -eq 3 ] && [ "$1" = "$3" ] || torn="$torn $*"
done
rm "$tmp/go"
ok "pushes, gc and repack go on meanwhile" \
	within 60 test -e "$tmp/go.done"
wait "$writer"
is "what is deployed is always of one commit" "$torn" ""
like "nearly all looks succeed" "$good" '^(3[0-9]|40)$'
ok "then it has the last one" gitopper-pull busy
is "as it was pushed" "$(value busy hash)" \
	"$(git -C "$root/busy.git" rev-parse main)"
is "and never was our store taken for damaged" \
	"$(ls "$(upstream_dir "$root/busy.git")" | grep damaged)" ""
git -C "$work" fetch -q origin && git -C "$work" reset -q --hard origin/main

# --- what can't be read, and says so
service nowhere "$root/nowhere"
refused nowhere "a path that isn't there" "root/nowhere: No such file"
mkdir "$root/empty"
service empty "file://$root/empty"
refused empty "a directory that is no repository" "empty: it is no git repo"
echo file >"$root/file"
service file "$root/file"
refused file "a file" "file: it is no directory"
cp -r "$bare" "$root/closed.git"
service closed "$root/closed.git"
chmod 0 "$root/closed.git"
refused closed "one that our user may not read" \
	"closed.git: Permission denied: the user with the id [0-9]+"
chmod 755 "$root/closed.git"
git clone -q "$bare" "$root/closed"
service closed-git "$root/closed"
chmod 0 "$root/closed/.git"
refused closed-git "a work tree whose .git our user may not read" \
	"closed: Permission denied"
chmod 0 "$root/closed.git/refs/heads/main" 2>/dev/null ||
	chmod 0 "$root/closed.git/packed-refs"
refused closed "a ref that our user may not read" "Permission denied"
git init -q --bare --object-format=sha256 "$root/sha256.git"
git -C "$work" archive HEAD | (
	mkdir "$tmp/sha256" && cd "$tmp/sha256" && tar -xf - &&
	git init -q --object-format=sha256 && git add -A &&
	git commit -q -m x && git push -q "$root/sha256.git" HEAD:main
)
service sha256 "$root/sha256.git"
refused sha256 "a SHA-256 repository" "it is a SHA-256 repository"
git -C "$root/sha256.git" pack-refs --all
refused sha256 "one whose refs are packed" "it is a SHA-256 repository"
git clone -q --bare --depth 1 "file://$bare" "$root/shallow.git"
service shallow "$root/shallow.git"
refused shallow "a shallow clone" "shallow clone"
cp -r "$bare" "$root/reftable.git"
mkdir "$root/reftable.git/reftable"
service reftable "$root/reftable.git"
refused reftable "refs in a form that isn't known" "reftable"
git clone -q --bare "$bare" "$root/hurt.git"
git -C "$root/hurt.git" repack -q -a -d
service hurt "$root/hurt.git"
mkdir "$tmp/packs"
mv "$root"/hurt.git/objects/pack/* "$tmp/packs"
refused hurt "one that lost its objects" "object [0-9a-f]{40}: it is not there"
mv "$tmp"/packs/* "$root/hurt.git/objects/pack"
ok "one that has them again" gitopper-pull hurt
is "is deployed" "$(at hurt)" "$head"
echo nonsense >"$root/hurt.git/refs/heads/odd"
service odd "$root/hurt.git" odd
refused odd "a ref that is none" "refs/heads/odd: that is no ref"

# --- and what somebody may have left there
cat >"$tmp/trap" <<END
#!/bin/sh
: >"$tmp/open/sprung"
END
chmod 755 "$tmp/trap"
git clone -q --bare "$bare" "$root/trap.git"
mkdir -p "$root/trap.git/hooks"
for hook in post-checkout reference-transaction pre-auto-gc update \
	post-index-change fsmonitor-watchman; do
	cp "$tmp/trap" "$root/trap.git/hooks/$hook"
done
cat >>"$root/trap.git/config" <<END
[core]
	fsmonitor = $tmp/trap
	sshCommand = $tmp/trap
	gitProxy = $tmp/trap
	alternateRefsCommand = $tmp/trap
	worktree = /etc
[uploadpack]
	packObjectsHook = $tmp/trap
[url "ext::$tmp/trap "]
	insteadOf = /
	insteadOf = file://
[include]
	path = /etc/passwd
[extensions]
	partialClone = origin
[remote "origin"]
	url = ext::$tmp/trap
	promisor = true
END
service trap "$root/trap.git"
service trap-url "file://$root/trap.git"
mkdir -m 777 "$tmp/open"
ok "with a config and hooks that want to run things" gitopper-pull trap trap-url
is "it is deployed" "$(at trap) $(at trap-url)" "$head $head"
is "and nothing was run" "$(ls "$tmp/open")" ""

# a store of ours that the owner of the other repository can't read
private=$(upstream_dir "$bare")
git -C "$private/repo" cat-file -e "$head" || echo "# it isn't there"
# hostile NAME: a repository without objects that claims our commit
hostile() {
	git init -q --bare "$root/$1.git"
	mkdir -p "$root/$1.git/refs/heads"
	echo "$head" >"$root/$1.git/refs/heads/main"
	service "$1" "$root/$1.git"
}
hostile alternate
echo "$private/repo/objects" >"$root/alternate.git/objects/info/alternates"
refused alternate "alternates that lead to a store of ours" "nobody else's"
hostile detour
ln -s "$private/repo/objects" "$root/detour"
echo ../../detour >"$root/detour.git/objects/info/alternates"
refused detour "by a link" "nobody else's"
hostile linked
rm -r "$root/linked.git/objects/pack"
ln -s "$private/repo/objects/pack" "$root/linked.git/objects/pack"
refused linked "packs that are a link to a store of ours" \
	"it is not there|Permission denied"
hostile packs
for pack in "$private"/repo/objects/pack/pack-*; do
	ln -s "$pack" "$root/packs.git/objects/pack/${pack##*/}"
done
refused packs "packs, one by one" "it is not there|object $head"
# what leads to a place above our stores makes all of them readable
i=0
for above in / "$GITOPPER_STATE" "$GITOPPER_STATE/.upstream/../.upstream"; do
	i=$((i + 1))
	hostile "above-$i"
	echo "$above" >"$root/above-$i.git/objects/info/alternates"
	rm -r "$root/above-$i.git/objects/pack"
	ln -s "$private/repo/objects/pack" "$root/above-$i.git/objects/pack"
	refused "above-$i" "packs that are a link, and alternates above it" \
		"nobody else's"
	is "its files aren't given" "$(find "$GITOPPER_STATE/above-$i" \
		-path '*/tree/*')" ""
done
if [ "$(id -u)" -eq 0 ]; then
	mkdir "$root/second"
	mount --bind "$GITOPPER_STATE/.upstream" "$root/second"
	hostile second
	echo "$root/second/${private##*/}/repo/objects" \
		>"$root/second.git/objects/info/alternates"
	refused second "a store of ours by a second path" "nobody else's"
fi
# libgit2 ends a line at a carriage return as well
hostile return
printf '/\nnowhere\r%s\n' "$private/repo/objects" \
	>"$root/return.git/objects/info/alternates"
refused return "alternates in a line of another kind" "nobody else's"
hostile commondir
echo "$private/repo" >"$root/commondir.git/commondir"
refused commondir "a common directory that is ours" "nobody else's"
mkdir "$root/gitfile"
echo "gitdir: $private/repo" >"$root/gitfile/.git"
service gitfile "$root/gitfile"
refused gitfile "a file that leads to a store of ours" "nobody else's"
hostile loose
mkdir -p "$root/loose.git/objects/$(echo "$head" | cut -c 1-2)"
echo a-secret >"$tmp/secret"
ln -s "$tmp/secret" "$root/loose.git/objects/$(echo "$head" |
	sed 's|^..|&/|')"
refused loose "an object that is a link to some file" "object $head"
is "what is in that is not told" "$(grep -r a-secret "$GITOPPER_STATE"/*/*)" ""
hostile far
echo /etc >"$root/far.git/objects/info/alternates"
echo /nowhere >>"$root/far.git/objects/info/alternates"
refused far "alternates that lead to other places" "it is not there"
hostile many
i=0
while [ $i -lt 200 ]; do
	mkdir -p "$root/many/$i/info"
	echo "$root/many/$(((i * 7 + 1) % 200))" >"$root/many/$i/info/alternates"
	echo "$root/many/$i" >>"$root/many.git/objects/info/alternates"
	i=$((i + 1))
done
refused many "alternates without an end" "leans on too many"
hostile ref
rm "$root/ref.git/refs/heads/main"
ln -s "$tmp/secret" "$root/ref.git/refs/heads/main"
refused ref "a ref that is a link" "refs/heads/main"
rm "$root/ref.git/refs/heads/main"
mkfifo "$root/ref.git/refs/heads/main"
refused ref "a ref that is a FIFO" "main"
rm "$root/ref.git/refs/heads/main"
echo 'ref: refs/../../../secret' >"$root/ref.git/refs/heads/main"
refused ref "a ref that leads out of it" "refs/heads/main.*nowhere"
hostile wrong
printf 'tree %s\n\nx\n' "$head" | git -C "$root/wrong.git" hash-object -t \
	commit -w --stdin --literally >"$tmp/id"
cp "$tmp/id" "$root/wrong.git/refs/heads/main"
refused wrong "a commit of a tree that is none" "not there"
hostile lie
blob=$(echo x | git -C "$root/lie.git" hash-object -w --stdin)
mkdir -p "$root/lie.git/objects/$(echo "$head" | cut -c 1-2)"
cp "$root/lie.git/objects/$(echo "$blob" | sed 's|^..|&/|')" \
	"$root/lie.git/objects/$(echo "$head" | sed 's|^..|&/|')"
fails 1 "an object by another one's name" gitopper-pull lie
is "is not deployed" "$(value lie hash)" ""

# one that can't be read doesn't matter, where all is found without it
git clone -q --bare --shared "$bare" "$root/half.git"
mkdir -m 0 "$root/shut"
echo "$root/shut" >>"$root/half.git/objects/info/alternates"
service half "$root/half.git"
ok "an alternate that our user may not enter" gitopper-pull half
is "doesn't matter" "$(at half)" "$(git -C "$bare" rev-parse main)"

# what is named as a directory and is none; nothing of it is broken by us
git clone -q --bare "$bare" "$root/odd.git"
# in_odd COMMAND...: git there; write_odd TYPE <CONTENT: makes an object
in_odd() {
	git -C "$root/odd.git" "$@"
}
write_odd() {
	in_odd hash-object -t "$1" -w --stdin --literally
}
old=$(in_odd rev-parse main^^{tree})
blob=$(in_odd cat-file tree "$old" | (cat; printf '100644 zzz\0%020d' 0) |
	write_odd blob)
first=$(in_odd commit-tree -m first "$old")
second=$(printf 'tree %s\nparent %s\n\nsecond\n' "$blob" "$first" |
	write_odd commit)
aside=$(in_odd commit-tree -m aside -p "$(in_odd commit-tree -m before \
	main^{tree})" main^{tree})
tree=$( (in_odd ls-tree main; printf '160000 commit %s\tzzz\n' "$aside") |
	in_odd mktree)
tree=$(in_odd cat-file tree "$tree" | sed 's/160000 zzz/40000 zzz/' |
	write_odd tree)
third=$(in_odd commit-tree -p "$second" -m third "$tree")
in_odd update-ref refs/heads/main "$third"
service odd-tree "$root/odd.git"
ok "directories that are none, next to others" gitopper-pull odd-tree
is "they don't matter" "$(value odd-tree hash)" "$third"
store=$(upstream_dir "$root/odd.git")/repo
is "one is written as what it is, whatever is much like it" \
	"$(git -C "$store" cat-file -t "$old")" tree
in_odd update-ref refs/heads/main "$aside"
ok "a commit that came as a directory" gitopper-pull odd-tree
is "is as good as any" "$(value odd-tree hash)" "$aside"
ok "with its history" git -C "$store" rev-list "$aside"

# each of them has a store of its own, so the others go on
ok "all others are none the worse" gitopper-pull $kinds
is "at the tip" "$(at bare) $(at beside)" \
	"$head $(git -C "$root/beside" rev-parse main)"
done_testing
