/* crowd.c - connections in their order: who is late, and who has to go */
/* SPDX-License-Identifier: ISC */
/*
 * Connections stand in a list for each phase, in the order in which they
 * entered it. As every phase has one time limit, the first of a list is the
 * next that is late, and the first to go where there are too many.
 */
#include <limits.h>
#include <stdlib.h>

#include "config.h"
#include "httpd.h"
#include "conn.h"
#include "util.h"

enum { LINGER_TIME = 5 };	/* seconds for a client to close as well */

static int64_t phase_time[PHASES] = {
	[PHASE_IDLE]    = HTTP_IDLE_TIME * 1000,
	[PHASE_REQUEST] = HTTP_REQUEST_TIME * 1000,
	/* it may have waited for others before it */
	[PHASE_AUTH]    = 3 * AUTH_TIME * 1000,
	[PHASE_WATCH]   = HTTP_WATCH_TIME * 1000,
	[PHASE_ANSWER]  = HTTP_IDLE_TIME * 1000,
	[PHASE_LINGER]  = LINGER_TIME * 1000,
};

static struct link phases[PHASES], ready, turn, holders, closed;
static uint64_t seen;		/* what mirror_update said last */
size_t crowd_size;
int64_t crowd_now;

static void
list_init(struct link *list)
{
	list->prev = list->next = list;
}

static void
list_remove(struct link *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

/* Makes it the last of list. */
static void
list_append(struct link *list, struct link *link)
{
	list_remove(link);
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

static struct conn *
list_first(const struct link *list)
{
	return list->next->conn;
}

void
crowd_start(void)
{
	int i;

	for (i = 0; i < PHASES; i++)
		list_init(&phases[i]);
	list_init(&ready);
	list_init(&turn);
	list_init(&holders);
	list_init(&closed);
	crowd_look();
}

void
crowd_alone(void)
{
	phase_time[PHASE_IDLE] = HTTP_ALONE_TIME * 1000;
}

void
crowd_look(void)
{
	crowd_now = now_ms();
}

struct conn *
crowd_first(enum phase phase)
{
	return list_first(&phases[phase]);
}

void
crowd_join(struct conn *c)
{
	c->phase_link.conn = c->ready_link.conn = c->memory_link.conn = c;
	crowd_size++;
	crowd_enter(c, PHASE_IDLE);
}

void
crowd_leave(struct conn *c)
{
	list_remove(&c->memory_link);
	list_remove(&c->ready_link);
	/* there may be events for it among those that were just taken */
	list_append(&closed, &c->phase_link);
	crowd_size--;
}

void
crowd_enter(struct conn *c, enum phase phase)
{
	c->phase = phase;
	c->began = crowd_now;
	list_append(&phases[phase], &c->phase_link);
}

void
crowd_again(struct conn *c)
{
	list_append(&ready, &c->ready_link);
}

void
crowd_hold(struct conn *c, int holds)
{
	if (!holds)
		list_remove(&c->memory_link);
	else if (!c->memory_link.next)
		list_append(&holders, &c->memory_link);
}

int
crowd_evict(void)
{
	static const enum phase order[] = {
		PHASE_LINGER, PHASE_IDLE, PHASE_REQUEST, PHASE_WATCH,
		PHASE_ANSWER, PHASE_AUTH
	};
	struct conn *c;
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(*order); i++) {
		c = list_first(&phases[order[i]]);
		if (!c)
			continue;
		conn_close(c);
		return 1;
	}
	return 0;
}

void
crowd_watch(void)
{
	struct link *link, *next, *last;
	struct conn *c;
	uint64_t n;

	if (!list_first(&phases[PHASE_WATCH]))
		return;
	n = mirror_update();
	if (n == seen)
		return;
	seen = n;
	last = phases[PHASE_WATCH].prev;
	for (link = phases[PHASE_WATCH].next; link->conn; link = next) {
		next = link == last ? &phases[PHASE_WATCH] : link->next;
		c = link->conn;
		serve_again(c, 0);
		conn_run(c);
	}
}

void
crowd_expire(void)
{
	struct conn *c;
	int i;

	for (i = 0; i < PHASES; i++)
		while ((c = list_first(&phases[i])) &&
		    c->began + phase_time[i] <= crowd_now)
			conn_late(c);
}

void
crowd_relieve(void)
{
	struct conn *c;

	while (conn_bytes + body_bytes > HTTP_BUFFERS_MAX &&
	    (c = list_first(&holders))) {
		note("too much memory in buffers: a connection is closed");
		conn_reset(c);
	}
}

void
crowd_run(void)
{
	struct conn *c;

	/* those that still are after that have the next turn */
	while ((c = list_first(&ready)))
		list_append(&turn, &c->ready_link);
	while ((c = list_first(&turn))) {
		list_remove(&c->ready_link);
		conn_run(c);
		crowd_relieve();
	}
}

void
crowd_bury(void)
{
	struct conn *c;

	while ((c = list_first(&closed))) {
		list_remove(&c->phase_link);
		free(c);
	}
}

int64_t
crowd_next(void)
{
	int64_t next = INT64_MAX;
	struct conn *c;
	int i;

	if (list_first(&ready))
		return crowd_now;
	for (i = 0; i < PHASES; i++)
		if ((c = list_first(&phases[i])) &&
		    c->began + phase_time[i] < next)
			next = c->began + phase_time[i];
	return next;
}
