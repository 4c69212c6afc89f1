/* fuzz-http - throws bytes at http.c */
/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../http.h"
#include "fuzz.h"

/* Small, so that a fuzzer's inputs get past them. */
static const struct http_limits limits = { 64, 96, 128 };
enum { MOST = 64 + 4 * 96 + 128 + 32 };

/* The text at s, all of it with its NUL, is within the request. */
static void
text_check(const struct http *h, const char *buf, const char *s)
{
	CHECK(s >= buf && s < buf + h->used);
	CHECK(memchr(s, '\0', h->used - (size_t)(s - buf)));
}

static void
fields_check(const struct http *h, const char *buf)
{
	const char *s = h->fields, *value;
	size_t i;

	for (i = 0; i < h->nfields; i++) {
		text_check(h, buf, s);
		CHECK(*s && !strpbrk(s, " \t:\r\n"));
		value = s + strlen(s) + 1;
		text_check(h, buf, value);
		CHECK(!strpbrk(value, "\r\n"));
		CHECK(!*value || (!strchr(" \t", *value) &&
			!strchr(" \t", value[strlen(value) - 1])));
		CHECK(http_field(h, s));
		s = value + strlen(value) + 1;
	}
	CHECK(s <= h->body);
	CHECK(!http_field(h, ""));
	CHECK(!http_field(h, "Content-Length") ||
		!http_field(h, "Transfer-Encoding"));
	CHECK(h->minor == 0 || http_field(h, "host"));
}

static void
params_check(int (*param)(const char *, const char *, char *, size_t),
	const char *query)
{
	char all[256], *exact;
	int r = param(query, "a", all, sizeof(all));

	CHECK(r >= -1 && r <= 1);
	if (r != 1)
		return;
	exact = malloc(strlen(all) + 1);
	if (!exact)
		abort();
	CHECK(param(query, "a", exact, strlen(all)) == -1);
	CHECK(param(query, "a", exact, strlen(all) + 1) == 1);
	CHECK(strcmp(exact, all) == 0);
	free(exact);
}

static void
request_check(const struct http *h, const char *buf, size_t len)
{
	CHECK(h->used > 0 && h->used <= len && h->used <= MOST);
	CHECK(h->method >= HTTP_GET && h->method <= HTTP_TRACE);
	CHECK(h->minor == 0 || h->minor == 1);
	text_check(h, buf, h->path);
	text_check(h, buf, h->query);
	text_check(h, buf, h->body);
	if (h->host)
		text_check(h, buf, h->host);
	CHECK(*h->path == '/' ||
		(h->method == HTTP_OPTIONS && strcmp(h->path, "*") == 0));
	CHECK(!strstr(h->path, "/../") && !strstr(h->path, "/./"));
	CHECK(h->body_len <= limits.body);
	CHECK(h->body + h->body_len < buf + h->used);
	CHECK(h->body[h->body_len] == '\0');
	fields_check(h, buf);
	params_check(http_param, h->query);
	params_check(http_param, h->body);
	params_check(http_json_param, h->body);
}

static void
requests_compare(const struct http *a, const struct http *b)
{
	size_t n = (size_t)(a->body - a->fields);

	CHECK(a->method == b->method && a->minor == b->minor);
	CHECK(a->keep == b->keep && a->expect == b->expect);
	CHECK(a->used == b->used && a->nfields == b->nfields);
	CHECK(strcmp(a->path, b->path) == 0);
	CHECK(strcmp(a->query, b->query) == 0);
	CHECK(!a->host == !b->host);
	CHECK(!a->host || strcmp(a->host, b->host) == 0);
	CHECK(n == (size_t)(b->body - b->fields));
	CHECK(memcmp(a->fields, b->fields, n) == 0);
	CHECK(a->body_len == b->body_len);
	CHECK(memcmp(a->body, b->body, a->body_len) == 0);
}

/* Parses in pieces of up to step bytes, each time in another buffer. */
static int
pieces_parse(struct http *h, const unsigned char *in, size_t len, size_t step,
	char **buf)
{
	size_t n, old = 0;
	char *moved;
	int r = 0;

	memset(h, 0, sizeof(*h));
	*buf = NULL;
	do {
		n = len - old < step ? len : old + step;
		moved = malloc(n + !n);
		if (!moved)
			abort();
		if (old)
			memcpy(moved, *buf, old);
		if (n > old)
			memcpy(moved + old, in + old, n - old);
		free(*buf);
		*buf = moved;
		r = http_parse(h, *buf, n, &limits);
		old = n;
	} while (!r && old < len);
	CHECK(r || len <= MOST);
	CHECK(r == 0 || r == 1 || *http_reason(r));
	if (r == 1)
		request_check(h, *buf, n);
	return r;
}

/* The first byte says in how large pieces, the rest is what came. */
int
LLVMFuzzerTestOneInput(const unsigned char *in, size_t len)
{
	struct http whole, pieces;
	char *buf, *other;
	size_t step;
	int r = 1;

	if (!len)
		return 0;
	step = *in++ % 64 + 1;
	for (len--; r == 1 && len; in += whole.used, len -= whole.used) {
		r = pieces_parse(&whole, in, len, len, &buf);
		CHECK(pieces_parse(&pieces, in, len, step, &other) == r);
		if (r == 1)
			requests_compare(&whole, &pieces);
		if (!r)
			CHECK(whole.expect == pieces.expect);
		free(other);
		free(buf);
	}
	return 0;
}
