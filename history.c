/* history.c - whether one commit came before another */
/* SPDX-License-Identifier: ISC */
#include "pull.h"
#include "listing.h"

enum { NEAR = 64 };	/* commits that are looked at before all others */

/*
 * Mostly, it is close by. What libgit2 does is as cheap then, unless a clock
 * was behind or the two have nothing in common: it goes through all of both.
 */
int
history_has(git_repository *repo, const git_oid *tip, const git_oid *id)
{
	git_revwalk *walk;
	git_oid at;
	int e, n = 0, found = 0;

	if (git_revwalk_new(&walk, repo))
		return -1;
	/* newest first; git_revwalk_sorting would look at all of history */
	e = git_revwalk_push(walk, tip);
	while (!e && !found && n++ < NEAR && !(e = git_revwalk_next(&at, walk)))
		found = git_oid_equal(&at, id);
	git_revwalk_free(walk);
	if (found || e == GIT_ITEROVER)
		return found;
	return git_graph_descendant_of(repo, tip, id);
}
