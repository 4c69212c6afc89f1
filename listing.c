/* listing.c - the files of a service at one commit */
/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "pull.h"
#include "listing.h"
#include "util.h"

void
listing_free(struct listing *l)
{
	size_t i;

	for (i = 0; i < l->nskipped; i++)
		free(l->skipped[i]);
	free(l->skipped);
	free(l->content);
	plan_free(&l->files);
}

static int
refuse(struct listing *l, const char *fmt, ...)
{
	va_list ap;

	if (!*l->error) {
		va_start(ap, fmt);
		vsnprintf(l->error, sizeof(l->error), fmt, ap);
		va_end(ap);
	}
	return -1;
}

static int
refuse_git(struct listing *l)
{
	l->damaged = git_damage();
	return refuse(l, "%s", git_message());
}

static void
skip(struct listing *l, const char *path)
{
	l->skipped = xreallocarray(l->skipped, l->nskipped + 1,
	    sizeof(*l->skipped));
	l->skipped[l->nskipped++] = xstrdup(path);
}

static int
file_add(struct listing *l, const char *path, const git_oid *id,
	git_filemode_t mode)
{
	struct entry e = { .path = (char *)path };

	e.mode = mode == GIT_FILEMODE_LINK ? 0120000 :
	    mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0100755 : 0100644;
	git_oid_tostr(e.id, sizeof(e.id), id);
	if (l->files.n >= FILES_MAX)
		return refuse(l, "more than %d files", FILES_MAX);
	plan_add(&l->files, &e);
	return 0;
}

static int tree_add(struct listing *, const char *, const git_oid *, int);

static int
entry_add(struct listing *l, const char *path, const git_oid *id,
	git_filemode_t mode, int depth)
{
	if (mode == GIT_FILEMODE_TREE)
		return tree_add(l, path, id, depth + 1);
	/* the parent hears of a path thrice at most: gone, new, and its file */
	if ((l->names += strlen(path)) > NAMES_MAX / 4)
		return refuse(l, "too many files, or too long names");
	if (mode == GIT_FILEMODE_COMMIT) {
		skip(l, path);
		return 0;
	}
	return file_add(l, path, id, mode);
}

static int
tree_add(struct listing *l, const char *path, const git_oid *id, int depth)
{
	const git_tree_entry *e;
	git_tree *tree;
	char below[PATH_MAX];
	const char *name;
	size_t i;
	int n = 0;

	if (depth > DEPTH_MAX)
		return refuse(l, "more than %d directories deep", DEPTH_MAX);
	/* few trees that hold each other twice can be very many */
	if (++l->trees > FILES_MAX)
		return refuse(l, "more than %d directories", FILES_MAX);
	if (git_tree_lookup(&tree, l->repo, id))
		return refuse_git(l);
	for (i = 0; n >= 0 && i < git_tree_entrycount(tree); i++) {
		e = git_tree_entry_byindex(tree, i);
		name = git_tree_entry_name(e);
		n = snprintf(below, sizeof(below), "%s%s%s", path,
		    *path ? "/" : "", name);
		if (n < 0 || (size_t)n >= sizeof(below) || strchr(name, '/'))
			n = refuse(l, "refused: the path %s/%s", path, name);
		else
			n = entry_add(l, below, git_tree_entry_id(e),
			    git_tree_entry_filemode(e), depth);
	}
	git_tree_free(tree);
	return n < 0 ? -1 : 0;
}

/* Notes what content a link has, and lists the files in it if asked to. */
static int
link_add(struct listing *l, git_tree *root, const struct dir *dir, int files)
{
	git_tree_entry *e = NULL;
	git_filemode_t mode = GIT_FILEMODE_TREE;
	git_oid id = *git_tree_id(root);
	char hex[41], *content;
	int result = 0;

	if (*dir->link) {
		if (git_tree_entry_bypath(&e, root, dir->link))
			return refuse(l, "there is no %s", dir->link);
		id = *git_tree_entry_id(e);
		mode = git_tree_entry_filemode(e);
		git_tree_entry_free(e);
	}
	git_oid_tostr(hex, sizeof(hex), &id);
	content = xasprintf("%s%o %s %s\n", l->content ? l->content : "",
	    (unsigned)mode, hex, dir->link);
	free(l->content);
	l->content = content;
	if (dir->file && mode == GIT_FILEMODE_TREE)
		return refuse(l, "%s is a directory, not a file", dir->link);
	if (!dir->file && mode != GIT_FILEMODE_TREE && *dir->local)
		return refuse(l, "%s is a file, and the config lacks "
		    "`file = true`", dir->link);
	if (files)
		result = entry_add(l, dir->link, &id, mode, 0);
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
listing_sort(struct listing *l, const struct service *s)
{
	struct plan *p = &l->files;
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
			return refuse(l, "a tree holds %s twice",
			    p->entry[n - 1].path);
		}
		free(p->entry[i].path);
	}
	p->n = n;
	return 0;
}

int
listing_make(struct listing *l, git_repository *repo, const struct service *s,
	const git_oid *id, int files)
{
	git_commit *commit;
	git_tree *tree;
	size_t i;
	int result = 0;

	memset(l, 0, sizeof(*l));
	l->repo = repo;
	if (git_commit_lookup(&commit, repo, id))
		return refuse_git(l);
	if (git_commit_tree(&tree, commit)) {
		git_commit_free(commit);
		return refuse_git(l);
	}
	for (i = 0; result == 0 && i < s->ndirs; i++)
		result = link_add(l, tree, &s->dirs[i], files);
	git_tree_free(tree);
	git_commit_free(commit);
	if (result == 0 && files)
		result = listing_sort(l, s);
	return result;
}

int
listing_same(const struct listing *l, git_repository *repo,
	const struct service *s, const char *hex)
{
	struct listing other;
	git_oid id;
	int same;

	if (!hex || git_oid_fromstr(&id, hex))
		return 0;
	same = listing_make(&other, repo, s, &id, 0) == 0 &&
	    strcmp(l->content, other.content) == 0;
	listing_free(&other);
	return same;
}
