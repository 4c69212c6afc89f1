/* serve.c - one request: who sent it, what it may, and its answer */
/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "conn.h"
#include "util.h"

enum { HEAD_MAX = 2 << 10 };

/* Takes over what reply holds. */
static void
answer(struct conn *c, struct reply *reply)
{
	char head[HEAD_MAX];

	c->head_len = reply_head(reply, c->keep, head, sizeof(head));
	c->head = malloc(c->head_len);
	if (!c->head) {
		reply_end(reply);
		conn_close(c);
		return;
	}
	memcpy(c->head, head, c->head_len);
	if (c->http.method != HTTP_HEAD && reply->status != 304)
		c->body = body_hold(reply->body);
	note("%d for %s", reply->status, c->http.path ? c->http.path : "?");
	reply_end(reply);
	crowd_hold(c, 1);
	crowd_enter(c, PHASE_ANSWER);
}

void
serve_refuse(struct conn *c, int status, const char *why)
{
	struct reply reply = { 0 };

	c->keep = 0;
	c->http.used = c->len;
	reply_error(&reply, status, "%s", why);
	answer(c, &reply);
}

void
serve_again(struct conn *c, int late)
{
	struct reply reply = { 0 };

	if (route(&c->http, c->peer, c->rights, late, &reply) == ROUTE_DONE)
		answer(c, &reply);
	else if (late)
		conn_close(c);
	else if (c->phase != PHASE_WATCH)
		crowd_enter(c, PHASE_WATCH);
}

static void
demand_password(struct conn *c)
{
	struct reply reply = { 0 };

	reply_error(&reply, 401, "%s", http_field(&c->http, "Authorization") ?
	    "user or password is wrong" : "a user and a password are needed");
	reply.extra = "WWW-Authenticate: Basic realm=\"gitopper\", "
	    "charset=\"UTF-8\"\r\n";
	answer(c, &reply);
}

static enum rights
needed(const struct http *h)
{
	return h->method == HTTP_POST ? RIGHTS_WRITE : RIGHTS_READ;
}

void
serve_verdict(struct conn *c, enum rights rights)
{
	struct reply reply = { 0 };

	if (rights == RIGHTS_NONE) {
		demand_password(c);
		return;
	}
	if (rights == RIGHTS_TROUBLE) {
		reply_error(&reply, 503, "the password can't be checked now");
		answer(c, &reply);
		return;
	}
	/* who knows a password may do no less than who knows none */
	if (rights > c->rights)
		c->rights = rights;
	c->http.checked = 1;
	serve_again(c, 0);
}

static void
refuse_busy(struct conn *c)
{
	struct reply reply = { 0 };

	reply_error(&reply, 503, "too many passwords to check");
	reply.extra = "Retry-After: 1\r\n";
	answer(c, &reply);
}

/* Who is it that wants more than all may? */
static void
authenticate(struct conn *c)
{
	const char *field = http_field(&c->http, "Authorization");
	struct origin origin;
	enum rights rights;
	void *pushed;

	if (!field) {
		demand_password(c);
		return;
	}
	listen_origin(c->in.fd, &origin);
	switch (auth_ask(field, c, &origin, &rights, &pushed)) {
	case AUTH_KNOWN:
		serve_verdict(c, rights);
		break;
	case AUTH_ASKED:
		crowd_enter(c, PHASE_AUTH);
		if (pushed) {
			refuse_busy(pushed);
			crowd_again(pushed);
		}
		break;
	case AUTH_BUSY:
		refuse_busy(c);
		break;
	case AUTH_MALFORMED:
		demand_password(c);
		break;
	}
}

void
serve(struct conn *c)
{
	struct reply reply = { 0 };

	c->keep = c->http.keep;
	if (guard_request(&c->http, c->peer, &reply) < 0) {
		answer(c, &reply);
		return;
	}
	c->rights = guard_rights(&c->http, c->peer);
	if (guard_has_users() && c->rights < needed(&c->http))
		authenticate(c);
	else
		serve_again(c, 0);
}

