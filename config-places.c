/* config-places.c - no two places of the config file in one another */
/* SPDX-License-Identifier: ISC */
/*
 * Each service would have to be compared with all before it. A set of hashes
 * tells those that can't be in anybody's way: nearly all. It has the names and
 * places of all services so far, the directories above these places, and what
 * each upstream's secrets are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-read.h"
#include "config-value.h"
#include "util.h"

/* What a text is, for the set. */
enum {
	NAME = 1, PLACE, ABOVE_PLACE, WORK, ABOVE_WORK, KEY, KEY_VALUE
};

/* The slot of the hash, or the free one that it would get. */
static uint64_t *
slot_find(const struct hashes *h, uint64_t hash)
{
	size_t i = (size_t)hash & (h->room - 1);

	while (h->slot[i] && h->slot[i] != hash)
		i = (i + 1) & (h->room - 1);
	return &h->slot[i];
}

static uint64_t
salted(uint64_t hash, int kind)
{
	hash = (hash ^ (unsigned)kind) * 0x9e3779b97f4a7c15;
	hash ^= hash >> 32;
	return hash ? hash : 1;		/* 0 is a free slot */
}

static int
hash_has(const struct hashes *h, uint64_t hash, int kind)
{
	return h->room && *slot_find(h, salted(hash, kind));
}

static void
hash_add(struct hashes *h, uint64_t hash, int kind)
{
	struct hashes old = *h;
	uint64_t *slot;
	size_t i;

	if (2 * h->n >= h->room) {
		h->room = h->room ? 2 * h->room : 1024;
		h->slot = xreallocarray(NULL, h->room, sizeof(*h->slot));
		memset(h->slot, 0, h->room * sizeof(*h->slot));
		for (i = 0; i < old.room; i++)
			if (old.slot[i])
				*slot_find(h, old.slot[i]) = old.slot[i];
		free(old.slot);
	}
	slot = slot_find(h, salted(hash, kind));
	h->n += *slot == 0;
	*slot = salted(hash, kind);
}

int
taken_otherwise(struct hashes *h, const char *key, const char *value)
{
	char *both = xasprintf("%s\n%s", key, value);
	uint64_t one = text_hash(key), all = text_hash(both);
	int known = hash_has(h, one, KEY), same = hash_has(h, all, KEY_VALUE);

	free(both);
	hash_add(h, one, KEY);
	hash_add(h, all, KEY_VALUE);
	return known && !same;
}

/* The hash of the first component of *path that hasn't been read and all
 * before it, as text_hash has it; hash is that of what has been. */
static uint64_t
hash_next(uint64_t hash, const char **path)
{
	do
		hash = (hash ^ (unsigned char)*(*path)++) * 0x100000001b3;
	while (**path && **path != '/');
	return hash;
}

/* Whether path may be, lie in or hold one of that kind. */
static int
may_meet(const struct hashes *h, const char *path, int kind)
{
	uint64_t hash = text_hash("");

	if (!path || !*path)
		return 0;
	while (*path) {
		hash = hash_next(hash, &path);
		if (hash_has(h, hash, kind))
			return 1;
	}
	return hash_has(h, hash, kind + 1);
}

static void
place_add(struct hashes *h, const char *path, int kind)
{
	uint64_t hash = text_hash("");

	while (path && *path) {
		hash = hash_next(hash, &path);
		hash_add(h, hash, *path ? kind + 1 : kind);
	}
}

static void
service_note(struct hashes *h, const struct config_service *s)
{
	size_t i;

	hash_add(h, text_hash(s->name), NAME);
	for (i = 0; i < s->ndirs; i++)
		place_add(h, s->dirs[i].local, PLACE);
	place_add(h, s->tree, PLACE);
	place_add(h, s->work, WORK);
}

static int
service_may_meet(const struct hashes *h, const struct config_service *s)
{
	size_t i;

	if (hash_has(h, text_hash(s->name), NAME) ||
	    may_meet(h, s->tree, PLACE) || may_meet(h, s->work, PLACE))
		return 1;
	for (i = 0; i < s->ndirs; i++)
		if (may_meet(h, s->dirs[i].local, PLACE) ||
		    may_meet(h, s->dirs[i].local, WORK))
			return 1;
	return 0;
}

/* A fault where path, of s, and other, which is what is said of owner, lie
 * one in the other. */
static void
apart(struct reader *r, size_t line, size_t column, const char *what,
	const char *path, const char *other, const char *said,
	const char *owner)
{
	char whose[160];
	const char *how;

	if (!path || !other || !*path || !*other)
		return;
	if (strcmp(path, other) == 0)
		how = "is also";
	else if (path_inside(path, other))
		how = "lies in";
	else if (path_inside(other, path))
		how = "holds";
	else
		return;
	snprintf(whose, sizeof(whose), "%s%s", said, owner);
	fault(r, line, column, "%s %.100s %s %.100s, %.100s", what, path, how,
	    other, whose);
}

/* The places of s are none of those that o, s itself or an earlier service,
 * has taken: what is mounted on one would hide the other. */
static void
service_apart(struct reader *r, const struct config_service *s,
	const struct config_service *o)
{
	static const char local[] = "a local of ", tree[] = "the tree of ";
	const struct config_dir *d;
	size_t i, j;

	for (i = 0; i < s->ndirs; i++) {
		d = &s->dirs[i];
		for (j = 0; j < o->ndirs && &o->dirs[j] != d; j++)
			apart(r, AT(d), "local", d->local, o->dirs[j].local,
			    local, o->name);
		apart(r, AT(d), "local", d->local, o->tree, tree, o->name);
		apart(r, AT(d), "local", d->local, o->work, "which is ours",
		    "");
	}
	if (s == o)
		return;
	for (i = 0; i < o->ndirs; i++) {
		apart(r, AT(s), "the tree", s->tree, o->dirs[i].local, local,
		    o->name);
		apart(r, AT(s), "mount's", s->work, o->dirs[i].local, local,
		    o->name);
	}
	apart(r, AT(s), "the tree", s->tree, o->tree, tree, o->name);
}

void
places_check_host(struct reader *r, const struct config_service *s)
{
	const struct config_service *o;
	const char *const *state;
	size_t i;
	int alone = !service_may_meet(&r->c->taken, s);

	service_note(&r->c->taken, s);
	for (state = r->host->state; *state; state++) {
		static const char whose[] = "the state directory";

		for (i = 0; i < s->ndirs; i++)
			apart(r, AT(&s->dirs[i]), "local", s->dirs[i].local,
			    *state, whose, "");
		apart(r, AT(s), "the tree", s->tree, *state, whose, "");
	}
	for (i = 0; !alone && i < r->c->nservices; i++) {
		o = &r->c->services[i];
		if (strcmp(o->name, s->name))
			service_apart(r, s, o);
		else if (o->line)
			fault(r, AT(s), "service %s is already defined at "
			    "%zu:%zu for this host", s->name, AT(o));
		else
			fault(r, AT(s), "service %s is what -U brings",
			    s->name);
	}
}

void
places_check(struct reader *r, const struct config_service *s)
{
	service_apart(r, s, s);
}
