/* utf8.c - characters, and those that are not to be shown */
/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "utf8.h"

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

int
utf8_control(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	int c = -1;

	if (n == 1)
		return p[0] < 32 || p[0] == 127 ? p[0] : -1;
	if (n == 2)
		c = (p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	else if (n == 3)
		c = (p[0] & 0x0f) << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	/* C1; marks of direction; line and paragraph ends, and embeddings and
	 * overrides of direction; isolates (UAX #9) */
	return (c >= 0x80 && c < 0xa0) || c == 0x61c || c == 0x200e ||
	    c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) ? c : -1;
}

char *
text_plain(char *s, size_t len, const char *stay)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = utf8_length(s + i, len - i);
		if (n && (utf8_control(s + i, n) < 0 ||
		    (s[i] && strchr(stay, s[i]))))
			continue;
		n = n ? n : 1;
		memset(s + i, '?', n);
	}
	return s;
}
