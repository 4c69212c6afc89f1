/* localrepo.h - an upstream that is a directory here; after fetch.h, blobs.h */
/* SPDX-License-Identifier: ISC */
#include <git2.h>

struct ids;
struct session;

/* Directories that one repository may consist of. */
enum { LOCAL_PLACES = 24 };

/* A repository that others own and write to. Nothing in it is executed, none
 * of its configuration is read, and nothing is written there. */
struct localrepo {
	char *path;		/* as people know it */
	char *common;		/* the directory that refs and objects are in */
	int place[LOCAL_PLACES];	/* that, and where more objects are */
	size_t nplaces;
	git_odb *odb;
};

/* localrepo.c: all return as libgit2's functions do */

/* Finds the repository of the session's URL; sets session->local. */
int localrepo_open(struct session *session);
/* Opens its objects anew, as they are now. */
int localrepo_refresh(struct localrepo *r);
/* Whether it says that it lacks the end of its history. */
int localrepo_is_shallow(const struct localrepo *r);
/* Takes those of its refs into the session that its branches name. */
int localrepo_heads(struct session *session);

/* localcopy.c */

/* Copies what the session's branches have and our store lacks: history and
 * directories, no files. */
int localcopy_history(struct session *session);
/* Copies those objects. */
int localcopy_objects(struct session *session, const struct ids *ids);
