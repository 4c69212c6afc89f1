/* orders.c - requests that want something of a service */
/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "httpd.h"
#include "route.h"
#include "steer.h"
#include "util.h"

enum { VALUE_MAX = 64 };

/* What is asked for. */
struct order {
	int (*give)(const struct service *s, const struct order *order,
	    char why[WHY_MAX]);
	int64_t thaw;
	const char *hash;
	const char *how;	/* to pull */
	const char *by;		/* the user, where there are some */
};

static int
freeze(const struct service *s, const struct order *order, char why[WHY_MAX])
{
	return steer_freeze(s, order->thaw, order->by, why);
}

static int
unfreeze(const struct service *s, const struct order *order, char why[WHY_MAX])
{
	(void)order;
	return steer_unfreeze(s, why);
}

static int
rollback(const struct service *s, const struct order *order, char why[WHY_MAX])
{
	return steer_rollback(s, order->hash, order->by, why);
}

static int
pull(const struct service *s, const struct order *order, char why[WHY_MAX])
{
	return steer_pull(s, order->how, why);
}

/* Writes it down for the runner; answers with the service as it is then. */
static enum route
give(struct call *call, struct order *order)
{
	struct service s;
	char why[WHY_MAX], by[VALUE_MAX];
	int result, saved;

	if (call->http->checked)
		order->by = auth_name(http_field(call->http, "Authorization"),
		    by, sizeof(by));
	if (service_load(&s, call->name) < 0) {
		if (errno == ENOENT)
			no_service(call);
		else
			reply_error(call->reply, 500, "%s: %s", call->name,
			    strerror(errno));
		return ROUTE_DONE;
	}
	result = order->give(&s, order, why);
	saved = errno;
	service_close(&s);
	if (result == 0) {
		call->number = mirror_update();
		return view_service(call);
	}
	reply_error(call->reply, saved == EPERM || saved == EACCES ? 403 : 500,
	    "%s: %s", call->name, why);
	return ROUTE_DONE;
}

/* The value of a parameter, or else what stands behind the name. As param. */
static int
value(struct call *call, const char *key, char buf[VALUE_MAX])
{
	int found = param(call, key, buf, VALUE_MAX);

	if (found || !*call->more)
		return found;
	memcpy(buf, call->more, sizeof(call->more));
	return 1;
}

enum route
order_freeze(struct call *call)
{
	struct order order = { .give = freeze };
	char text[VALUE_MAX];
	int64_t seconds;
	int found = param(call, "dur", text, sizeof(text));

	if (found == 0)
		found = value(call, "duration", text);
	if (found < 0)
		return ROUTE_DONE;
	if (found) {
		seconds = parse_duration(text);
		if (seconds <= 0) {
			reply_error(call->reply, 400, "%s: not a duration, "
			    "such as 5m, 1h30m or 50 (seconds)", text);
			return ROUTE_DONE;
		}
		order.thaw = time(NULL) + seconds;
	}
	return give(call, &order);
}

enum route
order_unfreeze(struct call *call)
{
	struct order order = { .give = unfreeze };

	return give(call, &order);
}

enum route
order_rollback(struct call *call)
{
	char text[VALUE_MAX], hash[VALUE_MAX], *p;
	struct order order = { .give = rollback, .hash = hash };
	int found = value(call, "to", text);

	if (found < 0)
		return ROUTE_DONE;
	if (!found)
		*text = '\0';
	snprintf(hash, sizeof(hash), "%s", text);
	for (p = hash; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!is_hash(hash, 7)) {
		reply_error(call->reply, 400, *text ? "to: %s: not a commit: "
		    "7 to 40 hex digits" : "to which commit? to=HASH says so",
		    text);
		return ROUTE_DONE;
	}
	return give(call, &order);
}

enum route
order_pull(struct call *call)
{
	struct order order = { .give = pull, .how = "" };

	return give(call, &order);
}

enum route
order_redo(struct call *call)
{
	struct order order = { .give = pull, .how = "redo" };

	return give(call, &order);
}

enum route
order_accept(struct call *call)
{
	struct order order = { .give = pull, .how = "accept" };

	return give(call, &order);
}

enum route
order_wipe(struct call *call)
{
	struct order order = { .give = pull, .how = "wipe" };

	return give(call, &order);
}
