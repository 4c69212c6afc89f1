/* http.c - requests of HTTP/1.1 out of bytes */
/* SPDX-License-Identifier: ISC */

/*
 * A request is taken apart as its lines come in (RFC 9112); what is kept of
 * it moves to the front of its own place in the buffer, and as offsets, since
 * the buffer may move. The first fault in the order of the bytes decides.
 *
 * Strict wherever two readers of the same bytes could differ (RFC 9112, 11.2):
 * one space between the parts of the first line, no folded lines, no space
 * before a colon, no control bytes but tabs in values, one Host, one way to
 * tell where the body ends. RFC 9112, 2.2 lets a line of the head end in LF
 * alone, and so do we, for those who type requests by hand; not so between
 * chunks, where no such thing is said. CR without LF is wrong everywhere.
 */
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "http-value.h"
#include "http.h"

/* What the next bytes belong to. The first two make up the head. */
enum stage { LINE, FIELDS, SIZE, TRAILER, CHUNK, CHUNK_END, BODY, DONE };

/* What was found in fields. */
enum mark {
	HAS_HOST = 1, HAS_LENGTH = 2, HAS_CODING = 4, CHUNKED = 8,
	OTHER_CODING = 16, KEEP_ALIVE = 32, CLOSE = 64, EXPECT = 128
};

enum {
	GO_ON = 1,	/* else 0: more is needed, or a status */
	EMPTY_MAX = 16	/* bytes of empty lines before the first one */
};

static const char *const methods[] = {
	"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
};

/*
 * The target in absolute form (RFC 9112, 3.2.2). Its host moves to the front,
 * so that there is room for a NUL behind it, and for the path if it has none.
 */
static char *
target_split(struct http *h, const char *buf, char *target)
{
	char *host, *path, *rest;
	size_t n;

	if (strncasecmp(target, "http://", 7) == 0)
		host = target + 7;
	else if (strncasecmp(target, "https://", 8) == 0)
		host = target + 8;
	else
		return NULL;
	n = strcspn(host, "/?");
	rest = host + n;
	memmove(target, host, n);
	target[n] = '\0';
	if (!n || !host_valid(target))
		return NULL;
	h->at.host = (size_t)(target - buf);
	if (*rest == '/')
		return rest;
	path = target + n + 1;
	*path = '/';
	memmove(path + 1, rest, strlen(rest) + 1);
	return path;
}

static int
target_take(struct http *h, const char *buf, char *target)
{
	char *path = target, *query, *s;

	for (s = target; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '#')
			return 400;
	if (h->method == HTTP_OPTIONS && strcmp(target, "*") == 0) {
		query = target + 1;
	} else {
		if (*target != '/')
			path = target_split(h, buf, target);
		if (!path)
			return 400;
		query = strchr(path, '?');
		if (query)
			*query++ = '\0';
		if (path_decode(path) < 0)
			return 400;
		if (!query)
			query = path + strlen(path);
	}
	h->at.path = (size_t)(path - buf);
	h->at.query = (size_t)(query - buf);
	return 0;
}

/* The first line (RFC 9112, 3). The version tells how to read the rest. */
static int
line_take(struct http *h, const char *buf, char *s)
{
	char *target = strchr(s, ' '), *version = strrchr(s, ' ');
	size_t i, n = sizeof(methods) / sizeof(*methods);

	h->section = h->seen;
	if (!*s)
		return h->seen <= EMPTY_MAX ? 0 : 400;
	if (target == version)
		return 400;
	*target++ = *version++ = '\0';
	if (strlen(version) != 8 || strncmp(version, "HTTP/", 5) != 0 ||
	    !isdigit((unsigned char)version[5]) || version[6] != '.' ||
	    !isdigit((unsigned char)version[7]))
		return 400;
	if (version[5] != '1')
		return 505;
	h->minor = version[7] != '0';
	for (i = 0; i < n && strcmp(s, methods[i]) != 0; i++)
		;
	if (i == n)
		return *s && !s[token_length(s)] ? 501 : 400;
	h->method = (enum http_method)i;
	h->stage = FIELDS;
	h->at.fields = h->end = h->seen;
	return target_take(h, buf, target);
}

static int
host_take(struct http *h, const char *value)
{
	if (h->marks & HAS_HOST || !host_valid(value))
		return 400;
	h->marks |= HAS_HOST;
	if (!h->at.host)
		h->at.host = h->end + sizeof("Host");
	return 0;
}

/* Too much for size_t is too much for any limit. */
static int
length_take(struct http *h, const char *value)
{
	size_t n = 0;
	const char *s;

	for (s = value; isdigit((unsigned char)*s); s++)
		n = n > SIZE_MAX / 10 - 1 ? SIZE_MAX :
			n * 10 + (size_t)(*s - '0');
	if (s == value || *s || (h->marks & HAS_LENGTH && n != h->chunk))
		return 400;
	h->chunk = n;
	h->marks |= HAS_LENGTH;
	return 0;
}

/* CHUNKED is about the last one, which it must be (RFC 9112, 6.3). */
static int
coding_take(struct http *h, const char *value)
{
	const char *s;
	size_t n;

	h->marks |= HAS_CODING;
	while ((s = list_next(&value, &n))) {
		if (h->marks & CHUNKED)
			return 400;
		if (element_is(s, n, "chunked"))
			h->marks |= CHUNKED;
		else
			h->marks |= OTHER_CODING;
	}
	return 0;
}

static int
connection_take(struct http *h, const char *value)
{
	const char *s;
	size_t n;

	while ((s = list_next(&value, &n)))
		if (element_is(s, n, "close"))
			h->marks |= CLOSE;
		else if (element_is(s, n, "keep-alive"))
			h->marks |= KEEP_ALIVE;
	return 0;
}

/* In HTTP/1.0 it has no meaning (RFC 9110, 10.1.1). */
static int
expect_take(struct http *h, const char *value)
{
	const char *s;
	size_t n;

	while (h->minor && (s = list_next(&value, &n))) {
		if (!element_is(s, n, "100-continue"))
			return 417;
		h->marks |= EXPECT;
	}
	return 0;
}

/* Ends the name of a field, and returns its value; NULL: it is malformed. */
static char *
field_split(char *s)
{
	size_t n = token_length(s);
	char *end;

	if (!n || s[n] != ':')
		return NULL;
	s[n] = '\0';
	s += n + 1;
	s += strspn(s, " \t");
	for (end = s + strlen(s); end > s; end--)
		if (end[-1] != ' ' && end[-1] != '\t')
			break;
	*end = '\0';
	return s;
}

/* What the head as a whole says (RFC 9112, 3.2, 6.3 and 9.3). */
static int
head_end(struct http *h, const struct http_limits *limits)
{
	unsigned marks = h->marks;

	if (h->minor && !(marks & HAS_HOST))
		return 400;
	if (marks & HAS_CODING && (marks & HAS_LENGTH || !h->minor ||
	    !(marks & CHUNKED)))
		return 400;
	if (marks & OTHER_CODING)
		return 501;
	if (h->chunk > limits->body)
		return 413;
	h->keep = !(marks & CLOSE) && (h->minor || marks & KEEP_ALIVE);
	h->expect = marks & EXPECT && (marks & CHUNKED || h->chunk);
	h->stage = marks & CHUNKED ? SIZE : BODY;
	h->section = h->seen;
	/* so that the NUL behind it is no byte of the next request */
	h->at.body = h->seen - 1;
	return 0;
}

static int
field_take(struct http *h, char *buf, char *s)
{
	static const struct {
		const char *name;
		int (*take)(struct http *, const char *);
	} known[] = {
		{ "Host", host_take },
		{ "Content-Length", length_take },
		{ "Transfer-Encoding", coding_take },
		{ "Connection", connection_take },
		{ "Expect", expect_take },
	};
	char *value = field_split(s), *to = buf + h->end;
	size_t i, n, size;
	int r = 0;

	if (!value)
		return 400;
	n = strlen(s) + 1;
	size = strlen(value) + 1;
	memmove(to, s, n);
	memmove(to + n, value, size);
	for (i = 0; i < sizeof(known) / sizeof(*known) && !r; i++)
		if (strcasecmp(to, known[i].name) == 0)
			r = known[i].take(h, to + n);
	h->end += n + size;
	h->nfields++;
	return r;
}

/*
 * The line before a chunk (RFC 9112, 7.1). What it takes to tell the chunks
 * apart has its bounds as well: that of the headers, and what the body leaves.
 */
static int
size_take(struct http *h, const char *s, const struct http_limits *limits)
{
	size_t n = 0;
	const char *p;

	for (p = s; hex_value(*p) >= 0; p++)
		if (n <= limits->body)
			n = n << 4 | (size_t)hex_value(*p);
	if (p == s || (*p && p[strspn(p, " \t")] != ';'))
		return 400;
	if (n > limits->body - h->body_len || h->seen - h->at.body + n >
	    limits->body + limits->headers)
		return 413;
	h->chunk = n;
	h->stage = n ? CHUNK : TRAILER;
	h->section = h->seen;
	return 0;
}

/* Finds the end of the line. Returns GO_ON, 0, -1 for too long, or 400. */
static int
line_find(struct http *h, const char *buf, size_t len, size_t max)
{
	unsigned char c;

	for (; h->seen < len && h->seen - h->section < max; h->seen++) {
		c = (unsigned char)buf[h->seen];
		if (h->seen > h->line && buf[h->seen - 1] == '\r' && c != '\n')
			return 400;
		if (c == '\n') {
			h->seen++;
			return GO_ON;
		}
		if ((c < ' ' && c != '\t' && c != '\r') || c == 127)
			return 400;
	}
	return h->seen - h->section < max ? 0 : -1;
}

static int
line_step(struct http *h, char *buf, size_t len,
	const struct http_limits *limits)
{
	char *s = buf + h->line, *end;
	int r;

	r = line_find(h, buf, len,
		h->stage == LINE ? limits->line : limits->headers);
	if (r < 0)
		return h->stage == LINE ? 414 : 431;
	if (r != GO_ON)
		return r;
	end = buf + h->seen - 1;
	if (end > s && end[-1] == '\r')
		end--;
	else if (h->stage > FIELDS)
		return 400;
	*end = '\0';
	h->line = h->seen;
	if (h->stage == LINE)
		r = line_take(h, buf, s);
	else if (h->stage == SIZE)
		r = size_take(h, s, limits);
	else if (*s)
		r = h->stage == FIELDS ? field_take(h, buf, s) :
			field_split(s) ? 0 : 400;
	else if (h->stage == FIELDS)
		r = head_end(h, limits);
	else
		r = 0, h->stage = DONE;
	return r ? r : GO_ON;
}

/* A chunk moves up to those before it as its bytes come. */
static int
chunk_step(struct http *h, char *buf, size_t len)
{
	size_t n = len - h->seen < h->chunk ? len - h->seen : h->chunk;

	memmove(buf + h->at.body + h->body_len, buf + h->seen, n);
	h->body_len += n;
	h->seen += n;
	h->chunk -= n;
	if (h->chunk)
		return 0;
	h->stage = CHUNK_END;
	return GO_ON;
}

static int
chunk_end_step(struct http *h, const char *buf, size_t len)
{
	size_t n = len - h->seen;

	if ((n > 0 && buf[h->seen] != '\r') ||
	    (n > 1 && buf[h->seen + 1] != '\n'))
		return 400;
	if (n < 2)
		return 0;
	h->seen += 2;
	h->section = h->line = h->seen;
	h->stage = SIZE;
	return GO_ON;
}

static int
body_step(struct http *h, char *buf, size_t len)
{
	if (len - h->seen < h->chunk)
		return 0;
	memmove(buf + h->at.body, buf + h->seen, h->chunk);
	h->body_len = h->chunk;
	h->seen += h->chunk;
	h->stage = DONE;
	return GO_ON;
}

int
http_parse(struct http *h, char *buf, size_t len,
	const struct http_limits *limits)
{
	int r = GO_ON;

	while (r == GO_ON && h->stage != DONE)
		if (h->stage == CHUNK)
			r = chunk_step(h, buf, len);
		else if (h->stage == CHUNK_END)
			r = chunk_end_step(h, buf, len);
		else if (h->stage == BODY)
			r = body_step(h, buf, len);
		else
			r = line_step(h, buf, len, limits);
	if (r != GO_ON)
		return r;
	h->path = buf + h->at.path;
	h->query = buf + h->at.query;
	h->host = h->at.host ? buf + h->at.host : NULL;
	h->fields = buf + h->at.fields;
	h->body = buf + h->at.body;
	h->body[h->body_len] = '\0';
	h->used = h->seen;
	return 1;
}

int
http_is_empty(const struct http *h, size_t len)
{
	return h->stage == LINE && h->section == len;
}
