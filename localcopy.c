/* localcopy.c - from the objects of an upstream that is a directory to ours */
/* SPDX-License-Identifier: ISC */
/*
 * Goes from the tips to what is here already, and copies commits and
 * directories into one pack. What lies in the pack is complete when it is
 * put in its place, so whatever our store has, it has all that belongs to it
 * (but for files' contents), and there is no need to go on from there.
 *
 * A directory differs little from what it was one commit later: it becomes a
 * delta to that. Both are read in step, entry by entry, which tells as well
 * which of the directories in it have to be looked at. All versions of one
 * directory are read in a row, since they are deltas there, too: what they
 * have in common is then still in libgit2's cache.
 *
 * Objects are immutable, so it doesn't matter what happens there meanwhile;
 * but a gc may move one to another pack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <git2.h>

#include "state.h"
#include "blobs.h"
#include "contact.h"
#include "fetch.h"
#include "localrepo.h"
#include "packfile.h"
#include "util.h"

/* An object that has to be here in the end. */
struct item {
	git_oid id;
	git_oid base;		/* a directory much like it, or zeros */
	uint64_t path;		/* a hash of where it lies */
	size_t order;		/* among those of the same path */
};

struct items {
	struct item *item;
	size_t n, room;
};

struct copy {
	struct session *session;
	struct localrepo *from;
	git_odb *to;
	struct packfile *pack;
	struct items commits;	/* what is still to be looked at; and tags */
	struct items trees;	/* the same, all at one depth */
	git_odb_object *last;	/* directory that was read */
	unsigned char *delta;
	size_t len, size;	/* of delta; and what there is room for */
};

static const git_oid none;

static void
push(struct items *items, const git_oid *id, const git_oid *base, uint64_t path)
{
	if (items->n == items->room) {
		items->room = items->room ? 2 * items->room : 64;
		items->item = xreallocarray(items->item, items->room,
		    sizeof(*items->item));
	}
	items->item[items->n] = (struct item){ *id, *base, path, items->n };
	items->n++;
}

static int
fail(const struct copy *c, const git_oid *id, const char *why)
{
	char text[400];

	snprintf(text, sizeof(text), "%s: object %s: %s", c->from->path,
	    git_oid_tostr_s(id), why);
	git_error_set_str(GIT_ERROR_NET, text);
	return -1;
}

static int
object_read(struct copy *c, git_odb_object **object, const git_oid *id)
{
	char why[300];
	int e = git_odb_read(object, c->from->odb, id);

	/* a gc there may have moved it */
	if (e && localrepo_refresh(c->from) < 0)
		return -1;
	if (e)
		e = git_odb_read(object, c->from->odb, id);
	if (e == 0) {
		bytes_came(c->session, git_odb_object_size(*object));
		return 0;
	}
	if (e != GIT_ENOTFOUND) {
		snprintf(why, sizeof(why), "%s", git_message());
		return fail(c, id, why);
	}
	return fail(c, id, localrepo_is_shallow(c->from) ?
	    "it is not there: the repository is a shallow clone" :
	    "it is not there: the repository is damaged, a partial clone, or "
	    "leans on another one that can't be read");
}

static int
is_here(const struct copy *c, const git_oid *id)
{
	return packfile_has(c->pack, id, NULL) ||
	    git_odb_exists_ext(c->to, id, GIT_ODB_LOOKUP_NO_REFRESH);
}

static int
object_add(struct copy *c, git_odb_object *o)
{
	return packfile_add(c->pack, git_odb_object_id(o),
	    git_odb_object_type(o), git_odb_object_data(o),
	    git_odb_object_size(o));
}

/* Deltas, as in gitformat-pack(5) */

static void
delta_byte(struct copy *c, unsigned byte)
{
	if (c->len == c->size) {
		c->size = c->size ? 2 * c->size : 1024;
		c->delta = xreallocarray(c->delta, c->size, 1);
	}
	c->delta[c->len++] = (unsigned char)byte;
}

static void
delta_size(struct copy *c, size_t n)
{
	for (; n > 127; n >>= 7)
		delta_byte(c, 0x80 | (n & 0x7f));
	delta_byte(c, (unsigned)n);
}

/* The next len bytes are those at offset of the base. */
static void
delta_copy(struct copy *c, size_t offset, size_t len)
{
	size_t n, at;
	unsigned i;

	for (; len; len -= n, offset += n) {
		n = len < 0xffff ? len : 0xffff;
		at = c->len;
		delta_byte(c, 0x80);
		for (i = 0; i < 4; i++)
			if (offset >> 8 * i & 0xff) {
				c->delta[at] |= (unsigned char)(1 << i);
				delta_byte(c, offset >> 8 * i & 0xff);
			}
		for (i = 0; i < 2; i++)
			if (n >> 8 * i & 0xff) {
				c->delta[at] |= (unsigned char)(16 << i);
				delta_byte(c, n >> 8 * i & 0xff);
			}
	}
}

/* They are these. */
static void
delta_insert(struct copy *c, const unsigned char *p, size_t len)
{
	size_t n, i;

	for (; len; len -= n, p += n) {
		n = len < 127 ? len : 127;
		delta_byte(c, (unsigned)n);
		for (i = 0; i < n; i++)
			delta_byte(c, p[i]);
	}
}

/* Directories */

struct entry_at {
	const unsigned char *p;	/* NULL: none is left */
	size_t len;
	const char *name;
	const unsigned char *id;
	int is_tree;
};

/* The entry at p, `MODE NAME\0ID`. What is malformed is the end: it is for
 * the reader to complain of. */
static struct entry_at
entry_at(const unsigned char *p, const unsigned char *end)
{
	struct entry_at e = { 0 };
	const unsigned char *blank, *nul;

	blank = p < end ? memchr(p, ' ', (size_t)(end - p)) : NULL;
	nul = blank ? memchr(blank, '\0', (size_t)(end - blank)) : NULL;
	if (!nul || end - nul < 1 + GIT_OID_RAWSZ)
		return e;
	e.p = p;
	e.len = (size_t)(nul - p) + 1 + GIT_OID_RAWSZ;
	e.name = (const char *)blank + 1;
	e.id = nul + 1;
	e.is_tree = *p == '4' ||
	    (blank - p == 6 && memcmp(p, "040000", 6) == 0);
	return e;
}

/* In the order of git, in which a directory's name ends in a slash. */
static int
entry_compare(const struct entry_at *a, const struct entry_at *b)
{
	size_t n = strlen(a->name), m = strlen(b->name);
	int order = memcmp(a->name, b->name, n < m ? n : m);
	unsigned char x, y;

	if (order)
		return order;
	if (n == m)
		return 0;	/* also where a file became a directory */
	x = n > m ? (unsigned char)a->name[m] : a->is_tree ? '/' : 0;
	y = m > n ? (unsigned char)b->name[n] : b->is_tree ? '/' : 0;
	return x - y;
}

struct tree {
	git_odb_object *object;
	const unsigned char *p, *end;
};

static struct tree
tree_of(git_odb_object *o)
{
	const unsigned char *p = o ? git_odb_object_data(o) : NULL;

	return (struct tree){ o, p, o ? p + git_odb_object_size(o) : NULL };
}

static void
subtree_push(struct copy *c, uint64_t path, const struct entry_at *new,
	const struct entry_at *old)
{
	git_oid id, base = none;

	git_oid_fromraw(&id, new->id);
	if (old)
		git_oid_fromraw(&base, old->id);
	push(&c->trees, &id, &base, path * 31 + text_hash(new->name));
}

/* Makes the delta from old to new, and pushes new's directories that old
 * hasn't. */
static void
trees_compare(struct copy *c, uint64_t path, const struct tree *new,
	const struct tree *old)
{
	const unsigned char *p = new->p, *same = NULL, *to = NULL;
	struct entry_at e, was = entry_at(old->p, old->end);
	int order;

	c->len = 0;
	delta_size(c, (size_t)(old->end - old->p));
	delta_size(c, (size_t)(new->end - new->p));
	for (; (e = entry_at(p, new->end)).p; p += e.len) {
		while (was.p && entry_compare(&was, &e) < 0)
			was = entry_at(was.p + was.len, old->end);
		order = was.p ? entry_compare(&was, &e) : 1;
		if (order == 0 && was.len == e.len &&
		    memcmp(was.p, e.p, e.len) == 0) {
			if (same && to != was.p) {
				delta_copy(c, (size_t)(same - old->p),
				    (size_t)(to - same));
				same = NULL;
			}
			if (!same)
				same = was.p;
			to = was.p + was.len;
			continue;
		}
		if (same)
			delta_copy(c, (size_t)(same - old->p),
			    (size_t)(to - same));
		same = NULL;
		delta_insert(c, e.p, e.len);
		if (e.is_tree)
			subtree_push(c, path, &e, order == 0 && was.is_tree ?
			    &was : NULL);
	}
	if (same)
		delta_copy(c, (size_t)(same - old->p), (size_t)(to - same));
	/* what is malformed */
	delta_insert(c, p, (size_t)(new->end - p));
}

static void
subtrees_push(struct copy *c, uint64_t path, const struct tree *new)
{
	struct entry_at e = entry_at(new->p, new->end);

	for (; e.p; e = entry_at(e.p + e.len, new->end))
		if (e.is_tree)
			subtree_push(c, path, &e, NULL);
}

/* Reads what o, a directory, is a delta to; NULL where that isn't here. */
static int
base_read(struct copy *c, git_odb_object **b, const git_oid *base)
{
	*b = NULL;
	if (!packfile_has(c->pack, base, NULL))
		return 0;
	if (!c->last || !git_oid_equal(git_odb_object_id(c->last), base))
		return object_read(c, b, base);
	return git_odb_object_dup(b, c->last);
}

static int
tree_copy(struct copy *c, git_odb_object *o, const struct item *item)
{
	struct tree new = tree_of(o), old = { 0 };
	git_odb_object *b;
	unsigned depth;
	int e = base_read(c, &b, &item->base);

	if (e)
		return e;
	/* a delta is of the kind that its base is */
	if (b && git_odb_object_type(b) != GIT_OBJECT_TREE) {
		git_odb_object_free(b);
		b = NULL;
	}
	if (b) {
		old = tree_of(b);
		trees_compare(c, item->path, &new, &old);
	} else {
		subtrees_push(c, item->path, &new);
	}
	if (b && packfile_has(c->pack, &item->base, &depth) &&
	    depth < PACKFILE_DEPTH && c->len < (size_t)(new.end - new.p))
		e = packfile_add_delta(c->pack, &item->id, &item->base,
		    c->delta, c->len);
	else
		e = object_add(c, o);
	git_odb_object_free(b);
	git_odb_object_free(c->last);
	return e ? e : git_odb_object_dup(&c->last, o);
}

/* Commits and tags */

/* Takes the line `KEY ID` at *p. Returns whether it is that. */
static int
line_take(const char **p, const char *end, const char *key, git_oid *id)
{
	size_t n = strlen(key);

	if ((size_t)(end - *p) < n + 41 || memcmp(*p, key, n) ||
	    (*p)[n + 40] != '\n' || git_oid_fromstrn(id, *p + n, 40))
		return 0;
	*p += n + 41;
	return 1;
}

/* Its parents' directories come after its own, as deltas to that. */
static int
commit_copy(struct copy *c, git_odb_object *o, const git_oid *base)
{
	const char *p = git_odb_object_data(o);
	const char *end = p + git_odb_object_size(o);
	git_oid tree, parent;

	if (!line_take(&p, end, "tree ", &tree))
		return fail(c, git_odb_object_id(o), "it is malformed");
	while (line_take(&p, end, "parent ", &parent))
		push(&c->commits, &parent, &tree, 0);
	push(&c->trees, &tree, base, 0);
	return object_add(c, o);
}

static int
tag_copy(struct copy *c, git_odb_object *o)
{
	const char *p = git_odb_object_data(o);
	git_oid id;

	if (!line_take(&p, p + git_odb_object_size(o), "object ", &id))
		return fail(c, git_odb_object_id(o), "it is malformed");
	push(&c->commits, &id, &none, 0);
	return object_add(c, o);
}

static int
item_copy(struct copy *c, const struct item *item)
{
	git_odb_object *o;
	int e;

	if (is_here(c, &item->id))
		return 0;
	if ((e = object_read(c, &o, &item->id)))
		return e;
	switch (git_odb_object_type(o)) {
	case GIT_OBJECT_COMMIT: e = commit_copy(c, o, &item->base); break;
	case GIT_OBJECT_TREE: e = tree_copy(c, o, item); break;
	case GIT_OBJECT_TAG: e = tag_copy(c, o); break;
	default: e = object_add(c, o);
	}
	git_odb_object_free(o);
	return e;
}

/* The whole of it */

static int
copy_begin(struct copy *c, struct session *session)
{
	char *dir = xasprintf("%sobjects/pack",
	    git_repository_path(session->repo));
	int e;

	memset(c, 0, sizeof(*c));
	c->session = session;
	c->from = session->local;
	e = git_repository_odb(&c->to, session->repo);
	if (!e)
		e = packfile_new(&c->pack, dir);
	free(dir);
	return e;
}

static int
item_compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Copies all directories that are known of, and what lies in them. */
static int
trees_copy(struct copy *c)
{
	struct items items;
	size_t i;
	int e = 0;

	while (!e && c->trees.n) {
		items = c->trees;
		memset(&c->trees, 0, sizeof(c->trees));
		qsort(items.item, items.n, sizeof(*items.item), item_compare);
		for (i = 0; !e && i < items.n; i++)
			e = item_copy(c, &items.item[i]);
		free(items.item);
	}
	return e;
}

/* Copies all that was pushed; e: what went wrong before. */
static int
copy_end(struct copy *c, int e)
{
	struct item item;

	/* a directory's entry may name a commit */
	while (!e && (c->commits.n || c->trees.n)) {
		if (c->commits.n) {
			item = c->commits.item[--c->commits.n];
			e = item_copy(c, &item);
		} else {
			e = trees_copy(c);
		}
	}
	if (!e)
		e = packfile_end(c->pack);
	if (!e)
		e = git_odb_refresh(c->to);
	packfile_free(c->pack);
	git_odb_object_free(c->last);
	git_odb_free(c->to);
	free(c->commits.item);
	free(c->trees.item);
	free(c->delta);
	return e;
}

int
localcopy_history(struct session *session)
{
	const struct upstream *up = session->fetch->up;
	const git_remote_head *head;
	struct copy c;
	git_oid id;
	size_t i;
	int e = copy_begin(&c, session);

	for (i = 0; !e && i < up->nbranches; i++) {
		head = branch_head(session, up->branch[i]);
		if (head)
			push(&c.commits, &head->oid, &none, 0);
		/* a commit by its name, which may not be there */
		else if (strlen(up->branch[i]) == 40 &&
		    is_hash(up->branch[i], 40) &&
		    git_oid_fromstr(&id, up->branch[i]) == 0 &&
		    git_odb_exists(c.from->odb, &id))
			push(&c.commits, &id, &none, 0);
	}
	return copy_end(&c, e);
}

int
localcopy_objects(struct session *session, const struct ids *ids)
{
	struct copy c;
	size_t i;
	int e = copy_begin(&c, session);

	for (i = ids->n; !e && i; i--)
		push(&c.commits, &ids->id[i - 1], &none, 0);
	return copy_end(&c, e);
}
