#!/bin/sh
# check.sh - runs the tests on what was built, and on what was built in san/
# usage: check.sh [TEST...]
# What each test said is kept in tap/ and tap-san/.

cd "$(dirname "$0")/.." || exit 111
[ $# -gt 0 ] || set -- tests/*.t
jobs=$(($(getconf _NPROCESSORS_ONLN) * 2))
ulimit -c 0
status=0

# results DIR: makes it empty, and has the tests write there
results() {
	TAP=$PWD/$1
	rm -rf "$TAP" && mkdir "$TAP" || exit 111
	export TAP
}

# what some of them install takes longer to build than they have
case " $* " in
*' tests/deb.t '* | *' tests/boot.t '*)
	! command -v dpkg-buildpackage >/dev/null ||
		sh tests/deb.sh >/dev/null || status=1
	;;
esac

results tap
prove -j "$jobs" -e "sh tests/tap.sh" "$@" || status=1

# Children that gave up root write their reports too. Programs that end at once
# leave their memory to the kernel: leaks are not looked for.
REPORTS=$(mktemp -d) && chmod 1777 "$REPORTS" || exit 111
trap 'rm -rf "$REPORTS"' EXIT
ASAN_OPTIONS=detect_leaks=0:exitcode=99:log_path=$REPORTS/report
UBSAN_OPTIONS=print_stacktrace=1:exitcode=99:log_path=$REPORTS/report
GITOPPER_BIN=$PWD/san
export REPORTS ASAN_OPTIONS UBSAN_OPTIONS GITOPPER_BIN
results tap-san
echo "the same with ASan and UBSan:"
prove -j "$jobs" -e "sh tests/tap.sh" "$@" || status=1
exit "$status"
