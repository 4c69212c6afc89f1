/* route.c - what is to be had of gitopper-httpd, and by whom */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "httpd.h"
#include "route.h"

enum { NAMED = 1, MORE = 2, POST = 4 };

static const struct place_of {
	const char *path;
	int flags;	/* NAMED: a service's name comes next; MORE: or more */
	enum route (*answer)(struct call *call);
} table[] = {
	{ "/", 0, view_page },
	{ "/metrics", 0, view_metrics },
	{ "/metrics/", NAMED, view_measured },
	{ "/health", 0, view_health },
	{ "/watch", 0, view_watch },
	{ "/list/machines", 0, view_machines },
	{ "/list/machine", 0, view_machines },
	{ "/list/services", 0, view_services },
	{ "/list/service", 0, view_services },
	{ "/list/services/", NAMED, view_service },
	{ "/list/service/", NAMED, view_service },
	{ "/log/", NAMED, view_log },
	{ "/changes/", NAMED, view_changes },
	/* the older gitopper said state, and ?to=HASH; the newer one do */
	{ "/state/freeze/", POST | NAMED | MORE, order_freeze },
	{ "/state/unfreeze/", POST | NAMED, order_unfreeze },
	{ "/state/rollback/", POST | NAMED | MORE, order_rollback },
	{ "/state/redo/", POST | NAMED, order_redo },
	{ "/state/pull/", POST | NAMED, order_pull },
	{ "/state/accept/", POST | NAMED, order_accept },
	{ "/state/wipe/", POST | NAMED, order_wipe },
	{ "/do/freeze/", POST | NAMED | MORE, order_freeze },
	{ "/do/unfreeze/", POST | NAMED, order_unfreeze },
	{ "/do/rollback/", POST | NAMED | MORE, order_rollback },
	{ "/do/redo/", POST | NAMED, order_redo },
	{ "/do/pull/", POST | NAMED, order_pull },
	{ "/do/accept/", POST | NAMED, order_accept },
	{ "/do/wipe/", POST | NAMED, order_wipe },
};

FILE *
draft_open(struct draft *draft, struct call *call)
{
	draft->buf = NULL;
	draft->len = 0;
	draft->f = open_memstream(&draft->buf, &draft->len);
	if (!draft->f)
		reply_error(call->reply, 500, "%s", strerror(errno));
	return draft->f;
}

void
draft_reply(struct draft *draft, struct call *call, const char *type)
{
	if (fclose(draft->f) == EOF) {
		free(draft->buf);
		reply_error(call->reply, 500, "%s", strerror(errno));
		return;
	}
	reply_text(call->reply, type ? type : "application/json", draft->buf,
	    draft->len);
}

void
draft_fail(struct draft *draft, struct call *call, const char *what)
{
	reply_error(call->reply, 500, "%s%s%s: %s", call->name,
	    *call->name ? ": " : "", what, strerror(errno));
	fclose(draft->f);
	free(draft->buf);
}

void
no_service(struct call *call)
{
	reply_error(call->reply, 404, "%s: no such service", call->name);
}

/* Whether the body is of that media type. */
static int
body_is(const struct http *h, const char *wanted)
{
	const char *type = http_field(h, "Content-Type");
	size_t n = strlen(wanted);

	return type && strncasecmp(type, wanted, n) == 0 &&
	    (!type[n] || strchr("; \t", type[n]));
}

static int
is_form(const struct http *h)
{
	return body_is(h, "application/x-www-form-urlencoded");
}

/* No form of another site's page can send that: a browser asks us first
 * (OPTIONS), and has no permission. */
static int
is_json(const struct http *h)
{
	return body_is(h, "application/json");
}

int
param(struct call *call, const char *key, char *buf, size_t size)
{
	const struct http *h = call->http;
	int found = http_param(h->query, key, buf, size);

	if (found == 0 && h->method == HTTP_POST && h->body_len) {
		if (!is_json(h))
			found = http_param(h->body, key, buf, size);
		else if (strlen(h->body) < h->body_len)
			found = -1;
		else
			found = http_json_param(h->body, key, buf, size);
	}
	if (found < 0)
		reply_error(call->reply, 400, "%s: not a value that it can "
		    "have", key);
	return found;
}

/* Copies n bytes where they fit. */
static int
piece(char *buf, size_t size, const char *s, size_t n)
{
	if (n >= size)
		return 0;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return 1;
}

/* Whether the path is that of p; then takes the rest of it apart. */
static int
path_fits(const struct place_of *p, const char *path, struct call *call)
{
	size_t n = strlen(p->path), len = strlen(path), name;

	if (len > 1 && path[len - 1] == '/')
		len--;
	if (!(p->flags & NAMED))
		return len == n && strncmp(path, p->path, n) == 0;
	if (len <= n || strncmp(path, p->path, n))
		return 0;
	path += n;
	len -= n;
	name = strcspn(path, "/");
	if (name > len)
		name = len;
	if (!piece(call->name, sizeof(call->name), path, name) ||
	    !service_name_ok(call->name))
		return 0;
	if (name == len)
		return 1;
	return p->flags & MORE && piece(call->more, sizeof(call->more),
	    path + name + 1, len - name - 1);
}

static const struct place_of *
find(struct call *call)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		*call->name = *call->more = '\0';
		if (path_fits(&table[i], call->http->path, call))
			return &table[i];
	}
	return NULL;
}

/* Whether the method is one for that place; else answers so. */
static int
method_fits(const struct place_of *p, const struct http *h,
	struct reply *reply)
{
	int post = p->flags & POST;

	if (post ? h->method == HTTP_POST :
	    h->method == HTTP_GET || h->method == HTTP_HEAD)
		return 1;
	if (h->method == HTTP_OPTIONS) {
		reply->status = 204;
		reply->allow = post ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
		return 0;
	}
	reply_error(reply, 405, "%s is for %s", p->path,
	    post ? "POST" : "GET and HEAD");
	reply->allow = post ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
	return 0;
}

enum route
route(const struct http *h, enum peer peer, enum rights rights, int late,
	struct reply *reply)
{
	struct call call = { .http = h, .late = late, .reply = reply };
	const struct place_of *p = find(&call);
	int post = p && p->flags & POST;

	if (rights < RIGHTS_READ) {
		guard_refuse(h, peer, reply);
	} else if (!p && h->method == HTTP_OPTIONS && *h->path == '*') {
		/* it is about the server as a whole */
		reply->status = 204;
		reply->allow = "GET, HEAD, POST, OPTIONS";
	} else if (!p) {
		reply_error(reply, 404, "there is nothing at %.200s", h->path);
	} else if (!method_fits(p, h, reply)) {
		;
	} else if (post && (rights < RIGHTS_WRITE || options.readonly)) {
		guard_refuse(h, peer, reply);
	} else if (post && h->body_len && !is_form(h) && !is_json(h)) {
		/* what it asks for would be passed over in silence */
		reply_error(reply, 415, "parameters are taken from the query, "
		    "from a form (application/x-www-form-urlencoded) or from "
		    "an object (application/json)");
	} else {
		call.number = mirror_update();
		if (!*call.name || mirror_find(call.name))
			return p->answer(&call);
		no_service(&call);
	}
	return ROUTE_DONE;
}
