/* json.c - writing JSON (RFC 8259) */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

void
json_bytes(FILE *f, const char *s, size_t len)
{
	static const char escapes[] = "\"\"\\\\b\bf\fn\nr\rt\t";
	const char *end = s + len, *start, *e;
	size_t n;
	int c;

	putc('"', f);
	for (; s < end; s += n ? n : 1) {
		/* most of it goes as it is */
		for (start = s; s < end && *s > 31 && *s < 127 && *s != '"' &&
		    *s != '\\'; s++)
			;
		fwrite(start, 1, (size_t)(s - start), f);
		if (s == end)
			break;
		n = utf8_length(s, (size_t)(end - s));
		if (n == 0) {
			fputs("\xef\xbf\xbd", f);
			continue;
		}
		for (e = escapes; *e && e[1] != *s; e += 2)
			;
		c = utf8_control(s, n);
		if (*e)
			fprintf(f, "\\%c", *e);
		else if (c >= 0)
			fprintf(f, "\\u%04x", (unsigned)c);
		else
			fwrite(s, 1, n, f);
	}
	putc('"', f);
}

void
json_text(FILE *f, const char *s)
{
	json_bytes(f, s, strlen(s));
}

void
json_pair(FILE *f, const char *key, const char *value)
{
	fprintf(f, ",\"%s\":", key);
	json_text(f, value ? value : "");
}

void
json_number(FILE *f, const char *key, int64_t value)
{
	fprintf(f, ",\"%s\":%lld", key, (long long)value);
}
