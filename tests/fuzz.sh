#!/bin/sh
# fuzz.sh - runs each tests/fuzz-NAME, as make fuzz built it, for some seconds
# usage: fuzz.sh SECONDS
# It begins with tests/corpus/NAME; what it finds on top is kept in fuzz/NAME,
# and what broke the parser in fuzz/NAME.crash-*. What a parser itself says is
# not shown: tests/replay-NAME FILE has it.

cd "$(dirname "$0")/.." || exit 111
seconds=${1:?usage: fuzz.sh SECONDS}
status=0
for source in tests/fuzz-*.c; do
	name=$(basename "$source" .c) name=${name#fuzz-}
	mkdir -p "fuzz/$name" &&
	"tests/fuzz-$name" -max_total_time="$seconds" -timeout=5 \
		-close_fd_mask=2 -print_final_stats=1 -artifact_prefix="fuzz/$name." \
		"fuzz/$name" "tests/corpus/$name" || status=1
done
exit "$status"
