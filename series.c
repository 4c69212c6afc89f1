/* series.c - one line of Prometheus' text format */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "series.h"

enum { NUMBER_MAX = 400 };	/* %f makes 316 of the largest double */

static const char no_memory[] = "out of memory";

int
span_is(struct span s, const char *text)
{
	return strlen(text) == s.n && memcmp(s.s, text, s.n) == 0;
}

int
span_begins(struct span s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && memcmp(s.s, text, n) == 0;
}

/* Takes the first n bytes off. */
static struct span
cut(struct span *s, size_t n)
{
	struct span first = { s->s, n };

	s->s += n;
	s->n -= n;
	return first;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void
span_skip(struct span *s)
{
	size_t n = 0;

	while (n < s->n && is_blank(s->s[n]))
		n++;
	cut(s, n);
}

struct span
span_word(struct span *s)
{
	size_t n = 0;

	while (n < s->n && !is_blank(s->s[n]))
		n++;
	return cut(s, n);
}

struct span
span_name(struct span *s, int metric)
{
	size_t n = 0;
	char c;

	for (; n < s->n; n++) {
		c = s->s[n];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '_' && !(c == ':' && metric) &&
		    !(c >= '0' && c <= '9' && n > 0))
			break;
	}
	return cut(s, n);
}

int
span_escapes(struct span s, const char *letters)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.s[i] != '\\')
			continue;
		if (++i == s.n || !s.s[i] || !strchr(letters, s.s[i]))
			return 0;
	}
	return 1;
}

int
span_number(struct span s)
{
	static const char *const words[] = {
		"nan", "inf", "+inf", "-inf", "infinity", "+infinity",
		"-infinity"
	};
	char buf[NUMBER_MAX + 1], *end;
	double value;
	size_t i;

	if (s.n == 0 || s.n > NUMBER_MAX)
		return 0;
	memcpy(buf, s.s, s.n);
	buf[s.n] = '\0';
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(buf, words[i]) == 0)
			return 1;
	if (buf[strspn(buf, "0123456789.eE+-")])
		return 0;
	errno = 0;
	value = strtod(buf, &end);
	/* one that is too small is 0 */
	return !*end && (errno != ERANGE || (value < 1 && value > -1));
}

/* Milliseconds in an int64_t, without counting too closely. */
static int
is_time(struct span s)
{
	size_t first = s.n && *s.s == '-', i = first;

	while (i < s.n && s.s[i] >= '0' && s.s[i] <= '9')
		i++;
	return i == s.n && i > first && i - first <= 18;
}

static int
take(struct span *s, char c)
{
	if (!s->n || *s->s != c)
		return 0;
	cut(s, 1);
	return 1;
}

/* One key="value". */
static const char *
label_parse(struct label *l, struct span *s)
{
	size_t n = 0;

	l->key = span_name(s, 0);
	if (l->key.n == 0)
		return "a label without a name";
	if (span_begins(l->key, "__"))
		return "a label whose name begins with two underscores";
	span_skip(s);
	if (!take(s, '='))
		return "a label without a value";
	span_skip(s);
	if (!take(s, '"'))
		return "a label without quotes";
	while (n < s->n && s->s[n] != '"')
		n += s->s[n] == '\\' ? 2 : 1;
	if (n >= s->n)
		return "a label without its end";
	l->value = cut(s, n);
	cut(s, 1);
	if (!span_escapes(l->value, "\\n\""))
		return "a backslash before something else than \\, n and \"";
	return NULL;
}

static int
label_compare(const void *a, const void *b)
{
	const struct span *x = &((const struct label *)a)->key;
	const struct span *y = &((const struct label *)b)->key;
	int order = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* What stands between braces. */
static const char *
labels_parse(struct series *series, struct span *s)
{
	size_t room = 0;
	const char *why;
	struct label *v;

	for (span_skip(s); !take(s, '}'); span_skip(s)) {
		if (series->nlabels == room) {
			room = room ? room * 2 : 8;
			v = reallocarray(series->label, room, sizeof(*v));
			if (!v)
				return no_memory;
			series->label = v;
		}
		why = label_parse(&series->label[series->nlabels], s);
		if (why)
			return why;
		series->nlabels++;
		span_skip(s);
		if (!take(s, ',') && !(s->n && *s->s == '}'))
			return "no comma between labels, or no brace after";
	}
	return NULL;
}

const char *
series_parse(struct series *series, struct span line)
{
	const char *why;
	size_t i;

	memset(series, 0, sizeof(*series));
	span_skip(&line);
	series->name = span_name(&line, 1);
	if (series->name.n == 0)
		return "it begins with no name";
	if (line.n && !is_blank(*line.s) && *line.s != '{')
		return "a name with a character that no name has";
	span_skip(&line);
	if (take(&line, '{') && (why = labels_parse(series, &line)))
		return why;
	if (series->nlabels)
		qsort(series->label, series->nlabels, sizeof(struct label),
		    label_compare);
	for (i = 1; i < series->nlabels; i++)
		if (label_compare(&series->label[i - 1],
		    &series->label[i]) == 0)
			return "two labels of one name";
	span_skip(&line);
	series->value = span_word(&line);
	if (!span_number(series->value))
		return "a value that is no number";
	span_skip(&line);
	series->time = span_word(&line);
	if (series->time.n && !is_time(series->time))
		return "a time that is no number of milliseconds";
	span_skip(&line);
	return line.n ? "something after its end" : NULL;
}

void
series_free(struct series *series)
{
	free(series->label);
}

struct span
series_label(const struct series *series, const char *key)
{
	struct span none = { NULL, 0 };
	size_t i;

	for (i = 0; i < series->nlabels; i++)
		if (span_is(series->label[i].key, key))
			return series->label[i].value;
	return none;
}

static char *
put(char *p, struct span s)
{
	memcpy(p, s.s, s.n);
	return p + s.n;
}

static char *
put_text(char *p, const char *text)
{
	return put(p, (struct span){ text, strlen(text) });
}

static char *
put_label(char *p, const struct label *l)
{
	p = put(p, l->key);
	p = put_text(p, "=\"");
	p = put(p, l->value);
	return put_text(p, "\"");
}

/* Memory for a text out of the series, and for more bytes. */
static char *
room_for(const struct series *series, size_t more)
{
	size_t i, n = series->name.n + series->value.n + series->time.n;

	for (i = 0; i < series->nlabels; i++)
		n += series->label[i].key.n + series->label[i].value.n + 4;
	return malloc(n + more + 16);
}

char *
series_text(const struct series *series, const char *key, const char *value)
{
	char *text = room_for(series, strlen(key) + strlen(value)), *p = text;
	size_t i;

	if (!text)
		return NULL;
	p = put(p, series->name);
	p = put_text(p, "{");
	p = put_text(p, key);
	p = put_text(p, "=\"");
	p = put_text(p, value);
	p = put_text(p, "\"");
	for (i = 0; i < series->nlabels; i++) {
		if (span_is(series->label[i].key, key))
			continue;
		p = put_text(p, ",");
		p = put_label(p, &series->label[i]);
	}
	p = put_text(p, "} ");
	p = put(p, series->value);
	if (series->time.n) {
		p = put_text(p, " ");
		p = put(p, series->time);
	}
	*p = '\0';
	return text;
}

char *
series_identity(const struct series *series, const char *key)
{
	char *text = room_for(series, 0), *p = text;
	size_t i;

	if (!text)
		return NULL;
	p = put(p, series->name);
	for (i = 0; i < series->nlabels; i++) {
		/* to Prometheus an empty label is none */
		if (span_is(series->label[i].key, key) ||
		    series->label[i].value.n == 0)
			continue;
		p = put_text(p, ",");
		p = put_label(p, &series->label[i]);
	}
	*p = '\0';
	return text;
}
