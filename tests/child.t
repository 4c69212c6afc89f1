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
	"read its own,write its own,tcp,udp$memory,unix,netlink"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"
is "a reading one reads" "$(allowed read)" "read its own$memory"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"
is "a packing one writes as well" "$(allowed pack)" \
	"read its own,write its own$memory"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"
is "one that runs programs does so, and reads" "$(allowed verify)" \
	"read a secret,read its own,exec,fork$memory,unix"
is "and came to its end" "$(tail -n 1 "$tmp/said")" "end: 0"
is "nothing was written elsewhere" "$(ls "$tmp/other")" ""
done_testing
