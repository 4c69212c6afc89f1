#!/bin/sh
# repair.t - object stores that are damaged, wiped or of no use any more
. tests/lib.sh
. tests/servers.sh

root=$tmp/root work=$tmp/work
mkdir "$root"
sh tests/generate.sh "$root/r.git" 40 20 4 || exit 111
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/r.git" config uploadpack.$key true
done
git clone -q "$root/r.git" "$work"
ok "a git daemon" try git_daemon "$root"
url=$git_url/r.git
dir=$(upstream_dir "$url")
for name in a b; do
	mkdir -p "$GITOPPER_STATE/$name/ctl"
	printf 'upstream=%s\nbranch=main\ndir=s1\t\tdir\n' "$url" \
		>"$GITOPPER_STATE/$name/conf"
done

# push TEXT: a new commit
push() {
	echo "$1" >"$work/s1/new"
	head=$(commit "$work" "$1") && git -C "$work" push -q -f origin HEAD:main
}

# whole: what each service reads is right, and so is the store
whole() {
	for name in a b; do
		[ "$(value $name hash)" = "$head" ] &&
		[ "$(cat "$GITOPPER_STATE/$name/tree/s1/new")" = \
			"$(cat "$work/s1/new")" ] &&
		[ "$(value $name error)" = "" ] || return 1
	done
	git -C "$dir/repo" rev-list --objects --missing=allow-any --quiet main
}

# mends WHAT: after some damage, and something new, all is well in two cycles
mends() {
	was=$(cat "$GITOPPER_STATE/a/tree/s1/new")
	push "after $1"
	gitopper-pull a b >"$tmp/first" 2>&1
	now=$(cat "$GITOPPER_STATE/a/tree/s1/new")
	ok "$1: meanwhile the tree serves what it did" \
		test "$now" = "$was" -o "$now" = "after $1"
	rm -f "$dir/status.old"
	# the day between two renewals is over
	sed -i /^renewed=/d "$dir/status"
	ok "$1: is noticed and mended" gitopper-pull a b
	ok "$1: all is whole" whole
	sed -i /^renewed=/d "$dir/status"
}

push first
ok "two services on one upstream" gitopper-pull a b
ok "all is whole" whole

pack=$(find "$dir/repo/objects/pack" -name '*.pack' -size +1k | head -n 1)
truncate -s 100 "$pack"
mends "a pack that was cut off"
for f in "$dir"/repo/objects/pack/*.idx; do
	: >"$f"
done
mends "indexes without a byte"
# libgit2 may go where the offsets lead, and crash: a child's own affair
ASAN_OPTIONS=${ASAN_OPTIONS+$ASAN_OPTIONS:}handle_segv=0:handle_sigbus=0
export ASAN_OPTIONS
for f in "$dir"/repo/objects/pack/*.idx; do
	chmod u+w "$f"
	perl -0777 -pi -e '$n = unpack "N", substr $_, 1028, 4;
		substr $_, 1032 + 24 * $n, 4 * $n, "\4\0\0\0" x $n' "$f"
done
mends "indexes whose offsets lead nowhere"
rm -rf "$dir/repo/objects/pack"/*
mends "packs that are gone"
rm -rf "$dir/repo/refs"
mends "refs that are gone"
: >"$dir/repo/HEAD"
mends "an empty HEAD"
: >"$dir/repo/refs/heads/main.lock"
: >"$dir/repo/config.lock"
mends "locks left behind"
echo garbage >"$dir/repo/refs/heads/main"
mends "a ref that is none"
rm -rf "$dir/repo"
mends "a store that is gone"
rm -rf "$dir/repo"
mkdir "$dir/repo"
mends "an empty directory"
if [ "$(id -u)" -eq 0 ]; then
	chown -R 1:1 "$dir/repo"
	mends "a store of another owner"
fi
git init -q --bare "$tmp/else"
rm -rf "$dir/repo"
cp -r "$tmp/else" "$dir/repo"
mends "a store of something else"
rm -rf "$dir/repo"
: >"$dir/repo"
mends "a file in its place"
rm -rf "$dir/repo"
ln -s "$tmp/else" "$dir/repo"
mends "a link to something else"

# as people ask for it
before=$(stat -c %i "$dir/repo")
ok "wipe" gitopper-ctl wipe a
ok "it is carried out" gitopper-pull a
ok "the store is another one" test "$before" -ne "$(stat -c %i "$dir/repo")"
ok "all is whole" whole
is "the poke is gone" "$(ls "$GITOPPER_STATE/a/ctl")" ""
ok "the other service is not disturbed" gitopper-pull b
ok "and follows" whole
ok "wipe --all" gitopper-ctl wipe --all
stop "$git_pid"
fails 1 "while the upstream is down" gitopper-pull a b
is "the tree stays" "$(cat "$GITOPPER_STATE/b/tree/s1/new")" \
	"$(cat "$work/s1/new")"
ok "the upstream is back" try git_daemon "$root" "${git_url##*:}"
before=$(stat -c %i "$dir/repo")
ok "then it is done" gitopper-pull a b
ok "the store is another one" test "$before" -ne "$(stat -c %i "$dir/repo")"
ok "all is whole" whole

# a store that is gone while the upstream is down
push "not here"
stop "$git_pid"
rm -rf "$dir/repo"
echo "tip=main	$head" >>"$dir/status"
sed -i "/^tip=main	$head/!{/^tip=/d}" "$dir/status"
fails 1 "a tip of which nothing is here" gitopper-pull a
like "it says why" "$(value a error)" "^pull: commit $(echo "$head" |
	cut -c1-8) is not here, and can't be fetched: .*(refused|connect)"
echo "$head" >"$GITOPPER_STATE/b/ctl/pin"
fails 1 "nor can it be gone to" gitopper-pull b
like "it says why" "$(value b error)" \
	"is not here, and can't be fetched: .*(refused|connect)"
rm "$GITOPPER_STATE/b/ctl/pin"
ok "the upstream is back" try git_daemon "$root" "${git_url##*:}"
ok "all is fetched" gitopper-pull a b
ok "all is whole" whole
echo 1234567 >"$GITOPPER_STATE/b/ctl/pin"
fails 1 "what nobody has" gitopper-pull b
like "is another matter" "$(value b error)" "there is no such commit"
rm "$GITOPPER_STATE/b/ctl/pin"
ok "forward again" gitopper-pull b

# two wishes
ok "wipe" gitopper-ctl wipe a
ok "and redo, while that waits" gitopper-ctl redo a
is "wish both" "$(cat "$GITOPPER_STATE/a/ctl/poke")" "redo wipe"
ok "and just pull" gitopper-ctl pull a
is "takes nothing from it" "$(cat "$GITOPPER_STATE/a/ctl/poke")" "redo wipe"
before=$(stat -c %i "$dir/repo")
ok "both are done" gitopper-pull a
ok "the store is another one" test "$before" -ne "$(stat -c %i "$dir/repo")"
is "and it is to be acted again" "$(value a todo)" act
is "the poke is gone" "$(ls "$GITOPPER_STATE/a/ctl")" ""
sed -i /^todo=/d "$GITOPPER_STATE/a/status"

# asked for when the one contact of a run is over
before=$(stat -c %i "$dir/repo")
mkfifo "$tmp/names"
spawn sh -c "exec gitopper-pull -f <'$tmp/names' >'$tmp/out' 2>&1"
exec 7>"$tmp/names"
tried() {
	[ "$(sed -n s/^tried=//p "$dir/status")" != 1 ] &&
	flock -n "$dir/lock" true
}
sed -i 's/^tried=.*/tried=1/' "$dir/status"
echo a >&7
ok "a run has had its contact" within 10 tried
ok "wipe" gitopper-ctl wipe b
echo b >&7
exec 7>&-
wait "$pid"
ok "a wipe that comes later is not lost" \
	test "$before" -ne "$(stat -c %i "$dir/repo")"
is "and done" "$(ls "$GITOPPER_STATE/b/ctl")" ""

# damage that is found between the contact and one for older commits' files
for pack in "$dir"/repo/objects/pack/*.pack; do
	chmod u+w "$pack"
	dd if=/dev/zero of="$pack" bs=1 seek=100 count=1000 conv=notrunc \
		2>/dev/null
done
sed -i '/^renewed=/d; /^kept=/d' "$dir/status"
rm -rf "$GITOPPER_STATE/a/tree"
packs() {
	find "$dir/repo/objects/pack" -name '*.pack' | wc -l
}
before=$(packs)
fails 1 "zeros in packs" gitopper-pull a
ok "no empty store takes its place" test "$(packs)" -ge "$before"
ok "it is made anew" gitopper-pull a b
ok "all is whole" whole

# a branch that goes forward alone
echo follow=forward >>"$GITOPPER_STATE/a/conf"
git -C "$work" reset -q --hard HEAD~5
push rewritten
fails 1 "a rewritten branch is refused" gitopper-pull a b
like "it says how to take it" "$(value a error)" "^pull: .*rewritten.*accept"
is "the other service takes it" "$(value b hash)" "$head"
ok "wipe" gitopper-ctl wipe a
fails 1 "a new store, which never saw the old branch, is no way around" \
	gitopper-pull a
like "it says how to take it" "$(value a error)" "^pull: .*rewritten.*accept"
ok "accept" gitopper-ctl accept a
ok "then it is taken" gitopper-pull a
is "by the one as well" "$(value a hash)" "$head"
git -C "$work" reset -q --hard HEAD~1
push again
fails 1 "once, and not for ever" gitopper-pull a
taken=$(value a hash)
ok "to a commit that both branches have" gitopper-ctl rollback a \
	"$(git -C "$work" rev-parse HEAD~1)"
ok "and back to it" gitopper-pull a
ok "from where the branch goes forward" gitopper-ctl unfreeze a
fails 1 "but not for who was further" gitopper-pull a
like "it says how to take it" "$(value a error)" \
	"rewritten: $(echo "$taken" | cut -c 1-8) .*accept"
ok "accept" gitopper-ctl accept a
ok "then it is taken" gitopper-pull a
is "it is" "$(value a hash)" "$(git -C "$work" rev-parse HEAD)"

# stores of nobody
mkdir -p "$GITOPPER_STATE/.upstream/old-000000000000/repo"
echo "tried=$(($(date +%s) - 90000))" \
	>"$GITOPPER_STATE/.upstream/old-000000000000/status"
mkdir -p "$GITOPPER_STATE/.upstream/new-000000000000/repo"
echo "tried=$(date +%s)" >"$GITOPPER_STATE/.upstream/new-000000000000/status"
gitopper-pull a b >"$tmp/out" 2>&1
ok "a store that nobody used for a day goes" \
	test ! -e "$GITOPPER_STATE/.upstream/old-000000000000"
ok "one that was used an hour ago stays" \
	test -e "$GITOPPER_STATE/.upstream/new-000000000000"
ok "and that of services as well" test -e "$dir/repo"
done_testing
