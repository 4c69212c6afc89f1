/* listing.c - the files of a service at one commit */
/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "pull.h"
#include "listing.h"
#include "util.h"

/*
 * Two commits are compared tree against tree: git gives what is the same the
 * same id, so a directory is read only where its id differs from that of its
 * counterpart. An id is a hash of all that lies below, and libgit2 checks
 * it against what it reads: what is skipped is no less sure than what was
 * published from the other commit.
 */

static const struct object nothing;

void
listing_free(struct listing *l)
{
	size_t i;

	for (i = 0; i < l->nskipped; i++)
		free(l->skipped[i]);
	free(l->skipped);
	plan_free(&l->files);
	plan_free(&l->gone);
}

static void
skip(struct listing *l, const char *path)
{
	l->skipped = xreallocarray(l->skipped, l->nskipped + 1,
	    sizeof(*l->skipped));
	l->skipped[l->nskipped++] = xstrdup(path);
}

static int
file_add(struct listing *l, struct plan *to, const char *path,
	const struct object *object)
{
	struct entry e = { .path = (char *)path };

	/* there may be two of us, and the parent hears of all these paths */
	if ((l->names += path_quoted_max(path)) > NAMES_MAX / 4)
		return fault_set(&l->fault,
		    "too many files, or too long names");
	if (object->mode == GIT_FILEMODE_COMMIT) {
		if (to == &l->files)
			skip(l, path);
		return 0;
	}
	e.mode = object->mode == GIT_FILEMODE_LINK ? 0120000 :
	    object->mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0100755 : 0100644;
	git_oid_tostr(e.id, sizeof(e.id), &object->id);
	if (to->n >= FILES_MAX)
		return fault_set(&l->fault, "more than %d files", FILES_MAX);
	plan_add(to, &e);
	return 0;
}

/* Entries that aren't in git's order can't be compared; nor can two of the
 * same name. */
static int
tree_is_sorted(const git_tree *tree)
{
	size_t i;

	for (i = 1; i < git_tree_entrycount(tree); i++)
		if (git_tree_entry_cmp(git_tree_entry_byindex(tree, i - 1),
		    git_tree_entry_byindex(tree, i)) >= 0)
			return 0;
	return 1;
}

/* Opens the tree, if object is one; *tree is NULL where it isn't. */
static int
tree_read(struct listing *l, git_tree **tree, const struct object *object)
{
	*tree = NULL;
	if (object->mode != GIT_FILEMODE_TREE)
		return 0;
	/* few trees that hold each other twice can be very many */
	if (++l->trees > FILES_MAX)
		return fault_set(&l->fault, "more than %d directories",
		    FILES_MAX);
	return git_tree_lookup(tree, l->repo, &object->id) ?
	    fault_git(&l->fault) : 0;
}

static const git_tree_entry *
entry_at(const git_tree *tree, size_t i)
{
	return tree ? git_tree_entry_byindex(tree, i) : NULL;
}

static struct object
object_of(const git_tree_entry *e)
{
	struct object object = nothing;

	if (e) {
		object.id = *git_tree_entry_id(e);
		object.mode = git_tree_entry_filemode(e);
	}
	return object;
}

static int pair_add(struct listing *, const char *, const struct object *,
	const struct object *, int);

/* Entries of the directory path; one of them may be missing. */
static int
entries_add(struct listing *l, const char *path, const git_tree_entry *old,
	const git_tree_entry *new, int depth)
{
	const char *name = git_tree_entry_name(old ? old : new);
	struct object was = object_of(old), is = object_of(new);
	char below[PATH_MAX];
	int n = snprintf(below, sizeof(below), "%s%s%s", path,
	    *path ? "/" : "", name);

	if (n < 0 || (size_t)n >= sizeof(below) || strchr(name, '/'))
		return fault_set(&l->fault, "refused: the path %s/%s", path,
		    name);
	return pair_add(l, below, &was, &is, depth);
}

/* Two directories, in step; one of them may be NULL. */
static int
trees_add(struct listing *l, const char *path, const git_tree *old,
	const git_tree *new, int depth)
{
	const git_tree_entry *a = entry_at(old, 0), *b = entry_at(new, 0);
	size_t i = 0, j = 0;
	int order, result = 0;

	if (depth > DEPTH_MAX)
		return fault_set(&l->fault, "more than %d directories deep",
		    DEPTH_MAX);
	if (old && new && (!tree_is_sorted(old) || !tree_is_sorted(new)))
		return fault_set(&l->fault, "%s is out of order", path);
	while (result == 0 && (a || b)) {
		order = !a ? 1 : !b ? -1 : git_tree_entry_cmp(a, b);
		result = entries_add(l, path, order <= 0 ? a : NULL,
		    order >= 0 ? b : NULL, depth);
		if (order <= 0)
			a = entry_at(old, ++i);
		if (order >= 0)
			b = entry_at(new, ++j);
	}
	return result;
}

/* What was and is at the path. */
static int
pair_add(struct listing *l, const char *path, const struct object *was,
	const struct object *is, int depth)
{
	git_tree *old = NULL, *new = NULL;
	int result = 0;

	if (was->mode == is->mode && git_oid_equal(&was->id, &is->id))
		return 0;
	if (tree_read(l, &old, was) < 0 || tree_read(l, &new, is) < 0)
		result = -1;
	else if (old || new)
		result = trees_add(l, path, old, new, depth + 1);
	if (result == 0 && was->mode && !old)
		result = file_add(l, &l->gone, path, was);
	if (result == 0 && is->mode && !new)
		result = file_add(l, &l->files, path, is);
	git_tree_free(old);
	git_tree_free(new);
	return result;
}

static int
entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path,
	    ((const struct entry *)b)->path);
}

/* Sorts the files; links may overlap, so one may be there twice. A tree in
 * which a name stands twice is malformed, and refused. */
static int
files_sort(struct listing *l, struct plan *p, const struct service *s)
{
	size_t i, n = 0;

	if (p->n)
		qsort(p->entry, p->n, sizeof(*p->entry), entry_compare);
	for (i = 0; i < p->n; i++) {
		if (!n || strcmp(p->entry[i].path, p->entry[n - 1].path)) {
			p->entry[n++] = p->entry[i];
			continue;
		}
		if (s->ndirs < 2 || strcmp(p->entry[i].id,
		    p->entry[n - 1].id)) {
			p->n = n;
			return fault_set(&l->fault, "a tree holds %s twice",
			    p->entry[n - 1].path);
		}
		free(p->entry[i].path);
	}
	p->n = n;
	return 0;
}

static int
links_add(struct listing *l, const struct content *new,
	const struct content *old)
{
	const struct service *s = new->s;
	size_t i;

	for (i = 0; i < s->ndirs; i++)
		if (pair_add(l, s->dirs[i].link, old ? &old->link[i] :
		    &nothing, &new->link[i], 0) < 0)
			return -1;
	return files_sort(l, &l->gone, s) | files_sort(l, &l->files, s);
}

int
listing_make(struct listing *l, const struct content *new,
	const struct content *old)
{
	size_t trees;

	memset(l, 0, sizeof(*l));
	l->repo = new->repo;
	l->compared = old != NULL;
	if (links_add(l, new, old) == 0)
		return 0;
	if (!old)
		return -1;
	trees = l->trees;
	listing_free(l);
	memset(l, 0, sizeof(*l));
	l->repo = new->repo;
	l->trees = trees;
	return links_add(l, new, NULL);
}
