/* text.h - a text that grows, for Prometheus' text format */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

/* All zeros at first. Not ended by a NUL. */
struct text {
	char *s;
	size_t len, size;
};

void text_add(struct text *t, const char *s, size_t n);
void text_puts(struct text *t, const char *s);
void text_number(struct text *t, int64_t n);
/* A label as it stands between braces: escaped, and what is not UTF-8
 * replaced; without a comma. */
void text_label(struct text *t, const char *key, const char *value);
/* The lines HELP and TYPE of a family. */
void text_family(struct text *t, const char *name, const char *type,
	const char *help);
