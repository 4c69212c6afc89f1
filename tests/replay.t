#!/bin/sh
# replay.t - the parsers survive what their fuzzers begin with
. tests/lib.sh

for corpus in tests/corpus/*; do
	parser=$(basename "$corpus")
	for file in "$corpus"/*; do
		ok "$parser: $(basename "$file")" \
			"${GITOPPER_BIN:-$top}/tests/replay-$parser" "$file"
	done
done
done_testing
