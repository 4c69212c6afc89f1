/* content.c - what a service's links hold at a commit */
/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pull.h"
#include "listing.h"
#include "util.h"

int
fault_set(struct fault *fault, const char *fmt, ...)
{
	va_list ap;

	if (!*fault->text) {
		va_start(ap, fmt);
		vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
		va_end(ap);
	}
	return -1;
}

int
fault_git(struct fault *fault)
{
	fault->damaged = git_damage();
	return fault_set(fault, "%s", git_message());
}

/* A path that isn't there is one thing, a directory above it that can't be
 * read another. */
static int
link_missing(struct fault *fault, const char *link)
{
	const git_error *e = git_error_last();

	if (e && e->klass == GIT_ERROR_TREE)
		return fault_set(fault, "there is no %s", link);
	return fault_git(fault);
}

static int
link_find(struct content *c, const git_tree *root, const struct dir *dir,
	struct object *object)
{
	git_tree_entry *e;

	if (*dir->link) {
		if (git_tree_entry_bypath(&e, root, dir->link))
			return link_missing(&c->fault, dir->link);
		object->id = *git_tree_entry_id(e);
		object->mode = git_tree_entry_filemode(e);
		git_tree_entry_free(e);
	} else {
		object->id = *git_tree_id(root);
		object->mode = GIT_FILEMODE_TREE;
	}
	if (dir->file && object->mode == GIT_FILEMODE_TREE)
		return fault_set(&c->fault, "%s is a directory, not a file",
		    dir->link);
	if (!dir->file && object->mode != GIT_FILEMODE_TREE && *dir->local)
		return fault_set(&c->fault, "%s is a file, and the config "
		    "lacks `file = true`", dir->link);
	return 0;
}

int
content_find(struct content *c, git_repository *repo, const struct service *s,
	const git_oid *id)
{
	git_commit *commit;
	git_tree *root;
	size_t i;
	int result = 0;

	memset(c, 0, sizeof(*c));
	c->s = s;
	c->repo = repo;
	c->link = xreallocarray(NULL, s->ndirs + 1, sizeof(*c->link));
	memset(c->link, 0, (s->ndirs + 1) * sizeof(*c->link));
	if (git_commit_lookup(&commit, repo, id))
		return fault_git(&c->fault);
	if (git_commit_tree(&root, commit)) {
		git_commit_free(commit);
		return fault_git(&c->fault);
	}
	for (i = 0; result == 0 && i < s->ndirs; i++)
		result = link_find(c, root, &s->dirs[i], &c->link[i]);
	git_tree_free(root);
	git_commit_free(commit);
	return result;
}

int
content_same(const struct content *a, const struct content *b)
{
	size_t i;

	for (i = 0; i < a->s->ndirs; i++)
		if (a->link[i].mode != b->link[i].mode ||
		    !git_oid_equal(&a->link[i].id, &b->link[i].id))
			return 0;
	return 1;
}

void
content_free(struct content *c)
{
	free(c->link);
	memset(c, 0, sizeof(*c));
}
