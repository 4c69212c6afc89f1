/* http.h - requests of HTTP/1.1 out of bytes (RFC 9110, RFC 9112) */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

/* Known by name, so that a route can answer 405; any other is 501. */
enum http_method {
	HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS,
	HTTP_PATCH, HTTP_TRACE
};

/*
 * Bytes that each part of a request may have: its first line, the other lines
 * (all with their ends, and the empty one), and the body without its chunks.
 */
struct http_limits {
	size_t line, headers, body;
};

/*
 * A request. All zeros before its first byte; the pointers lead into the
 * buffer, and are set when it is complete.
 */
struct http {
	enum http_method method;
	char *path;	/* percent-decoded, begins with a slash; or, of
			 * OPTIONS alone, "*" */
	char *query;	/* as it came, without the `?`; "" if there is none */
	char *host;	/* of the target, else of Host, which may be empty,
			 * with its port; NULL: HTTP/1.0 had none */
	int minor;	/* 1: HTTP/1.1, 0: HTTP/1.0 */
	int keep;	/* the connection goes on after the answer */
	int expect;	/* it waits for 100 (Continue) before it sends its body;
			 * set as soon as the headers are there */
	char *fields;	/* name NUL value NUL ..., for http_field */
	size_t nfields;
	char *body;	/* without its chunks, if it had any; a NUL behind it */
	size_t body_len;
	size_t used;	/* bytes of the buffer that were this request */
	int checked;	/* its Authorization was right; not the parser's */

	/* how far it came, as places in the buffer: the parser's own */
	int stage;
	unsigned marks;
	size_t seen, section, line, end, chunk;
	struct { size_t path, query, host, fields, body; } at;
};

/*
 * Looks at the first len bytes of buf, which may have moved and grown since
 * the last call for this request, and takes apart in place what is complete.
 * Each byte is looked at a bounded number of times, however many calls it
 * takes, and what comes of it depends on the bytes alone. It never needs more
 * than line + 4 * headers + body bytes, and a few.
 * Returns 0: more is needed; 1: it is complete; else the status to refuse
 * it with (400, 413, 414, 417, 431, 501, 505), after which nothing that
 * follows can be understood.
 */
int http_parse(struct http *h, char *buf, size_t len,
	const struct http_limits *limits);

/* Whether those len bytes, of which http_parse wants more, are whole empty
 * lines and nothing else (RFC 9112, 2.2): no request has begun. */
int http_is_empty(const struct http *h, size_t len);

/* The value of the (first) field of that name, in any case, or NULL. */
const char *http_field(const struct http *h, const char *name);

/*
 * Finds a parameter in a query or in a body of the type
 * application/x-www-form-urlencoded, and writes its value, decoded, to buf.
 * Returns 1; 0 where it isn't there; -1 where it can't be right: escapes that
 * are none, a NUL in it, or more than size bytes with the one behind it.
 */
int http_param(const char *text, const char *key, char *buf, size_t size);

/*
 * The same in a body of the type application/json: an object of strings and
 * numbers, no lists and no objects in it. Returns as http_param; -1 also where
 * it isn't that, or the value has an escape.
 */
int http_json_param(const char *text, const char *key, char *buf, size_t size);

/* What RFC 9110 calls a status; "" for one that we don't use. */
const char *http_reason(int status);
