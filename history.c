/* history.c - whether one commit came before another */
/* SPDX-License-Identifier: ISC */
/*
 * Whoever wrote the object store may have left more there than objects: a
 * commit-graph, `shallow` or info/grafts would each give commits other parents
 * than they have. So they are read here, out of what libgit2 has hashed.
 *
 * All commits that lead to tip or to id are looked at, newest first, up to
 * where none is left that tip alone leads to: what id leads to as well lies
 * behind it. A clock that was wrong costs time and changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "pull.h"
#include "listing.h"
#include "util.h"

enum { FROM_TIP = 1, FROM_ID = 2 };

struct commit {
	git_oid id;
	int64_t time;
	size_t parent, nparents;	/* where in history.parent */
	int from;
	int queued;
};

struct history {
	git_odb *odb;
	struct commit *commit;
	size_t n;
	git_oid *parent;
	size_t nparents;
	size_t *slot, nslots;	/* by id: which commit, from 1; 0: none */
	size_t *queue, nqueue;	/* a heap of commits, newest first */
	size_t open;		/* of these, those that tip alone leads to */
};

/* Grows an array of n at powers of two. */
static void *
room(void *array, size_t n, size_t size)
{
	return n & (n - 1) ? array :
	    xreallocarray(array, n ? 2 * n : 1, size);
}

/* Takes parents and time out of a commit's text. */
static void
commit_parse(struct history *w, struct commit *c, const char *text, size_t len)
{
	const char *p = memchr(text, '\n', len), *end;

	c->parent = w->nparents;
	while (p && text + len - p > 48 && memcmp(p, "\nparent ", 8) == 0) {
		w->parent = room(w->parent, w->nparents, sizeof(*w->parent));
		if (git_oid_fromstrn(&w->parent[w->nparents], p + 8, 40))
			break;
		w->nparents++;
		c->nparents++;
		p += 48;
	}
	p = p ? memmem(p, (size_t)(text + len - p), "\ncommitter ", 11) : NULL;
	end = p ? memchr(p + 1, '\n', (size_t)(text + len - p - 1)) : NULL;
	p = end ? memrchr(p, '>', (size_t)(end - p)) : NULL;
	c->time = p ? strtoll(p + 1, NULL, 10) : 0;
}

static size_t *
slot_find(const struct history *w, const git_oid *id)
{
	size_t i;

	memcpy(&i, id->id, sizeof(i));
	for (;; i++) {
		i &= w->nslots - 1;
		if (!w->slot[i] ||
		    git_oid_equal(&w->commit[w->slot[i] - 1].id, id))
			return &w->slot[i];
	}
}

/* At most half of them are taken. */
static void
slots_grow(struct history *w)
{
	size_t i;

	if (w->nslots > 2 * w->n)
		return;
	free(w->slot);
	w->nslots = w->nslots ? 2 * w->nslots : 64;
	w->slot = xreallocarray(NULL, w->nslots, sizeof(*w->slot));
	memset(w->slot, 0, w->nslots * sizeof(*w->slot));
	for (i = 0; i < w->n; i++)
		*slot_find(w, &w->commit[i].id) = i + 1;
}

/* The commit of that id, read if it is new; NULL: it can't be. */
static struct commit *
commit_at(struct history *w, const git_oid *id)
{
	struct commit c = { .id = *id };
	git_odb_object *object;
	size_t *slot;

	slots_grow(w);
	slot = slot_find(w, id);
	if (*slot)
		return &w->commit[*slot - 1];
	if (git_odb_read(&object, w->odb, id))
		return NULL;
	if (git_odb_object_type(object) != GIT_OBJECT_COMMIT) {
		git_odb_object_free(object);
		git_error_set_str(GIT_ERROR_OBJECT, "a parent is no commit");
		return NULL;
	}
	commit_parse(w, &c, git_odb_object_data(object),
	    git_odb_object_size(object));
	git_odb_object_free(object);
	w->commit = room(w->commit, w->n, sizeof(*w->commit));
	w->commit[w->n++] = c;
	*slot = w->n;
	return &w->commit[w->n - 1];
}

static int
is_newer(const struct history *w, size_t a, size_t b)
{
	return w->commit[w->queue[a]].time > w->commit[w->queue[b]].time;
}

static void
swap(struct history *w, size_t a, size_t b)
{
	size_t was = w->queue[a];

	w->queue[a] = w->queue[b];
	w->queue[b] = was;
}

static void
queue_add(struct history *w, size_t commit)
{
	size_t i = w->nqueue;

	w->queue = room(w->queue, w->nqueue, sizeof(*w->queue));
	w->queue[w->nqueue++] = commit;
	for (; i && is_newer(w, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(w, i, (i - 1) / 2);
}

static size_t
queue_take(struct history *w)
{
	size_t first = w->queue[0], i = 0, k;

	swap(w, 0, --w->nqueue);
	while ((k = 2 * i + 1) < w->nqueue) {
		k += k + 1 < w->nqueue && is_newer(w, k + 1, k);
		if (!is_newer(w, k, i))
			break;
		swap(w, i, k);
		i = k;
	}
	return first;
}

/* The commit is reached from there, too. */
static int
reach(struct history *w, const git_oid *id, int from)
{
	struct commit *c = commit_at(w, id);

	if (!c)
		return -1;
	if ((c->from | from) == c->from)
		return 0;
	w->open -= c->queued && c->from == FROM_TIP;
	c->from |= from;
	w->open += c->from == FROM_TIP;
	if (!c->queued)
		queue_add(w, (size_t)(c - w->commit));
	c->queued = 1;
	return 0;
}

/* Takes the newest commit, and goes on to its parents. */
static int
step(struct history *w)
{
	struct commit c;
	git_oid id;
	size_t i, at = queue_take(w);

	w->commit[at].queued = 0;
	c = w->commit[at];
	w->open -= c.from == FROM_TIP;
	for (i = 0; i < c.nparents; i++) {
		id = w->parent[c.parent + i];
		if (reach(w, &id, c.from) < 0)
			return -1;
	}
	return 0;
}

int
history_has(git_repository *repo, const git_oid *tip, const git_oid *id)
{
	struct history w = { 0 };
	int result = 0;

	if (git_repository_odb(&w.odb, repo))
		return -1;
	/* id is the first of them */
	if (reach(&w, id, FROM_ID) < 0 || reach(&w, tip, FROM_TIP) < 0)
		result = -1;
	while (result == 0 && w.open && !(w.commit[0].from & FROM_TIP))
		result = step(&w);
	if (result == 0)
		result = (w.commit[0].from & FROM_TIP) != 0;
	free(w.commit);
	free(w.parent);
	free(w.slot);
	free(w.queue);
	git_odb_free(w.odb);
	return result;
}
