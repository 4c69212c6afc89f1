/* fetch.h - the parts of the child that talks to an upstream */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

#include <git2.h>

#include "lean.h"

struct session {
	const struct fetch *fetch;
	struct lean lean;
	git_fetch_options options;
	git_repository *repo;
	git_remote *remote;	/* NULL where it is */
	struct localrepo *local; /* a directory */
	const git_remote_head **head;
	size_t nheads;
	uint64_t sum;		/* of the store, when it was opened */
	int fresh;		/* it was empty then, */
	int full;		/* or it was as large as one may be */
	int fetched;		/* it is another one now */
	int logins;		/* credentials that were asked for */
	int connections;	/* so far */
	uint64_t bytes;		/* that came, */
	unsigned steps;		/* and what was done with them since */
	int64_t told;		/* when the parent last heard of that, */
	uint64_t told_bytes;	/* and what */
};

/* fetch.c: len bytes came: the parent hears, now and then, that it goes on. arg
 * is the session. */
void bytes_came(void *arg, size_t len);
/* Writes a line to the parent, as contact.h has them. */
void answer(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* login.c: all return as libgit2's functions do */

/* libgit2 as this upstream needs it, and with nothing else of the machine. */
int login_start(const struct fetch *fetch);
/* For git_remote_callbacks; arg is the session. */
int login_credential(git_credential **out, const char *url, const char *user,
	unsigned types, void *arg);
int login_certificate(git_cert *cert, int valid, const char *host, void *arg);
/* What of this libgit2 and libssh2 may lie behind its last message, or "". */
const char *login_hint(const struct fetch *fetch);

/* heads.c */

/* Takes the list of a remote that is connected into the session. */
int heads_take(struct session *session);
/* The ref that branch names at the upstream, a branch before a tag; or NULL. */
const git_remote_head *branch_head(const struct session *session,
	const char *branch);
/* Whether we have the commit of that name. */
int have_commit(const struct session *session, const char *hex);
/* The refspecs of all that is there and not here. Returns how many. */
size_t refspecs_missing(const struct session *session, git_strarray *specs);
/* Tells the parent where the branches are. */
void tips_answer(const struct session *session);
/* Makes our refs those of the upstream that are followed. */
int refs_update(const struct session *session);
