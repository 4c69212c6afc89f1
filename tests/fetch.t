#!/bin/sh
# fetch.t - contacts that take long, or go wrong: what becomes of the store
. tests/lib.sh
. tests/servers.sh

root=$tmp/root how=$tmp/how work=$tmp/work
mkdir "$root"
git init -q --bare "$root/r.git"
for key in allowFilter allowAnySHA1InWant; do
	git -C "$root/r.git" config uploadpack.$key true
done
git clone -q "$root/r.git" "$work" 2>/dev/null
mkdir "$work/app"
ok "a git daemon" try git_daemon "$root"

# service NAME URL BRANCH TIMEOUT
service() {
	mkdir -p "$GITOPPER_STATE/$1/ctl"
	printf 'upstream=%s\nbranch=%s\ntimeout=%s\ndir=app\t\tdir\n' \
		"$2" "$3" "$4" >"$GITOPPER_STATE/$1/conf"
}

# push TEXT [BYTES]: a new commit, with so much that can't be compressed
push() {
	echo "$1" >"$work/app/text"
	head -c "${2:-10}" /dev/urandom >"$work/app/data"
	head=$(commit "$work" "$1") && git -C "$work" push -q origin HEAD:main
}

# follows NAME: it is at the head, without an error
follows() {
	[ "$(value "$1" hash)" = "$head" ] && [ "$(value "$1" error)" = "" ] &&
	cmp "$work/app/data" "$GITOPPER_STATE/$1/tree/app/data"
}

# bend PORT: a proxy to there; sets bend_port and bend_pid
bend() {
	rm -f "$tmp/bend.port"
	spawn perl tests/bend.pl "$tmp/bend.port" "127.0.0.1:$1" "$how" \
		2>>"$tmp/bend.log"
	bend_pid=$pid
	within 10 test -e "$tmp/bend.port" && bend_port=$(cat "$tmp/bend.port")
}

# --- who only failed to fetch has nothing against the store
echo pass 0 >"$how"
ok "a proxy" bend "${git_url##*:}"
url=git://127.0.0.1:$bend_port/r.git dir=$(upstream_dir "$url")
service wire "$url" main 20
push one
push two
ok "a store" gitopper-pull wire
store=$(stat -c %i "$dir/repo")
for flip in 20000 100000 250000; do
	push "flip $flip" 300000
	echo "flip $flip" >"$how"
	gitopper-pull wire >"$tmp/pull.out" 2>&1
	status=$?
	is "byte $flip is flipped on its way: an error" "$status" 1
	ok "the store is not to be made anew" test ! -e "$dir/damaged"
	echo pass 0 >"$how"
	ok "when it is over" gitopper-pull wire
	ok "all is well" follows wire
	is "with the store that there was" "$(stat -c %i "$dir/repo")" "$store"
done
is "it was never made anew" "$(grep -c ^renewed= "$dir/status")" 0

service path "$root/r.git" main 20
ok "an upstream that is a directory" gitopper-pull path
dir=$(upstream_dir "$root/r.git")
store=$(stat -c %i "$dir/repo")
push three
mv "$root/r.git" "$root/away"
mkdir "$root/r.git"
fails 1 "and is empty for a while" gitopper-pull path
ok "the store is not to be made anew" test ! -e "$dir/damaged"
rmdir "$root/r.git"
mv "$root/away" "$root/r.git"
ok "when it is back" gitopper-pull path
ok "all is well" follows path
is "with the store that there was" "$(stat -c %i "$dir/repo")" "$store"

# --- a store that is damaged is found out, by who reads all of it
url=$git_url/r.git dir=$(upstream_dir "$url")
service hurt "$url" main 20
ok "one more service" gitopper-pull hurt
# hurt_it: garbage in its packs
hurt_it() {
	for pack in "$dir"/repo/objects/pack/*.pack; do
		chmod u+w "$pack"
		perl -e 'open my $f, "+<:raw", shift or die; seek $f, 12, 0;
			print $f "x" x ((-s $f) - 32)' "$pack"
	done
	push "$1"
}
for n in first second third; do
	store=$(stat -c %i "$dir/repo")
	hurt_it "$n"
	fails 1 "damage, the $n in a day" gitopper-pull hurt
	like "the error names the store, and what helps" \
		"$(value hurt error)" 'repo .*damaged.*wipe'
	ok "it is mended" gitopper-pull hurt
	ok "all is well" follows hurt
	ok "with another store" \
		test "$store" -ne "$(stat -c %i "$dir/repo")"
done
hurt_it fourth
gitopper-pull hurt >"$tmp/out" 2>&1
fails 1 "the fourth may be the upstream's fault" gitopper-pull hurt
like "the error names the store, and what helps" "$(value hurt error)" \
	'repo .*damaged.*wipe'
ok "what helps" gitopper-ctl wipe hurt
ok "helps" gitopper-pull hurt
ok "all is well" follows hurt

# a commit that is missing under those that are here
push fifth
ok "a pack of its own" gitopper-pull hurt
push sixth
rm -f "$(find "$dir/repo/objects/pack" -name 'pack-*' -size +50k | head -n 1)"
for pack in "$dir"/repo/objects/pack/*.pack; do
	[ -e "${pack%pack}idx" ] || rm "$pack"
done
for idx in "$dir"/repo/objects/pack/*.idx; do
	[ -e "${idx%idx}pack" ] || rm "$idx"
done
gitopper-pull hurt >"$tmp/out" 2>&1
ok "a pack that is gone: all is well in two cycles" gitopper-pull hurt
ok "it is" follows hurt

# --- a branch that becomes a directory, and the other way
git -C "$work" push -q origin main:env main:other
service env "$git_url/r.git" env 20
service other "$git_url/r.git" other 20
ok "three branches" gitopper-pull hurt env other
move=env
for to in env/prod env/prod/new env; do
	git -C "$work" push -q origin ":$move"
	push "a branch $to"
	git -C "$work" push -q origin "HEAD:$to" HEAD:other
	fails 1 "$move is gone" gitopper-pull env
	like "it says so" "$(value env error)" "the upstream has no $move"
	service env "$git_url/r.git" "$to" 20
	ok "$move became $to" gitopper-pull hurt env other
	for name in hurt env other; do
		ok "$to: $name follows" follows "$name"
	done
	move=$to
done
is "refs of nobody are gone" "$(git -C "$dir/repo" for-each-ref \
	--format='%(refname)' | sort | tr '\n' ' ')" \
	"refs/heads/env refs/heads/main refs/heads/other "

# --- what takes longer than the timeout, while something comes all the time
push large 3000000
echo rate 500000 >"$how"
ok "a slow line" bend "${git_url##*:}"
url=git://127.0.0.1:$bend_port/r.git dir=$(upstream_dir "$url")
service slow "$url" main 2
began=$(date +%s)
spawn gitopper-pull slow >"$tmp/slow.out" 2>&1
slow=$pid
ok "it shows how far it is" within 20 grep -Eq \
	"^doing=fetch $((began / 100))[0-9][0-9] [0-9]{5,} [0-9]+\$" "$dir/status"
like "list as well" "$(gitopper-ctl list)" 'fetching, [0-9]+\.[0-9] MB so far'
like "and status" "$(gitopper-ctl status slow)" \
	'^info.*fetching, [0-9]+\.[0-9] MB so far'
ok "who comes meanwhile doesn't fail" gitopper-pull slow
is "nor calls that an error" "$(value slow error)" ""
ok "it is still at it" kill -0 "$slow"
wait "$slow"
is "it comes to its end" $? 0
[ $(($(date +%s) - began)) -ge 5 ]
result $? "after more than the timeout"
ok "all is well" follows slow
is "and nothing is being done" "$(grep ^doing= "$dir/status")" ""
like "nor shown" "$(gitopper-ctl list | grep -c fetching)" '^0$'

echo "doing=fetch $began 5000000 $((began - 1000))" >>"$dir/status"
like "nor what somebody left behind" "$(gitopper-ctl list |
	grep -c fetching)" '^0$'

# slower than that is silence
push larger 3000000
echo rate 200 >"$how"
began=$(date +%s)
fails 1 "hardly anything comes" timeout 60 gitopper-pull slow
like "it says so" "$(value slow error)" '^pull: no answer within 2 s$'
ok "soon" test $(($(date +%s) - began)) -le 10
stop "$bend_pid"

# silence after much
ok "a line that goes dead" proxy "127.0.0.1:${git_url##*:}" 2500000
service dead "git://127.0.0.1:$proxy_port/r.git" main 2
fails 1 "after 2.5 MB" timeout 60 gitopper-pull dead
like "it says so" "$(value dead error)" \
	'^pull: no answer within 2 s, after [12] MB$'
stop "$proxy_pid"

# --- upstreams that hang, more than are contacted at a time
ok "one that never answers" proxy mute
max=$(sed -n 's/.*UPSTREAMS_MAX *= \([0-9]*\),.*/\1/p' "$top/config.def.h")
hangs= n=0
while [ $n -lt $((max + 6)) ]; do
	n=$((n + 1)) hangs="$hangs hang$n"
	service hang$n "git://127.0.0.1:$proxy_port/$n.git" main 1
done
service good "$git_url/r.git" main 60
for n in 1 2 3 4 5 6 7 8 9; do
	service hang$n "git://127.0.0.1:$proxy_port/$n.git" main 60
done
spawn gitopper-pull hang1 hang2 hang3 hang4 hang5 hang6 hang7 hang8 hang9 good \
	>"$tmp/good.out" 2>&1
ok "nine that hang don't delay a good one" within 15 follows good
stop "$pid"
for name in $hangs; do
	sed -i 's/^timeout=.*/timeout=1/' "$GITOPPER_STATE/$name/conf"
done
fails 1 "very many that hang" timeout 100 gitopper-pull $hangs
for name in $hangs; do
	sed -i 's/^timeout=.*/timeout=60/' "$GITOPPER_STATE/$name/conf"
done
push "something new"
spawn gitopper-pull $hangs good >"$tmp/good.out" 2>&1
ok "nor do those that failed before, however many" within 20 follows good
stop "$pid"

# --- a repository of another kind
git init -q --object-format=sha256 "$root/sha256"
commit "$root/sha256" x >/dev/null
service sha256 "$git_url/sha256" main 20
fails 1 "SHA-256 names" gitopper-pull sha256
like "are said to be that" "$(value sha256 error)" 'SHA-256'
done_testing
