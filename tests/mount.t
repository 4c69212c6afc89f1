#!/bin/sh
# mount.t - bind mounts: made, left alone, swapped, taken away
. tests/lib.sh

# mount-shared.t runs all this once more, where mounts spread: the namespace
# is private already, so they do so among those that are made of it
spread=${spread-}
[ -z "$spread" ] || mount --make-rshared / || exit 111

hash=0123456789012345678901234567890123456789
plc=$tmp/place
mkdir "$plc"

# service NAME [KEY=VALUE ...]: a service whose tree is there, dirs aside
service() {
	name=$1; shift
	mkdir -p "$GITOPPER_STATE/$name/ctl" "$GITOPPER_STATE/$name/tree"
	printf '%s\n' "service=$name" branch=main "$@" \
		>"$GITOPPER_STATE/$name/conf"
	echo "hash=$hash" >"$GITOPPER_STATE/$name/status"
}

# dir NAME LINK LOCAL dir|file: one more dir in its conf
dir() {
	printf 'dir=%s\t%s\t%s\n' "$2" "$3" "$4" >>"$GITOPPER_STATE/$1/conf"
}

# publish NAME PATH TEXT: a file of the tree is replaced, by rename
publish() {
	mkdir -p "$(dirname "$GITOPPER_STATE/$1/tree/$2")"
	echo "$3" >"$GITOPPER_STATE/$1/new" &&
	mv "$GITOPPER_STATE/$1/new" "$GITOPPER_STATE/$1/tree/$2"
}

# mounts PATH: how many mounts lie on it
mounts() {
	awk -v p="$1" '$5 == p { n++ } END { print n + 0 }' \
		/proc/self/mountinfo
}

# hides PATH: what is below its mount, which is taken away for the look
hides() {
	unshare -m sh -c 'umount "$1" && ls -ld "$1"' - "$1"
}

run() {
	gitopper-mount "$@" 2>"$tmp/err"
}

# off NAME: away with all of it, whatever it has become
off() {
	run -u "$1" >/dev/null
	rm -rf --one-file-system "${GITOPPER_STATE:?}/$1"
}

if [ "$(id -u)" -ne 0 ]; then
	skip "needs root"
fi

fails 100 "an unknown option is refused" gitopper-mount -x
fails 100 "-a and names don't go together" gitopper-mount -a app
fails 1 "an unknown service is said" gitopper-mount nobody-has-it

# directories and files

service app user=daemon
publish app etc/conf one
publish app etc/sub/deep two
publish app single three
dir app etc "$plc/a/b/etc" dir
dir app single "$plc/c/single" file
dir app etc/sub "" dir
is "a name that came through is printed" "$(run app)" app
is "a directory shows the tree" "$(cat "$plc/a/b/etc/sub/deep")" two
is "a file shows the tree's" "$(cat "$plc/c/single")" three
is "the tree can be written to where it is mounted" \
	"$(echo new >"$plc/a/b/etc/new"; cat "$GITOPPER_STATE/app/tree/etc/new")" new
like "a missing mount point is the user's" "$(hides "$plc/a/b/etc")" \
	'^drwxr-xr-x.* daemon +daemon '
like "a missing file too" "$(hides "$plc/c/single")" \
	'^-rw-r--r--.* daemon +daemon +0 '
is "the directories above are root's" \
	"$(stat -c '%a %U' "$plc/a" "$plc/a/b" "$plc/c" | sort -u)" "755 root"
is "mounts has a line for each" "$(cut -f 1,2 "$GITOPPER_STATE/app/mounts")" \
	"$(printf '%s\t%s\n' "$GITOPPER_STATE/app/tree/etc" "$plc/a/b/etc" \
	"$GITOPPER_STATE/app/tree/single" "$plc/c/single")"
is "the action is to follow" "$(value app todo)" act
like "the log has it" "$(cat "$GITOPPER_STATE/app/log")" \
	"mounted $GITOPPER_STATE/app/tree/etc on $plc/a/b/etc"

before=$(cat /proc/self/mountinfo; stat -c '%i %y' "$GITOPPER_STATE/app/"*)
for i in 1 2 3 4 5 6 7 8 9 10; do
	run app >/dev/null || echo "run $i failed"
done >"$tmp/runs"
is "ten more runs succeed" "$(cat "$tmp/runs")" ""
is "and change neither mounts nor files" \
	"$(cat /proc/self/mountinfo; stat -c '%i %y' "$GITOPPER_STATE/app/"*)" \
	"$before"

for i in 1 2 3 4 5 6 7 8 9 10; do
	publish app single "update $i"
	run app >/dev/null
	[ "$(cat "$plc/c/single")" = "update $i" ] || echo "update $i is missing"
	[ "$(mounts "$plc/c/single")" -eq 1 ] || echo "update $i is stacked"
done >"$tmp/runs"
is "a file shows each of ten updates, by one mount" "$(cat "$tmp/runs")" ""
is "mounts has one line for it" \
	"$(grep -c "$plc/c/single" "$GITOPPER_STATE/app/mounts")" 1

# names, and who is printed

service raw
sed -i /hash=/d "$GITOPPER_STATE/raw/status"
dir raw etc "$plc/raw" dir
is "what has no hash is passed over in silence" \
	"$(printf 'raw\napp\n' | gitopper-mount 2>&1)" app
is "-a prints nothing where nothing was mounted" "$(run -a)" ""
long=$(printf %4093s '' | tr ' ' x)
for line in "$long" "${long}xyz" "${long}xyzx" "$long$long$long"; do
	printf '%sapp\nraw\n' "$line" | gitopper-mount >"$tmp/names" 2>"$tmp/err"
	is "a line of $((${#line} + 3)) bytes is no name, nor is its end" \
		"$? $(cat "$tmp/names")" '1 '
done
printf 'app\0x\n' | gitopper-mount >"$tmp/names" 2>"$tmp/err"
is "nor is what comes before a NUL" "$? $(cat "$tmp/names")" '1 '
is "names after it are" "$(printf '%s\napp\n' "$long$long" |
	gitopper-mount 2>"$tmp/err")" app

# places that gitopper-conf would not let through
cp /proc/self/mountinfo "$tmp/before"
rel=${plc#/}/rel
for local in "$rel" "./$rel" . .. / // /. /..; do
	service odd
	publish odd etc/conf one
	dir odd etc "$local" dir
	fails 1 "$local is no place to mount on" run odd
	like "which is said" "$(value odd error)" \
		"^mount: $local: is no absolute path, or is /"
	rm -rf "$GITOPPER_STATE/odd"
done
is "nothing was mounted there" "$(diff "$tmp/before" /proc/self/mountinfo)" ""
ok "nor made" [ ! -e "/$rel" ]

# what the config has and the tree not yet: gitopper-pull comes first
service soon
mkdir -p "$GITOPPER_STATE/soon/tree/etc"
dir soon etc "$plc/soon" dir
run -a >/dev/null
sed -i /todo=/d "$GITOPPER_STATE/soon/status"
dir soon later "$plc/later" dir
echo redo >"$GITOPPER_STATE/soon/ctl/poke"
is "-a leaves what a changed config will bring" "$(gitopper-mount -a 2>&1)" ""
is "that is no error" "$(value soon error)" ""
rm "$GITOPPER_STATE/soon/ctl/poke"
touch "$GITOPPER_STATE/soon/plan"
fails 0 "-a leaves what is staged" gitopper-mount -a
is "by its name it is an error" "$(run soon)$(value soon error)" \
	"mount: later: is not in the tree"
fails 0 "-a doesn't take that back" gitopper-mount -a
like "it is there still" "$(value soon error)" "later"
rm "$GITOPPER_STATE/soon/plan"
fails 1 "with nothing to come it is one with -a" gitopper-mount -a
off soon
sed -i /todo=/d "$GITOPPER_STATE/app/status"
umount "$plc/c/single"
is "-a prints what had to be mounted" "$(run -a)" app
is "and its action is to follow" "$(value app todo)" act
sed -i /todo=/d "$GITOPPER_STATE/app/status"
umount "$plc/c/single"
is "-a -b prints it as well" "$(run -a -b)" app
is "and no action follows" "$(value app todo)" ""
echo "todo=publish $hash" >>"$GITOPPER_STATE/app/status"
umount "$plc/c/single"
run -a >/dev/null
is "a publish that has begun stays to be done" "$(value app todo)" \
	"publish $hash"
service off
service none
dir none etc "" dir
is "a service without places comes through" "$(run off none)" "$(printf 'off\nnone')"
fails 1 "a line that is no name is said" sh -c 'echo ../x | gitopper-mount'

flock "$GITOPPER_STATE/none/lock" sh -c 'gitopper-mount none' >"$tmp/got"
is "a locked service is left alone" "$(cat "$tmp/got")" ""
ok "and gets a poke" test -e "$GITOPPER_STATE/none/ctl/poke"

# removed from the config

mkdir "$plc/later"
sed -i '/^dir=etc\t.*b/d' "$GITOPPER_STATE/app/conf"
dir app etc "$plc/later" dir
ok "a dir that moved in the config" run app
is "is unmounted where it was" "$(mounts "$plc/a/b/etc")" 0
is "mounted where it is now" "$(cat "$plc/later/conf")" one
ok "its mount point stays" test -d "$plc/a/b/etc"
is "and mounts knows" "$(cut -f 2 "$GITOPPER_STATE/app/mounts")" \
	"$(printf '%s\n' "$plc/c/single" "$plc/later")"
sed -i '/^dir=etc\t/d' "$GITOPPER_STATE/app/conf"
dir app etc/sub "$plc/up/down" dir
run app >/dev/null
sed -i '/^dir=.*down/d' "$GITOPPER_STATE/app/conf"
dir app etc "$plc/up" dir
ok "one that moved to a directory above" run app
is "is not left below it" "$(grep -c " $plc/up" /proc/self/mountinfo)" 1
sed -i '/^dir=.*up\t/d' "$GITOPPER_STATE/app/conf"
run app >/dev/null
is "and one that was removed is unmounted" "$(grep " $plc/" \
	/proc/self/mountinfo | cut -d ' ' -f 5)" "$plc/c/single"

# a busy mount

service busy
publish busy etc/file old
dir busy etc "$plc/busy" dir
run busy >/dev/null
exec 9<"$plc/busy/file"
mv "$GITOPPER_STATE/busy/tree/etc" "$GITOPPER_STATE/busy/tree/was"
publish busy etc/file new
ok "a busy directory is swapped" run busy
is "and shows the new one" "$(cat "$plc/busy/file")" new
is "who had it open reads on" "$(cat <&9)" old
exec 9<"$plc/busy/file"
ok "a busy mount is unmounted" run -u busy
is "from its place" "$(mounts "$plc/busy")" 0
exec 9<&-

# -u

is "-u -a prints what was unmounted" "$(run -u -a)" app
is "nothing is left" "$(grep -c " $plc" /proc/self/mountinfo)" 0
ok "and mounts is gone" test ! -e "$GITOPPER_STATE/app/mounts"
is "-u prints the names it was given" "$(run -u app)" app
run app >/dev/null
is "it can be mounted again" "$(cat "$plc/c/single")" "update 10"

# gone from the config

echo gone=1 >>"$GITOPPER_STATE/app/conf"
rm -f "$GITOPPER_STATE/app/ctl/poke"
is "a service that is gone is not printed" "$(run app)" ""
is "and unmounted" "$(mounts "$plc/c/single")" 0
ok "mounts is gone" test ! -e "$GITOPPER_STATE/app/mounts"
ok "and pull is told to go on" test -e "$GITOPPER_STATE/app/ctl/poke"
ok "the mount point stays" test -e "$plc/c/single"

# a swap leaves no gap

service swap
publish swap file v0
dir swap file "$plc/swap" file
run swap >/dev/null
reader() {
	n=0
	while [ ! -e "$tmp/stop" ]; do
		line=
		read -r line <"$plc/swap" || echo "missing or empty"
		case $line in v[0-9]*) ;; *) echo "read: $line" ;; esac
		n=$((n + 1))
		[ $n -ne 100 ] || : >"$tmp/reading"
	done
	echo $n >"$tmp/reads"
}
reader >"$tmp/gaps" 2>&1 &
pid=$!
within 10 test -e "$tmp/reading"
i=0
while [ $i -lt 100 ]; do
	i=$((i + 1))
	publish swap file "v$i"
	run swap >/dev/null || echo "swap $i failed"
done >"$tmp/runs"
: >"$tmp/stop"
wait "$pid"
is "a hundred swaps succeed" "$(cat "$tmp/runs")" ""
is "a reader sees the file at every moment" "$(sort "$tmp/gaps" | uniq -c)" ""
is "and the last one at the end" "$(cat "$plc/swap")" v100
publish swap file v101
# (the leak checker can't work in a process that is traced)
ok "without MOVE_MOUNT_BENEATH" env ASAN_OPTIONS=detect_leaks=0 strace -o "$tmp/trace" \
	-e inject=move_mount:error=EINVAL:when=1 gitopper-mount swap
is "it is unmounted and mounted" "$(cat "$plc/swap"; mounts "$plc/swap")" \
	"$(printf 'v101\n1')"

# killed at every call of a swap, of a first mount, and of an unmount

calls="open_tree move_mount umount2 openat openat2 statx mkdirat rename
	renameat unlinkat fsync write close"
# killed COMMAND...: it is, at call $call number $i
killed() {
	strace -o "$tmp/trace" -e trace="$call" \
		-e inject="$call:signal=KILL:when=$i" "$@" >/dev/null 2>&1
	grep -q '^+++ killed' "$tmp/trace"
}
# each FUNCTION: runs it with every call and number that it is killed at;
# what can't be killed any more says so by failing
each() {
	kills=0
	for call in $calls; do
		i=1
		while "$1"; do
			i=$((i + 1))
			kills=$((kills + 1))
		done
	done
	[ "$kills" -ge 15 ] || echo "only $kills kills"
}
n=101
mended() {
	run swap >/dev/null && [ "$(cat "$plc/swap")" = "v$n" ] &&
	    [ "$(mounts "$plc/swap")" -eq 1 ] &&
	    [ "$(wc -l <"$GITOPPER_STATE/swap/mounts")" -eq 1 ] ||
		echo "not mended after $call $i"
}
one_swap() {
	n=$((n + 1))
	publish swap file "v$n"
	killed gitopper-mount swap || return
	mended
}
one_mount() {
	run -u swap >/dev/null
	rm -f "$plc/swap"
	killed gitopper-mount swap || return
	mended
}
one_unmount() {
	run swap >/dev/null
	killed gitopper-mount -u swap || return
	run -u swap >/dev/null && [ "$(mounts "$plc/swap")" -eq 0 ] &&
	    [ ! -e "$GITOPPER_STATE/swap/mounts" ] ||
		echo "not mended after $call $i"
}
# (between the two steps of a swap the file is a mount point, and can't be
# replaced: EBUSY)
one_more() {
	n=$((n + 1))
	publish swap file "v$n"
	killed gitopper-mount swap || return
	n=$((n + 1))
	publish swap file "v$n" 2>/dev/null || {
		run swap >/dev/null
		publish swap file "v$n"
	}
	mended
}
each one_swap >"$tmp/runs"
is "a swap that is killed at any call is mended" "$(cat "$tmp/runs")" ""
each one_more >"$tmp/runs"
is "also if the next commit is there by then" "$(cat "$tmp/runs")" ""
each one_mount >"$tmp/runs"
is "so is a first mount" "$(cat "$tmp/runs")" ""
each one_unmount >"$tmp/runs"
is "and an unmount" "$(cat "$tmp/runs")" ""

n=$((n + 1))
run swap >/dev/null
publish swap file "v$n"
call=umount2 i=1
ok "one that is killed between the two" killed gitopper-mount swap
is "leaves two" "$(mounts "$plc/swap")" 2
is "the run after that" "$(run swap)" swap
is "takes the top away, and mounts nothing" \
	"$(cat "$plc/swap"; mounts "$plc/swap")" "$(printf '%s\n1' "v$n")"
off swap

# todo is written before the mount, so that a crash right after it loses nothing

service crash
publish crash file one
dir crash file "$plc/crash" file
strace -o "$tmp/trace" -e inject=move_mount:signal=KILL:when=1 \
	gitopper-mount crash >/dev/null 2>&1
is "the action is to follow before anything is mounted" "$(value crash todo)" act
off crash

# places that are not ours to mount on

service odd
publish odd etc/file odd
publish odd file odd
mkdir "$plc/real"
ln -s real "$plc/link"
dir odd etc "$plc/link" dir
fails 1 "a place that is a symbolic link is refused" gitopper-mount odd
like "and said" "$(value odd error)" "^mount: $plc/link: is a symbolic link"
is "its action is to be done when it works" "$(value odd todo)" act
service odd
dir odd etc "$plc/link/below" dir
chown -h daemon "$plc/link"
fails 1 "so is one below somebody's symbolic link" gitopper-mount odd
is "nothing is made there" "$(ls "$plc/real")" ""
service odd
ln -s "$GITOPPER_STATE/odd/tree/etc" "$GITOPPER_STATE/odd/tree/turn"
dir odd turn "$plc/real" dir
fails 1 "a link in the tree is not followed" gitopper-mount odd
service odd
dir odd etc "$plc/real" dir
mount -t tmpfs tmpfs "$plc/real"
fails 1 "a mount of somebody else's is left alone" gitopper-mount odd
like "and said" "$(value odd error)" "^mount: $plc/real: a mount that is not ours"
like "it is still there" "$(stat -f -c %T "$plc/real")" tmpfs
is "alone" "$(mounts "$plc/real")" 1
umount "$plc/real"
is "when it went, ours comes" "$(run odd)" odd
is "and the error goes" "$(value odd error)" ""
mkdir "$plc/other"
mount --bind "$plc/other" "$plc/real"
fails 1 "one on top of ours too, of the same file system" gitopper-mount odd
is "it is still there" "$(mounts "$plc/real")" 2
fails 1 "ours can't be unmounted then" gitopper-mount -u odd
is "nor is theirs" "$(mounts "$plc/real")" 2
umount "$plc/real"
is "ours lay below" "$(cat "$plc/real/file")" odd
ok "and is unmounted" run -u odd
mount --bind "$GITOPPER_STATE/odd/tree/etc" "$plc/real"
is "a mount that shows the right thing is taken over" "$(run odd)" odd
is "as it is" "$(mounts "$plc/real")" 1
mkdir "$plc/real/inner"
mount -t tmpfs tmpfs "$plc/real/inner"
mv "$GITOPPER_STATE/odd/tree/etc" "$GITOPPER_STATE/odd/tree/was"
publish odd etc/file new
fails 1 "what somebody mounted inside of ours is not taken away with it" \
	gitopper-mount odd
like "and said" "$(value odd error)" "something is mounted inside"
umount "$plc/real/inner"
ok "without it" run odd
is "it goes on" "$(cat "$plc/real/file"; mounts "$plc/real")" \
	"$(printf 'new\n1')"
sed -i '/^dir=/d' "$GITOPPER_STATE/odd/conf"
umount "$plc/real"
mount -t tmpfs tmpfs "$plc/real"
ok "a place that left the config and became somebody else's" run odd
is "is forgotten" "$(mounts "$plc/real"; ls "$GITOPPER_STATE/odd/mounts" 2>&-)" 1
umount "$plc/real"

# kinds that don't fit

service kind
publish kind etc/file kind
publish kind file kind
: >"$plc/isfile"
mkdir "$plc/isdir"
dir kind etc "$plc/isfile" dir
fails 1 "a directory can't be mounted on a file" gitopper-mount kind
like "and says so" "$(value kind error)" "^mount: $plc/isfile: is not a directory"
service kind
dir kind file "$plc/isdir" file
dir kind etc "$plc/fine" dir
fails 1 "nor a file on a directory" gitopper-mount kind
like "and says so" "$(value kind error)" "^mount: $plc/isdir: is not a file"
is "the other dirs are mounted" "$(cat "$plc/fine/file")" kind
run -u kind >/dev/null
service kind
dir kind etc "$plc/new" file
dir kind file "$plc/new2" dir
fails 1 "a link of the wrong kind is an error" gitopper-mount kind
like "that is said" "$(value kind error)" "^mount: etc: is not a file"
ok "and no mount point is made for it" test ! -e "$plc/new"
service kind
dir kind file "$plc/fine2" file
run kind >/dev/null
rm "$GITOPPER_STATE/kind/tree/file"
fails 1 "a link that is missing in the tree is an error" gitopper-mount kind
like "that is said" "$(value kind error)" "^mount: file: is not in the tree"
is "what was mounted stays" "$(cat "$plc/fine2")" kind
mkdir "$GITOPPER_STATE/kind/tree/file"
fails 1 "a file that became a directory" gitopper-mount kind
rm "$GITOPPER_STATE/kind/conf"
service kind
dir kind file "$plc/fine2" dir
fails 1 "can't be mounted on the old mount point" gitopper-mount kind
rm "$plc/fine2"
is "but can without it" "$(run kind; mounts "$plc/fine2")" "$(printf 'kind\n1')"
off kind
service kind user=nobody-here
publish kind file kind
dir kind file "$plc/fine3" file
fails 1 "an unknown user can't own a mount point" gitopper-mount kind
like "and is said" "$(value kind error)" "^mount: no such user: nobody-here"
: >"$plc/fine3"
ok "but isn't needed where there is one" run kind
off kind

# what others mount on ours, here or in a namespace that shares its mounts

spawn unshare -m --propagation unchanged sleep 600
peer=$pid
elsewhere() {
	[ "$(readlink "/proc/$peer/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
}
within 10 elsewhere || exit 111
here() { "$@"; }
there() { nsenter -t "$peer" -m -- "$@"; }
repo=$tmp/repo
git init -q "$repo"
mkdir -p "$repo/etc"
echo one >"$repo/etc/file"
commit "$repo" one >/dev/null
service guest "upstream=$repo"
rm "$GITOPPER_STATE/guest/status"
rmdir "$GITOPPER_STATE/guest/tree"
dir guest etc "$plc/guest" dir
tree=$GITOPPER_STATE/guest/tree
is "what was pulled is mounted" \
	"$(gitopper-pull guest 2>"$tmp/err" | run; cat "$plc/guest/file")" \
	"$(printf 'guest\none')"
is "also where mounts spread to" "$(there mountpoint -q "$plc/guest"; echo $?)" \
	"$([ "$spread" ]; echo $((32 * $?)))"
for side in here ${spread:+there}; do
	$side mount -t tmpfs theirs "$plc/guest"
	fails 1 "$side, somebody mounts on ours" gitopper-mount guest
	like "that is said" "$(value guest error)" "a mount that is not ours is"
	is "it is not in the tree" "$(cat "$tree/etc/file"
		mounts "$tree/etc")" "$(cat "$repo/etc/file"; echo 0)"
	echo "$side" >"$repo/etc/file"
	echo "$side" >"$repo/etc/$side"
	head=$(commit "$repo" "$side")
	ok "a commit is published nonetheless" gitopper-pull guest
	is "all of it" "$(value guest hash) $(cat "$tree/etc/file" \
		"$tree/etc/$side" | tr '\n' ' ')" "$head $side $side "
	conf=$(cat "$GITOPPER_STATE/guest/conf")
	sed -i '/^dir=/d' "$GITOPPER_STATE/guest/conf"
	fails 1 "when it leaves the config" gitopper-mount guest
	like "theirs stays" "$(stat -f -c %T "$plc/guest"; mounts "$plc/guest")" \
		'^2$'
	like "and is said" "$(value guest error)" "is mounted over it"
	$side umount "$plc/guest"
	ok "without theirs" gitopper-mount guest
	is "ours goes" "$(mounts "$plc/guest")$(there cat /proc/self/mountinfo |
		grep -c "$plc/guest")" 00
	printf '%s\n' "$conf" >"$GITOPPER_STATE/guest/conf"
	is "and comes back" "$(run guest; cat "$plc/guest/file")" \
		"$(printf 'guest\n%s' "$side")"
done
off guest

# a directory above a place is renamed, and takes our mount along

service moved
publish moved etc/file moved
publish moved single moved
above="$plc/up \"a\\"
dir moved etc "$above/b/etc" dir
dir moved single "$above/b/single" file
run moved >/dev/null
mv "$above" "$plc/away"
is "what is below stays mounted" "$(cat "$plc/away/b/etc/file")" moved
is "-a mounts it on its place again" "$(run -a | grep moved)" moved
is "both" "$(cat "$above/b/etc/file" "$above/b/single")" "$(printf 'moved\nmoved')"
is "and takes the other away" "$(mounts "$plc/away/b/etc"; ls "$plc/away/b/etc"
	mounts "$plc/away/b/single")" "$(printf '0\n0')"
is "it has two lines then" "$(wc -l <"$GITOPPER_STATE/moved/mounts")" 2
mv "$above/b" "$plc/b"
mkdir "$plc/b/etc/inner"
mount -t tmpfs theirs "$plc/b/etc/inner"
fails 1 "what somebody mounted inside of that" gitopper-mount moved
like "is said" "$(value moved error)" "^mount: $plc/b/etc: something is mounted"
is "and left alone, but what the config has is there" "$(stat -f -c %T \
	"$plc/b/etc/inner"; cat "$above/b/etc/file"; mounts "$plc/b/single")" \
	"$(printf 'tmpfs\nmoved\n0')"
umount "$plc/b/etc/inner"
is "without it" "$(run moved; mounts "$plc/b/etc")" "$(printf 'moved\n0')"
sed -i '/^dir=/d' "$GITOPPER_STATE/moved/conf"
mv "$above" "$plc/old"
ln -s "$plc/old" "$above"
mount --bind "$GITOPPER_STATE/moved/tree/etc" "$plc/real"
ok "one that left the config, and has a link in its place" gitopper-mount moved
is "goes" "$(mounts "$plc/old/b/etc")$(mounts "$plc/old/b/single")" 00
is "somebody's own mount of the tree stays" "$(mounts "$plc/real")" 1
ok "nothing is left to do" test ! -e "$GITOPPER_STATE/moved/mounts"
umount "$plc/real"
dir moved etc "$plc/c/etc" dir
run moved >/dev/null
mv "$plc/c" "$plc/d"
ok "-u after a rename" gitopper-mount -u moved
is "finds it" "$(mounts "$plc/d/etc")" 0
run moved >/dev/null
cut -f 1-3 "$GITOPPER_STATE/moved/mounts" >"$tmp/mounts"
cp "$tmp/mounts" "$GITOPPER_STATE/moved/mounts"
ok "lines that have no number yet" gitopper-mount moved
is "get one" "$(cut -f 1-3 "$GITOPPER_STATE/moved/mounts" | diff - \
	"$tmp/mounts")$(cut -f 4 "$GITOPPER_STATE/moved/mounts")" \
	"$(sed -n "s, .* $plc/c/etc .*,,p" /proc/self/mountinfo)"
off moved

# what is mounted in the tree is nobody's source

service inside
publish inside etc/sub/file inside
mount -t tmpfs theirs "$GITOPPER_STATE/inside/tree/etc"
mkdir "$GITOPPER_STATE/inside/tree/etc/sub"
for link in etc etc/sub; do
	sed -i /^dir=/d "$GITOPPER_STATE/inside/conf"
	dir inside $link "$plc/inside" dir
	fails 1 "a source in a mount of somebody else's: $link" \
		gitopper-mount inside
	like "is said" "$(value inside error)" \
		"^mount: $GITOPPER_STATE/inside/tree/$link: something that is not"
	ok "and no mount point is made for it" test ! -e "$plc/inside"
done
umount "$GITOPPER_STATE/inside/tree/etc"
is "without it" "$(run inside; cat "$plc/inside/file")" \
	"$(printf 'inside\ninside')"
off inside

# Linux 5.8 to 5.11 have no mount_setattr(2)

service older
publish older etc/file older
dir older etc "$plc/older" dir
ok "an older kernel" strace -o "$tmp/trace" \
	-e inject=mount_setattr:error=ENOSYS gitopper-mount older
mount -t tmpfs theirs "$plc/older"
is "has a mount that is ours alone" "$(cat "$GITOPPER_STATE/older/tree/etc/file"
	grep -c 'INJECTED' "$tmp/trace")" "$(printf 'older\n1')"
umount "$plc/older"
off older

# names with anything in them; the tree as a whole; mount=

odd=$(printf 'a "b"\\ \303\244 c')
service "o.dd" mount="$tmp/trees"
mkdir -p "$tmp/trees/o.dd/$odd"
echo odd >"$tmp/trees/o.dd/$odd/file"
dir o.dd "" "$plc/whole/$odd" dir
dir o.dd "$odd/file" "$plc/whole/file" file
ok "odd names, the whole tree, below mount" run o.dd
is "is mounted" "$(cat "$plc/whole/$odd/$odd/file")" odd
for i in 1 2 3; do
	mv "$tmp/trees/o.dd" "$tmp/trees/old$i"
	cp -r "$tmp/trees/old$i" "$tmp/trees/o.dd"
	echo "$i" >"$tmp/trees/o.dd/$odd/file"
	run o.dd >/dev/null
done
is "mounts is read as it was written" "$(cat "$plc/whole/$odd/$odd/file"
		cat "$plc/whole/file"; wc -l <"$GITOPPER_STATE/o.dd/mounts")" \
	"$(printf '3\n3\n2')"
is "and -u finds it" "$(run -u o.dd; grep -c "$plc/whole" \
	/proc/self/mountinfo)" "$(printf 'o.dd\n0')"
off o.dd

# a mounts file full of garbage

service junk
publish junk file junk
dir junk file "$plc/junk" file
run junk >/dev/null
{
	head -c 2000 /dev/urandom
	printf '\nx\ny\tz\n\t\t\n/a\t/b\n"/a\t/b\t1:2:3\n/a\t/b\tx\n'
	cat "$GITOPPER_STATE/junk/mounts"
	printf '/a\t/etc/pass'
} >"$tmp/junk"
cp "$tmp/junk" "$GITOPPER_STATE/junk/mounts"
is "garbage in mounts does no harm" "$(run junk)" junk
like "and is said" "$(cat "$tmp/err")" "dropped [0-9]+ lines"
is "it is gone then" "$(cut -f 2 "$GITOPPER_STATE/junk/mounts")" "$plc/junk"
is "the mount is left alone" "$(mounts "$plc/junk")" 1
printf '/x\t%s/nowhere\t1:2:3\n' "$plc" >>"$GITOPPER_STATE/junk/mounts"
printf '/x\t/proc\t1:2:3\n' >>"$GITOPPER_STATE/junk/mounts"
ok "a place that is gone, and one that isn't ours" run junk
ok "are forgotten" test "$(wc -l <"$GITOPPER_STATE/junk/mounts")" -eq 1
ok "/proc is still there" test -e /proc/self/mountinfo
rm "$GITOPPER_STATE/junk/mounts"
mkdir "$GITOPPER_STATE/junk/mounts"
fails 1 "a mounts that is no file is an error" gitopper-mount junk
rmdir "$GITOPPER_STATE/junk/mounts"
ok "and without it" run junk
is "what is right is ours" "$(cut -f 2 "$GITOPPER_STATE/junk/mounts")" "$plc/junk"
off junk

# in a namespace whose mounts are shared, as systemd has it

service shared
publish shared file v0
dir shared file "$plc/shared" file
cat >"$tmp/shared" <<'EOF'
mount --make-rshared /
gitopper-mount shared
unshare -m --propagation slave sleep 100 & other=$!
until [ "$(readlink /proc/$other/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]
do sleep 0.02; done
for i in 1 2 3; do
	echo "v$i" >"$2" && mv "$2" "$3" && gitopper-mount shared
	cat "$1" "/proc/$other/root$1"
	grep -c " $1 " /proc/self/mountinfo "/proc/$other/mountinfo"
done
gitopper-mount -u shared
grep -c " $1 " /proc/self/mountinfo "/proc/$other/mountinfo"
kill $other
EOF
is "shared mounts don't stack either, and others see them" \
	"$(unshare -m --propagation private sh "$tmp/shared" "$plc/shared" \
	"$GITOPPER_STATE/shared/new" "$GITOPPER_STATE/shared/tree/file" 2>&1 |
	sed 's,/proc/[0-9a-z]*/mountinfo:,,')" "$(printf '%s\n' shared \
	shared v1 v1 1 1 shared v2 v2 1 1 shared v3 v3 1 1 shared 0 0)"
rm -rf "${GITOPPER_STATE:?}/shared"

# without root

# a copy, as nobody else may enter the directory that it was built in
mkdir "$tmp/bin"
cp "$(command -v gitopper-mount)" "$tmp/bin"
PATH=$tmp/bin:$PATH
GITOPPER_STATE=$tmp/theirs
mkdir "$GITOPPER_STATE"
service mine
publish mine file mine
publish mine etc/file mine
dir mine file "$tmp/theirplace/file" file
dir mine etc "$tmp/theirplace/etc" dir
service tree
dir tree etc "" dir
mkdir "$tmp/theirplace"
chown -R 65534:65534 "$GITOPPER_STATE" "$tmp/theirplace"
user="setpriv --reuid=65534 --regid=65534 --clear-groups"
fails 1 "without root nothing can be mounted" $user gitopper-mount mine
cp "$tmp/out" "$tmp/err"
for p in file etc; do
	like "it says what it would have mounted: $p" "$(cat "$tmp/err")" \
		"would mount $GITOPPER_STATE/mine/tree/$p on .*/$p: needs root"
done
like "and so does the error" "$(value mine error)" "^mount: would mount"
is "no mount point is made" "$(ls "$tmp/theirplace")" ""
ok "nor is any listed" test ! -e "$GITOPPER_STATE/mine/mounts"
is "without a place that is fine" "$($user gitopper-mount tree)" tree
if $user unshare -rm true 2>/dev/null; then
	is "in a user namespace it can" "$($user unshare -rm sh -c '
		gitopper-mount mine && cat "$1/file" "$1/etc/file" &&
		echo new >"$2/x" && mv "$2/x" "$2/file" &&
		gitopper-mount mine && cat "$1/file" &&
		gitopper-mount -u mine && grep -c "$1" /proc/mounts
		' - "$tmp/theirplace" "$GITOPPER_STATE/mine/tree" 2>&1)" \
		"$(printf '%s\n' mine mine mine mine new mine 0)"
else
	result 0 "in a user namespace it can # SKIP they are forbidden here"
fi

done_testing
