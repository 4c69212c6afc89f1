/* reply.c - answers of HTTP, and the bodies that they share */
/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "httpd.h"
#include "json.h"

enum { MESSAGE_MAX = 1024 };

size_t body_bytes;

struct body *
body_new(char *text, size_t len)
{
	struct body *body = text ? malloc(sizeof(*body)) : NULL;

	if (!body) {
		free(text);
		return NULL;
	}
	body->refs = 1;
	body->len = len;
	body->text = text;
	body_bytes += len;
	return body;
}

struct body *
body_hold(struct body *body)
{
	if (body)
		body->refs++;
	return body;
}

void
body_drop(struct body *body)
{
	if (!body || --body->refs)
		return;
	body_bytes -= body->len;
	free(body->text);
	free(body);
}

void
reply_end(struct reply *reply)
{
	body_drop(reply->body);
	memset(reply, 0, sizeof(*reply));
}

void
reply_text(struct reply *reply, const char *type, char *text, size_t len)
{
	reply->status = 200;
	reply->type = type;
	reply->body = body_new(text, len);
	/* without memory there is nothing to say but that */
	if (!reply->body)
		reply->status = 503;
}

void
reply_error(struct reply *reply, int status, const char *fmt, ...)
{
	char message[MESSAGE_MAX], *text = NULL;
	size_t len = 0;
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	f = open_memstream(&text, &len);
	if (f) {
		fputs("{\"error\":", f);
		json_text(f, message);
		fputs("}\n", f);
		if (fclose(f) == EOF) {
			free(text);
			text = NULL;
		}
	}
	reply->type = "application/json";
	reply->body = body_new(text, len);
	reply->status = status;
}

/* Now, as RFC 9110 (5.6.7) has it. */
static const char *
date_text(void)
{
	static char text[40];
	static time_t last;
	time_t now = time(NULL);
	struct tm tm;

	if (now != last && gmtime_r(&now, &tm)) {
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		last = now;
	}
	return text;
}

/* Appends to the n bytes in buf; what there is no room for is cut off. */
static size_t
add(char *buf, size_t size, size_t n, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
	if (len < 0)
		return n;
	return (size_t)len < size - n ? n + (size_t)len : size - 1;
}

size_t
reply_head(const struct reply *r, int keep, char *buf, size_t size)
{
	size_t n = add(buf, size, 0, "HTTP/1.1 %d %s\r\nDate: %s\r\n",
	    r->status, http_reason(r->status), date_text());

	/* 304 speaks of a body that the client has (RFC 9110, 15.4.5) */
	if (r->status != 304 && r->status != 204)
		n = add(buf, size, n, "Content-Length: %zu\r\n",
		    r->body ? r->body->len : 0);
	if (r->body && r->type)
		n = add(buf, size, n, "Content-Type: %s\r\n", r->type);
	if (*r->etag)
		n = add(buf, size, n, "ETag: %s\r\n", r->etag);
	if (r->allow)
		n = add(buf, size, n, "Allow: %s\r\n", r->allow);
	/* what has an ETag may be kept, and is asked for each time */
	n = add(buf, size, n, "Cache-Control: %s\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Cross-Origin-Resource-Policy: same-origin\r\n"
	    "Connection: %s\r\n%s\r\n", *r->etag ? "no-cache" : "no-store",
	    keep ? "keep-alive" : "close", r->extra ? r->extra : "");
	return n;
}
