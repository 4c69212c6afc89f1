/* text.c - a text that grows, for Prometheus' text format */
/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "text.h"
#include "utf8.h"
#include "util.h"

void
text_add(struct text *t, const char *s, size_t n)
{
	if (n > t->size - t->len) {
		while (n > t->size - t->len)
			t->size = t->size ? t->size * 2 : 4096;
		t->s = xreallocarray(t->s, t->size, 1);
	}
	if (n)
		memcpy(t->s + t->len, s, n);
	t->len += n;
}

void
text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_number(struct text *t, int64_t n)
{
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
	char buf[24], *p = buf + sizeof(buf);

	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (n < 0)
		*--p = '-';
	text_add(t, p, (size_t)(buf + sizeof(buf) - p));
}

void
text_label(struct text *t, const char *key, const char *value)
{
	const char *end = value + strlen(value), *from = value;
	size_t n;

	text_puts(t, key);
	text_add(t, "=\"", 2);
	while (value < end) {
		n = utf8_length(value, (size_t)(end - value));
		if (n && *value != '\\' && *value != '"' && *value != '\n') {
			value += n;
			continue;
		}
		text_add(t, from, (size_t)(value - from));
		if (n == 0)
			text_puts(t, "\xef\xbf\xbd");
		else if (*value == '\n')
			text_add(t, "\\n", 2);
		else
			text_add(t, *value == '"' ? "\\\"" : "\\\\", 2);
		from = ++value;
	}
	text_add(t, from, (size_t)(end - from));
	text_add(t, "\"", 1);
}

void
text_family(struct text *t, const char *name, const char *type,
	const char *help)
{
	if (*help) {
		text_puts(t, "# HELP ");
		text_puts(t, name);
		text_add(t, " ", 1);
		text_puts(t, help);
		text_add(t, "\n", 1);
	}
	text_puts(t, "# TYPE ");
	text_puts(t, name);
	text_add(t, " ", 1);
	text_puts(t, type);
	text_add(t, "\n", 1);
}
