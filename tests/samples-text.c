/* samples-text - shows what samples.c makes of standard input */
/* SPDX-License-Identifier: ISC */

/* usage: samples-text SERVICE; exit status 1: it is refused, and why */
#include <stdio.h>

#include "../samples.h"

int
main(int argc, char *argv[])
{
	static char text[1 << 20];
	char why[SAMPLES_WHY];
	struct samples samples;
	size_t i, k, len = fread(text, 1, sizeof(text), stdin);

	if (samples_parse(&samples, text, len, argc > 1 ? argv[1] : "s",
	    why) < 0) {
		puts(why);
		return 1;
	}
	for (i = 0; i < samples.n; i++) {
		const struct family *f = &samples.family[i];

		printf("%s|%s|%s\n", f->name, f->type, f->help);
		for (k = 0; k < f->nsamples; k++)
			puts(f->sample[k]);
	}
	samples_free(&samples);
	return 0;
}
