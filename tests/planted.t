#!/bin/sh
# planted.t - what a child left in an object store rules no later contact
. tests/lib.sh
. tests/servers.sh
S=$GITOPPER_STATE
root=$tmp/root work=$tmp/work secret=open-sesame-4711
mkdir "$root"
git init -q --bare "$root/r.git"
git clone -q "$root/r.git" "$work" 2>/dev/null
mkdir "$work/app"

# push TEXT [BRANCH]: a commit on what is checked out
push() {
	echo "$1" >"$work/app/a"
	head=$(commit "$work" "$1") &&
	git -C "$work" push -q -f origin "HEAD:${2:-main}"
}
push one
echo "joe:$secret" >"$tmp/passwords"
ok "a web server" web "$root"
ok "an sshd" try ssh_daemon
spy=$(free_port)
spawn perl tests/redirect.pl "$spy" "" >"$tmp/spy.log"
ok "one that is not ours" within 10 listens "$spy"
echo "https://joe:$secret@${https_url#https://}" >"$tmp/cred"
chmod 600 "$tmp/cred"

# service NAME URL [LINE]...
service() {
	mkdir -p "$S/$1/ctl"
	printf 'upstream=%s\nbranch=main\ntimeout=10\ndir=app\t\tdir\n' "$2" \
		>"$S/$1/conf"
	name=$1 dir=$(upstream_dir "$2"); shift 2
	printf '%s\n' "ca=$tmp/ca.pem" "key=$tmp/id" \
		"known_hosts=$tmp/known_hosts" "$@" >>"$S/$name/conf"
}

# own FILE: as the child would have left it
own() {
	chown --reference="$dir/repo" "$1"
}
# config LINE...: all of its configuration
config() {
	{
		printf '[core]\n\trepositoryformatversion = 0\n\tbare = true\n'
		printf '%s\n' "$@"
	} >"$dir/repo/config"
	own "$dir/repo/config"
}
# honest WHAT: a contact finds what is new, and nobody else hears of it
texts=0
honest() {
	texts=$((texts + 1))
	: >"$tmp/spy.log"
	push "text $texts"
	ok "$1: a contact finds what is new" gitopper-pull "$name"
	is "$1: there it is" "$(cat "$S/$name/tree/app/a")" "text $texts"
	is "$1: nobody else was asked" "$(cat "$tmp/spy.log")" ""
}

#
# Configuration
#
service tls "$https_url/private/r.git" "credentials=$tmp/cred"
honest "a fresh store"
config "[url \"http://127.0.0.1:$spy/\"]" "	insteadOf = $https_url/"
honest "insteadOf"
config "[url \"http://localhost:$spy/\"]" "	insteadOf = $https_url/"
honest "insteadOf, and the same host"
config "[url \"${http_url%:*}:$http/private/r.git\"]" \
	"	insteadOf = $https_url/private/r.git"
: >"$tmp/access.log"
push "in clear"
ok "insteadOf without TLS: a contact" gitopper-pull tls
is "is made with TLS" "$(cat "$S/tls/tree/app/a")" "in clear"
config '[http]' "	proxy = http://127.0.0.1:$spy"
honest "http.proxy"
config '[remote "origin"]' "	proxy = http://127.0.0.1:$spy" \
	"	url = http://127.0.0.1:$spy/x"
honest "remote.proxy"
printf '[url "http://127.0.0.1:%s/"]\n\tinsteadOf = https://\n' "$spy" \
	>"$dir/repo/more"
own "$dir/repo/more"
config '[include]' '	path = more'
honest "include.path"
config '[extensions]' '	worktreeConfig = true' '[core]' '	fsync = false'
cp "$dir/repo/more" "$dir/repo/config.worktree"
honest "config.worktree"
service ssh "$ssh_url$root/r.git"
honest "ssh"
config "[url \"http://127.0.0.1:$spy/\"]" "	insteadOf = $ssh_url/"
honest "ssh, insteadOf"
config "[core]" "	sshCommand = touch $tmp/ran"
honest "ssh, sshCommand"
ok "nothing was run" test ! -e "$tmp/ran"

# A password that was given for TLS
service clear "https://localhost:$spy/r.git" "credentials=$tmp/clear" timeout=3
echo "https://joe:$secret@localhost:$spy" >"$tmp/clear"
chmod 600 "$tmp/clear"
fails 1 "a server that has no TLS" gitopper-pull clear
config "[url \"http://localhost:$spy/\"]" \
	"	insteadOf = https://localhost:$spy/"
fails 1 "is asked for TLS" gitopper-pull clear
is "and never told the password" \
	"$(grep -aic 'authorization\|GET' "$tmp/spy.log")" 0

#
# Objects that lie elsewhere
#
service else "http://localhost:$http/git/r.git"
honest "one more store"
mkdir "$dir/repo/else"
mv "$dir/repo/objects/pack" "$dir/repo/else/pack"
mkdir "$dir/repo/objects/pack"
echo "$dir/repo/else" >"$dir/repo/objects/info/alternates"
chown -R --reference="$dir/repo" "$dir/repo"
before=$head
push more
gitopper-pull else >"$tmp/out" 2>&1 ||
	ok "what is missing is fetched anew" gitopper-pull else
is "it is there" "$(cat "$S/else/tree/app/a")" more
rm -f "$dir/repo/objects/info/alternates"
ok "and all before it" git -C "$dir/repo" rev-list "$before"

#
# Other users of this machine
#
service tls "$https_url/private/r.git" "credentials=$tmp/cred"
if [ "$(id -u)" -eq 0 ]; then
	stranger() {
		setpriv --reuid 64998 --regid 64998 --clear-groups "$@"
	}
	clones() {
		rm -rf "$tmp/clone"
		mkdir -m 777 "$tmp/clone"
		stranger env HOME=/ git -c safe.directory='*' clone -q \
			"$dir/repo" "$tmp/clone/r"
	}
	fails 128 "another user can't clone it" clones
	chmod 755 "$dir/repo"
	ok "which was easy once" clones
	ok "a contact mends what is there" gitopper-pull tls
	fails 128 "then it can't be cloned any more" clones
fi
is "it is for those who fetch" "$(stat -c %a "$dir/repo")" 700

#
# History
#
git="git -C $work"
push base
base=$head
push good
good=$head
service forward "http://127.0.0.1:$http/git/r.git" follow=forward
ok "a service that goes forward" gitopper-pull forward
is "is at a commit" "$(value forward hash)" "$good"
$git checkout -q -b other
push secret other
other=$head
service other "http://127.0.0.1:$http/git/r.git"
sed -i 's/^branch=.*/branch=other/' "$S/other/conf"
ok "another branch of it is here as well" gitopper-pull other
$git checkout -q -B main "$base"
push evil
evil=$head

# about COMMIT [PARENT]: as graph.pl wants it
about() {
	$git log -1 --format="%H:%T:%ct${2:+:$2}" "$1"
}
# plant: with what lies there, evil comes after good and other
plant() {
	mkdir -p "$dir/repo/objects/info" "$dir/repo/info"
	perl tests/graph.pl "$dir/repo/objects/info/commit-graph" \
		"$(about "$evil" "$other")" "$(about "$other" "$good")" \
		"$(about "$good" "$base")" "$(about "$base")"
	[ "${1-}" = graph ] || {
		echo "$evil $other $good" >"$dir/repo/info/grafts"
		echo "$base" >"$dir/repo/shallow"
	}
	chown -R --reference="$dir/repo" "$dir/repo"
}
plant graph
ok "what evil is" git -C "$dir/repo" fetch -q "$root/r.git" main
like "a commit-graph tells another story" \
	"$(git -C "$dir/repo" commit-graph verify 2>&1)" \
	"parent for $evil is $other != $base"
fails 1 "the branch was rewritten, whatever a commit-graph says" \
	gitopper-pull forward
like "the error says so" "$(value forward error)" 'was rewritten'
is "it stays where it was" "$(cat "$S/forward/tree/app/a")" good
plant
fails 1 "or grafts" gitopper-pull forward
is "it stays where it was then, too" "$(cat "$S/forward/tree/app/a")" good
service main "http://127.0.0.1:$http/git/r.git"
ok "one that takes it" gitopper-pull main
plant
echo "$other" >"$S/main/ctl/pin"
fails 1 "a pin is in the history of the branch, whatever a graph says" \
	gitopper-pull main
like "the error says so" "$(value main error)" 'not in the history'
rm "$S/main/ctl/pin"
echo "$base" >"$S/main/ctl/pin"
ok "one that is there is found" gitopper-pull main
is "and published" "$(cat "$S/main/tree/app/a")" base
rm "$S/main/ctl/pin"

# Whatever the clocks were: merges, and commits older than their parents
$git checkout -q -B main "$base"
for i in 1 2 3 4 5 6 7 8; do
	GIT_COMMITTER_DATE="$((2000000000 - i * 100000000)) +0000" \
		$git commit -q --allow-empty -m "$i"
	[ $i -ne 4 ] || side=$($git rev-parse HEAD)
done
$git checkout -q -b side "$side"
GIT_COMMITTER_DATE="1000000000 +0000" $git commit -q --allow-empty -m side
side=$($git rev-parse HEAD)
$git checkout -q main
GIT_COMMITTER_DATE="1100000000 +0000" $git merge -q --no-ff -m merge side
push merged
ok "a history whose clocks were wrong" gitopper-pull main
for commit in "$side" "$base" "$($git rev-parse HEAD~5)"; do
	echo "$commit" >"$S/main/ctl/pin"
	ok "a commit of it is found" gitopper-pull main
	is "it is there" "$(value main hash)" "$commit"
done
echo "$evil" >"$S/main/ctl/pin"
fails 1 "one that isn't part of it is not" gitopper-pull main
like "the error says so" "$(value main error)" 'not in the history'

# Directories deeper than a stack, for who has the descriptors
service deep "$tmp/work"
ok "a store" gitopper-pull deep
(cd "$dir/repo/objects" && perl -e 'for (1 .. 3000) {
	mkdir "d" or die "$_: $!"; chdir "d" or die $! }')
own "$dir/repo/objects/d"
push deep
# many COMMAND...: with as many descriptors as it likes
many() {
	(ulimit -n 8192 && ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 \
		strace -f -e trace=none -o "$tmp/trace" "$@")
}
fails 1 "directories that no store has: it is given up" many gitopper-pull deep
like "which is said" "$(value deep error)" 'outgrew'
is "no child died of them" "$(grep -c SIGSEGV "$tmp/trace")" 0
ok "it is made anew" gitopper-pull deep
is "and has what is new" "$(cat "$S/deep/tree/app/a")" deep
done_testing
