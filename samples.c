/* samples.c - metrics in Prometheus' text format, as an action wrote them */
/* SPDX-License-Identifier: ISC */
/*
 * One line after the other, each looked at once; names and series that are
 * there twice are found by sorting. What comes out is our own wording of each
 * sample, so nothing gets through that the rules here don't know of.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "json.h"
#include "samples.h"
#include "series.h"
#include "utf8.h"

enum { SHOWN = 60 };	/* bytes of a name in a message */

/* A text, and the line that it is from. */
struct mark {
	char *text;
	size_t line;
};

struct marks {
	struct mark *v;
	size_t n, room;
};

struct parser {
	struct samples *out;
	const char *service;
	size_t room;		/* for families */
	size_t sample_room;	/* for samples of the last one */
	size_t line, total;	/* samples in all */
	struct marks names;	/* that families take up */
	struct marks series;
	char *why;
};

static int __attribute__((format(printf, 2, 3)))
fault(struct parser *p, const char *fmt, ...)
{
	int n = snprintf(p->why, SAMPLES_WHY, "line %zu: ", p->line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why + n, SAMPLES_WHY - (size_t)n, fmt, ap);
	va_end(ap);
	/* a character may have been cut in the middle */
	text_plain(p->why, strlen(p->why), "");
	return -1;
}

static int
no_memory(struct parser *p)
{
	return fault(p, "out of memory");
}

/* Makes room for one more after n elements. Returns the array, or NULL. */
static void *
grow(void *array, size_t n, size_t *room, size_t size)
{
	void *more;

	if (n < *room)
		return array;
	more = reallocarray(array, *room ? *room * 2 : 8, size);
	if (more)
		*room = *room ? *room * 2 : 8;
	return more;
}

/* Takes over text of malloc. */
static int
mark_add(struct parser *p, struct marks *m, char *text)
{
	struct mark *v = grow(m->v, m->n, &m->room, sizeof(*v));

	if (!v || !text) {
		free(text);
		return no_memory(p);
	}
	m->v = v;
	m->v[m->n++] = (struct mark){ text, p->line };
	return 0;
}

static void
marks_free(struct marks *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		free(m->v[i].text);
	free(m->v);
}

static int
mark_compare(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorts them. Returns one with the text of an earlier one, or NULL. */
static const struct mark *
mark_twice(struct marks *m)
{
	size_t i;

	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), mark_compare);
	for (i = 1; i < m->n; i++)
		if (strcmp(m->v[i - 1].text, m->v[i].text) == 0)
			return &m->v[i];
	return NULL;
}

/* The other names that families of some types have samples of. */
static const char *const parts[] = { "_bucket", "_count", "_sum" };

int
samples_part(const char *type, const char *suffix)
{
	size_t first = strcmp(type, "histogram") == 0 ? 0 :
	    strcmp(type, "summary") == 0 ? 1 : 3, i;

	for (i = first; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(suffix, parts[i]) == 0)
			return 1;
	return 0;
}

static void
family_free(struct family *f)
{
	size_t i;

	for (i = 0; i < f->nsamples; i++)
		free(f->sample[i]);
	free(f->sample);
	free(f->name);
	free(f->help);
	free(f->type);
}

/* Whether a sample of that name is one of the family's. */
static int
family_has(const struct family *f, struct span name)
{
	size_t n = strlen(f->name), rest = name.n - n;
	char suffix[16];

	if (!span_begins(name, f->name) || rest >= sizeof(suffix))
		return 0;
	memcpy(suffix, name.s + n, rest);
	suffix[rest] = '\0';
	return rest == 0 || samples_part(f->type, suffix);
}

static struct family *
family_begin(struct parser *p, struct span name)
{
	struct samples *out = p->out;
	struct family *v = grow(out->family, out->n, &p->room, sizeof(*v)), *f;

	if (!v) {
		no_memory(p);
		return NULL;
	}
	out->family = v;
	f = &v[out->n++];
	memset(f, 0, sizeof(*f));
	p->sample_room = 0;
	f->name = strndup(name.s, name.n);
	f->help = strdup("");
	f->type = strdup("");
	if (!f->name || !f->help || !f->type) {
		no_memory(p);
		return NULL;
	}
	return mark_add(p, &p->names, strdup(f->name)) < 0 ? NULL : f;
}

/* The family that the last line was about, or NULL. */
static struct family *
family_last(const struct parser *p)
{
	return p->out->n ? &p->out->family[p->out->n - 1] : NULL;
}

/* Names that are ours, or Prometheus' own, are not an action's. */
static int
name_check(struct parser *p, struct span name)
{
	int n = name.n < SHOWN ? (int)name.n : SHOWN;

	if (!span_begins(name, "gitopper_") && !span_begins(name, "process_")
	    && !span_is(name, "up"))
		return 0;
	return fault(p, "%.*s is not an action's to say", n, name.s);
}

static int
type_take(struct parser *p, struct family *f, struct span type)
{
	static const char *const types[] = {
		"counter", "gauge", "histogram", "summary", "untyped", NULL
	};
	size_t i = 0;
	char *part;

	while (types[i] && !span_is(type, types[i]))
		i++;
	if (!types[i])
		return fault(p, "a TYPE that is none");
	if (*f->type)
		return fault(p, "a second TYPE of %.*s", SHOWN, f->name);
	if (f->nsamples)
		return fault(p, "TYPE after samples of %.*s", SHOWN, f->name);
	free(f->type);
	f->type = strdup(types[i]);
	if (!f->type)
		return no_memory(p);
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!samples_part(f->type, parts[i]))
			continue;
		if (asprintf(&part, "%s%s", f->name, parts[i]) < 0)
			part = NULL;
		if (mark_add(p, &p->names, part) < 0)
			return -1;
	}
	return 0;
}

static int
help_take(struct parser *p, struct family *f, struct span text)
{
	if (*f->help)
		return fault(p, "a second HELP of %.*s", SHOWN, f->name);
	if (!span_escapes(text, "\\n"))
		return fault(p, "a backslash before something else than \\ "
		    "and n");
	free(f->help);
	f->help = strndup(text.s, text.n);
	return f->help ? 0 : no_memory(p);
}

/* What follows a `#`: HELP, TYPE, or just anything. */
static int
comment_take(struct parser *p, struct span s)
{
	struct span word, name;
	struct family *f = family_last(p);
	int type;

	span_skip(&s);
	word = span_word(&s);
	type = span_is(word, "TYPE");
	if (!type && !span_is(word, "HELP"))
		return 0;
	span_skip(&s);
	word = span_word(&s);
	name = span_name(&word, 1);
	if (name.n == 0 || word.n)
		return fault(p, "%s of no name", type ? "TYPE" : "HELP");
	if (name_check(p, name) < 0)
		return -1;
	if (!f || !span_is(name, f->name))
		f = family_begin(p, name);
	if (!f)
		return -1;
	span_skip(&s);
	return type ? type_take(p, f, s) : help_take(p, f, s);
}

/* Histograms and summaries want certain labels. */
static int
labels_check(struct parser *p, const struct family *f,
	const struct series *series)
{
	int whole = span_is(series->name, f->name);
	const char *key = NULL;

	if (whole && strcmp(f->type, "histogram") == 0)
		return fault(p, "a histogram has only _bucket, _sum, _count");
	if (whole && strcmp(f->type, "summary") == 0)
		key = "quantile";
	else if (!whole && series->name.s[series->name.n - 1] == 't' &&
	    series->name.s[series->name.n - 2] == 'e')
		key = "le";	/* _bucket, not _count */
	if (key && !span_number(series_label(series, key)))
		return fault(p, "label %s is missing or no number", key);
	return 0;
}

static int
sample_add(struct parser *p, const struct series *series)
{
	struct family *f = family_last(p);
	char **v;

	if (name_check(p, series->name) < 0)
		return -1;
	if (!f || !family_has(f, series->name))
		f = family_begin(p, series->name);
	if (!f || labels_check(p, f, series) < 0)
		return -1;
	if (p->total++ == SAMPLES_MAX)
		return fault(p, "more than %d samples", SAMPLES_MAX);
	v = grow(f->sample, f->nsamples, &p->sample_room, sizeof(*v));
	if (!v)
		return no_memory(p);
	f->sample = v;
	f->sample[f->nsamples] = series_text(series, "service", p->service);
	if (!f->sample[f->nsamples])
		return no_memory(p);
	f->nsamples++;
	return mark_add(p, &p->series, series_identity(series, "service"));
}

static int
line_take(struct parser *p, struct span line)
{
	struct series series;
	const char *why;
	int result;

	span_skip(&line);
	if (line.n == 0)
		return 0;
	if (*line.s == '#')
		return comment_take(p, (struct span){ line.s + 1, line.n - 1 });
	why = series_parse(&series, line);
	result = why ? fault(p, "%s", why) : sample_add(p, &series);
	series_free(&series);
	return result;
}

/* Bytes that are not UTF-8, or a NUL, wherever they are. */
static int
text_check(struct parser *p, const char *text, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = text[i] ? utf8_length(text + i, len - i) : 0;
		if (n == 0)
			return fault(p, "bytes that are not UTF-8");
		p->line += text[i] == '\n';
	}
	p->line = 0;
	return 0;
}

/* Line by line, and then what is there twice. */
static int
text_take(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len, *nl;
	const struct mark *twice;

	for (; text < end; text = nl + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		p->line++;
		if (!nl)
			return fault(p, "it has no end");
		if (line_take(p, (struct span){ text,
		    (size_t)(nl - text) }) < 0)
			return -1;
	}
	twice = mark_twice(&p->names);
	if (twice) {
		p->line = twice->line;
		return fault(p, "%.*s is in another place, too", SHOWN,
		    twice->text);
	}
	twice = mark_twice(&p->series);
	if (!twice)
		return 0;
	p->line = twice->line;
	return fault(p, "%.*s twice", SHOWN, twice->text);
}

/* A family that was only spoken of is none. */
static void
families_tidy(struct samples *samples)
{
	size_t i, n = 0;

	for (i = 0; i < samples->n; i++)
		if (samples->family[i].nsamples)
			samples->family[n++] = samples->family[i];
		else
			family_free(&samples->family[i]);
	samples->n = n;
}

int
samples_parse(struct samples *samples, const char *text, size_t len,
	const char *service, char why[SAMPLES_WHY])
{
	struct parser p = { .out = samples, .service = service, .why = why };
	int result;

	memset(samples, 0, sizeof(*samples));
	*why = '\0';
	p.line = 1;
	result = text_check(&p, text, len);
	if (result == 0)
		result = text_take(&p, text, len);
	marks_free(&p.names);
	marks_free(&p.series);
	if (result < 0)
		samples_free(samples);
	else
		families_tidy(samples);
	return result;
}

void
samples_free(struct samples *samples)
{
	size_t i;

	for (i = 0; i < samples->n; i++)
		family_free(&samples->family[i]);
	free(samples->family);
	memset(samples, 0, sizeof(*samples));
}
