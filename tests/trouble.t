#!/bin/sh
# trouble.t - full disks, files that are garbage, and runs that are cut short
. tests/lib.sh
. tests/servers.sh
[ "$(id -u)" -eq 0 ] || skip "needs mounts"
S=$GITOPPER_STATE
up=$tmp/up
git init -q "$up"
mkdir "$up/app"

# service NAME [KEY=VALUE]...: follows main of $up
service() {
	name=$1; shift
	mkdir -p "$S/$name/ctl"
	printf '%s\n' machine=m "service=$name" "upstream=$up" branch=main \
		"$@" "dir=app		dir" >"$S/$name/conf"
}
# commit_file TEXT: a commit in which app/file says so
commit_file() {
	echo "$1" >"$up/app/file"
	new=$(commit "$up" "$1")
}
# follows NAME [TREE]: a run brings it to the last commit
follows() {
	gitopper-pull "$1" && [ "$(value "$1" hash)" = "$new" ] &&
		[ -z "$(value "$1" error)" ] &&
		cmp "$up/app/file" "${2:-$S/$1/tree}/app/file"
}
# says TEXT-PATTERN: the last run did, on a line of its own
says() {
	like "$1: it says why" "$(cat "$tmp/out")" "^gitopper-pull: $2"
}
one=$(commit_file one; echo "$new")

# --- the state directory
ok "a missing state directory is made" env GITOPPER_STATE="$tmp/a/b" \
	gitopper-pull -a
ok "with all above it" [ -d "$tmp/a/b" ]
mkdir "$tmp/empty"
ok "an empty one" env GITOPPER_STATE="$tmp/empty" gitopper-pull -a
is "stays empty" "$(ls -A "$tmp/empty")" ""
echo garbage >"$tmp/file"
fails 111 "one that is a file" env GITOPPER_STATE="$tmp/file" gitopper-pull -a
says "a file" ".*file: Not a directory"

service a
mkdir -p "$S/-x" "$S/.hidden" "$S/a b" "$S/no-conf/ctl" "$S/conf-dir/conf" \
	"$S/a
b"
ln -s a "$S/link"
head -c 3000 /dev/urandom >"$S/noise"
mkdir "$S/noisy"
head -c 3000 /dev/urandom >"$S/noisy/conf"
commit_file two
gitopper-pull -a >"$tmp/printed" 2>"$tmp/err"
is "garbage beside a service" "$?" 1
is "does it no harm" "$(value a hash)" "$new"
is "its name alone is printed" "$(cat "$tmp/printed")" a
for garbage in noisy conf-dir link; do
	is "$garbage: a line says so" \
		"$(grep -c "^gitopper-pull: $garbage: " "$tmp/err")" 1
done
rm -rf "$S/conf-dir" "$S/noisy" "$S/link"
ok "without it all is well" gitopper-pull -a

# --- status
commit_file three
printf 'later=x\0y\nfuture=kept = as it is\nno line\n=\nhash=%s' "$one" \
	>"$S/a/status"
ok "a status that was cut off" follows a
is "what nobody knows is kept" "$(value a future)" "kept = as it is"
: >"$S/a/status"
ok "an empty status" follows a
rm "$S/a/status"
ok "a missing status" follows a
head -c 100000 /dev/urandom >"$S/a/status"
ok "random bytes for a status" follows a
{ echo "hash=$one"; echo hash=x; echo todo=publish; echo since=-1
	echo retry=soon; echo drift=; echo bad; } >"$S/a/status"
ok "values that make no sense" follows a
rm "$S/a/status" && mkdir "$S/a/status"
fails 1 "a directory for a status" gitopper-pull a
says "status" "a: .*"
rmdir "$S/a/status"

# --- the other files of a service
commit_file four
for garbage in empty text cut random; do
	for file in index plan plan.changes changes; do
		commit_file "$garbage $file"
		[ "$file" = index ] || gitopper-pull -f a >/dev/null
		case $garbage in
		empty) : >"$S/a/$file" ;;
		text) echo garbage >"$S/a/$file" ;;
		cut) [ ! -e "$S/a/$file" ] || truncate -s -5 "$S/a/$file" ;;
		random) head -c 5000 /dev/urandom >"$S/a/$file" ;;
		esac
		within 3 follows a >"$tmp/out" 2>&1
		result $? "$garbage for $file"
	done
done
sed -i "s/^todo=.*/todo=publish $new/" "$S/a/status"
ok "a publish that never was" follows a
is "is done" "$(value a todo)" act
commit_file five
for file in next check; do
	rm -rf "$S/a/$file"
	echo garbage >"$S/a/$file"
done
ok "files for next and check" follows a
rm -f "$S/a/check"
commit_file six
mkdir -p "$S/a/next/app/file/dir" "$S/a/next/app/x"
ok "a next from nowhere" follows a
rm -r "$S/a/tree" && echo garbage >"$S/a/tree"
fails 1 "a file for the tree" gitopper-pull a
like "it says so" "$(value a error)" "^pull: .*tree: Not a directory"
rm "$S/a/tree"
ok "without it, all is well" follows a
commit_file seven
echo edit >>"$S/a/tree/app/file"
rm -rf "$S/a/saved" && echo garbage >"$S/a/saved"
fails 1 "a file for saved, where there is an edit to keep" gitopper-pull a
like "it says so" "$(value a error)" "^pull: .*Not a directory"
like "the edit isn't lost" "$(cat "$S/a/tree/app/file" "$S/a/next/app/file" \
	2>/dev/null)" '^edit'
rm "$S/a/saved"
ok "without it, all is well" follows a
is "and the edit is kept" "$(tail -n 1 "$S"/a/saved/*/app/file)" edit
# what a publish brought out of the tree is kept, even if its plan is lost
commit_file seven-a
echo "edit a" >>"$S/a/tree/app/file"
rm -rf "$S/a/saved" && echo garbage >"$S/a/saved"
fails 1 "a publish that stops" gitopper-pull a
ok "half way" [ -n "$(value a todo | grep '^publish')" ]
rm "$S/a/saved"
echo garbage >"$S/a/plan"
ok "and whose plan is lost" within 5 follows a
is "loses no edit" "$(grep -rh edit "$S/a/saved")" "edit a"
rm -f "$S/a/log" && mkdir "$S/a/log"
commit_file eight
ok "a directory for a log" follows a
rmdir "$S/a/log"

# --- log
commit_file nine
yes "$(printf '%0200d' 0)" | head -c 262000 >"$S/a/log"
ok "a log that is full" follows a
ok "becomes log.old" [ "$(wc -c <"$S/a/log.old")" -gt 262000 ]
commit_file ten
ok "the next line" follows a
ok "goes to a new one" [ "$(wc -c <"$S/a/log")" -lt 1000 ]
ok "neither is over 256 KiB" [ "$(wc -c <"$S/a/log.old")" -le 262144 ]

# --- what belongs to the upstream
dir=$(upstream_dir "$up")
for garbage in status repo/HEAD repo/config repo/refs/heads/main; do
	commit_file "garbage in $garbage"
	head -c 5000 /dev/urandom >"$dir/$garbage"
	ok "random bytes for $garbage" within 5 follows a
	sed -i /^renewed/d "$dir/status"
	commit_file "nothing in $garbage"
	: >"$dir/$garbage"
	ok "an empty $garbage" within 5 follows a
	sed -i /^renewed/d "$dir/status"
done
# objects that are not what they should be: nothing is to be read of them
commit_file "objects"
gitopper-pull a >/dev/null 2>&1
for pack in "$dir"/repo/objects/pack/*.pack; do
	perl -e 'open my $f, "+<:raw", shift or die; seek $f, 12, 0;
		print $f "x" x ((-s $f) - 32)' "$pack"
done
rm "$S/a/status"
ok "damaged packs" within 5 follows a
sed -i /^renewed/d "$dir/status"
commit_file "more objects"
rm -f "$dir"/repo/objects/pack/*
ok "missing packs" within 5 follows a
for pack in "$dir"/repo/objects/pack/*.pack; do
	perl -e 'open my $f, "+<:raw", shift or die; seek $f, 12, 0;
		print $f "x" x ((-s $f) - 32)' "$pack"
done
rm "$S/a/status"
for i in 1 2 3; do
	echo "renewed=$(date +%s)" >>"$dir/status"
done
fails 1 "an hour later" gitopper-pull a
fails 1 "it is not fetched anew" gitopper-pull a
is "a tree stays" "$(cat "$S/a/tree/app/file")" "more objects"
sed -i "s/^renewed=.*/renewed=$(($(date +%s) - 86400))/" "$dir/status"
ok "a day later it is" within 5 follows a
sed -i /^renewed/d "$dir/status"
commit_file "locks"
for lock in HEAD config index refs/heads/main objects/info/x; do
	echo 1 >"$dir/repo/$lock.lock"
done
ok "stale locks" follows a
commit_file "no repo"
rm -r "$dir/repo"
ok "a missing object store" follows a
commit_file "repo is a file"
rm -r "$dir/repo"
echo garbage >"$dir/repo"
ok "a file for the object store" follows a
mv "$S/.upstream" "$tmp/upstream"
echo garbage >"$S/.upstream"
fails 111 "a file for .upstream" gitopper-pull a
says .upstream '.*\.upstream.*: Not a directory'
rm "$S/.upstream"
ok "without it, all is well" follows a

# --- no room, and nothing that can be written
commit_file "room"
mkdir "$tmp/small" "$tmp/full"
mount -t tmpfs -o size=1m none "$tmp/small"
service small "mount=$tmp/small"
ok "a tree on a small disk" follows small "$tmp/small/small"
head -c 2000000 /dev/urandom >"$up/app/big"
commit_file "big"
fails 1 "a file that is too big for it" gitopper-pull small
says small "small: pull: .*app/big: not enough room in $tmp/small/.*/next"
like "it says so" "$(value small error)" '^pull: .*not enough room in [^ ]*$'
is "the tree stays as it was" "$(cat "$tmp/small/small/app/file")" room
ok "nothing is left of it" [ ! -e "$tmp/small/.gitopper/small/next" ]
mount -o remount,size=9m "$tmp/small"
ok "with room, all is well" follows small "$tmp/small/small"
ok "and the file is there" cmp "$up/app/big" "$tmp/small/small/app/big"

# nor is there for many small files
rm "$up/app/big"
mkdir "$up/app/many"
(cd "$up/app/many" && seq 3000 | split -l 1 -a 3)
commit_file "many"
mount -o remount,nr_inodes=1000,size=90m "$tmp/small"
fails 1 "too many files for it" gitopper-pull small
like "it says so" "$(value small error)" '^pull: .*not enough inodes in [^ ]*$'
is "the tree stays as it was" "$(cat "$tmp/small/small/app/file")" big
mount -o remount,nr_inodes=9000 "$tmp/small"
ok "with room, all is well" follows small "$tmp/small/small"
ok "and the files are there" diff -r "$up/app" "$tmp/small/small/app"
git -C "$up" rm -r -q app/many

commit_file "read-only"
mount -o remount,ro "$tmp/small"
fails 1 "a tree that is read-only" gitopper-pull small
like "it says so" "$(value small error)" '^pull: .*Read-only file system'
is "the tree stays as it was" "$(cat "$tmp/small/small/app/file")" many
mount -o remount,rw "$tmp/small"
ok "when it isn't, all is well" follows small "$tmp/small/small"

S=$tmp/full GITOPPER_STATE=$tmp/full
mount -t tmpfs -o size=8m none "$S"
service a
ok "a small state directory" follows a
# full: fills it to the last byte
full() {
	head -c 90000000 /dev/zero >"$S/fill" 2>/dev/null
	return 0
}
files=$(cd "$S/a/tree" && find . -type f -exec sha1sum {} +)
commit_file "small"
full
fails 1 "a full one" gitopper-pull a
says "full" 'a: .*No space left'
is "the tree stays as it was" "$(cd "$S/a/tree" && find . -type f \
	-exec sha1sum {} +)" "$files"
rm "$S/fill"
ok "with room, all is well" follows a
head -c 9000000 /dev/urandom >"$up/app/big"
commit_file "big"
files=$(cd "$S/a/tree" && find . -type f -exec sha1sum {} +)
fails 1 "no room for what is fetched" gitopper-pull a
says "full" 'a: pull: '
is "the tree stays as it was" "$(cd "$S/a/tree" && find . -type f \
	-exec sha1sum {} +)" "$files"
mount -o remount,size=90m "$S"
ok "with room, all is well" follows a
ok "and the file is there" cmp "$up/app/big" "$S/a/tree/app/big"
rm "$up/app/big"
commit_file "staged"
ok "staged" gitopper-pull -f a
full
gitopper-pull -p a >"$tmp/out" 2>&1
rm "$S/fill"
ok "a publish with no room is redone" follows a
commit_file "read-only"
mount -o remount,ro "$S"
fails 1 "a state directory that is read-only" gitopper-pull a
says "read-only" '.*Read-only file system'
mount -o remount,rw "$S"
ok "when it isn't, all is well" follows a
S=$tmp/state GITOPPER_STATE=$tmp/state

# --- two at once
commit_file "locked"
exec 9>"$S/a/lock"
flock 9
is "a service that another one holds is left alone" \
	"$(gitopper-pull a 2>&1; echo "$?")" 0
ok "and looked at again" [ -e "$S/a/ctl/poke" ]
flock -u 9
exec 9>&-
ok "later" follows a
is "the poke is gone" "$(ls -A "$S/a/ctl")" ""
commit_file "at once"
for i in 1 2 3 4 5 6; do
	gitopper-pull a >"$tmp/at-once.$i" 2>&1 &
	pids="$pids $!"
done
for i in $pids; do
	wait "$i" || echo "exit status $?"
done >"$tmp/out"
cat "$tmp"/at-once.* | grep -v '^a$' >>"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "six at once"
pids=
ok "are as good as one" follows a

# --- children
# children: processes that gitopper-pull with this state directory has started
children() {
	for p in $(pgrep -x gitopper-pull); do
		tr '\0' '\n' <"/proc/$p/environ" |
			grep -qx "GITOPPER_STATE=$S" && echo "$p"
	done 2>/dev/null
	return 0
}
count() {
	[ "$(children | wc -l)" -eq "$1" ]
}
proxy mute
mute=git://127.0.0.1:$proxy_port/x
service hangs
sed -i "s|^upstream=.*|upstream=$mute|" "$S/hangs/conf"
spawn gitopper-pull hangs >"$tmp/hangs" 2>&1
ok "an upstream that hangs" within 5 count 3
child=$(children | tail -n 1)
user=$(id -u gitopper-pull 2>/dev/null || id -u nobody)
within 5 grep -q "^Uid:.$user.$user.$user.$user$" "/proc/$child/status" \
	>"$tmp/out"
result $? "its child runs as another user"
like "with no group" "$(cat "/proc/$child/status")" '^Groups:[[:space:]]*$'
like "can't gain rights" "$(cat "/proc/$child/status")" '^NoNewPrivs:.1'
like "has no capability" "$(cat "/proc/$child/status")" '^CapEff:.0+$'
is "and has these descriptors only" "$(ls "/proc/$child/fd" | head -n 4 |
	tr '\n' ' ')" "0 1 2 3 "
like "its environment has no secrets, nor is there more" \
	"$(ls "/proc/$child/fd" | wc -l)" '^[456]$'
kill -TERM "$pid"
ok "SIGTERM ends all within a second" within 1 count 0
wait "$pid"
spawn gitopper-pull hangs >"$tmp/hangs" 2>&1
ok "again" within 5 count 3
kill -KILL "$pid"
ok "SIGKILL ends all, too" within 1 count 0
wait "$pid" 2>/dev/null
spawn gitopper-pull hangs >"$tmp/hangs" 2>&1
ok "and again" within 5 count 3
kill -KILL "$(children | tail -n 1)"
wait "$pid"
is "a child that is killed is an error" "$?" 1
like "it says so" "$(value hangs error)" '^pull: .*ended early'
sed -i "s|^upstream=.*|upstream=$up|" "$S/hangs/conf"
ok "another upstream mends it" follows hangs

# a fetch that was killed while it wrote
git clone -q --bare "$up" "$tmp/served/up.git"
ok "git daemon" try git_daemon "$tmp/served"
head -c 3000000 /dev/urandom >"$up/app/big"
commit_file "big"
git -C "$up" push -q "$tmp/served/up.git" main
proxy "${git_url#git://}" 1000000
service cut
sed -i "s|^upstream=.*|upstream=git://127.0.0.1:$proxy_port/up.git|" \
	"$S/cut/conf"
dir=$(upstream_dir "git://127.0.0.1:$proxy_port/up.git")
spawn gitopper-pull cut >"$tmp/hangs" 2>&1
half() {
	find "$dir/repo/objects/pack" -size +500k | grep .
}
ok "half a pack" within 10 half
kill -KILL "$(children | tail -n 1)"
wait "$pid"
stop "$proxy_pid"
proxy_to=${git_url#git://}
spawn perl -MIO::Socket::INET -MIO::Select -e '
	my $l = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1,
		LocalAddr => "127.0.0.1:$ARGV[0]") or die;
	while (my $c = $l->accept) {
		my $s = IO::Socket::INET->new(PeerAddr => $ARGV[1]) or die;
		my $sel = IO::Select->new($c, $s);
		R: while (1) {
			for my $f ($sel->can_read) {
				sysread($f, my $b, 65536) or last R;
				syswrite($f == $c ? $s : $c, $b);
			}
		}
	}' "$proxy_port" "$proxy_to"
ok "the way is free again" within 5 listens "$proxy_port"
ok "the next fetch works" follows cut
is "nothing is left of the first" "$(find "$dir/repo" -name '*git2*' -o \
	-name '*.lock')" ""
done_testing
