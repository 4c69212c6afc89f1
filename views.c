/* views.c - requests that look: services, machines, logs, changes, health */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "httpd.h"
#include "json.h"
#include "route.h"
#include "texts.h"
#include "util.h"

enum route
view_page(struct call *call)
{
	page_reply(call->http, call->reply);
	return ROUTE_DONE;
}

enum route
view_metrics(struct call *call)
{
	metrics_reply(call->reply);
	return ROUTE_DONE;
}

/* What the service's commands wrote: as it is. */
enum route
view_measured(struct call *call)
{
	char path[sizeof(call->name) + sizeof("/metrics")], *text;
	size_t len;

	snprintf(path, sizeof(path), "%s/metrics", call->name);
	text = file_read(state_dir, path, METRICS_MAX, &len);
	if (text)
		reply_text(call->reply, METRICS_TYPE, text, len);
	else if (errno == ENOENT)
		reply_error(call->reply, 404, "%s: it has no metrics of its "
		    "own", call->name);
	else
		reply_error(call->reply, 500, "%s: %s", path, strerror(errno));
	return ROUTE_DONE;
}

enum route
view_machines(struct call *call)
{
	struct draft draft;

	if (!draft_open(&draft, call))
		return ROUTE_DONE;
	if (machines_write(draft.f) < 0)
		draft_fail(&draft, call, ".machines");
	else
		draft_reply(&draft, call, NULL);
	return ROUTE_DONE;
}

/* Rendered once, however many ask, until something changes. */
enum route
view_services(struct call *call)
{
	static struct body *last;
	static uint64_t number;
	static int ran, wrong;
	struct reply *reply = call->reply;
	char *fault = here_fault();
	int runs = here_runs(), same;
	struct draft draft;
	size_t i;

	/* with a fault it is rendered each time: it may be another one */
	same = last && number == call->number && ran == runs && !wrong &&
	    !fault;
	ran = runs;
	wrong = fault != NULL;
	if (same) {
		reply->status = 200;
		reply->type = "application/json";
		reply->body = body_hold(last);
		return ROUTE_DONE;
	}
	if (!draft_open(&draft, call)) {
		free(fault);
		return ROUTE_DONE;
	}
	fputs("{\"services\":[", draft.f);
	for (i = 0; i < nimages; i++) {
		if (i)
			putc(',', draft.f);
		show_json(&images[i].show, draft.f);
	}
	putc(']', draft.f);
	here_json(runs, fault, draft.f);
	free(fault);
	fputs("}\n", draft.f);
	draft_reply(&draft, call, NULL);
	body_drop(last);
	last = reply->status == 200 ? body_hold(reply->body) : NULL;
	number = call->number;
	return ROUTE_DONE;
}

enum route
view_service(struct call *call)
{
	const struct image *image = mirror_find(call->name);
	struct draft draft;
	char *fault;

	if (!image) {
		no_service(call);
		return ROUTE_DONE;
	}
	if (!draft_open(&draft, call))
		return ROUTE_DONE;
	fputs("{\"services\":[", draft.f);
	show_json(&image->show, draft.f);
	putc(']', draft.f);
	fault = here_fault();
	here_json(here_runs(), fault, draft.f);
	free(fault);
	fputs("}\n", draft.f);
	draft_reply(&draft, call, NULL);
	return ROUTE_DONE;
}

/* The descriptors of an image are closed: this opens them once more. */
static int
load(struct service *s, struct call *call)
{
	if (service_load(s, call->name) == 0)
		return 0;
	if (errno == ENOENT)
		no_service(call);
	else
		reply_error(call->reply, 500, "%s: %s", call->name,
		    strerror(errno));
	return -1;
}

enum route
view_log(struct call *call)
{
	struct service s;
	struct draft draft;

	if (load(&s, call) < 0)
		return ROUTE_DONE;
	if (draft_open(&draft, call)) {
		if (log_write(&s, draft.f) < 0)
			draft_fail(&draft, call, "log");
		else
			draft_reply(&draft, call, "text/plain; charset=utf-8");
	}
	service_close(&s);
	return ROUTE_DONE;
}

enum route
view_changes(struct call *call)
{
	struct service s;
	struct draft draft;

	if (load(&s, call) < 0)
		return ROUTE_DONE;
	if (draft_open(&draft, call)) {
		if (changes_write(&s, draft.f) < 0)
			draft_fail(&draft, call, "changes");
		else
			draft_reply(&draft, call, NULL);
	}
	service_close(&s);
	return ROUTE_DONE;
}

static void
event_write(const struct event *e, FILE *f)
{
	fprintf(f, "{\"time\":%" PRId64, e->time);
	json_pair(f, "service", e->service);
	json_pair(f, "from", e->from);
	json_pair(f, "to", e->to);
	json_pair(f, "hash", e->hash);
	json_pair(f, "info", e->info);
	putc('}', f);
}

static void
events_write(struct call *call, const struct event *events, size_t n,
	uint64_t next, int begins)
{
	struct draft draft;
	char *fault;
	size_t i;

	if (!draft_open(&draft, call))
		return;
	fprintf(draft.f, "{\"next\":%" PRIu64 ",\"events\":[", next);
	for (i = 0; i < n; i++) {
		if (i)
			putc(',', draft.f);
		event_write(&events[i], draft.f);
	}
	putc(']', draft.f);
	if (begins) {
		fault = here_fault();
		here_json(here_runs(), fault, draft.f);
		free(fault);
	}
	fputs("}\n", draft.f);
	draft_reply(&draft, call, NULL);
}

/* Many wait for the same: they share one text, or a change of many services
 * would cost as much for each of them. */
enum route
view_watch(struct call *call)
{
	static struct body *last;
	static uint64_t number;
	static size_t count;
	struct reply *reply = call->reply;
	const struct event *events;
	char value[32] = "0";
	uint64_t next;
	int64_t since;
	size_t n;

	if (param(call, "since", value, sizeof(value)) < 0)
		return ROUTE_DONE;
	since = parse_number(value);
	if (since < 0) {
		reply_error(call->reply, 400, "since: %s: not a number", value);
		return ROUTE_DONE;
	}
	n = mirror_events((uint64_t)since, &events, &next);
	/* who begins wants a number to go on with, and whether anybody works */
	if (!n && since && !call->late)
		return ROUTE_WAIT;
	if (!n || !since || !mirror_remembers((uint64_t)since)) {
		events_write(call, events, n, next, !since);
		return ROUTE_DONE;
	}
	if (!last || number != call->number || count != n) {
		events_write(call, events, n, next, 0);
		body_drop(last);
		last = reply->status == 200 ? body_hold(reply->body) : NULL;
		number = call->number;
		count = n;
		return ROUTE_DONE;
	}
	reply->status = 200;
	reply->type = "application/json";
	reply->body = body_hold(last);
	return ROUTE_DONE;
}

/* Why a service holds up the answer that all is well, or NULL. */
static const char *
trouble(const struct image *image, int strict)
{
	if (!kv_get(&image->s.status, "applied"))
		return "not applied yet";
	if (strict && (!strcmp(image->show.state, "BROKEN") ||
	    !strcmp(image->show.state, "DIFF")))
		return image->show.state;
	return NULL;
}

/* 200 once each service was applied; with no services, or with nobody who sees
 * to them, there is nothing that anyone could rely on, so that is not well. */
static void
health(struct call *call, int strict)
{
	int runs = here_runs(), well;
	char *fault = here_fault();
	struct draft draft;
	const char *why;
	size_t i, n = 0;

	if (!draft_open(&draft, call)) {
		free(fault);
		return;
	}
	for (i = 0; i < nimages; i++)
		n += trouble(&images[i], strict) != NULL;
	well = runs && nimages && !n && !(strict && fault);
	fprintf(draft.f, "{\"status\":\"%s\"", well ? "ok" : !runs ?
	    "no runner" : !nimages ? "no services" : "unhealthy");
	here_json(runs, fault, draft.f);
	free(fault);
	fputs(",\"services\":[", draft.f);
	for (i = n = 0; i < nimages; i++) {
		why = trouble(&images[i], strict);
		if (!why)
			continue;
		fputs(n++ ? ",{\"service\":" : "{\"service\":", draft.f);
		json_text(draft.f, images[i].s.name);
		json_pair(draft.f, "why", why);
		json_pair(draft.f, "state", images[i].show.state);
		json_pair(draft.f, "stateinfo", images[i].show.info);
		putc('}', draft.f);
	}
	fputs("]}\n", draft.f);
	draft_reply(&draft, call, NULL);
	if (call->reply->status == 200 && !well)
		call->reply->status = 503;
}

enum route
view_health(struct call *call)
{
	char value[8] = "0";

	if (param(call, "strict", value, sizeof(value)) < 0)
		return ROUTE_DONE;
	if (strcmp(value, "0") && strcmp(value, "1"))
		reply_error(call->reply, 400, "strict: %s: neither 0 nor 1",
		    value);
	else
		health(call, *value == '1');
	return ROUTE_DONE;
}
