#!/bin/sh
# random.t - random commits, edits, pins and kills: trees are what they must be
. tests/lib.sh
. tests/servers.sh

# RANDOM_SEED and RANDOM_STEPS ask for other ones, or more; RANDOM_KEEP names a
# copy of the state directory, to be made when something is wrong.
seed=${RANDOM_SEED:-7}
steps=120
[ -z "${ASAN_OPTIONS-}" ] || steps=50
steps=${RANDOM_STEPS:-$steps}
git init -q --bare "$tmp/root/r.git"
for key in allowFilter allowAnySHA1InWant; do
	git -C "$tmp/root/r.git" config uploadpack.$key true
done
mkdir "$GITOPPER_STATE"
ok "a git daemon" try git_daemon "$tmp/root"
# two on a store that has no more than they need, three on one that has all
ok "$steps steps from seed $seed: trees, indexes and changes are right" \
	perl tests/random.pl "$tmp/root/r.git" "$GITOPPER_STATE" "$seed" \
	"$steps" "lean=$git_url/r.git|" "parts=$git_url/r.git|d,d/e" \
	"plain=$tmp/root/r.git|" "fix=$tmp/root/r.git|d,k|fix" \
	"file=$tmp/root/r.git|d/e/keep,k"
done_testing
