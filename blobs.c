/* blobs.c - which files' contents an object store lacks */
/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include <git2.h>

#include "pull.h"
#include "blobs.h"
#include "listing.h"
#include "util.h"

void
ids_add(struct ids *ids, const git_oid *id)
{
	/* grows at powers of two */
	if ((ids->n & (ids->n - 1)) == 0)
		ids->id = xreallocarray(ids->id, ids->n ? 2 * ids->n : 1,
		    sizeof(*ids->id));
	ids->id[ids->n++] = *id;
}

static int
id_compare(const void *a, const void *b)
{
	return git_oid_cmp(a, b);
}

void
ids_sort(struct ids *ids)
{
	size_t i, n = 0;

	if (ids->n)
		qsort(ids->id, ids->n, sizeof(*ids->id), id_compare);
	for (i = 0; i < ids->n; i++)
		if (!n || !git_oid_equal(&ids->id[i], &ids->id[n - 1]))
			ids->id[n++] = ids->id[i];
	ids->n = n;
}

void
ids_free(struct ids *ids)
{
	free(ids->id);
	memset(ids, 0, sizeof(*ids));
}

int
blobs_lacking(struct ids *ids, git_repository *repo, const struct service *s,
	const git_oid *commit)
{
	struct listing l;
	git_oid id;
	git_odb *odb;
	size_t i;
	int result = -1;

	if (git_repository_odb(&odb, repo))
		return -1;
	if (listing_make(&l, repo, s, commit, 1) == 0)
		result = 0;
	for (i = 0; result == 0 && i < l.files.n; i++)
		if (git_oid_fromstr(&id, l.files.entry[i].id) == 0 &&
		    !git_odb_exists_ext(odb, &id, GIT_ODB_LOOKUP_NO_REFRESH))
			ids_add(ids, &id);
	listing_free(&l);
	git_odb_free(odb);
	return result;
}

/* What the service's links hold at a commit, as one text; to be freed. */
static char *
content_at(git_repository *repo, const struct service *s, const git_oid *id)
{
	struct listing l;
	char *content;

	/* a link that isn't there is a content as well */
	listing_make(&l, repo, s, id, 0);
	content = xstrdup(l.content ? l.content : "");
	listing_free(&l);
	return content;
}

/* Whether the commit brought content that none of its parents had. */
static int
touches(git_repository *repo, const struct service *s, const git_oid *id)
{
	char *content = content_at(repo, s, id), *before;
	git_commit *commit;
	unsigned i;
	int same = 0;

	if (git_commit_lookup(&commit, repo, id)) {
		free(content);
		return 0;
	}
	for (i = 0; i < git_commit_parentcount(commit) && !same; i++) {
		before = content_at(repo, s, git_commit_parent_id(commit, i));
		same = strcmp(before, content) == 0;
		free(before);
	}
	git_commit_free(commit);
	free(content);
	return !same;
}

int
blobs_lacking_before(struct ids *ids, git_repository *repo,
	const struct service *s, const git_oid *tip, size_t n)
{
	git_revwalk *walk;
	git_oid id;
	int e;

	if (git_revwalk_new(&walk, repo))
		return -1;
	/* newest first; git_revwalk_sorting would look at all of history */
	e = git_revwalk_push(walk, tip);
	while (!e && n && !(e = git_revwalk_next(&id, walk)))
		if (touches(repo, s, &id)) {
			blobs_lacking(ids, repo, s, &id);
			n--;
		}
	git_revwalk_free(walk);
	return e && e != GIT_ITEROVER ? -1 : 0;
}
