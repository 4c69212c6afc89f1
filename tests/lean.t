#!/bin/sh
# lean.t - no more is fetched than the services here need
. tests/lib.sh
. tests/servers.sh

root=$tmp/root
mkdir "$root"
# sN/fI: each later commit changes one file, the I-th one f(I*17%200)
sh tests/generate.sh "$root/r.git" 200 100 4 || exit 111
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/r.git" config uploadpack.$key true
done
git clone -q --bare "$root/r.git" "$root/plain.git"
git clone -q --bare "$root/r.git" "$root/half.git"
git -C "$root/half.git" config uploadpack.allowFilter true

# service NAME URL LINK...: its conf
service() {
	name=$1 url=$2; shift 2
	mkdir -p "$GITOPPER_STATE/$name/ctl"
	{
		printf 'upstream=%s\nbranch=main\n' "$url"
		[ -z "${more-}" ] || printf '%s\n' "$more"
		for link; do
			printf 'dir=%s\t\tdir\n' "$link"
		done
	} >"$GITOPPER_STATE/$name/conf"
}

# store URL: the object store
store() {
	printf '%s/repo\n' "$(upstream_dir "$1")"
}

# blobs STORE: how many there are
blobs() {
	git -C "$1" cat-file --batch-all-objects --batch-check |
	grep -c ' blob '
}

# lacks STORE COMMIT PATH: how many blobs below a path are missing
lacks() {
	git -C "$1" ls-tree -r "$2" "$3" | awk '{ print $3 }' |
	git -C "$1" cat-file --batch-check | grep -c missing
}

ok "a git daemon" try git_daemon "$root"
ok "a web server" web "$root"
ok "an sshd" try ssh_daemon
ours=$(git -C "$root/r.git" rev-list main -- s1 | head -n 10 | tail -n 1)
older=$(git -C "$root/r.git" rev-list main -- s1 | head -n 11 | tail -n 1)
tip=$(git -C "$root/r.git" rev-parse main)

for url in "$git_url/r.git" "$http_url/git/r.git" "$ssh_url$root/r.git" \
	"file://$root/r.git" "$root/r.git"; do
	kind=${url%%:*} more=
	case $kind in
	ssh) more="key=$tmp/id
known_hosts=$tmp/known_hosts" ;;
	/*) kind=path ;;
	esac
	service "$kind" "$url" s1
	ok "$kind: it is fetched" gitopper-pull "$kind"
	is "$kind: no word of a server that can't" \
		"$(grep can\'t "$tmp/out")" ""
	is "$kind: the tree is right" \
		"$(cd "$GITOPPER_STATE/$kind/tree" && cat s1/* | cksum)" \
		"$(git -C "$root/r.git" archive main s1 |
		tar -xO -f - | cksum)"
	repo=$(store "$url")
	is "$kind: all commits are here" \
		"$(git -C "$repo" rev-list --count main)" 100
	is "$kind: all contents of its files" "$(lacks "$repo" "$tip" s1)" 0
	is "$kind: none of the others'" "$(lacks "$repo" "$tip" s2)" 50
	is "$kind: those of the last ten commits" \
		"$(lacks "$repo" "$ours" s1)" 0
	is "$kind: and not one more" "$(blobs "$repo")" 59
	ok "$kind: a second look" gitopper-pull "$kind"
	is "$kind: fetches nothing" "$(blobs "$repo")" 59
done

# on the same upstream
service other "$git_url/r.git" s1 s3
ok "another service needs more" gitopper-pull other
is "it is fetched" "$(lacks "$(store "$git_url/r.git")" "$tip" s3)" 0
is "and nothing else" "$(lacks "$(store "$git_url/r.git")" "$tip" s2)" 50

# what comes new
git clone -q "$root/r.git" "$tmp/work"
echo new >"$tmp/work/s1/new"
echo new2 >"$tmp/work/s2/new"
new=$(commit "$tmp/work" new)
git -C "$tmp/work" push -q origin main
ok "a new commit" gitopper-pull git
is "is here" "$(value git hash)" "$new"
is "with the file" "$(cat "$GITOPPER_STATE/git/tree/s1/new")" new
is "and without those of nobody" \
	"$(lacks "$(store "$git_url/r.git")" "$new" s2)" 51

# with the network down
stop "$git_pid"
echo "$ours" >"$GITOPPER_STATE/git/ctl/pin"
ok "a rollback by ten commits needs no network" gitopper-pull git
is "it is done" "$(value git hash)" "$ours"
echo "$older" >"$GITOPPER_STATE/git/ctl/pin"
fails 1 "one by more than that does" gitopper-pull git
like "it says why" "$(value git error)" \
	"^pull: commit $(echo "$older" | cut -c1-8): its files are not here: "
is "and nothing moves" "$(value git hash)" "$ours"
ok "the daemon is back" try git_daemon "$root" "${git_url##*:}"
ok "then it works" gitopper-pull git
is "as asked" "$(value git hash)" "$older"
is "without an error" "$(value git error)" ""

# servers that can't
for r in plain half; do
	url=$git_url/$r.git
	service $r "$url" s1
	ok "$r: it is fetched" gitopper-pull $r
	is "$r: said once" "$(grep -c "can't leave out" "$tmp/out")" 1
	is "$r: all of it" "$(lacks "$(store "$url")" "$tip" s2)" 0
	ok "$r: a second time" gitopper-pull $r
	is "$r: not said again" "$(grep -c "can't" "$tmp/out")" 0
	echo "$older" >"$GITOPPER_STATE/$r/ctl/pin"
	ok "$r: a rollback" gitopper-pull $r
	is "$r: works" "$(value $r hash)" "$older"
done

# one that promises to, and doesn't
git clone -q --bare "$root/plain.git" "$root/liar.git"
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/liar.git" config uploadpack.$key true
done
cat >"$tmp/hook" <<\END
#!/bin/sh
# in the place of git pack-objects: no object by its id
in=$(cat)
case $PWD in
*/liar.git)
	! printf '%s\n' "$in" | git cat-file --batch-check |
	grep -q ' blob ' || exit 1 ;;
esac
printf '%s\n' "$in" | exec "$@"
END
chmod 755 "$tmp/hook"
git config --file "$GIT_CONFIG_GLOBAL" uploadpack.packObjectsHook "$tmp/hook"
service liar "$git_url/liar.git" s1
gitopper-pull liar >"$tmp/out1" 2>&1
gitopper-pull liar >"$tmp/out2" 2>&1
ok "liar: it is fetched in the end" gitopper-pull liar
is "liar: said once" "$(grep -c "can't leave out" "$tmp/out")" 1
is "liar: the tree is there" "$(ls "$GITOPPER_STATE/liar/tree/s1" | wc -l)" \
	"$(git -C "$root/liar.git" ls-tree main s1/ | wc -l)"
is "liar: all of it" "$(lacks "$(store "$git_url/liar.git")" "$tip" s2)" 0
git -C "$root/liar.git" update-ref refs/heads/main \
	"$(git -C "$root/r.git" rev-parse main~1)"
ok "liar: another commit" gitopper-pull liar
is "liar: without more ado" "$(grep -c "can't" "$tmp/out")" 0
git config --file "$GIT_CONFIG_GLOBAL" --unset uploadpack.packObjectsHook

# a store that is gone
rm -rf "$(store "$git_url/r.git")"
ok "a store that was taken away" gitopper-pull git other
rm -f "$GITOPPER_STATE/git/ctl/pin"
ok "is fetched anew" gitopper-pull git other
ours=$(git -C "$root/r.git" rev-list main -- s1 | head -n 10 | tail -n 1)
is "with those of the last ten commits" \
	"$(lacks "$(store "$git_url/r.git")" "$ours" s1)" 0

# refs that nobody follows
git -C "$root/r.git" for-each-ref --format='%(objectname)' | head -n 1 |
while read -r id; do
	i=0
	while [ $i -lt 3000 ]; do
		echo "create refs/heads/x/$i $id"
		echo "create refs/tags/t$i $id"
		i=$((i + 1))
	done
done | git -C "$root/r.git" update-ref --stdin
git -C "$root/r.git" tag -a -m annotated v1 "$ours"
for url in "$git_url/r.git" "$http_url/git/r.git"; do
	kind=${url%%:*}
	service "tag-$kind" "$url" s1
	sed -i s/branch=main/branch=v1/ "$GITOPPER_STATE/tag-$kind/conf"
	ok "$kind: a tag among many refs" gitopper-pull "tag-$kind"
	is "$kind: is followed" "$(value "tag-$kind" hash)" "$ours"
	is "$kind: the others' refs are not taken" "$(git -C \
		"$(store "$url")" for-each-ref | grep -Ec '/(x/|t[0-9])')" 0
done
service by-name "$git_url/r.git" s1
sed -i "s/branch=main/branch=$older/" "$GITOPPER_STATE/by-name/conf"
ok "a commit by its name" gitopper-pull by-name
is "is followed" "$(value by-name hash)" "$older"
done_testing
