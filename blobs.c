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

int
blobs_lacking(struct ids *ids, git_repository *repo, const struct service *s,
	const git_oid *commit, const git_oid *kept)
{
	struct content new, old = { 0 };
	struct listing l = { 0 };
	git_oid id;
	git_odb *odb;
	size_t i;
	int result = -1;

	if (git_repository_odb(&odb, repo))
		return -1;
	if (kept && content_find(&old, repo, s, kept) < 0)
		kept = NULL;
	if (content_find(&new, repo, s, commit) == 0)
		result = listing_make(&l, &new, kept ? &old : NULL);
	for (i = 0; result == 0 && i < l.files.n; i++)
		if (git_oid_fromstr(&id, l.files.entry[i].id) == 0 &&
		    !git_odb_exists_ext(odb, &id, GIT_ODB_LOOKUP_NO_REFRESH))
			ids_add(ids, &id);
	listing_free(&l);
	content_free(&new);
	content_free(&old);
	git_odb_free(odb);
	return result;
}

/* Whether the commit brought content that none of its parents had. */
static int
touches(git_repository *repo, const struct service *s, const git_oid *id)
{
	struct content now, before;
	git_commit *commit;
	unsigned i;
	int same = 0;

	if (git_commit_lookup(&commit, repo, id))
		return 0;
	/* a link that isn't there is a content as well */
	content_find(&now, repo, s, id);
	for (i = 0; i < git_commit_parentcount(commit) && !same; i++) {
		content_find(&before, repo, s, git_commit_parent_id(commit, i));
		same = content_same(&before, &now);
		content_free(&before);
	}
	git_commit_free(commit);
	content_free(&now);
	return !same;
}

int
blobs_lacking_before(struct ids *ids, git_repository *repo,
	const struct service *s, const git_oid *tip, size_t n,
	const git_oid *kept)
{
	git_revwalk *walk;
	git_oid id, last;
	int e;

	if (kept && git_oid_equal(kept, tip))
		return 0;
	/* in a rewritten history they may be others */
	if (kept && history_has(repo, tip, kept) != 1)
		kept = NULL;
	if (git_revwalk_new(&walk, repo))
		return -1;
	/* newest first; git_revwalk_sorting would look at all of history */
	e = git_revwalk_push(walk, tip);
	if (!e && kept)
		e = git_revwalk_hide(walk, kept);
	while (!e && n && !(e = git_revwalk_next(&id, walk)))
		if (touches(repo, s, &id)) {
			/* each differs little from the one before */
			if (blobs_lacking(ids, repo, s, &id, kept) == 0) {
				last = id;
				kept = &last;
			}
			n--;
		}
	git_revwalk_free(walk);
	return e && e != GIT_ITEROVER ? -1 : 0;
}
