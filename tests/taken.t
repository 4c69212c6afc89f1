#!/bin/sh
# taken.t - what children that were taken over can do to gitopper-pull
. tests/lib.sh
S=$GITOPPER_STATE
url=git://127.0.0.1:1/r
dir=$(upstream_dir "$url")
taken=${GITOPPER_BIN:-$top}/tests/taken
mkdir -p "$S/app/ctl"
printf 'upstream=%s\nbranch=main\ntimeout=20\ndir=app\t\tdir\n' "$url" \
	>"$S/app/conf"

# small NAME=VALUE...: builds it with other limits, and takes that one
small() {
	mkdir -p "$tmp/small/tests" &&
	cp -p "$top"/*.[ch] "$top/Makefile" "$top/config.mk" "$tmp/small" &&
	cp -p "$top"/tests/taken.c "$tmp/small/tests" &&
	cp "$top/config.def.h" "$tmp/small/config.h" || return 1
	for pair; do
		sed -i -e "s/^\(	${pair%=*} *\)= [^,]*,/\1= ${pair#*=},/" \
			-e "s/^\(#define ${pair%=*}\) .*/\1 ${pair#*=}/" \
			"$tmp/small/config.h"
		grep "[	 ]${pair%=*} " "$tmp/small/config.h" |
			grep -Fq -- " ${pair#*=}" || return 1
	done
	make -s -C "$tmp/small" CFLAGS=-O0 LDFLAGS= tests/taken || return 1
	taken=$tmp/small/tests/taken
}

# pull HOW: within a minute
pull() {
	rm -f "$S/app/status"
	TAKEN=$1 timeout -s KILL 60 perl tests/peak.pl "$tmp/peak" \
		"$taken" app >"$tmp/pull" 2>&1
}

# A reader that floods its parent with what differs
fails 1 "a flood of changes: an error" pull changes
like "the service says so" "$(value app error)" 'made no sense'
if ! grep -q asan "$taken"; then
	ok "the parent takes no more memory than it has to" \
		test "$(cat "$tmp/peak")" -lt 450000
fi
ok "and no more of the disk" sh -c \
	"[ \$(du -sk '$S' | cut -f 1) -lt 200000 ]"

# One that says more than anybody wants to read
ok "a reader that shouts is heard" pull shout
like "with the upstream's name" "$(sed -n 1p "$tmp/pull")" \
	"taken: ${dir##*/}: .*shouts 0"
ok "up to a limit" test "$(wc -c <"$tmp/pull")" -lt 200000
is "and its bytes are none for a terminal" \
	"$(tr -d '\n\040-\176\200-\377' <"$tmp/pull" | wc -c)" 0

ok "the same with small limits" small READ_TIME=3 STORE_LOOK=1 \
	STORE_FILES_MAX=100 "STORE_MAX=((uint64_t)5 << 20)"

# One that says a byte now and then has no right to be heard for ever
fails 1 "a reader that drips: an error" pull drip
like "the service says so" "$(value app error)" 'stalled'

# A store that outgrows what an honest child makes of it
fails 1 "a child that fills the disk: an error" pull fill
like "the service says so" "$(value app error)" \
	'outgrew 10 MiB or 100 files, and was removed'
ok "it is ended while it does so, and all of it is gone" \
	test "$(du -sk "$dir" | cut -f 1)" -lt 1000
fails 1 "one that takes all inodes: an error" pull crowd
like "the service says so" "$(value app error)" 'outgrew'
is "and all of them are gone" "$(find "$dir" -name 'file.*' | wc -l)" 0
done_testing
