#!/bin/sh
# child.t - children that were taken over, and what is left to them
. tests/lib.sh
. tests/servers.sh
[ "$(id -u)" -eq 0 ] || skip "needs root"

# a copy: children run as somebody who may not enter the checkout
cp "${GITOPPER_BIN:-$top}/tests/misbehave" "$tmp/misbehave"
mkdir "$tmp/own" "$tmp/other"
chmod 777 "$tmp/own" "$tmp/other"
echo secret >"$tmp/secret"
chmod 644 "$tmp/secret"
ok "a server on loopback" try git_daemon "$tmp"

# allowed KIND: all that it could do, in a line
allowed() {
	rm -f "$tmp/own/file"
	"$tmp/misbehave" "$1" "$tmp/own" "$tmp/other" "$tmp/secret" \
		"${git_url##*:}" >"$tmp/said" 2>"$tmp/err"
	sed -n 's/: done$//p' "$tmp/said" | paste -sd,
}

memory=
grep -q asan "$tmp/misbehave" && memory=,memory
is "a fetching child can do this, and nothing else" "$(allowed fetch)" \
	"read its own,write its own,tcp,udp$memory,shout"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"
is "a reading one reads" "$(allowed read)" "read its own$memory,shout"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"
is "a packing one writes as well" "$(allowed pack)" \
	"read its own,write its own$memory,shout"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"
is "one that runs programs does so, and reads" "$(allowed verify)" \
	"read a secret,read its own,exec,fork$memory,unix,shout"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"

# what each of them says reaches its parent, who cleans it
for kind in fetch read pack verify; do
	rm -f "$tmp/own/file"
	"$tmp/misbehave" $kind "$tmp/own" "$tmp/other" "$tmp/secret" \
		"${git_url##*:}" 2>"$tmp/err" >"$tmp/said"
	is "$kind: no control reaches the terminal" \
		"$(tr -d '\n\040-\176\200-\377' <"$tmp/err" | wc -c)" 0
	is "$kind: each line says whose it is" \
		"$(grep -vac "^misbehave: $kind: " "$tmp/err")" 0
	like "$kind: what was said is there" "$(sed -n 1p "$tmp/err")" 'evil'
	ok "$kind: but not all of it" \
		test "$(wc -c <"$tmp/err")" -lt 200000
	like "$kind: which is said" "$(tail -n 1 "$tmp/err")" 'left out'
done

# with a terminal, as when root tries a program by hand
for kind in fetch read pack verify; do
	script -qec "cd $tmp; $tmp/misbehave $kind $tmp/own $tmp/other \
		$tmp/secret ${git_url##*:} >$tmp/said" /dev/null \
		>"$tmp/screen" 2>&1 </dev/null
	like "$kind: nothing is typed into the terminal" \
		"$(grep '^type: ' "$tmp/said")" '^type: [^d]'
	ok "$kind: nor written to it as it is" sh -c \
		"grep -aq evil '$tmp/screen' &&
		! grep -aq '$(printf '\033')' '$tmp/screen'"
done
is "nothing was written elsewhere" "$(ls "$tmp/other")" ""
done_testing
