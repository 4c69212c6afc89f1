/* series.h - one line of Prometheus' text format */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

/* A piece of a line. */
struct span {
	const char *s;
	size_t n;
};

struct label {
	struct span key, value;		/* value with its escapes */
};

/* A sample: `name{labels} value [time]`. */
struct series {
	struct span name, value, time;
	struct label *label;		/* by key */
	size_t nlabels;
};

/* Whether the span is just that text, or begins with it. */
int span_is(struct span s, const char *text);
int span_begins(struct span s, const char *text);
/* Each takes something off its beginning: blanks; what comes before the next
 * blank; a name of a metric, or else of a label, empty where there is none. */
void span_skip(struct span *s);
struct span span_word(struct span *s);
struct span span_name(struct span *s, int metric);
/* Whether each backslash is followed by one of those letters. */
int span_escapes(struct span s, const char *letters);
/* Whether it is a number as Go's ParseFloat takes it, in decimal. */
int span_number(struct span s);

/* Takes a line apart. Returns NULL, or what is wrong with it. series_free is
 * due in any case. */
const char *series_parse(struct series *series, struct span line);
void series_free(struct series *series);

/* The value of a label, s NULL where it has none. */
struct span series_label(const struct series *series, const char *key);

/*
 * The sample with a first label key="value" in place of one of that key; and
 * what tells it from others: the name, and the labels but that one. Both are
 * to be freed; NULL: no memory.
 */
char *series_text(const struct series *series, const char *key,
	const char *value);
char *series_identity(const struct series *series, const char *key);
