#!/bin/sh
# growth.t - an object store that follows many commits stays small
. tests/lib.sh
. tests/servers.sh

# HOURS=8760 sh tests/growth.t is a year of hourly commits
root=$tmp/root hours=${HOURS:-400}
mkdir "$root"
sh tests/generate.sh "$root/r.git" 200 $((hours + 2)) 4 || exit 111
git -C "$root/r.git" rev-list --reverse main >"$tmp/commits"
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/r.git" config uploadpack.$key true
done
ok "a git daemon" try git_daemon "$root"
url=$git_url/r.git
for name in long fresh; do
	mkdir -p "$GITOPPER_STATE/$name/ctl"
	printf 'upstream=%s\nbranch=main\ndir=s1\t\tdir\n' "$url" \
		>"$GITOPPER_STATE/$name/conf"
done
repo=$(upstream_dir "$url")/repo

# size: bytes of the store
size() {
	find "$repo/objects" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }'
}
packs() {
	find "$repo/objects/pack" -name '*.pack' | wc -l
}

first=$(sed -n 2p "$tmp/commits")
last=$(tail -n 1 "$tmp/commits")
git -C "$root/r.git" update-ref refs/heads/main "$first"
ok "the first deployment" gitopper-pull long
most=0 bad=
for commit in $(sed 1,2d "$tmp/commits"); do
	echo "$commit" >"$root/r.git/refs/heads/main"
	gitopper-pull long >"$tmp/out" 2>&1 || { bad=$commit; break; }
	n=$(packs)
	[ "$n" -le "$most" ] || most=$n
done
is "every commit is followed" "$bad" ""
is "the last one is there" "$(value long hash)" "$last"
ok "there are never many packs: $most" test "$most" -le 34
long=$(size)
ok "the store is whole" git -C "$repo" rev-list --objects --missing=allow-any \
	--all --quiet
stop "$git_pid"
echo "$first" >"$GITOPPER_STATE/long/ctl/pin"
ok "what was ever deployed can be gone back to" gitopper-pull long
is "without network" "$(value long hash)" "$first"
ok "the daemon is back" try git_daemon "$root" "${git_url##*:}"
rm -rf "$(upstream_dir "$url")"
ok "a fresh fetch" gitopper-pull fresh
fresh=$(size)
echo "# after $hours commits $long bytes, a fresh fetch has $fresh"
ok "less than twice a fresh fetch" test "$long" -lt $((2 * fresh))
done_testing
