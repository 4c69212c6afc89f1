#!/bin/sh
# trust.t - directories that others had a hand in are not relied on
. tests/lib.sh
[ "$(id -u)" -eq 0 ] || skip "needs root"

state=$GITOPPER_STATE
up=$tmp/up
M=$tmp/sticky
plc=$tmp/place
c=$tmp/etc/config.toml
mkdir "$plc" "$M" "$tmp/etc" "$tmp/victim"
git init -q "$up"

# as UID COMMAND...: as a user who is not root
as() {
	uid=$1; shift
	setpriv "--reuid=$uid" "--regid=$uid" --clear-groups -- "$@"
}

# put FILE TEXT: a commit; prints it
put() {
	mkdir -p "$(dirname "$up/$1")"
	echo "$2" >"$up/$1"
	commit "$up" "$1 $2"
}

# config MOUNT [LINE...]: a service of root's, app, below MOUNT
config() {
	mount=$1; shift
	cat >"$c" <<-END
	[[services]]
	machine = "m"
	service = "app"
	upstream = "$up"
	mount = "$mount"
	END
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$c"
}
dirs="dirs = [{ link = \"etc\", local = \"$plc/etc\" }]"
cycle() { gitopper -1 -c "$c" -h m; }

# fresh: nobody was anywhere yet
fresh() {
	for dir in "$plc"/* "$plc"/*; do
		umount -l "$dir"
	done 2>/dev/null
	rm -rf "$state" "$tmp/victim" "$tmp/home" "$plc" "$M"
	mkdir "$tmp/victim" "$tmp/home" "$plc" "$M"
	chmod 1777 "$M"
	chown 1234 "$tmp/home"
}
below() { (cd "$1" && find . -mindepth 1 | sort | tr '\n' ' '); }
mounted() { awk -v p="$1" '$5 == p' /proc/self/mountinfo; }

first=$(put etc/conf one)
mkdir -p "$up/gitopper"
cat >"$up/gitopper/config.toml" <<END
[[services]]
machine = "m"
service = "good"
upstream = "$up"
dirs = [{ link = "etc" }]
END
first=$(commit "$up" "a config of the upstream's own")

#
# Where nobody was first, as in /tmp of a fresh machine
#
fresh
config "$M" "$dirs" "check = \"$tmp/check\"" "action = \"$tmp/acted\""
printf '#!/bin/sh\ncat "%s/etc/conf" "$GITOPPER_NEXT/etc/conf"\n' "$plc" \
	>"$tmp/check"
printf '#!/bin/sh\npwd\n' >"$tmp/acted"
chmod 755 "$tmp/check" "$tmp/acted"
ok 'a sticky directory: all the way' cycle
is 'the commit is applied' "$(value app applied)" "$first"
is 'and mounted' "$(cat "$plc/etc/conf")" one
like 'its check saw it before' "$(cat "$state/app/log")" 'check: one'
like 'its action ran in the tree' "$(cat "$state/app/log")" "act: $M/app\$"
is 'what is ours is root'\''s' \
	"$(stat -c '%U %a' "$M/app" "$M/.gitopper" "$M/.gitopper/app" |
		sort -u)" 'root 755'
echo edited >"$M/app/etc/conf"
second=$(put etc/conf two)
ok 'a second run' cycle
is 'takes what is new' "$(value app applied) $(cat "$plc/etc/conf")" \
	"$second two"
is 'and keeps an edit' "$(cat "$M"/.gitopper/app/saved/*/etc/conf)" edited
is 'for root alone' "$(stat -c '%U %a' "$M/.gitopper/app/saved")" 'root 700'
ok 'a third one' cycle
is 'has nothing to do' "$(value app deploys) $(value app error)" '2 '
config "$M" "user = \"daemon\"" "$dirs"
ok 'a user of its own' cycle
is 'owns the tree' "$(stat -c %U "$M/app" "$M/app/etc" "$M/app/etc/conf" |
	sort -u)" daemon
third=$(put etc/conf three)
ok 'which is no reason to refuse it' cycle
is 'it goes on' "$(value app applied) $(cat "$plc/etc/conf")" "$third three"
config "$M" "user = \"bin\"" "$dirs"
ok 'nor is a former user' cycle
is 'who loses it' "$(stat -c %U "$M/app" "$M/app/etc/conf" | sort -u)" bin
is 'without an error' "$(value app error)" ''
config "$M" "$dirs"
ok 'back to root' cycle
is 'the tree is root'\''s' "$(stat -c %U "$M/app" "$M/app/etc")" "root
root"
sed -i 's/"app"/"next"/' "$c"
sed -i '/^dirs/d' "$c"
ok 'it leaves the config' cycle
ok 'and is taken apart' cycle
is 'its tree has gone' "$(ls "$M"; mounted "$plc/etc")" next

#
# -M: whose config is read
#
# plant: another user's config, which has root run what it says
plant() {
	as 1234 mkdir -p "$M/gitopper/gitopper"
	as 1234 tee "$M/gitopper/gitopper/config.toml" >"$tmp/null" <<-END
	[[services]]
	machine = "m"
	service = "evil"
	upstream = "$up"
	action = "$tmp/evil"
	END
}
printf '#!/bin/sh\nid >"%s/proof"\n' "$tmp" >"$tmp/evil"
chmod 755 "$tmp/evil"
boot() { gitopper -1 -U "file://$up" -M "$M" -h m "$@"; }
# harmless: root didn't read it, and hasn't run it
harmless() {
	ls "$state" "$tmp/proof" 2>&1
	[ ! -e "$state/evil" ] && [ ! -e "$tmp/proof" ]
}

fresh
plant
fails 1 'another user'\''s config at -M' boot
ok 'is not read' harmless
is 'the error says whose it is' "$(value gitopper error)" \
	"pull: $M/gitopper: belongs to user 1234, not to root"
boot -P >"$tmp/null" 2>&1
ok 'nor with -P' harmless
ok 'by hand it is as if it were not there' gitopper-conf \
	-U "file://$up" -M "$M" -h m -c "$M/gitopper/gitopper/config.toml"
ok 'nor is it read then' harmless
ok 'however it is spelled' gitopper-conf -U "file://$up" -M "$M/" -h m \
	-c "$M/./gitopper//../gitopper/gitopper/config.toml"
ok 'is it read' harmless
rm -rf "$M/gitopper"
ok 'when it is gone' boot
is 'all is well' "$(value good applied) $(value gitopper error)" "$third "
ok 'a run after that' boot
rm -rf "$M/gitopper"
plant
fails 111 'planted when ours was cleaned away' boot
like 'is said' "$(cat "$tmp/out")" \
	"gitopper-conf: $M/gitopper: belongs to user 1234, not to root"
ok 'and not read' harmless
gitopper-pull gitopper >"$tmp/null" 2>&1
is 'and is the error' "$(value gitopper error)" \
	"pull: $M/gitopper: belongs to user 1234, not to root"
spawn gitopper -U "file://$up" -M "$M" -h m 2>"$tmp/err"
ok 'a runner goes on with what was there' within 20 \
	grep -q 'were here before go on' "$tmp/err"
kill "$pid" && wait "$pid"
ok 'it has not read it either' harmless
mv "$M/gitopper" "$M/other"
as 1234 ln -s other "$M/gitopper"
fails 111 'by a link' boot
like 'is said, too' "$(cat "$tmp/out")" "$M/gitopper: is a symbolic link"
ok 'and not read' harmless
rm "$M/gitopper"
ok 'and when that is gone' boot
is 'all is well again' "$(value gitopper error)" ''

#
# MOUNT/NAME of another user
#
fresh
config "$M" "$dirs" "action = \"./run\""
as 1234 mkdir -p "$M/app/etc"
as 1234 sh -c 'echo evil >"$1/app/etc/conf"; cp "$2" "$1/app/run"' - "$M" \
	"$tmp/evil"
fails 1 'a tree that is another user'\''s' cycle
why="$M/app: belongs to user 1234, not to root"
is 'is said' "$(value app error)" "pull: $why"
is 'nothing is written to it' "$(below "$M/app")" './etc ./etc/conf ./run '
ok 'nor mounted' test ! -e "$plc/etc"
printf 'hash=%s\ntodo=act\n' "$third" >"$state/app/status"
fails 1 'gitopper-mount says so too' gitopper-mount app
is 'of itself' "$(value app error)" "mount: $why"
ok 'nothing is mounted' test ! -e "$plc/etc"
printf 'hash=%s\ntodo=act\n' "$third" >"$state/app/status"
fails 1 'and gitopper-act' gitopper-act app
is 'does' "$(value app error)" "act: $why"
ok 'before it runs anything there' test ! -e "$tmp/proof"
echo gone=1 >>"$state/app/conf"
fails 1 'a service below it that left the config' gitopper-pull app
like 'is told of as well' "$(cat "$tmp/out")" "$why"
is 'its files stay' "$(below "$M/app")" './etc ./etc/conf ./run '
fresh
config "$M" 'user = "daemon"' "$dirs"
as 1234 mkdir "$M/app"
fails 1 'not the service'\''s user either' cycle
is 'is said' "$(value app error)" \
	"pull: $M/app: belongs to user 1234, neither to root nor to daemon"
fresh
config "$M" "$dirs"
mkdir "$tmp/victim/app"
as 1234 ln -s "$tmp/victim/app" "$M/app"
fails 1 'a link in the tree'\''s place' cycle
is 'is said' "$(value app error)" "pull: $M/app: is a symbolic link"
is 'and not followed' "$(below "$tmp/victim")" './app '

#
# MOUNT/.gitopper
#
fresh
config "$M" "$dirs"
as 1234 mkdir "$M/.gitopper"
as 1234 ln -s "$tmp/victim" "$M/.gitopper/app"
for dir in next saved check; do
	mkdir "$tmp/victim/$dir"
	echo precious >"$tmp/victim/$dir/file"
done
was=$(below "$tmp/victim")
fails 1 'a .gitopper that is another user'\''s' cycle
why="$M/.gitopper: belongs to user 1234, not to root"
is 'is said' "$(value app error)" "pull: $why"
is 'nothing is removed where it leads' "$(below "$tmp/victim")" "$was"
echo gone=1 >>"$state/app/conf"
fails 1 'nor when the service is taken apart' gitopper-pull app
is 'nothing at all' "$(below "$tmp/victim")" "$was"
fresh
as 1234 mkdir "$tmp/home/hers"
mkdir "$tmp/home/hers/next"
as 1234 ln -s "$tmp/home/hers" "$M/.gitopper"
fails 1 'a link in its place' cycle
is 'is said' "$(value app error)" "pull: $why"

#
# The way to MOUNT
#
fresh
mkdir "$tmp/home/trees"
config "$tmp/home/trees" "$dirs"
cycle >"$tmp/null" 2>&1
as 1234 mv "$tmp/home/trees" "$tmp/home/was"
as 1234 ln -s "$tmp/victim" "$tmp/home/trees"
put etc/conf four >"$tmp/null"
fails 1 'below a home, swapped for a link' cycle
is 'nothing is written where it leads' "$(below "$tmp/victim")" ''
is 'the error names the home' "$(value app error)" \
	"pull: $tmp/home: belongs to user 1234, not to root"
echo "hash=$third" >"$state/app/status"
fails 1 'gitopper-mount refuses it, too' gitopper-mount app

# refused MOUNT WHY: no more is done there
refused() {
	rm -rf "$state"
	config "$1" "$dirs"
	cycle >"$tmp/null" 2>&1
	is "$1 is refused" "$(value app error)" "pull: $2"
}
fresh
mkdir "$tmp/wide" "$tmp/wide/below"
chmod 777 "$tmp/wide"
refused "$tmp/wide" "$tmp/wide: others may write to it"
refused "$tmp/wide/below" "$tmp/wide: others may write to it"
chmod 775 "$tmp/wide"
refused "$tmp/wide/new/deep" "$tmp/wide: others may write to it"
chmod 755 "$tmp/wide"
setfacl -m u:1234:rwx "$tmp/wide"
refused "$tmp/wide" "$tmp/wide: others may write to it"
is 'nothing is made there' "$(below "$tmp/wide")" './below '
as 1234 mkdir "$M/hers"
refused "$M/hers" "$M/hers: belongs to user 1234, not to root"
refused "$M/hers/below" "$M/hers: belongs to user 1234, not to root"
as 1234 ln -s "$tmp/victim" "$M/link"
refused "$M/link" "$M/link: belongs to user 1234, not to root"
refused "$M/link/below" "$M/link: belongs to user 1234, not to root"
ln -s "$tmp/victim" "$M/ours"
refused "$M/ours" "$M/ours: is a symbolic link where others may make some"
echo file >"$tmp/file"
refused "$tmp/file/x" "$tmp/file: Not a directory"
ln -s loop "$tmp/loop"
refused "$tmp/loop" "$tmp/loop: Too many levels of symbolic links"
is 'and nothing was written' "$(below "$tmp/victim")$(below "$M")" \
	'./hers ./link ./ours '
rm -rf "$state"
mkdir -p "$tmp/data/deep"
ln -s "$tmp/data" "$tmp/one"
ln -s ../../data/deep/../. "$tmp/data/deep/two"
ln -s one/deep/two "$tmp/three"
config "$tmp/three/new" "$dirs"
ok 'links of root'\''s are followed' cycle
is 'to where they lead' "$(cat "$tmp/data/new/app/etc/conf")" four
rm -rf "$state" "$M/x"
config "$M/x/y" "$dirs"
umount -l "$plc/etc"
ok 'what is missing in a sticky directory is made' cycle
is 'for root' "$(stat -c '%U %a' "$M/x" "$M/x/y" | sort -u)" 'root 755'

#
# While the programs run
#
cat >"$tmp/racer" <<'END'
# makes and takes away what is NAME in DIR, in all ways there are
my ($dir, $name, $victim, $own) = @ARGV;
chdir $dir or die;
while (1) {
	mkdir $name, 0777; mkdir "$name/app"; mkdir "$name/etc";
	rmdir "$name/etc"; rmdir "$name/app"; rmdir $name;
	symlink $victim, $name; rename $name, "$name.$$"; unlink "$name.$$";
	symlink $own, $name; unlink $name;
	# let them be first now and then
	select undef, undef, undef, rand 0.03;
}
END
# race DIR NAME MOUNT: runs while 1234 is at work on DIR/NAME
race() {
	spawn setpriv --reuid=1234 --regid=1234 --clear-groups -- \
		perl "$tmp/racer" "$1" "$2" "$tmp/victim" "$tmp/home"
	racer=$pid won=0
	config "$3" "$dirs"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		rm -rf "$state"
		cycle >"$tmp/null" 2>&1
		gitopper-act -k check app >"$tmp/null" 2>&1
		gitopper-mount app >"$tmp/null" 2>&1
		if [ -n "$(mounted "$plc/etc")" ]; then
			won=$((won + 1))
			stat -c %U "$plc/etc"
			umount -l "$plc/etc"
			rm -rf "$M/app" "$M/.gitopper"
		fi
	done >"$tmp/race"
	kill "$racer"
	wait "$racer" 2>/dev/null
	is "$2: all that was mounted was root's" \
		"$(sort -u "$tmp/race" | grep -v '^root$')" ''
	is "$2: nothing was written where a link led" \
		"$(below "$tmp/victim")$(find "$tmp/home" -user root)" ''
	echo "# $2: $won of $i were through first"
}
fresh
race "$M" app "$M"
fresh
race "$M" .gitopper "$M"
fresh
mkdir "$M/app" "$M/.gitopper"
as 1234 mkdir "$tmp/home/trees"
race "$tmp/home" trees "$tmp/home/trees"

#
# Mount points: what others own is no reason there, but no link of theirs is
# followed
#
fresh
mkdir "$plc/usr" "$plc/usr/lib" "$plc/usr/lib/old"
ln -s usr/lib "$plc/lib"
config "$M" "dirs = [
	{ link = \"etc\", local = \"$plc/lib/app\" },
	{ link = \"etc/conf\", local = \"/lib/os-release\", file = true } ]" \
	"check = \"$tmp/check\""
printf '#!/bin/sh\ncat /lib/os-release\n' >"$tmp/check"
ok 'below a link of root'\''s, as /lib is' cycle
is 'is mounted' "$(cat "$plc/usr/lib/app/conf" /lib/os-release)" 'four
four'
like 'and shown to a check' "$(cat "$state/app/log")" 'check: four'
five=$(put etc/conf five)
ok 'again' cycle
is 'the same' "$(cat "$plc/usr/lib/app/conf" /usr/lib/os-release)" 'five
five'
is 'by one mount each' "$(mounted "$plc/usr/lib/app" | wc -l
	mounted /usr/lib/os-release | wc -l)" '1
1'
sed -i 's,/lib/app" }.*,/lib/app" }],;/os-release/d' "$c"
printf '#!/bin/sh\n' >"$tmp/check"
ok 'less of it' cycle
is 'is unmounted' "$(mounted /usr/lib/os-release)" ''
ok 'all of it' gitopper-mount -u app
is 'is, too' "$(mounted "$plc/usr/lib/app")" ''
# hers LOCAL: that is refused, once there are some links
hers() {
	fresh
	mkdir "$plc/real"
	as 1234 ln -s "$plc/real" "$tmp/home/link"
	as 1234 ln -s "$plc/real" "$M/link"
	ln -s "$plc/real" "$M/ours"
	ln -s "$plc/real" "$tmp/home/ours"
	config "$M" "dirs = [{ link = \"etc\", local = \"$1\" }]"
	cycle >"$tmp/null" 2>&1
	is "a link: $1" "$(value app error)" \
		"mount: $1: is a symbolic link, or below one"
	is 'nothing is made there' "$(below "$plc/real")" ''
}
hers "$tmp/home/link/app"
hers "$tmp/home/ours/app"
hers "$M/link/app"
hers "$M/ours/app"
fresh
config "$M" "dirs = [{ link = \"etc\", local = \"$tmp/home/a/b\" }]"
ok 'in the directory of a user' cycle
is 'it is mounted' "$(cat "$tmp/home/a/b/conf")" five
gitopper-mount -u app >"$tmp/null"

#
# A directory of root's in the place of one that was just made
#
fresh
config "$M" 'user = "daemon"' 'dirs = [{ link = "etc" }]'
ok 'a tree of a user' cycle
mkdir -m 700 "$M/app/etc/roots"
echo secret >"$M/app/etc/roots/key"
spawn setpriv --reuid=daemon --clear-groups perl -e 'chdir $ARGV[0] or die;
	alarm 60; 1 until -d "new" && rename "roots", "new"' "$M/app/etc"
put etc/new/conf one >"$tmp/null"
# time enough for that
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -f -qq -o "$tmp/trace" \
	-e trace=mkdirat -e inject=mkdirat:delay_exit=300000 \
	gitopper-pull app >"$tmp/out" 2>&1
ok 'that the user moves there' test -e "$M/app/etc/new/key"
is 'stays root'\''s' "$(stat -c '%U %a' "$M/app/etc/new")" 'root 700'
rm -r "$M/app/etc/new"
ok 'and a cycle after that' cycle
is 'goes on' "$(cat "$M/app/etc/new/conf")" one

mkdir -m 700 "$M/app/roots"
echo secret >"$M/app/roots/key"
setpriv --reuid=daemon --clear-groups sh -c \
	'cd "$1" && mv etc was && mv roots etc' - "$M/app"
sed -i 's/"daemon"/"bin"/' "$c"
ok 'one of root'\''s where another user is to own the tree' cycle
is 'stays root'\''s as well' "$(stat -c '%U %a' "$M/app/etc")" 'root 700'
is 'the files are given' "$(stat -c %U "$M/app/etc/conf")" bin

#
# Without root, and the state directory
#
fresh
chmod 755 "$tmp"
cp "$c" "$tmp/user.toml"
for who in hers his; do
	mkdir "$M/$who"
	chown 1234 "$M/$who"
	sed -i "s,^mount = .*,mount = \"$M/$who\",;s/local = [^ ]*/local = \"\"/" \
		"$tmp/user.toml"
	[ $who = hers ] || chown 5678 "$M/$who"
	as 1234 env "GITOPPER_STATE=$tmp/home/state" gitopper -1 \
		-c "$tmp/user.toml" -h m >"$tmp/out" 2>&1
	echo $? >"$tmp/$who"
done
is 'without root one'\''s own directories do' \
	"$(cat "$tmp/hers" "$M/hers/app/etc/conf")" '0
five'
is 'and no other user'\''s' "$(cat "$tmp/his")$(GITOPPER_STATE=$tmp/home/state
	value app error)" \
	"1pull: $M/his: belongs to user 5678, neither to root nor to us"
why="the state directory can't be relied on"
warns() {
	GITOPPER_STATE=$1 gitopper-conf -c "$c" -h m 2>&1 >"$tmp/null"
}
is 'a state directory that others own is said' "$(warns "$tmp/home/state")" \
	"gitopper-conf: $why: $tmp/home: belongs to user 1234, not to root"
mkdir -m 777 "$tmp/anyone"
is 'so is one that they may write to' "$(warns "$tmp/anyone")" \
	"gitopper-conf: $why: $tmp/anyone: others may write to it"
is 'one of root'\''s is not' "$(warns "$tmp/mine")" ''

done_testing
