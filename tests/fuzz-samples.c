/* fuzz-samples - throws bytes at samples.c */
/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../samples.h"
#include "fuzz.h"

static const char service[] = "a-service@1";

/* What a scrape would show of it. */
static char *
text_make(const struct samples *s, size_t *len)
{
	char *text = NULL;
	size_t i, k;
	FILE *f = open_memstream(&text, len);

	CHECK(f);
	for (i = 0; i < s->n; i++) {
		fprintf(f, "# HELP %s %s\n# TYPE %s %s\n",
		    s->family[i].name, s->family[i].help, s->family[i].name,
		    *s->family[i].type ? s->family[i].type : "untyped");
		for (k = 0; k < s->family[i].nsamples; k++)
			fprintf(f, "%s\n", s->family[i].sample[k]);
	}
	CHECK(fclose(f) == 0);
	return text;
}

static void
family_check(const struct family *f)
{
	size_t i, n = strlen(f->name);

	CHECK(n > 0 && f->nsamples > 0);
	CHECK(strncmp(f->name, "gitopper_", 9) && strcmp(f->name, "up"));
	CHECK(!strchr(f->help, '\n'));
	for (i = 0; i < f->nsamples; i++) {
		const char *s = f->sample[i], *brace = strchr(s, '{');

		CHECK(strncmp(s, f->name, n) == 0 && !strchr(s, '\n'));
		CHECK(brace && strncmp(brace, "{service=\"a-service@1\"",
		    22) == 0 && (brace[22] == '}' || brace[22] == ','));
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *buf, size_t len)
{
	struct samples a, b;
	char why[SAMPLES_WHY], *once, *twice;
	size_t i, n, m;

	if (samples_parse(&a, (const char *)buf, len, service, why) < 0) {
		CHECK(strncmp(why, "line ", 5) == 0 && strlen(why) > 8);
		CHECK(!strstr(why, "out of memory"));
		CHECK(a.n == 0 && !a.family);
		return 0;
	}
	for (i = 0; i < a.n; i++)
		family_check(&a.family[i]);
	once = text_make(&a, &n);
	/* it is well formed itself, and stays as it is */
	CHECK(samples_parse(&b, once, n, service, why) == 0);
	twice = text_make(&b, &m);
	CHECK(n == m && memcmp(once, twice, n) == 0);
	free(once);
	free(twice);
	samples_free(&a);
	samples_free(&b);
	return 0;
}
