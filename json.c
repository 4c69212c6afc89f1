/* json.c - writing JSON (RFC 8259) */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "json.h"

size_t
utf8_length(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	size_t i, n;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
		return 0;
	/* no overlong forms, no surrogates, nothing past U+10FFFF */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return n;
}

void
json_bytes(FILE *f, const char *s, size_t len)
{
	static const char escapes[] = "\"\"\\\\b\bf\fn\nr\rt\t";
	const char *end = s + len, *start, *e;
	size_t n;

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
		if (*e)
			fprintf(f, "\\%c", *e);
		else if ((unsigned char)*s < 32 || *s == 127)
			fprintf(f, "\\u%04x", (unsigned)*s);
		/* controls as well, to some terminals */
		else if (*s == '\xc2' && (unsigned char)s[1] < 0xa0)
			fprintf(f, "\\u%04x", (unsigned char)s[1]);
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
