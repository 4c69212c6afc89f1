/* due.c - the decision when a service is due */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "due.h"
#include "util.h"

int64_t
due_ms(int64_t seconds)
{
	return seconds > NEVER / 1000 ? NEVER : seconds * 1000;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When it was named; a time to come is a clock that was set back. */
static int64_t
claimed(const struct claim *claim, int64_t now)
{
	return claim->time > now ? 0 : claim->time;
}

/* What is due at t names a service once; after that it does so at again. */
static int64_t
once(int64_t t, int64_t last, int64_t again)
{
	return last == 0 || last < t ? t : again;
}

int64_t
due_look(const char *machine, const char *id, int64_t tried, int64_t interval,
	int64_t now)
{
	uint64_t h;
	char *seed;

	if (tried <= 0 || due_ms(tried) > now)
		return 0;
	/* the machine: a fleet that boots at once shall not ask at once */
	seed = xasprintf("%s %s %lld", machine, id, (long long)tried);
	h = text_hash(seed);
	free(seed);
	interval = interval > 0 ? due_ms(interval) : 1000;
	if (interval > NEVER / 4)
		return NEVER;
	return due_ms(tried) + interval +
	    (int64_t)(h % ((uint64_t)interval / 2 + 1));
}

const char *
due_wanted(const struct service *s, const char *tip)
{
	const char *wanted;

	if (kv_get(&s->conf, "gone"))
		return "gone";
	wanted = service_wanted(s, tip);
	return wanted ? wanted : "";
}

int
due_control(const struct service *s, const struct claim *claim)
{
	if ((s->ctl.poke && strcmp(s->ctl.stamp[POKE], claim->stamp[POKE])) ||
	    (s->ctl.unfreeze &&
	    strcmp(s->ctl.stamp[UNFREEZE], claim->stamp[UNFREEZE])))
		return 1;
	return claim->known &&
	    (strcmp(s->ctl.stamp[FROZEN], claim->stamp[FROZEN]) ||
	    strcmp(s->ctl.stamp[PIN], claim->stamp[PIN]));
}

/* Whether s is not what it should be. */
static int
unsettled(const struct service *s, const char *wanted)
{
	if (kv_get(&s->conf, "gone") || kv_get(&s->status, "todo"))
		return 1;
	return *wanted && !service_is_at(s, wanted);
}

/* Whether something in ctl/, or in what is wanted, makes s due at once. */
static int
changed(const struct service *s, const struct claim *claim, const char *wanted)
{
	if (due_control(s, claim))
		return 1;
	return !claim->known && unsettled(s, wanted);
}

int64_t
due_at(const struct service *s, const struct claim *claim,
	const struct facts *f)
{
	const char *wanted = due_wanted(s, f->tip);
	int64_t retry = due_ms(kv_number(&s->status, "retry", 0));
	int64_t opens = due_ms(kv_number(&s->status, "opens", 0));
	int64_t last = claimed(claim, f->now);
	int64_t again = last + due_ms(RECLAIM), at = NEVER;

	if (changed(s, claim, wanted))
		return 0;
	/* and whoever took it lost it */
	if (s->ctl.poke || s->ctl.unfreeze)
		at = again;
	if (retry)
		at = sooner(at, once(retry, last, NEVER));
	else if (unsettled(s, wanted) && strcmp(wanted, claim->wanted))
		/* its tip moved while it was locked, or by another's fetch */
		at = sooner(at, again);
	if (opens)
		at = sooner(at, once(opens, last, NEVER));
	if (s->ctl.frozen && s->ctl.thaw)
		at = sooner(at, due_ms(s->ctl.thaw));
	if (kv_get(&s->conf, "gone"))
		return at;
	/* what failed before it came to look waits for its retry */
	at = sooner(at, once(f->look, last, later(again, retry)));
	return sooner(at, once(f->drift, last, last + due_ms(DRIFT_EVERY)));
}

int64_t
due_unreadable(const struct claim *claim, int64_t now)
{
	int64_t last = claimed(claim, now);

	return last ? last + due_ms(INTERVAL) : 0;
}

void
claim_take(struct claim *claim, const struct service *s, const char *tip)
{
	claim->known = 1;
	memcpy(claim->stamp, s->ctl.stamp, sizeof(claim->stamp));
	snprintf(claim->wanted, sizeof(claim->wanted), "%s",
	    due_wanted(s, tip));
}
