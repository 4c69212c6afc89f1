/* toml.c - a parser for TOML 1.0: bytes in, a tree or an error out */
/* SPDX-License-Identifier: ISC */

/*
 * One pass checks the text: all of it UTF-8, no control characters but tab,
 * LF and CR before LF. TOML allows others nowhere, so nobody looks again, and
 * a NUL can't be mistaken for the end of the input, which `peek` shows as 0.
 *
 * A second one goes down the grammar. Keys and strings are unescaped into
 * p->buf, as large as the input, as nothing gets longer by that; whoever wants
 * to keep one copies it before the next. Numbers, dates and times are read as
 * words, which toml-value.c understands. A node is hung into the tree as
 * soon as its key is known, so that toml_free(root) cleans up after any error,
 * and every level of nesting, also that of [a.b.c], meets the same limit.
 *
 * What may be done to a table later depends on what made it (enum from):
 *
 *	            by [x]    [x.y]     x.y = 1   [[x]]
 *	HEADER      error     goes on   error     error; an array: one more
 *	IMPLICIT    once      goes on   goes on   error
 *	DOTTED      error     goes on   goes on   error
 *	VALUE       error     error     error     error
 *
 * Functions return 0, or -1 (or NULL) when they have set p->err.
 */
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toml.h"
#include "toml-value.h"
#include "utf8.h"

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define BARE LETTERS DIGITS "_-"

enum from {
	VALUE,		/* written as a value, and complete */
	HEADER,		/* by [x] or [[x]]: the array, and its tables */
	IMPLICIT,	/* the x of [x.y] */
	DOTTED,		/* the x of x.y = 1 */
};

struct parser {
	const char *p, *end;	/* what is left */
	const char *bol;	/* where the line began */
	size_t line;
	char *buf;		/* the last key, string, number or date */
	size_t len;
	struct toml *root;
	struct toml_error *err;
};

const char *const toml_type_names[] = {
	"table", "array", "string", "integer", "float", "boolean",
	"date-time", "local date-time", "local date", "local time",
};

static int value_parse(struct parser *, struct toml *);
static int keyval_parse(struct parser *, struct toml *);

static int fail(struct parser *, const char *, const char *, ...)
	__attribute__((format(printf, 3, 4)));

/* `at` is in the current line. */
static int
fail(struct parser *p, const char *at, const char *fmt, ...)
{
	va_list ap;

	p->err->line = p->line;
	p->err->column = at - p->bol + 1;
	va_start(ap, fmt);
	vsnprintf(p->err->text, sizeof(p->err->text), fmt, ap);
	va_end(ap);
	text_plain(p->err->text, strlen(p->err->text), "");
	return -1;
}

/* The text */

static size_t
utf8_put(char *s, unsigned long u)
{
	if (u < 0x80) {
		s[0] = u;
		return 1;
	}
	if (u < 0x800) {
		s[0] = 0xc0 | u >> 6;
		s[1] = 0x80 | (u & 0x3f);
		return 2;
	}
	if (u < 0x10000) {
		s[0] = 0xe0 | u >> 12;
		s[1] = 0x80 | (u >> 6 & 0x3f);
		s[2] = 0x80 | (u & 0x3f);
		return 3;
	}
	s[0] = 0xf0 | u >> 18;
	s[1] = 0x80 | (u >> 12 & 0x3f);
	s[2] = 0x80 | (u >> 6 & 0x3f);
	s[3] = 0x80 | (u & 0x3f);
	return 4;
}

/* Takes a copy of the parser, as it only looks ahead. */
static int
text_check(struct parser p)
{
	unsigned char c;
	size_t n;

	for (; p.p < p.end; p.p += n) {
		c = *p.p;
		n = utf8_length(p.p, (size_t)(p.end - p.p));
		if (n == 0)
			return fail(&p, p.p, "this is not UTF-8");
		if (c == '\n') {
			p.bol = p.p + 1;
			p.line++;
		} else if (c == '\r') {
			if (p.p + 1 == p.end || p.p[1] != '\n')
				return fail(&p, p.p,
					"carriage return without line feed");
		} else if (c == 0x7f || (c < ' ' && c != '\t')) {
			return fail(&p, p.p, "control character 0x%02x", c);
		}
	}
	return 0;
}

static char
peek(const struct parser *p)
{
	return p->p < p->end ? *p->p : '\0';
}

static int
take(struct parser *p, const char *s)
{
	size_t n = strlen(s);

	if ((size_t)(p->end - p->p) < n || memcmp(p->p, s, n) != 0)
		return 0;
	p->p += n;
	return 1;
}

/* The number of bytes ahead that are in set. */
static size_t
span(const struct parser *p, const char *set)
{
	const char *s;

	for (s = p->p; s < p->end && strchr(set, *s); s++)
		;
	return s - p->p;
}

static void
blanks(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t')
		p->p++;
}

static int
newline(struct parser *p)
{
	if (!take(p, "\n") && !take(p, "\r\n"))
		return 0;
	p->bol = p->p;
	p->line++;
	return 1;
}

static void
comment(struct parser *p)
{
	if (peek(p) == '#')
		while (p->p < p->end && *p->p != '\n' && *p->p != '\r')
			p->p++;
}

/* All that may stand between the values of an array. */
static void
gap(struct parser *p)
{
	do {
		blanks(p);
		comment(p);
	} while (newline(p));
}

/* The tree */

static int
node_compare(const void *va, const void *vb)
{
	const struct toml *a = va, *b = vb;

	if (a->keylen != b->keylen)
		return a->keylen < b->keylen ? -1 : 1;
	return memcmp(a->key, b->key, a->keylen);
}

static struct toml *
node_find(const struct toml *table, const char *key, size_t len)
{
	struct toml want = { .key = (char *)key, .keylen = len };
	struct toml **found;

	found = tfind(&want, &table->index, node_compare);
	return found ? *found : NULL;
}

/* The index frees itself; the nodes are the tree's. */
static void
node_keep(void *node)
{
	(void)node;
}

static void
node_free(struct toml *n)
{
	struct toml *c, *next;

	for (c = n->child; c; c = next) {
		next = c->next;
		node_free(c);
	}
	if (n->index)
		tdestroy(n->index, node_keep);
	free(n->key);
	free(n->s);
	free(n);
}

/* A copy of what is in p->buf. */
static char *
text_copy(struct parser *p)
{
	char *s;

	s = malloc(p->len + 1);
	if (!s) {
		fail(p, p->p, "out of memory");
		return NULL;
	}
	memcpy(s, p->buf, p->len);
	s[p->len] = '\0';
	return s;
}

/* Names n by what is in p->buf, and makes it known to its table. */
static int
node_name(struct parser *p, struct toml *table, struct toml *n)
{
	struct toml **known;

	n->key = text_copy(p);
	if (!n->key)
		return -1;
	n->keylen = p->len;
	known = tsearch(n, &table->index, node_compare);
	if (!known)
		return fail(p, p->p, "out of memory");
	if (*known != n)
		return fail(p, p->bol + n->column - 1,
			"%.40s is already defined at %zu:%zu", n->key,
			(*known)->line, (*known)->keycolumn);
	return 0;
}

/* A new last child of parent, in a table with the key that is in p->buf. */
static struct toml *
node_add(struct parser *p, struct toml *parent, const char *at,
	enum toml_type type, enum from from)
{
	struct toml *n;

	if (parent->depth == TOML_DEPTH) {
		fail(p, at, "more than %d levels deep", TOML_DEPTH);
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		fail(p, at, "out of memory");
		return NULL;
	}
	n->type = type;
	n->from = from;
	n->depth = parent->depth + 1;
	n->line = p->line;
	n->column = at - p->bol + 1;
	if (parent->type == TOML_TABLE) {
		n->keycolumn = n->column;
		if (node_name(p, parent, n) < 0) {
			node_free(n);
			return NULL;
		}
	}
	if (parent->last)
		parent->last->next = n;
	else
		parent->child = n;
	parent->last = n;
	return n;
}

/* Strings */

static void
put(struct parser *p, char c)
{
	p->buf[p->len++] = c;
}

/* \uXXXX and \UXXXXXXXX: p is at the first of n digits. */
static int
unicode_parse(struct parser *p, const char *at, size_t n)
{
	char hex[9];
	unsigned long u;

	if (span(p, DIGITS "ABCDEFabcdef") < n)
		return fail(p, at, "\\%c needs %zu hex digits", p->p[-1], n);
	memcpy(hex, p->p, n);
	hex[n] = '\0';
	u = strtoul(hex, NULL, 16);
	if (u > 0x10ffff || (u >= 0xd800 && u <= 0xdfff))
		return fail(p, at, "no character has the number %s", hex);
	p->len += utf8_put(p->buf + p->len, u);
	p->p += n;
	return 0;
}

/* From a backslash on. */
static int
escape_parse(struct parser *p, int multi)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const char *s, *at = p->p++;
	char c = peek(p);

	if (c && (s = strchr(from, c))) {
		p->p++;
		put(p, to[s - from]);
		return 0;
	}
	if (c == 'u' || c == 'U') {
		p->p++;
		return unicode_parse(p, at, c == 'u' ? 4 : 8);
	}
	if (multi) {
		blanks(p);
		if (newline(p)) {
			do
				blanks(p);
			while (newline(p));
			return 0;
		}
	}
	return fail(p, at, "bad escape in a string");
}

/* A quote in a multi-line string: 1 if it ended that, else 0. */
static int
quotes_parse(struct parser *p, char quote)
{
	size_t n = 0, end;

	while (n < 5 && p->p < p->end && *p->p == quote) {
		p->p++;
		n++;
	}
	end = n >= 3 ? 3 : 0;
	while (n-- > end)
		put(p, quote);
	return end != 0;
}

/* From a quote on, into p->buf. */
static int
string_parse(struct parser *p, int allow_multi)
{
	struct parser start = *p;
	char quote = *p->p;
	int multi;

	multi = allow_multi && take(p, quote == '"' ? "\"\"\"" : "'''");
	if (multi)
		newline(p);
	else
		p->p++;
	p->len = 0;
	while (p->p < p->end) {
		if (*p->p == quote && !multi) {
			p->p++;
			return 0;
		} else if (*p->p == quote) {
			if (quotes_parse(p, quote))
				return 0;
		} else if (*p->p == '\\' && quote == '"') {
			if (escape_parse(p, multi) < 0)
				return -1;
		} else if (*p->p == '\n' || *p->p == '\r') {
			if (!multi)
				break;
			newline(p);
			put(p, '\n');
		} else {
			put(p, *p->p++);
		}
	}
	return fail(&start, start.p, "this string is not closed");
}

/* Values */

/* Reads a value that is one word into p->buf, a date and its time being one. */
static void
word_read(struct parser *p)
{
	static const char set[] = BARE "+.:";
	const char *start = p->p;

	p->p += span(p, set);
	if (p->p - start == 10 && start[4] == '-' && p->end - p->p > 1 &&
	    *p->p == ' ' && strchr(DIGITS, p->p[1])) {
		p->p++;
		p->p += span(p, set);
	}
	p->len = p->p - start;
	memcpy(p->buf, start, p->len);
	p->buf[p->len] = '\0';
}

static int
word_parse(struct parser *p, struct toml *n)
{
	const char *at = p->p, *wrong;

	word_read(p);
	if (p->len == 0)
		return fail(p, at, "expected a value");
	wrong = toml_value(p->buf, n);
	if (wrong)
		return fail(p, at, "%.*s %s",
			p->len < 40 ? (int)p->len : 40, at, wrong);
	if (n->type < TOML_OFFSET_DATETIME)
		return 0;
	n->len = p->len;
	n->s = text_copy(p);
	return n->s ? 0 : -1;
}

static int
array_parse(struct parser *p, struct toml *array)
{
	struct parser start = *p;
	struct toml *n;

	array->type = TOML_ARRAY;
	p->p++;
	for (;;) {
		gap(p);
		if (take(p, "]"))
			return 0;
		if (p->p == p->end)
			break;
		n = node_add(p, array, p->p, TOML_BOOL, VALUE);
		if (!n || value_parse(p, n) < 0)
			return -1;
		gap(p);
		if (take(p, "]"))
			return 0;
		if (p->p == p->end)
			break;
		if (!take(p, ","))
			return fail(p, p->p, "expected a comma or ]");
	}
	return fail(&start, start.p, "this array is not closed");
}

/* Newlines have no place in it but in its values, nor a comma before the }. */
static int
inline_parse(struct parser *p, struct toml *table)
{
	table->type = TOML_TABLE;
	p->p++;
	blanks(p);
	if (take(p, "}"))
		return 0;
	do {
		blanks(p);
		if (keyval_parse(p, table) < 0)
			return -1;
		blanks(p);
	} while (take(p, ","));
	if (!take(p, "}"))
		return fail(p, p->p, "expected a comma or } in this line");
	return 0;
}

/* Makes n, which has a place in the tree, the value that is ahead. */
static int
value_parse(struct parser *p, struct toml *n)
{
	n->line = p->line;
	n->column = p->p - p->bol + 1;
	switch (peek(p)) {
	case '[':
		return array_parse(p, n);
	case '{':
		return inline_parse(p, n);
	case '"':
	case '\'':
		if (string_parse(p, 1) < 0)
			return -1;
		n->type = TOML_STRING;
		n->len = p->len;
		n->s = text_copy(p);
		return n->s ? 0 : -1;
	default:
		return word_parse(p, n);
	}
}

/* Keys and headers */

/* One part of a key into p->buf; in *at where it began. */
static int
key_parse(struct parser *p, const char **at)
{
	*at = p->p;
	if (peek(p) == '"' || peek(p) == '\'')
		return string_parse(p, 0);
	p->len = span(p, BARE);
	if (p->len == 0)
		return fail(p, p->p, "expected a key");
	memcpy(p->buf, p->p, p->len);
	p->p += p->len;
	return 0;
}

/* The table x, from the x of x.y = 1. (Keys) */
static struct toml *
dotted_enter(struct parser *p, struct toml *table, const char *at)
{
	struct toml *n;

	n = node_find(table, p->buf, p->len);
	if (!n)
		return node_add(p, table, at, TOML_TABLE, DOTTED);
	if (n->type == TOML_TABLE && n->from == IMPLICIT)
		n->from = DOTTED;
	if (n->type == TOML_TABLE && n->from == DOTTED)
		return n;
	fail(p, at, "%.40s is already defined at %zu:%zu", n->key,
		n->line, n->keycolumn);
	return NULL;
}

/* The table x, or the last of the tables x, from the x of [x.y]. (Table) */
static struct toml *
header_enter(struct parser *p, struct toml *table, const char *at)
{
	struct toml *n;

	n = node_find(table, p->buf, p->len);
	if (!n)
		return node_add(p, table, at, TOML_TABLE, IMPLICIT);
	if (n->from == VALUE) {
		fail(p, at, "%.40s at %zu:%zu can't be extended", n->key,
			n->line, n->keycolumn);
		return NULL;
	}
	return n->type == TOML_ARRAY ? n->last : n;
}

/* The table x of [x], which may have been there as the x of [x.y]. (Table) */
static struct toml *
table_open(struct parser *p, struct toml *table, const char *at)
{
	struct toml *n;

	n = node_find(table, p->buf, p->len);
	if (!n || n->type != TOML_TABLE || n->from != IMPLICIT)
		return node_add(p, table, at, TOML_TABLE, HEADER);
	n->from = HEADER;
	n->line = p->line;
	n->column = n->keycolumn = at - p->bol + 1;
	return n;
}

/* One more table of the array x of [[x]]. (Array of Tables) */
static struct toml *
array_open(struct parser *p, struct toml *table, const char *at)
{
	struct toml *n;

	n = node_find(table, p->buf, p->len);
	if (!n || n->type != TOML_ARRAY || n->from != HEADER)
		n = node_add(p, table, at, TOML_ARRAY, HEADER);
	return n ? node_add(p, n, at, TOML_TABLE, HEADER) : NULL;
}

/* Returns the table of the header that is ahead. */
static struct toml *
header_parse(struct parser *p)
{
	struct toml *table = p->root;
	const char *at;
	int array;

	p->p++;
	array = take(p, "[");
	for (;;) {
		blanks(p);
		if (key_parse(p, &at) < 0)
			return NULL;
		blanks(p);
		if (!take(p, "."))
			break;
		table = header_enter(p, table, at);
		if (!table)
			return NULL;
	}
	if (!take(p, array ? "]]" : "]")) {
		fail(p, p->p, "expected %s", array ? "]]" : "]");
		return NULL;
	}
	return array ? array_open(p, table, at) : table_open(p, table, at);
}

static int
keyval_parse(struct parser *p, struct toml *table)
{
	struct toml *n;
	const char *at;

	for (;;) {
		if (key_parse(p, &at) < 0)
			return -1;
		blanks(p);
		if (!take(p, "."))
			break;
		blanks(p);
		table = dotted_enter(p, table, at);
		if (!table)
			return -1;
	}
	if (!take(p, "="))
		return fail(p, p->p, "expected = after the key");
	blanks(p);
	n = node_add(p, table, at, TOML_BOOL, VALUE);
	return n ? value_parse(p, n) : -1;
}

static int
document_parse(struct parser *p)
{
	struct toml *table = p->root;

	for (gap(p); p->p < p->end; gap(p)) {
		if (peek(p) == '[') {
			table = header_parse(p);
			if (!table)
				return -1;
		} else if (keyval_parse(p, table) < 0) {
			return -1;
		}
		blanks(p);
		comment(p);
		if (p->p < p->end && !newline(p))
			return fail(p, p->p, "expected the end of the line");
	}
	return 0;
}

struct toml *
toml_parse(const char *buf, size_t len, struct toml_error *err)
{
	struct parser p = { .p = buf, .end = buf + len, .line = 1, .err = err };
	int r;

	take(&p, "\xef\xbb\xbf");
	p.bol = p.p;
	p.buf = malloc(len + 1);
	p.root = calloc(1, sizeof(*p.root));
	if (!p.buf || !p.root) {
		r = fail(&p, p.p, "out of memory");
	} else {
		p.root->type = TOML_TABLE;
		p.root->from = HEADER;
		p.root->line = p.root->column = 1;
		r = text_check(p);
		if (r == 0)
			r = document_parse(&p);
	}
	free(p.buf);
	if (r == 0)
		return p.root;
	toml_free(p.root);
	return NULL;
}

void
toml_free(struct toml *root)
{
	if (root)
		node_free(root);
}

struct toml *
toml_get(const struct toml *table, const char *key)
{
	if (table->type != TOML_TABLE)
		return NULL;
	return node_find(table, key, strlen(key));
}
