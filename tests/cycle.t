#!/bin/sh
# cycle.t - what a cycle costs in which nothing changed
. tests/lib.sh
. tests/servers.sh
. tests/cycles.sh

mkdir "$tmp/root"
ok "a repository" sh tests/generate.sh "$tmp/root/r.git" 1000 20
ok "git daemon" try git_daemon "$tmp/root"
ok "a proxy that counts" proxy "${git_url#git://}"
url=git://127.0.0.1:$proxy_port/r.git
make_cycle
services "$tmp/one" 1 "$url"
services "$tmp/hundred" 100 "$url"

ok "the first cycle with 1 service" "$tmp/cycle" "$tmp/one"
ok "the first cycle with 100 services" "$tmp/cycle" "$tmp/hundred"
is "all of them are deployed" "$(ls -d "$tmp"/hundred/s*/tree/s* | wc -l)" 100
is "with all of their files" "$(find "$tmp"/hundred/s*/tree -type f |
	wc -l)" 1000
is "and nothing is left to do" "$(grep -lE '^(todo|error)=' \
	"$tmp"/hundred/s*/status)" ""

before=$(connections "$proxy_log")
written "$tmp/hundred" >"$tmp/before"
ok "a cycle without a change" "$tmp/cycle" "$tmp/hundred"
written "$tmp/hundred" >"$tmp/after"
is "is one connection" $(($(connections "$proxy_log") - before)) 1
ok "and writes no file of any service" diff "$tmp/before" "$tmp/after"

# cheap: 100 services take at most three times the CPU of one
cheap() {
	one=$(perl "$top/tests/cpu.pl" 5 5 "$tmp/cycle" "$tmp/one")
	hundred=$(perl "$top/tests/cpu.pl" 5 5 "$tmp/cycle" "$tmp/hundred")
	echo "1 service: $one s, 100 services: $hundred s"
	perl -e 'exit $ARGV[1] > 3 * $ARGV[0]' "$one" "$hundred"
}
# other tests run at the same time: an odd run doesn't count
ok "100 services take at most 3 times the CPU of 1" try cheap
done_testing
