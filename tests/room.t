#!/bin/sh
# room.t - state directories with little room, few inodes, or no way to them
. tests/lib.sh
. tests/servers.sh

[ "$(id -u)" -eq 0 ] || skip 'a file system of its own is for root'
root=$tmp/root work=$tmp/work
mkdir "$root" "$tmp/disk"
git init -q --bare "$root/r.git"
git clone -q "$root/r.git" "$work" 2>/dev/null
mkdir "$work/app"
ok "a git daemon" try git_daemon "$root"

# disk OPTION: an empty file system for the state
disk() {
	umount "$tmp/disk" 2>/dev/null
	mount -t tmpfs -o "$1,mode=755" tmpfs "$tmp/disk" || return 1
	GITOPPER_STATE=$tmp/disk/state
}

# service NAME LINK
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl"
	printf 'upstream=%s\nbranch=main\ntimeout=20\ndir=%s\t\tdir\n' \
		"$git_url/r.git" "$2" >"$GITOPPER_STATE/$1/conf"
}

# push: what is in the work tree
push() {
	head=$(commit "$work" more) && git -C "$work" push -q origin HEAD:main
}

# --- little room
head -c 6000000 /dev/urandom >"$work/app/large"
push
for size in 8m 5m; do
	disk size=$size || exit 111
	service s app
	fails 1 "a disk of $size" gitopper-pull s
	like "the error says what there is too little of, and where" \
		"$(value s error)" \
		"^pull: not enough room in $tmp/disk/state/.upstream/[^ ]*/repo"
	is "and nothing about files that are too large" \
		"$(value s error | grep 'too large')" ""
done
disk size=12500k || exit 111
service s app
fails 1 "room for the store, and not for the files" gitopper-pull s
like "the error says where" "$(value s error)" \
	"not enough room in $tmp/disk/state/s/next\$"

# --- few inodes: many small files, and some far down
rm "$work/app/large"
mkdir "$work/app/many" "$work/app/few"
(cd "$work/app/many" && seq 600 | xargs -n 100 touch)
echo x >"$work/app/few/x"
push
disk size=50m,nr_inodes=600 || exit 111
service many app/many
fails 1 "more files than there are inodes" gitopper-pull many
like "the error says so, and where" "$(value many error)" \
	"not enough inodes in $tmp/disk/state/many/next\$"
ok "there are some left" mkdir -p "$tmp/disk/a/b/c/d/e/f/g/h"
service few app/few
ok "enough for another service" gitopper-pull few
is "which follows" "$(value few hash)" "$head"
is "nothing is left of the first" \
	"$(ls "$GITOPPER_STATE/many" | grep -E 'next|plan|tree')" ""

git -C "$work" rm -qr app/many
deep=$(printf 'd/%.0s' $(seq 60))
for i in 1 2 3 4 5 6 7 8 9; do
	mkdir -p "$work/app/deep/$i/$deep"
	echo x >"$work/app/deep/$i/$deep/x"
done
push
disk size=50m,nr_inodes=900 || exit 111
service deep app/deep
fails 1 "directories that take them, here and in the tree" gitopper-pull deep
like "the error says so" "$(value deep error)" "not enough inodes"
disk size=50m,nr_inodes=1800 || exit 111
service deep app/deep
ok "with more of them" gitopper-pull deep
is "it follows" "$(value deep hash)" "$head"

# --- a way that is closed to the user who fetches
GITOPPER_STATE=$tmp/closed/ct/state
mkdir -p "$tmp/closed/ct"
chmod 700 "$tmp/closed"
service shut app/few
if getent passwd gitopper-pull >/dev/null; then
	user=gitopper-pull
else
	user=nobody
fi
fails 1 "a state directory below one that is closed" gitopper-pull shut
like "the error says whom it keeps out, and which it is" \
	"$(value shut error)" \
	"^pull: the user $user can't get to $GITOPPER_STATE/.*: $tmp/closed is closed to it\$"
chmod 711 "$tmp/closed"
ok "once it is open" gitopper-pull shut
is "it follows" "$(value shut hash)" "$head"
done_testing
