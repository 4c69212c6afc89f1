/* conn.c - one connection: requests in, answers out */
/* SPDX-License-Identifier: ISC */
/*
 * A connection takes one request at a time. As long as that isn't answered
 * nothing more is read, so what a client can make us hold is one request, one
 * buffer of what it sent ahead, and one answer. While it is idle it holds
 * nothing but its struct conn.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "httpd.h"
#include "conn.h"
#include "util.h"

enum {
	BUFFER_FIRST = 2 << 10,
	/* a request with its chunks, and some room for what comes behind */
	BUFFER_MAX = HTTP_LINE_MAX + 4 * HTTP_HEADERS_MAX + HTTP_BODY_MAX +
	    (8 << 10),
	TURN = 16,		/* steps before it is another's turn */
	LINGER_MAX = 4 << 20	/* bytes to throw away, for a good end */
};

static const struct http_limits limits = {
	HTTP_LINE_MAX, HTTP_HEADERS_MAX, HTTP_BODY_MAX
};

size_t conn_bytes;

struct conn *
conn_new(int in, int out)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->in.fd = in;
	c->in.kind = FROM_IN;
	c->out.fd = out;
	c->out.kind = FROM_OUT;
	c->in.conn = c->out.conn = c;
	/* most clients have sent something by now; a try will tell */
	c->readable = c->writable = 1;
	c->peer = listen_peer(in);
	return c;
}

/* There may have been a password in it. */
static void
buffer_free(struct conn *c)
{
	conn_bytes -= c->size;
	if (c->buf)
		explicit_bzero(c->buf, c->size);
	free(c->buf);
	c->buf = NULL;
	c->size = c->start = c->len = 0;
}

static void
answer_free(struct conn *c)
{
	free(c->head);
	c->head = NULL;
	body_drop(c->body);
	c->body = NULL;
	c->sent = c->head_len = 0;
}

void
conn_close(struct conn *c)
{
	if (c->phase == PHASE_CLOSED)
		return;
	if (c->phase == PHASE_AUTH)
		auth_forget(c);
	loop_remove(c);
	crowd_leave(c);
	buffer_free(c);
	answer_free(c);
	close(c->in.fd);
	if (c->out.fd != c->in.fd)
		close(c->out.fd);
	c->phase = PHASE_CLOSED;
}

void
conn_reset(struct conn *c)
{
	const struct linger now = { 1, 0 };

	/* a pipe has no such thing */
	(void)setsockopt(c->out.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_close(c);
}

/* The last answer is out: lets the client read it before it is cut off. */
static void
linger(struct conn *c)
{
	buffer_free(c);
	/* closing with bytes unread would reset the connection, and take the
	 * answer back (RFC 9112, 9.6) */
	if (c->eof || shutdown(c->out.fd, SHUT_WR) < 0)
		conn_close(c);
	else
		crowd_enter(c, PHASE_LINGER);
}

/* The answer is out: on to the next request. */
static void
finish(struct conn *c)
{
	size_t used = c->http.used;

	answer_free(c);
	crowd_hold(c, 0);
	memset(&c->http, 0, sizeof(c->http));
	c->continued = 0;
	c->start += used;
	c->len -= used;
	if (!c->keep) {
		linger(c);
		return;
	}
	if (!c->len)
		buffer_free(c);
	else if (c->size > BUFFER_FIRST)
		crowd_hold(c, 1);
	crowd_enter(c, c->len ? PHASE_REQUEST : PHASE_IDLE);
}

/* Sends more of the answer. Returns 0 where it has to wait. */
static int
send_more(struct conn *c)
{
	size_t from = c->sent < c->head_len ? 0 : c->sent - c->head_len;
	struct iovec iov[2];
	ssize_t n;
	int i = 0;

	if (c->sent < c->head_len) {
		iov[i].iov_base = c->head + c->sent;
		iov[i++].iov_len = c->head_len - c->sent;
	}
	if (c->body && from < c->body->len) {
		iov[i].iov_base = c->body->text + from;
		iov[i++].iov_len = c->body->len - from;
	}
	if (!i) {
		finish(c);
		return 1;
	}
	n = writev(c->out.fd, iov, i);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		c->writable = 0;
		loop_want_out(c);
		return 0;
	}
	if (n < 0 && errno != EINTR) {
		conn_close(c);
		return 0;
	}
	if (n > 0) {
		c->sent += (size_t)n;
		crowd_enter(c, PHASE_ANSWER);
	}
	return 1;
}

/* Makes room for more. Returns 0, or -1 where it is enough. */
static int
buffer_grow(struct conn *c)
{
	size_t size = c->size ? c->size * 2 : BUFFER_FIRST;
	char *buf;

	/* moved when there is much to gain, so that moving is rare */
	if (c->start && (c->start >= c->size / 2 || c->size >= BUFFER_MAX)) {
		memmove(c->buf, c->buf + c->start, c->len);
		c->start = 0;
		return 0;
	}
	if (c->size >= BUFFER_MAX)
		return -1;
	if (size > BUFFER_MAX)
		size = BUFFER_MAX;
	buf = malloc(size);
	if (!buf)
		return -1;
	/* not by realloc, which leaves what was there in the old place */
	if (c->buf) {
		memcpy(buf, c->buf, c->size);
		explicit_bzero(c->buf, c->size);
		free(c->buf);
	}
	conn_bytes += size - c->size;
	c->buf = buf;
	c->size = size;
	if (size > BUFFER_FIRST)
		crowd_hold(c, 1);
	return 0;
}

/* Nothing more comes. What is there already gets its answer. */
static void
end(struct conn *c)
{
	c->eof = 1;
	if (c->phase == PHASE_IDLE)
		conn_close(c);
	else
		serve_refuse(c, 400, "the request is not complete");
}

/* Reads more of a request. Returns 0 where it has to wait. */
static int
receive(struct conn *c)
{
	ssize_t n;

	if (c->start + c->len == c->size && buffer_grow(c) < 0) {
		serve_refuse(c, c->size < BUFFER_MAX ? 503 : 413,
		    "there is no room for that");
		return 1;
	}
	n = c->eof ? 0 : read(c->in.fd, c->buf + c->start + c->len,
	    c->size - c->start - c->len);
	if (n > 0) {
		c->len += (size_t)n;
		if (c->phase == PHASE_IDLE)
			crowd_enter(c, PHASE_REQUEST);
		return 1;
	}
	if (n == 0) {
		end(c);
	} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
		c->readable = 0;
		if (!c->len)
			buffer_free(c);
	} else if (errno != EINTR) {
		conn_close(c);
	}
	return n == 0;
}

/* Why the parser refuses a request, for people. */
static const char *
refusal(int status)
{
	switch (status) {
	case 413:
		return "the body is too long";
	case 414:
		return "the first line is too long";
	case 417:
		return "nothing but 100-continue is to be expected here";
	case 431:
		return "the header lines are too long";
	case 501:
		return "this method, or transfer coding, is not known here";
	case 505:
		return "this speaks HTTP/1.1 and HTTP/1.0";
	default:
		return "that is not HTTP/1.1 as RFC 9112 has it";
	}
}

/* Takes the request apart as far as it is there. Returns 0: it has to wait. */
static int
take(struct conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	int status = 0;
	ssize_t n;

	if (c->len)
		status = http_parse(&c->http, c->buf + c->start, c->len,
		    &limits);
	if (status == 1) {
		serve(c);
		return 1;
	}
	if (status) {
		serve_refuse(c, status, refusal(status));
		return 1;
	}
	/* what some send behind a request is the beginning of none */
	if (c->phase == PHASE_REQUEST && http_is_empty(&c->http, c->len))
		crowd_enter(c, PHASE_IDLE);
	if (c->http.expect && !c->continued) {
		c->continued = 1;
		/* it goes on without, after a while (RFC 9110, 10.1.1) */
		n = write(c->out.fd, go_on, sizeof(go_on) - 1);
		if (n > 0 && (size_t)n < sizeof(go_on) - 1) {
			conn_close(c);
			return 0;
		}
	}
	return (c->readable || c->eof) && receive(c);
}

/* Throws away what the client sends still. Returns 0: it has to wait. */
static int
discard(struct conn *c)
{
	static char waste[16 << 10];
	ssize_t n = read(c->in.fd, waste, sizeof(waste));

	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		c->readable = 0;
		return 0;
	}
	if (n > 0)
		c->lingered += (size_t)n;
	if (n <= 0 || c->lingered > LINGER_MAX)
		conn_close(c);
	return 1;
}

static int
step(struct conn *c)
{
	switch (c->phase) {
	case PHASE_IDLE:
	case PHASE_REQUEST:
		return take(c);
	case PHASE_ANSWER:
		return c->writable && send_more(c);
	case PHASE_LINGER:
		return c->readable && discard(c);
	default:
		return 0;
	}
}

void
conn_run(struct conn *c)
{
	enum phase before;
	int i;

	for (i = 0; i < TURN; i++) {
		before = c->phase;
		if (!step(c))
			return;
		/* an answer may take long to make: one each, in turn */
		if (before == PHASE_ANSWER && c->phase == PHASE_REQUEST)
			break;
	}
	if (c->phase != PHASE_CLOSED)
		crowd_again(c);
}

void
conn_late(struct conn *c)
{
	switch (c->phase) {
	case PHASE_REQUEST:
		serve_refuse(c, 408, "the request took too long");
		break;
	case PHASE_AUTH:
		auth_forget(c);
		serve_refuse(c, 503, "checking the password took too long");
		break;
	case PHASE_WATCH:
		serve_again(c, 1);
		break;
	case PHASE_ANSWER:
		conn_reset(c);
		break;
	default:
		conn_close(c);
		break;
	}
	conn_run(c);
}
