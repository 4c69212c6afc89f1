/* blobs.h - which files' contents an object store lacks; after state.h */
/* SPDX-License-Identifier: ISC */
#include <git2.h>

/* Ids of objects, each once as soon as they are sorted. */
struct ids {
	git_oid *id;
	size_t n;
};

void ids_add(struct ids *ids, const git_oid *id);
void ids_sort(struct ids *ids);

/* Adds the blobs of the service's files at the commit that aren't in repo.
 * Those that the commit kept has at the same path are there; NULL: none.
 * Returns 0, or -1 where the commit or a link of the service is not there. */
int blobs_lacking(struct ids *ids, git_repository *repo,
	const struct service *s, const git_oid *commit, const git_oid *kept);

/* The same for the last n commits up to tip that change something in the
 * service's links, as far as history goes; up to kept they are there. */
int blobs_lacking_before(struct ids *ids, git_repository *repo,
	const struct service *s, const git_oid *tip, size_t n,
	const git_oid *kept);
