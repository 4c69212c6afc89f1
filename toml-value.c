/* toml-value.c - TOML's numbers, booleans, dates and times */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toml.h"
#include "toml-value.h"

#define DIGITS "0123456789"

/* Takes _ out, where digits are on both sides. Returns 0 where not. */
static int
underscores_strip(char *s, const char *digits)
{
	char *to = s, prev = '\0';

	for (; *s; prev = *s++) {
		if (*s != '_')
			*to++ = *s;
		else if (!prev || !strchr(digits, prev) ||
		    !s[1] || !strchr(digits, s[1]))
			return 0;
	}
	*to = '\0';
	return 1;
}

/* The end of an integer, or of the first part of a float; NULL if bad. */
static const char *
decimal_end(const char *s)
{
	size_t n;

	if (*s == '+' || *s == '-')
		s++;
	n = strspn(s, DIGITS);
	return n == 0 || (n > 1 && *s == '0') ? NULL : s + n;
}

/* Whether s is a float's text, without underscores. (Float) */
static int
float_ok(const char *s)
{
	const char *name = s + (*s == '+' || *s == '-');
	size_t n;

	if (strcmp(name, "inf") == 0 || strcmp(name, "nan") == 0)
		return 1;
	s = decimal_end(s);
	if (s && *s == '.') {
		n = strspn(++s, DIGITS);
		s = n ? s + n : NULL;
	}
	if (s && (*s == 'e' || *s == 'E')) {
		s++;
		s += *s == '+' || *s == '-';
		n = strspn(s, DIGITS);
		s = n ? s + n : NULL;
	}
	return s && *s == '\0';
}

/* Returns the digits of an integer that begins with s, and its base. */
static const char *
base_parse(const char *s, int *base)
{
	*base = 10;
	if (*s != '0')
		return DIGITS;
	switch (s[1]) {
	case 'x':
		*base = 16;
		return DIGITS "abcdefABCDEF";
	case 'o':
		*base = 8;
		return "01234567";
	case 'b':
		*base = 2;
		return "01";
	default:
		return DIGITS;
	}
}

static const char *
number_parse(char *s, struct toml *n)
{
	const char *digits, *end;
	int base;

	digits = base_parse(s, &base);
	if (!underscores_strip(s, digits))
		return "is not a value";
	if (base == 10) {
		end = decimal_end(s);
	} else {
		s += 2;
		end = *s ? s + strspn(s, digits) : NULL;
	}
	if (end && !*end) {
		n->type = TOML_INTEGER;
		errno = 0;
		n->i = strtoll(s, NULL, base);
		return errno ? "is past 64 bits" : NULL;
	}
	if (base != 10 || !float_ok(s))
		return "is not a value";
	n->type = TOML_FLOAT;
	n->f = strtod(s, NULL);
	return NULL;
}

/* n digits at s, of a value from min to max. Returns their end, or NULL. */
static const char *
field_parse(const char *s, size_t n, int min, int max, int *value)
{
	*value = 0;
	for (; n; n--, s++) {
		if (*s < '0' || *s > '9')
			return NULL;
		*value = *value * 10 + *s - '0';
	}
	return *value < min || *value > max ? NULL : s;
}

static const char *
date_parse(const char *s)
{
	static const int days[] = {
		31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	int y, m, d, leap;

	s = field_parse(s, 4, 0, 9999, &y);
	if (!s || *s++ != '-')
		return NULL;
	s = field_parse(s, 2, 1, 12, &m);
	if (!s || *s++ != '-')
		return NULL;
	leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
	return field_parse(s, 2, 1, days[m - 1] - (m == 2 && !leap), &d);
}

/* Second 60 is a leap second, in any minute (RFC 3339, section 5.7). */
static const char *
time_parse(const char *s)
{
	size_t n;
	int v;

	s = field_parse(s, 2, 0, 23, &v);
	if (!s || *s++ != ':')
		return NULL;
	s = field_parse(s, 2, 0, 59, &v);
	if (!s || *s++ != ':')
		return NULL;
	s = field_parse(s, 2, 0, 60, &v);
	if (!s || *s != '.')
		return s;
	n = strspn(++s, DIGITS);
	return n ? s + n : NULL;
}

static const char *
offset_parse(const char *s)
{
	int v;

	if (*s == 'Z')
		return s + 1;
	s = field_parse(s + 1, 2, 0, 23, &v);
	if (!s || *s++ != ':')
		return NULL;
	return field_parse(s, 2, 0, 59, &v);
}

/* Returns 1, or 0 if s is no date or time; makes t, z and space T and Z. */
static int
datetime_parse(char *s, enum toml_type *type)
{
	const char *end;
	char *c;

	*type = TOML_LOCAL_TIME;
	if (s[2] == ':') {
		end = time_parse(s);
		return end && !*end;
	}
	for (c = s; *c; c++)
		*c = *c == 't' || *c == ' ' ? 'T' : *c == 'z' ? 'Z' : *c;
	*type = TOML_LOCAL_DATE;
	end = date_parse(s);
	if (end && *end == 'T') {
		*type = TOML_LOCAL_DATETIME;
		end = time_parse(end + 1);
		if (end && (*end == 'Z' || *end == '+' || *end == '-')) {
			*type = TOML_OFFSET_DATETIME;
			end = offset_parse(end);
		}
	}
	return end && !*end;
}

const char *
toml_value(char *s, struct toml *n)
{
	size_t digits = strspn(s, DIGITS);

	if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0) {
		n->type = TOML_BOOL;
		n->b = *s == 't';
		return NULL;
	}
	if ((digits == 4 && s[4] == '-') || (digits == 2 && s[2] == ':'))
		return datetime_parse(s, &n->type) ? NULL :
			"is no date or time";
	return number_parse(s, n);
}
