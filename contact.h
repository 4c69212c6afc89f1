/* contact.h - one contact with an upstream, for all services on it */
/* SPDX-License-Identifier: ISC */
#ifndef CONTACT_H
#define CONTACT_H
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "kv.h"

struct child;
struct service;

/* What the upstream or the way to it asks for; NULL where there is none. */
struct secrets {
	char *user, *password;	/* out of the credentials file */
	char *key;		/* a private ssh key, as in its file, */
	char *key_path;		/* and that file's */
	char *passphrase;	/* that the key is locked with */
	char *known_hosts;	/* lines of sshd(8)'s known_hosts */
	char *ca;		/* path of a PEM file */
};

struct upstream {
	char *url;
	char **branch;		/* all that services here follow */
	size_t nbranches;
	struct service *service; /* these: conf and dirs of each */
	size_t nservices;
	char (*lack)[41];	/* objects that the reader didn't find */
	size_t nlacks;
	int wipe;		/* the object store is to be made anew, */
	int refused;		/* as the upstream broke a promise */
	int keeping;		/* this contact is for older commits' blobs */
	int busy;		/* another contact went on all the time */
	int suspect;		/* what went wrong may be the store's fault */
	int64_t timeout;	/* seconds without anything new */
	char *key, *passphrase, *known_hosts, *credentials, *ca; /* paths */
	char *credential_command;

	int dir;		/* .upstream/ID */
	struct kv status;
	char error[400];	/* why the last contact failed, or "" */
	struct timespec start;	/* of the last contact */
	int64_t end;		/* of it, Unix seconds */
};

/*
 * Talks to the upstream, and fetches what its branches have that isn't here,
 * through a child of its own, which may not be silent for the timeout; holds
 * .upstream/ID/lock meanwhile. Updates status and error. Returns 0, or -1
 * where it failed or, with busy and no error, somebody else holds the lock.
 */
int upstream_contact(struct upstream *up);

/*
 * What can wait until the names have gone on: fetches what the services here
 * need of the last KEEP commits that touch them, so that a rollback needs no
 * network; and packs the store, where it has grown.
 */
void upstream_tidy(struct upstream *up);

/* Holds .upstream/ID/lock until the descriptor that is returned is closed; -1
 * and errno: another does, until the deadline in the manner of now_ms. */
int upstream_lock(const struct upstream *up, int64_t deadline);
/* All that a child says up to its end, to be freed, while it writes to name in
 * up's directory; NULL: it isn't there by the deadline, or is too much, or what
 * is written is (store_outgrown). */
char *upstream_listen(const struct upstream *up, struct child *child,
	const char *name, int64_t deadline);

/* kept.c: forgets what is kept, where the services want other links now. */
void kept_check(struct upstream *up);
/* The tip of branch whose blobs are all here, as far as the services here need
 * them, and those of KEEP commits before it; NULL where that isn't known. */
const char *kept_tip(const struct upstream *up, const char *branch);
/* Whether there is a later one; and: now that is here, too. */
int kept_is_due(const struct upstream *up);
void kept_note(struct upstream *up);

/* Makes one pack of many, where there are more than PACKS_MAX, or the store is
 * twice what it was then. Within PACK_TIME, and nobody has to wait for it. */
void upstream_pack(struct upstream *up);
/* Holds on to the packs for reading (LOCK_SH), or to remove some, as
 * flock(2). Returns a descriptor to be closed, or -1 and errno. */
int packs_lock(const struct upstream *up, int operation);

/* Whether the store (or new pack) of that name in dir has become larger than
 * an honest child makes it. */
int store_outgrown(int dir, const char *name);
/* Removes the stores of upstreams that aren't among these n, once nobody has
 * used them for STORE_KEEP seconds. */
void stores_expire(const char *const *urls, size_t n);

/* Notes that the object store is damaged: a later contact makes it anew. */
void upstream_damaged(const struct upstream *up);

/* doubt.c: a child reads all of the object store. If it is damaged, that is
 * noted, and said in error. It takes no more than a share of the time. */
void upstream_doubt(struct upstream *up);

/* The path of the object store. */
void upstream_repo(const struct upstream *up, char *buf, size_t size);

/* Takes what the fetching child said, lines as fetch_work has them, into
 * status, error and suspect. Returns 0, or -1 where there is an error. */
int upstream_hear(struct upstream *up, char *text);

/* Reads what up's paths name. Returns 0, or -1 with why in up->error. */
int secrets_read(struct secrets *secrets, struct upstream *up);
/* Asks up's credential_command, which has timeout seconds for it. Returns as
 * secrets_read; a program that knows nothing is no failure. */
int credential_ask(struct secrets *secrets, struct upstream *up,
	int64_t timeout);
/* While this is on, what is freed is overwritten first. */
void secrets_guard(int on);
/* Overwrites what a login needs, here and wherever a library has a copy of
 * it; but for what is part of url. */
void secrets_scrub(struct secrets *secrets, const char *url);
/* The same, and frees all of them. */
void secrets_wipe(struct secrets *secrets, const char *url);
/* Passes what a login needs on through a socket, to lie there until it is
 * needed. Returns 0, or -1 and errno. */
int secrets_send(struct secrets *secrets, int fd);
/* Takes it from there. Returns 0, or -1: there is nothing. */
int secrets_receive(struct secrets *secrets, int fd);

/* Whether the upstream is a directory of this machine: a path, or file://. */
int url_is_local(const char *url);

/* What the child that fetches is told. */
struct fetch {
	const struct upstream *up;
	struct secrets *secrets;
	const char *repo;
	const char *user;	/* the child's, for messages */
	uint64_t room;		/* bytes that one file there may have */
};

/*
 * Runs in the child. Writes lines to descriptor 3: `tip BRANCH<TAB>COMMIT`
 * for each branch that is there, `plain` where the server can't leave blobs
 * out, `given` or `refused` when it was asked for them by their ids, `cut`
 * where it hung up then, `fresh` where the store is new, `suspect` where what
 * went wrong may be its fault, `got BYTES STEPS` now and then while something
 * comes, `error TEXT`, and `done` last. arg is a struct fetch.
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
