/* contact.h - one contact with an upstream, for all services on it */
/* SPDX-License-Identifier: ISC */
#ifndef CONTACT_H
#define CONTACT_H
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "kv.h"

/* What the upstream or the way to it asks for; NULL where there is none. */
struct secrets {
	char *user, *password;	/* out of the credentials file */
	char *key;		/* a private ssh key, as in its file */
	char *known_hosts;	/* lines of sshd(8)'s known_hosts */
	char *ca;		/* path of a PEM file */
};

struct upstream {
	char *url;
	char **branch;		/* all that services here follow */
	size_t nbranches;
	int64_t timeout;	/* seconds */
	char *key, *known_hosts, *credentials, *ca;	/* paths, or NULL */

	int dir;		/* .upstream/ID */
	struct kv status;
	char error[400];	/* why the last contact failed, or "" */
	struct timespec start;	/* of the last contact */
};

/*
 * Talks to the upstream, and fetches what its branches have that isn't here,
 * through a child of its own, within the timeout; holds .upstream/ID/lock
 * meanwhile. Updates status and error. Returns 0, or -1 where it failed.
 */
int upstream_contact(struct upstream *up);

/* Notes that the object store may be damaged: a later contact makes it anew. */
void upstream_damaged(const struct upstream *up);

/* The path of the object store. */
void upstream_repo(const struct upstream *up, char *buf, size_t size);

/* Reads what up's paths name. Returns 0, or -1 with why in up->error. */
int secrets_read(struct secrets *secrets, struct upstream *up);
/* Overwrites and frees them. */
void secrets_wipe(struct secrets *secrets);

/* What the child that fetches is told. */
struct fetch {
	const struct upstream *up;
	const struct secrets *secrets;
	const char *repo;
};

/*
 * Runs in the child. Writes lines to descriptor 3: `tip BRANCH<TAB>COMMIT`
 * for each branch that is there, `damaged` where the object store may be,
 * `error TEXT`, and `done` last. arg is a struct fetch.
 */
void fetch_work(void *arg);

/* Puts libgit2 in a state in which no file of this machine changes what it
 * does. For children only. Returns 0, or -1 with libgit2's error. */
int git_start(void);
/* Whether libgit2's last error is about what is in a repository, not about the
 * network or the system. */
int git_damage(void);
/* libgit2's last message, as one line; never NULL. */
const char *git_message(void);

#endif
