#!/bin/sh
# bombs.t - upstreams made to hurt cost their own service, and nobody else
. tests/lib.sh
. tests/servers.sh

S=$GITOPPER_STATE
# AddressSanitizer has a limit of its own in place of that of children, who
# can't open the file that it would write a warning to
ASAN_OPTIONS=$(printf %s "${ASAN_OPTIONS-}" | sed 's/:*log_path=[^:]*//')
UBSAN_OPTIONS=$(printf %s "${UBSAN_OPTIONS-}" | sed 's/:*log_path=[^:]*//')
export UBSAN_OPTIONS
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}max_allocation_size_mb=1024
export ASAN_OPTIONS=$ASAN_OPTIONS:allocator_may_return_null=1
spawn perl tests/bombs.pl "$tmp/bombs.port" 2>"$tmp/bombs.log"
ok "a server of bombs" within 10 test -e "$tmp/bombs.port"
url=git://127.0.0.1:$(cat "$tmp/bombs.port")

# service NAME TIMEOUT [BRANCH]: a service that follows the bomb of that name
service() {
	mkdir -p "$S/$1/ctl"
	printf 'upstream=%s/%s\nbranch=%s\ntimeout=%s\ndir=app\t\tdir\n' \
		"$url" "$1" "${3:-main}" "$2" >"$S/$1/conf"
}

# biggest: the most memory, in MiB, that any process of the last run had
biggest() {
	echo $(($(cat "$tmp/peak") / 1024))
}

# bomb NAME TIMEOUT PATTERN: it fails as that pattern says, beside a good one
bombs=0
bomb() {
	bombs=$((bombs + 1))
	measure
	most=$(($2 * slowness))
	service "$1" $most
	service "good$bombs" $((20 * slowness))
	began=$(date +%s)
	fails 1 "$1: an error" perl tests/peak.pl "$tmp/peak" \
		gitopper-pull "$1" "good$bombs"
	took=$(($(date +%s) - began))
	like "$1: which says what" "$(value "$1" error)" "^pull: .*($3)"
	is "$1: nothing of it is there" \
		"$(value "$1" hash)$(ls -A "$S/$1/next" 2>/dev/null)" ""
	echo "$took s" >"$tmp/out"
	test "$took" -le $((most + 5 * slowness))
	result $? "$1: in time"
	echo "$(biggest) MiB" >"$tmp/out"
	test "$(biggest)" -lt 1500
	result $? "$1: in bounds"
	is "$1: another service is deployed" \
		"$(cat "$S/good$bombs/tree/app/file")" good
}
bomb delta 20 memory
bomb chain 3 'no answer within [0-9]+ s'
bomb announced 20 .
bomb enormous 20 .
bomb enormoustree 20 .
bomb objects 20 .
bomb zeros 40 'larger than'
bomb wide 20 'larger than'
bomb link 20 'too long a name'
bomb levels 20 'directories deep'
bomb dirs 20 'directories'
bomb entries 40 'more than 1000000 files'
bomb garbage 20 .
bomb lines 3 .
bomb progress 3 .

# much, but no harm
# burden NAME [BRANCH]: it is deployed
burden() {
	measure
	service "$1" $((20 * slowness)) "${2:-main}"
	began=$(date +%s)
	ok "$1: is deployed" perl tests/peak.pl "$tmp/peak" gitopper-pull "$1"
	echo "$(($(date +%s) - began)) s, $(biggest) MiB" >"$tmp/out"
	test "$(biggest)" -lt 1500
	result $? "$1: in bounds"
	like "$1: to its commit" "$(value "$1" hash)" '^[0-9a-f]{40}$'
	is "$1: with its file" "$(cat "$S/$1/tree/app/file")" good
}
burden commit
burden refs
burden refsid "$(value refs hash)"
service commit2 $((20 * slowness))
echo verify=/dev/null >>"$S/commit2/conf"
fails 1 "a commit too large to be checked" gitopper-pull commit2
like "is refused" "$(value commit2 error)" 'too large for a check'
done_testing
