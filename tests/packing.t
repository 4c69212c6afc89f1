#!/bin/sh
# packing.t - many packs become one, and nobody waits; and how large it may be
. tests/lib.sh
. tests/servers.sh

root=$tmp/root
mkdir "$root"
ok "a git daemon" try git_daemon "$root"

packs() {
	find "$repo/objects/pack" -name '*.pack' | wc -l
}

# small: gitopper-pull with other limits
small() {
	mkdir "$tmp/small" &&
	cp "$top"/*.c "$top"/*.h "$top/Makefile" "$top/config.mk" \
		"$tmp/small" &&
	sed -i -e 's/^\(	PACKS_MAX  *= \)[0-9]*/\13/' \
		-e 's/^\(	PACK_TIME  *= \)[0-9]*/\120/' \
		-e 's/^\(#define STORE_MAX .*\)16 << 30/\148 << 20/' \
		"$tmp/small/config.h" &&
	grep -q 'STORE_MAX.*48 << 20' "$tmp/small/config.h" &&
	make -s -C "$tmp/small" CFLAGS=-O1 gitopper-pull
}
ok "one with small limits" small
pull=$tmp/small/gitopper-pull
git init -q --bare "$root/big.git"
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/big.git" config uploadpack.$key true
done
git clone -q "$root/big.git" "$tmp/work" 2>/dev/null
mkdir "$tmp/work/s1"
url=$git_url/big.git
repo=$(upstream_dir "$url")/repo
# another one, on an upstream of its own
sh tests/generate.sh "$root/r.git" 20 3 4 || exit 111
for name in big other; do
	mkdir -p "$GITOPPER_STATE/$name/ctl"
	printf 'upstream=%s\nbranch=main\ndir=s1\t\tdir\n' "$url" \
		>"$GITOPPER_STATE/$name/conf"
done
sed -i "s|^upstream=.*|upstream=$git_url/r.git|" "$GITOPPER_STATE/other/conf"

# push SIZE: a commit with so much that can't be packed, and with a small file
push() {
	[ "$1" = 0 ] || head -c "$1" /dev/urandom >"$tmp/work/s1/big"
	echo "$1" >>"$tmp/work/s1/small"
	head=$(commit "$tmp/work" "$1") &&
	git -C "$tmp/work" push -q origin HEAD:main
}

# packing: a run has come to where it packs, and its child is held there;
# sets $run and $packer
writing() {
	ls "$repo"/../pack.new/*_git2_*
}
packing() {
	spawn "$pull" big >"$tmp/run.log" 2>&1
	run=$pid
	within 30 writing &&
	packer=$(ps -o pid= --ppid "$(ps -o pid= --ppid "$run" |
		tr -d ' ')" | tr -d ' ') &&
	kill -STOP "$packer"
}
# well: the last commit is here, whole
well() {
	[ "$(value big hash)" = "$head" ] && [ "$(value big error)" = "" ] &&
	cmp "$tmp/work/s1/big" "$GITOPPER_STATE/big/tree/s1/big" &&
	git -C "$repo" rev-list --objects --missing=allow-any --all --quiet
}
for i in 6M 6M 6M; do
	push $i && "$pull" big >"$tmp/run.log" 2>&1 || break
done
ok "many packs" test "$(packs)" -ge 3
push 6M
ok "they are packed" packing
push 0
ok "meanwhile a contact is no matter" timeout 10 "$pull" big
ok "it brings what is new" well
kill -CONT "$packer"
wait "$run"
is "packing comes to its end" "$?$(grep -v '^big$' "$tmp/run.log")" 0
ok "few packs are left" test "$(packs)" -le 3
ok "all is whole" well
ok "a later run is content" "$pull" big
ok "nothing is left beside" test ! -e "$repo/../pack.new"

push 0
"$pull" big >"$tmp/run.log" 2>&1
push 0
"$pull" big >"$tmp/run.log" 2>&1
sed -i 's/^packed=.*/packed=1/' "$repo/../status"
push 0
ok "packing once more" packing
start=$(date +%s)
wait "$run"
ok "it is ended if it takes too long" test $(($(date +%s) - start)) -ge 5
like "which is said" "$(cat "$tmp/run.log")" 'packing failed'
like "and noted" "$(cat "$repo/../status")" '^unpacked=[0-9]+$'
ok "nothing is left beside" test ! -e "$repo/../pack.new"
ok "all is whole" well
push 0
ok "the next run goes on without" timeout 10 "$pull" big
is "for a day" "$(cat "$tmp/out")" big
ok "all is whole" well

# as large as it may be
was=$head
push 30M
fails 1 "more than there is room for" "$pull" big other
like "it says so" "$(value big error)" "^pull: .*File too large .*config.h"
is "the tree stays" "$(value big hash)" "$was"
ok "it isn't taken for damage" test ! -e "$repo/../damaged"
for i in 12M 11M 1000K 1000K; do
	was=$(value big hash)
	push $i && "$pull" big >"$tmp/run.log" 2>&1 || break
done
fails 1 "an object store that is full" "$pull" big other
like "it says so" "$(value big error)" \
	"^pull: its object store has 48 MiB or more, .* gitopper-ctl wipe"
is "the tree stays" "$(value big hash)" "$was"
is "others don't mind" "$(value other error)$(value other hash)" \
	"$(git -C "$root/r.git" rev-parse main)"
echo wipe >"$GITOPPER_STATE/big/ctl/poke"
ok "a new one has room" "$pull" big
ok "all is whole" well
done_testing
