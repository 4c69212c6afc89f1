/* fuzz.h - what the fuzzers share */
/* SPDX-License-Identifier: ISC */

/*
 * Each tests/fuzz-NAME.c throws bytes at a parser. With clang's libFuzzer it
 * is a fuzzer (fuzz-NAME tests/corpus/NAME); with replay.c and any compiler it
 * takes the files to try as arguments (replay-NAME FILE...).
 */
#include <stdio.h>
#include <stdlib.h>

#define CHECK(x) ((x) ? (void)0 : \
	(fprintf(stderr, "%s: not so: %s\n", __FILE__, #x), abort()))

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);
