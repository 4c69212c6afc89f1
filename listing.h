/* listing.h - the files of a service at one commit */
/* SPDX-License-Identifier: ISC */
#include <git2.h>

/* Why something couldn't be read from the object store. */
struct fault {
	char text[400];
	int damaged;		/* the store may be */
};

/* Notes the text, where there is none yet; or what libgit2 says. Return -1. */
int fault_set(struct fault *fault, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int fault_git(struct fault *fault);

/* What is at a path of a commit. */
struct object {
	git_oid id;
	git_filemode_t mode;	/* 0: nothing */
};

/*
 * history.c: whether the history of tip, which it is part of, has the commit.
 * Returns 1 or 0, or -1 with libgit2's error.
 */
int history_has(git_repository *repo, const git_oid *tip, const git_oid *id);

/* content.c */

/* What a service's links hold at a commit, in their order. */
struct content {
	const struct service *s;
	git_repository *repo;
	struct object *link;
	struct fault fault;
};

/*
 * Reads no more than the directories above the links. Returns 0, or -1 with
 * the reason in fault, and nothing at the links from there on. To be freed in
 * both cases.
 */
int content_find(struct content *c, git_repository *repo,
	const struct service *s, const git_oid *commit);
/* Whether both, of the same service, are the same to it. */
int content_same(const struct content *a, const struct content *b);
void content_free(struct content *c);

/* listing.c */

/* What one content has that another one hasn't, and the other way round. */
struct listing {
	git_repository *repo;
	struct plan files, gone; /* sorted; a changed file is in both */
	int compared;		/* otherwise, files is all that new has */
	struct fault fault;
	char **skipped;		/* submodules among files */
	size_t nskipped;
	size_t names;		/* bytes of all these paths */
	size_t trees;		/* directories, one as often as it is read */
};

/*
 * Lists what differs between the files of old and of new, of one service:
 * directories that are the same in both aren't read. Where they can't be
 * compared, or old is NULL, it is all that new has. Returns 0, or -1 with the
 * reason in fault. To be freed in both cases.
 */
int listing_make(struct listing *l, const struct content *new,
	const struct content *old);
void listing_free(struct listing *l);
