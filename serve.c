/* serve.c - one request: who sent it, what it may, and its answer */
/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "conn.h"
#include "util.h"

enum { HEAD_MAX = 2 << 10 };

struct requests requests[] = {
	{ 200, 0 }, { 202, 0 }, { 204, 0 }, { 304, 0 }, { 400, 0 },
	{ 401, 0 }, { 403, 0 }, { 404, 0 }, { 405, 0 }, { 406, 0 },
	{ 408, 0 }, { 409, 0 }, { 412, 0 }, { 413, 0 }, { 414, 0 },
	{ 415, 0 }, { 417, 0 }, { 429, 0 }, { 431, 0 }, { 500, 0 },
	{ 501, 0 }, { 503, 0 }, { 505, 0 },
};
size_t nrequests = sizeof(requests) / sizeof(*requests);

static void
count(int status)
{
	size_t i;

	for (i = 0; i < nrequests; i++)
		if (requests[i].status == status)
			requests[i].n++;
}

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
	count(reply->status);
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

/* Who is it that wants more than all may? */
static void
authenticate(struct conn *c)
{
	const char *field = http_field(&c->http, "Authorization");
	struct reply reply = { 0 };
	enum rights rights;

	if (!field) {
		demand_password(c);
		return;
	}
	switch (auth_ask(field, c, &rights)) {
	case AUTH_KNOWN:
		serve_verdict(c, rights);
		break;
	case AUTH_ASKED:
		crowd_enter(c, PHASE_AUTH);
		break;
	case AUTH_BUSY:
		reply_error(&reply, 503, "too many passwords to check");
		reply.extra = "Retry-After: 1\r\n";
		answer(c, &reply);
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

