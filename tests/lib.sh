# lib.sh - what the tests share; each starts with `. tests/lib.sh`
# Runs from the top of the checkout, in a directory and, as root, in a mount
# namespace of its own.
set -u
if [ "$(id -u)" -eq 0 ] && [ "${TEST_NS-}" != "$0" ]; then
	TEST_NS=$0 exec unshare -m --propagation private -- sh "$0" "$@"
fi
top=$PWD
tmp=$(mktemp -d "${TMPDIR:-/tmp}/gitopper.XXXXXX") || exit 111
chmod 755 "$tmp"
PATH=${GITOPPER_BIN:-$top}:$top:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
HOME=$tmp
TZ=UTC
LC_ALL=C
# no git configuration from outside
GIT_CONFIG_NOSYSTEM=1
GIT_CONFIG_GLOBAL=$tmp/gitconfig
GITOPPER_STATE=$tmp/state
export PATH HOME TZ LC_ALL GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL GITOPPER_STATE
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE http_proxy https_proxy
# nor from a make that runs this
unset MAKEFLAGS MFLAGS MAKELEVEL
unset GIT_SSL_CAINFO SSL_CERT_FILE SSL_CERT_DIR
cat >"$GIT_CONFIG_GLOBAL" <<END
[user]
	name = Tester
	email = tester@example.org
[init]
	defaultBranch = main
[safe]
	directory = *
END
tests=0
failed=0
pids=

finish() {
	status=$?
	trap - EXIT INT TERM
	# only what spawn started, by its id
	for pid in $pids; do
		kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	# what is mounted in it, in this namespace of ours
	[ "$(id -u)" -ne 0 ] || while read -r _ _ _ _ dir _; do
		case $dir in
		"$tmp"/*) umount -l "$dir" ;;
		esac
	done </proc/self/mountinfo 2>/dev/null
	cd / && rm -rf --one-file-system "$tmp" 2>/dev/null
	[ "$status" -eq 0 ] && [ "$failed" -gt 0 ] && status=1
	exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

# result STATUS DESCRIPTION: one line of TAP; with the output of a failure
result() {
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $2"
		sed 's/^/#   /' "$tmp/out"
	fi
}

# ok DESCRIPTION COMMAND...: the command succeeds
ok() {
	desc=$1; shift
	"$@" >"$tmp/out" 2>&1
	result $? "$desc"
}

# fails STATUS DESCRIPTION COMMAND...: it exits with just that status
fails() {
	want=$1 desc=$2; shift 2
	"$@" >"$tmp/out" 2>&1
	got=$?
	echo "exit status $got, not $want" >>"$tmp/out"
	[ "$got" -eq "$want" ]
	result $? "$desc"
}

# is DESCRIPTION GOT WANTED: two texts are the same
is() {
	printf 'got:    %s\nwanted: %s\n' "$2" "$3" >"$tmp/out"
	[ "$2" = "$3" ]
	result $? "$1"
}

# like DESCRIPTION TEXT PATTERN: the text matches the extended regexp
like() {
	printf 'got:    %s\nwanted: %s\n' "$2" "$3" >"$tmp/out"
	printf '%s\n' "$2" | grep -Eq -- "$3"
	result $? "$1"
}

# measure: sets slowness, how many times as long as usual all takes; it never
# gets less, as what is at work meanwhile may be anywhere in what is measured next
slowness=${TEST_SLOW:-$(sh tests/speed.sh)}
measure() {
	slowness_now=$(sh "$top/tests/speed.sh")
	[ "$slowness_now" -le "$slowness" ] || slowness=$slowness_now
}

# within SECONDS COMMAND...: it succeeds some time before the deadline, which is
# later where the machine is slow; if it has become so only now, as well
within() {
	within_began=$(date +%s) within_seconds=$1 within_measured=; shift
	until "$@" >"$tmp/within" 2>&1; do
		if [ "$(date +%s)" -lt $((within_began + within_seconds * slowness)) ]; then
			sleep 0.02
			continue
		fi
		slowness_before=$slowness
		[ -n "$within_measured" ] || measure
		within_measured=1
		[ "$slowness" -gt "$slowness_before" ] || {
			echo "not within the deadline: $*"
			cat "$tmp/within"
			return 1
		}
	done
}

# dpkg_rests: nobody is installing anything on this machine, of whose files an
# overlay is about to be made
dpkg_free() {
	for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock; do
		inode=$(stat -c %i "$lock" 2>/dev/null) || continue
		! grep -q "POSIX .*:$inode " /proc/locks || return 1
	done
}
dpkg_rests() {
	within 300 dpkg_free
}

# dpkg_ends ROOT: what was begun before is brought to its end there
dpkg_ends() {
	DEBIAN_FRONTEND=noninteractive chroot "$1" dpkg --configure -a \
		>"$tmp/dpkg" 2>&1 || { cat "$tmp/dpkg" >&2; return 1; }
}

# spawn COMMAND...: runs it until the test ends; $pid is its id
spawn() {
	"$@" &
	pid=$!
	pids="$pids $pid"
}

# running: who asks is told that a runner is at work, until the test ends; for
# tests that run its programs by hand
running() {
	mkdir -p "$GITOPPER_STATE"
	rm -f "$GITOPPER_STATE/.running"
	mkfifo -m 644 "$GITOPPER_STATE/.running"
	# shellcheck disable=SC2016
	spawn sh -c 'exec 6<>"$1"; exec tail -f /dev/null' sh \
		"$GITOPPER_STATE/.running"
	within 10 runs
}

# runs: what those who ask are told
runs() {
	[ "$(gitopper-ctl list 2>&1 >/dev/null && echo ok)" = ok ]
}

# skip WHY: there is no way to run these tests here
skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

# done_testing: the last line of a test
done_testing() {
	echo "1..$tests"
	[ "$failed" -eq 0 ]
}

# value NAME KEY [FILE]: what a service's status (or conf) says
value() {
	sed -n "s/^$2=//p" "$GITOPPER_STATE/$1/${3:-status}"
}

# upstream_dir URL: prints its directory (upstream_id in upstream.c: FNV-1a)
upstream_dir() {
	h=-3750763034362895579
	for c in $(printf %s "$1" | od -An -v -tu1); do
		h=$(((h ^ c) * 1099511628211))
	done
	path=${1#*://*/}
	[ "${path#*/*/}" = "$path" ] ||
		path=$(printf %s "$path" | sed 's|.*/\([^/]*/[^/]*\)$|\1|')
	printf '%s/.upstream/%s-%012x\n' "$GITOPPER_STATE" \
		"$(printf %s "$path" | tr / _)" $((h & 0xffffffffffff))
}

# commit REPO MESSAGE: commits all of a work tree; prints the commit
commit() {
	git -C "$1" add -A &&
	git -C "$1" commit -q --allow-empty -m "$2" &&
	git -C "$1" rev-parse HEAD
}
