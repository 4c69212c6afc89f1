/* replay.c - tries files on a fuzzer, without fuzzing */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* A copy of just the file's size, so that ASan sees a read behind it. */
static int
file_replay(const char *name)
{
	static unsigned char all[1 << 20];
	unsigned char *buf;
	size_t len;
	FILE *f;

	f = fopen(name, "rb");
	if (!f) {
		perror(name);
		return -1;
	}
	len = fread(all, 1, sizeof(all), f);
	fclose(f);
	buf = malloc(len);
	if (len && !buf) {
		perror(name);
		return -1;
	}
	if (len)
		memcpy(buf, all, len);
	LLVMFuzzerTestOneInput(buf, len);
	free(buf);
	return 0;
}

int
main(int argc, char *argv[])
{
	int i, r = 0;

	for (i = 1; i < argc; i++)
		if (file_replay(argv[i]) < 0)
			r = 1;
	return r;
}
