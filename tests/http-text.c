/* http-text - what http.c makes of standard input, for tests */
/* SPDX-License-Identifier: ISC */

/*
 * Prints a line for each request, with -f lines for its fields, and how the
 * input ends: `more`, or a status and after how many bytes it was known.
 * Each request is fed whole, byte by byte and in random pieces, in a buffer
 * that moves with each call; exits with 1 where that makes a difference.
 * With -c an LF of the input stands for CRLF. -p looks a parameter of a form
 * up, -j one of JSON, and -r tells what a status means.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../http.h"

enum { WHOLE, BYTES, WAYS = 12, MOVED_MAX = 1 << 16 };

static struct http_limits limits = { 8 << 10, 16 << 10, 1 << 20 };
static const char *const methods[] = {
	"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
};
static int fflag;

static void *
must(void *p)
{
	if (!p) {
		perror("http-text");
		exit(111);
	}
	return p;
}

static char *
input_read(int crlf, size_t *len)
{
	size_t size = 1 << 16;
	char *buf = must(malloc(size));
	int c;

	*len = 0;
	while ((c = getchar()) != EOF) {
		if (*len + 2 > size)
			buf = must(realloc(buf, size *= 2));
		if (c == '\n' && crlf)
			buf[(*len)++] = '\r';
		buf[(*len)++] = (char)c;
	}
	return buf;
}

static void
text_print(FILE *f, const char *s, size_t len)
{
	for (; len; len--, s++)
		if (*s > ' ' - 1 && *s <= '~' && *s != '\\')
			putc(*s, f);
		else
			fprintf(f, "\\x%02x", (unsigned)(unsigned char)*s);
}

/* METHOD PATH [?QUERY] 1.MINOR HOST keep|close [expect] [=BODY] */
static void
request_print(FILE *f, const struct http *h)
{
	const char *s = h->fields;
	size_t i;

	fprintf(f, "%s ", methods[h->method]);
	text_print(f, h->path, strlen(h->path));
	if (*h->query)
		fprintf(f, " ?%s", h->query);
	fprintf(f, " 1.%d %s %s", h->minor, h->host ? h->host : "-",
		h->keep ? "keep" : "close");
	if (h->expect)
		fprintf(f, " expect");
	if (h->body_len)
		fprintf(f, " =");
	if (h->body_len > 99)
		fprintf(f, "%zu", h->body_len);
	else
		text_print(f, h->body, h->body_len);
	putc('\n', f);
	for (i = 0; fflag && i < 2 * h->nfields; i++) {
		text_print(f, s, strlen(s));
		fprintf(f, i % 2 ? "\n" : ": ");
		s += strlen(s) + 1;
	}
}

/* How many more bytes the next call gets. */
static size_t
piece_size(int way, size_t left)
{
	size_t n = way == WHOLE ? left : way == BYTES ? 1 :
		(size_t)random() % (1U << way);

	return n < left ? n : left;
}

/* Feeds a request; *n is how many bytes it took to tell. */
static int
request_feed(struct http *h, const char *in, size_t len, int way, char **buf,
	size_t *n)
{
	size_t old = 0;
	char *moved;
	int r;

	*buf = NULL;
	for (*n = piece_size(way, len);; *n += piece_size(way, len - *n)) {
		if (!*buf || len < MOVED_MAX) {
			moved = must(malloc(len < MOVED_MAX ? *n + !*n : len));
			if (old)
				memcpy(moved, *buf, old);
			free(*buf);
			*buf = moved;
		}
		memcpy(*buf + old, in + old, *n - old);
		old = *n;
		r = http_parse(h, *buf, *n, &limits);
		if (r || *n == len)
			return r;
	}
}

/* Writes what one way of feeding makes of the input. */
static void
input_print(FILE *f, const char *in, size_t len, int way, int known)
{
	struct http h;
	char *buf;
	size_t n;
	int r = 1;

	for (; len && r == 1; in += h.used, len -= h.used) {
		memset(&h, 0, sizeof(h));
		r = request_feed(&h, in, len, way, &buf, &n);
		if (r == 1)
			request_print(f, &h);
		if (r == 1 && way == BYTES && n != h.used)
			fprintf(f, "known after %zu of %zu\n", n, h.used);
		if (!r)
			fprintf(f, "more%s\n", h.expect ? " expect" : "");
		if (r > 1)
			fprintf(f, "%d", r);
		if (r > 1 && known)
			fprintf(f, " after %zu", n);
		if (r > 1)
			fprintf(f, " %s\n", http_reason(r));
		free(buf);
	}
}

static int
ways_compare(const char *in, size_t len)
{
	char *text, *first = NULL;
	size_t size;
	FILE *f;
	int way, r = 0;

	for (way = WHOLE; way < WAYS && !r; way++) {
		f = must(open_memstream(&text, &size));
		input_print(f, in, len, way, 0);
		fclose(f);
		if (!first)
			first = text;
		else if (strcmp(text, first) != 0)
			r = printf("way %d: %s, not\n%s", way, text, first);
		if (text != first)
			free(text);
	}
	free(first);
	return r ? 1 : 0;
}

static int
param_print(int (*param)(const char *, const char *, char *, size_t),
	char *argv[])
{
	char buf[64];
	int r = param(argv[0], argv[1], buf, strtoul(argv[2], NULL, 10));

	printf("%d", r);
	if (r == 1) {
		putchar(' ');
		text_print(stdout, buf, strlen(buf));
	}
	putchar('\n');
	return 0;
}

int
main(int argc, char *argv[])
{
	char *buf;
	size_t len;
	int c, crlf = 0, r;

	while ((c = getopt(argc, argv, "cfl:h:b:j:p:r:")) != -1)
		switch (c) {
		case 'c': crlf = 1; break;
		case 'f': fflag = 1; break;
		case 'l': limits.line = strtoul(optarg, NULL, 10); break;
		case 'h': limits.headers = strtoul(optarg, NULL, 10); break;
		case 'b': limits.body = strtoul(optarg, NULL, 10); break;
		case 'p':
			return optind + 2 == argc ? param_print(http_param,
				argv + optind - 1) : 100;
		case 'j':
			return optind + 2 == argc ? param_print(http_json_param,
				argv + optind - 1) : 100;
		case 'r':
			puts(http_reason((int)strtol(optarg, NULL, 10)));
			return 0;
		default:
			return 100;
		}
	buf = input_read(crlf, &len);
	input_print(stdout, buf, len, BYTES, 1);
	r = ways_compare(buf, len);
	free(buf);
	return r;
}
