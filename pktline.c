/* pktline.c - what passes between libgit2 and an upstream, made less */
/* SPDX-License-Identifier: ISC */
/*
 * libgit2 has no partial clone and reads all refs into memory. So what it
 * says and hears is rewritten on its way. A pkt-line is four hex digits, its
 * length with these, and that much data; 0000 is a flush. Over http the refs
 * come after a line `# service=...` and a flush. Capabilities stand behind a
 * NUL in the first ref's line, and behind a blank in the first want's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pktline.h"
#include "util.h"

static void
out_add(struct pktline_out *out, const char *buf, size_t len)
{
	while (out->size - out->len < len) {
		out->size = out->size ? 2 * out->size : 4096;
		out->buf = xreallocarray(out->buf, out->size, 1);
	}
	memcpy(out->buf + out->len, buf, len);
	out->len += len;
}

static void
out_line(struct pktline_out *out, const char *text, size_t len)
{
	char head[5];

	snprintf(head, sizeof(head), "%04zx", len + 4);
	out_add(out, head, 4);
	out_add(out, text, len);
}

/* Returns the length that a line's first four bytes tell, or -1. */
static int
line_length(const char *s)
{
	static const char digits[] = "0123456789abcdef";
	const char *d;
	int i, n = 0;

	for (i = 0; i < 4; i++) {
		d = memchr(digits, s[i] | ('A' <= s[i] && s[i] <= 'F' ? 32 : 0),
		    16);
		if (!d)
			return -1;
		n = n * 16 + (int)(d - digits);
	}
	/* 0001 to 0003 belong to version 2 of the protocol */
	return n <= PKTLINE_MAX && (n == 0 || n >= 4) ? n : -1;
}

/*
 * Moves bytes from *buf to line until it is whole. Returns 1 when it is,
 * *len being what is left; 0 when there is none left; -1 where it is no line.
 */
static int
line_take(char *line, size_t *have, const char **buf, size_t *len)
{
	size_t want = 4, n;
	int length;

	while (*len) {
		if (*have >= 4) {
			length = line_length(line);
			if (length < 0)
				return -1;
			want = length ? (size_t)length : 4;
		}
		n = want - *have < *len ? want - *have : *len;
		memcpy(line + *have, *buf, n);
		*have += n;
		*buf += n;
		*len -= n;
		if (*have < 4)
			continue;
		length = line_length(line);
		if (length < 0)
			return -1;
		if (*have == (length ? (size_t)length : 4))
			return 1;
	}
	return 0;
}

/* Whether `word`, or `word=...`, is among the capabilities. */
static int
capable(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);
	const char *p = text, *end = text + len, *stop;

	for (; p < end; p = stop + 1) {
		stop = memchr(p, ' ', (size_t)(end - p));
		if (!stop)
			stop = end;
		if ((size_t)(stop - p) >= n && memcmp(p, word, n) == 0 &&
		    (p + n == stop || p[n] == '=' || p[n] == '\n'))
			return 1;
	}
	return 0;
}

static void
capabilities_read(struct advert *a, const char *text, size_t len)
{
	a->filter = capable(text, len, "filter");
	a->quiet = capable(text, len, "no-progress");
	a->sha256 = capable(text, len, "object-format=sha256");
	/* one of them alone speaks of commits; both: of any object */
	a->wants = capable(text, len, "allow-reachable-sha1-in-want") &&
	    capable(text, len, "allow-tip-sha1-in-want");
}

/* A line of a ref is its id, a blank and its name, maybe with `^{}`. */
static int
ref_is_kept(const struct advert *a, const char *text, size_t len)
{
	size_t i, n;

	if (!a->keep || len < 41)
		return 1;
	text += 41;
	len -= 41;
	if (len && text[len - 1] == '\n')
		len--;
	if (len > 3 && memcmp(text + len - 3, "^{}", 3) == 0)
		len -= 3;
	for (i = 0; i < a->nkeep; i++) {
		n = strlen(a->keep[i]);
		if (n == len && memcmp(a->keep[i], text, n) == 0)
			return 1;
	}
	return 0;
}

int
advert_take(struct advert *a, const char *buf, size_t len,
	struct pktline_out *out)
{
	const char *text, *nul;
	size_t n;
	int whole;

	while (len && !a->done) {
		whole = line_take(a->line, &a->len, &buf, &len);
		if (whole <= 0)
			return whole;
		text = a->line + 4;
		n = a->len - 4;
		a->len = 0;
		if (n == 0 && memcmp(a->line, "0000", 4) == 0) {
			/* over http there is one before the refs, too */
			a->done = a->seen > 0;
			out_add(out, "0000", 4);
			continue;
		}
		if (n && *text == '#') {
			out_line(out, text, n);
			continue;
		}
		nul = memchr(text, '\0', n);
		if (a->seen++ == 0 && nul)
			capabilities_read(a, nul + 1,
			    (size_t)(text + n - nul - 1));
		if (a->seen == 1 || ref_is_kept(a, text, n))
			out_line(out, text, n);
	}
	out_add(out, buf, len);
	return 0;
}

/* The first want carries what we are capable of. Returns its new length. */
static size_t
first_want(const struct request *r, char *text, size_t n)
{
	char more[32];
	int len = snprintf(more, sizeof(more), "%s%s\n",
	    r->filter ? " filter" : "", r->quiet ? " no-progress" : "");

	if (n + 4 + (size_t)len > PKTLINE_MAX)
		return n;
	n -= text[n - 1] == '\n';
	memcpy(text + n, more, (size_t)len);
	return n + (size_t)len;
}

/* The flush after the wants ends them; one after commits that we have asks
 * for an answer. */
static void
request_line(struct request *r, struct pktline_out *out)
{
	static const char filter[] = "filter blob:none\n";
	char *text = r->line + 4;
	size_t n = r->len - 4;

	if (r->forget && n >= 45 && memcmp(text, "have ", 5) == 0) {
		snprintf(r->had, sizeof(r->had), "%.40s", text + 5);
		return;
	}
	if (n == 0 && *r->had) {
		r->unasked = 1;
		return;
	}
	if (n == 0) {
		/* each request of a stateless one begins with its wants */
		if (r->filter && r->wanted)
			out_line(out, filter, sizeof(filter) - 1);
		r->wanted = 0;
		out_add(out, r->line, 4);
		return;
	}
	if (n > 5 && memcmp(text, "want ", 5) == 0 && !r->wanted++)
		n = first_want(r, text, n);
	out_line(out, text, n);
}

int
request_take(struct request *r, const char *buf, size_t len,
	struct pktline_out *out)
{
	int whole;

	while (len) {
		whole = line_take(r->line, &r->len, &buf, &len);
		if (whole <= 0)
			return whole;
		request_line(r, out);
		r->len = 0;
	}
	return 0;
}

void
request_answer(struct request *r, struct pktline_out *out)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "ACK %s common\n", r->had);

	out_line(out, text, (size_t)n);
	out_line(out, "NAK\n", 4);
	*r->had = '\0';
	r->unasked = 0;
}

/* Takes a byte of a line's length; with the fourth one it is known. */
static void
head_take(struct bands *b, char c)
{
	int n;

	b->head[b->have++] = c;
	if (b->have < sizeof(b->head))
		return;
	b->have = 0;
	b->band = 0;
	b->raw = memcmp(b->head, "PACK", sizeof(b->head)) == 0;
	n = line_length(b->head);
	b->left = n > 4 ? (size_t)n - 4 : 0;
}

size_t
bands_count(struct bands *b, const char *buf, size_t len)
{
	size_t i, n, count = 0;

	for (i = 0; i < len && !b->raw; i += n) {
		n = 1;
		if (!b->left) {
			head_take(b, buf[i]);
			continue;
		}
		if (!b->band) {
			b->band = buf[i] ? buf[i] : -1;
		} else {
			n = b->left < len - i ? b->left : len - i;
			count += b->band == 1 ? n : 0;
		}
		b->left -= n;
	}
	return count + len - i;
}
