#!/bin/sh
# tap.sh - runs one test for check.sh, by prove, and keeps what it said
# usage: TAP=DIR [REPORTS=DIR] tap.sh FILE
# Standard output is the test's. What it says elsewhere is shown only where it
# failed; what a sanitizer reports makes it fail.

# or it would all go to /
: "${TAP:?is not set}"
name=$(basename "$1" .t)
out=$TAP/$name.tap err=$TAP/$name.err
TEST_SLOW=${TEST_SLOW:-$(sh tests/speed.sh)}
export TEST_SLOW
timeout -k 10 $((${TEST_TIMEOUT:-300} * TEST_SLOW)) sh "$1" >"$out" 2>"$err" </dev/null
status=$?
cat "$out"

for report in "${REPORTS:-/nonexistent}"/report.*; do
	# tests run at once share REPORTS: one of them tells
	mv "$report" "$err.report" 2>/dev/null || continue
	echo "--- a sanitizer's report while $1 ran:"
	cat "$err.report"
	status=99
done >&2
if [ "$status" -ne 0 ] || grep -q '^not ok' "$out"; then
	echo "--- $1 failed (exit status $status):"
	awk '/^(not )?ok/ { show = /^not/ } show' "$out"
	tail -n 40 "$err"
fi >&2
exit "$status"
