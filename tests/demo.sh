#!/bin/sh
# demo.sh - shows what gitopper does, on a repository that it makes itself
# Everything happens in one temporary directory. As root it gets a mount
# namespace of its own, so that its bind mounts are seen by nobody else;
# without root, or where that isn't allowed, nothing is mounted. It waits for
# what it says, never for a time, and fails where that doesn't come.
set -u
umask 022
me=tests/demo.sh

# -- outside: make the directory, go in, take it away
if [ $# -eq 0 ]; then
	dir=$(mktemp -d /tmp/gitopper-demo.XXXXXX) || exit 111
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 1' INT TERM HUP
	chmod 755 "$dir"	# for the user who talks to upstream
	mkdir "$dir/a" "$dir/b"
	if [ "$(id -u)" -eq 0 ] && unshare -m --propagation private \
	    mount --bind "$dir/a" "$dir/b" 2>/dev/null; then
		unshare -m --propagation private sh "$me" "$dir" mount
	else
		sh "$me" "$dir" plain
	fi
	exit
fi

dir=$1 mode=$2
PATH=${GITOPPER_BIN:-$PWD}:$PWD:$PATH
HOME=$dir
GITOPPER_STATE=$dir/state
# whatever this user's git is told to do, it is not meant for this
GIT_CONFIG_NOSYSTEM=1
GIT_CONFIG_GLOBAL=/dev/null
GIT_AUTHOR_NAME='A. Demo' GIT_AUTHOR_EMAIL=demo@example.org
GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
export PATH HOME GITOPPER_STATE GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE XDG_CONFIG_HOME
runner=
deadline=$(($(date +%s) + ${DEMO_SECONDS:-18}))
cd "$dir" && rmdir a b || exit 111

finish() {
	status=$?
	trap - EXIT
	[ -n "$runner" ] && kill "$runner" 2>/dev/null && wait "$runner"
	exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

say() {
	printf '\n# %s\n' "$*"
}

# run COMMAND...: shows a command, and runs it
run() {
	printf '$'
	for word; do
		case $word in
		*[!A-Za-z0-9_/.:=@-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
	"$@" || fail "that failed: $*"
}

fail() {
	echo "demo: $*" >&2
	[ ! -s runner.log ] || sed 's/^/demo: runner: /' runner.log >&2
	exit 1
}

# until_so WHAT COMMAND...: waits for the command to succeed
until_so() {
	what=$1; shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "not so: $what"
		kill -0 "$runner" 2>/dev/null || fail 'the runner ended'
		sleep 0.05
	done
}

# has SERVICE KEY VALUE: what its status says
has() {
	[ "$(gitopper-ctl status "$1" | sed -n "s/^$2: *//p")" = "$3" ]
}

# live SERVICE COMMIT: it is there, and its action is done
live() {
	has "$1" hash "$2" && has "$1" applied "$2"
}

# page TEXT: that is what the web server would show
page() {
	[ "$(cat "$web/index.html")" = "$1" ]
}

# publish TEXT: a new page, pushed; $commit is its commit
publish() {
	printf '$ echo "%s" >work/web/index.html\n' "$1"
	echo "$1" >work/web/index.html
	run git -C work commit -q -a -m "web: $1"
	run git -C work push -q ../upstream.git HEAD:main
	commit=$(git -C work rev-parse HEAD)
}

say 'A repository with the files of two services.'
run git init -q --bare upstream.git
run git init -q work
mkdir work/web work/motd
echo 'listen 80' >work/web/server.conf
echo 'hello, I am version 1' >work/web/index.html
echo 'be nice' >work/motd/motd
run git -C work add web motd
run git -C work commit -q -m 'web, motd: first version'
run git -C work push -q ../upstream.git HEAD:main
first=$(git -C work rev-parse HEAD)

say 'What to do when the files of a service changed: here, write it down.'
cat >reload <<END
#!/bin/sh
# the commit and the changed files, from gitopper-act(1)
{
	echo "reloaded \$GITOPPER_SERVICE at \$GITOPPER_HASH:"
	cat
} >>$dir/run/\$GITOPPER_SERVICE
END
chmod 755 reload
mkdir run
run cat reload

say 'The config: who follows what, and where the files belong.'
if [ "$mode" = mount ]; then
	web=$dir/etc/web
	web_dir="{ local = \"$web\", link = \"web\" }"
	motd_dir="{ local = \"$dir/etc/motd\", link = \"motd/motd\", file = true }"
else
	echo '(Nothing can be mounted here: the files stay in the checkouts.)'
	web=$dir/srv/web/web
	web_dir='{ link = "web" }'
	motd_dir='{ link = "motd/motd", file = true }'
fi
cat >config.toml <<END
[global]
upstream = "$dir/upstream.git"
mount    = "$dir/srv"
interval = "1s"		# to be quick; it is 5 minutes otherwise
action   = "$dir/reload"

[[services]]
machine = "$(uname -n)"
service = "web"
dirs    = [ $web_dir ]

[[services]]
machine = "$(uname -n)"
service = "motd"
dirs    = [ $motd_dir ]
END
run cat config.toml

say 'The runner makes it so, and keeps it so.'
echo "\$ export GITOPPER_STATE=$GITOPPER_STATE"
echo '$ gitopper -c config.toml &'
gitopper -c config.toml >runner.log 2>&1 &
runner=$!
until_so 'web is at the first commit' live web "$first"
until_so 'motd is at the first commit' live motd "$first"
run gitopper-ctl list
run ls "$web"
run cat "$web/index.html" run/web run/motd
page 'hello, I am version 1' || fail 'the page is not version 1'

say 'Somebody commits: it goes live by itself, and only web is reloaded.'
publish 'hello, I am version 2'
second=$commit
until_so 'web is at the second commit' live web "$second"
until_so 'motd knows it' has motd hash "$second"
run cat "$web/index.html" run/web
page 'hello, I am version 2' || fail 'the page is not version 2'
[ "$(grep -c reloaded run/web)" -eq 2 ] || fail 'web was not reloaded once'
[ "$(grep -c reloaded run/motd)" -eq 1 ] || fail 'motd was reloaded'

say 'Not now! A frozen service stays where it is.'
run gitopper-ctl freeze web
publish 'hello, I am version 3'
third=$commit
until_so 'the third commit was seen' has web tip "$third"
until_so 'motd is at the third commit' has motd hash "$third"
run gitopper-ctl list
run cat "$web/index.html"
page 'hello, I am version 2' || fail 'a frozen page changed'

say 'Back to the first commit, at once.'
run gitopper-ctl rollback web "$(printf %.8s "$first")"
until_so 'web is back' live web "$first"
run gitopper-ctl list services
run cat "$web/index.html"
page 'hello, I am version 1' || fail 'the page is not version 1 again'

say 'And forward again.'
run gitopper-ctl unfreeze web
until_so 'web is at the third commit' live web "$third"
run cat "$web/index.html"
page 'hello, I am version 3' || fail 'the page is not version 3'
run gitopper-ctl status web
run gitopper-ctl log web

say 'That is all: the runner may end.'
run kill "$runner"
wait "$runner"
runner=
[ -z "$(find . -name '*.html' -size 0)" ] || fail 'an empty page'
say 'Everything turned out as it should. Now this directory goes:'
echo "$dir"
