/* listing.h - the files of a service at one commit */
/* SPDX-License-Identifier: ISC */
#include <git2.h>

struct listing {
	git_repository *repo;
	struct plan files;
	char *content;		/* ids of its links, one after the other */
	char error[400];	/* why it couldn't be made */
	int damaged;		/* the object store may be */
	char **skipped;		/* submodules and LFS files */
	size_t nskipped;
	size_t names;		/* bytes of all these paths */
	size_t trees;		/* directories, one as often as it is met */
};

/*
 * Lists what the service's links hold at the commit id, sorted by path; with
 * files 0 only notes their content. Returns 0, or -1 with the reason in
 * error. To be freed in both cases.
 */
int listing_make(struct listing *l, git_repository *repo,
	const struct service *s, const git_oid *id, int files);
/* Whether the service's content at the commit hex is that of l. */
int listing_same(const struct listing *l, git_repository *repo,
	const struct service *s, const char *hex);
void listing_free(struct listing *l);
