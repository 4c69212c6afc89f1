/* config-file.h - the config file: what it says of this host's services */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

#include "state.h"

struct toml;

enum { FAULTS_MAX = 20 };	/* that are told; more help nobody */

struct fault {
	size_t line, column;	/* 0 where the command line is at fault */
	char text[320];
};

struct config_dir {
	char *link, *local;	/* as in struct dir of state.h */
	int file;
	size_t line, column;	/* of local, if it has one */
};

/* A service of this host. */
struct config_service {
	char *name;
	struct kv conf;		/* all that its conf is to hold, in order */
	char *tree, *work;	/* what is ours below mount, NULL without it */
	struct config_dir *dirs;
	size_t ndirs;
	size_t line, column;	/* 0: of the command line */
};

/* A machine that the config names. */
struct machine {
	char *name;
	int mine;		/* this host answers to it */
};

/* Hashes of texts that were added: config-places.c. */
struct hashes {
	uint64_t *slot;
	size_t n, room;
};

struct config {
	struct config_service *services;
	size_t nservices;
	struct machine **machines;	/* in the order of the file */
	size_t nmachines;
	struct fault faults[FAULTS_MAX];
	size_t nfaults;			/* there may be more than that */
	void *index;			/* of machines, for tsearch(3) */
	struct hashes taken;		/* names and places of services */
};

/* What the meaning of a config depends on, besides its text. */
struct config_host {
	const char *const *names; /* that this host answers to, then NULL */
	const char *base;	/* the config's directory, absolute */
	const char *state[3];	/* paths of the state directory, then NULL */
	const char *interval;	/* where the config says none, or NULL */
};

/*
 * Adds to *c, which begins as zeros, what the parsed file says: its machines
 * and the services of this host. Touches no file. Faults are counted and kept
 * in c; where there is one, c's services mean nothing.
 */
void config_read(struct config *c, const struct toml *root,
	const struct config_host *host);

/*
 * Adds the service `gitopper`, which brings the config file itself: for the
 * machine of that name, from branch (NULL: main) of the upstream url, the
 * directory link, below mount if that is not NULL. To be called first.
 */
void config_bootstrap(struct config *c, const struct config_host *host,
	const char *machine, const char *url, const char *branch,
	const char *link, const char *mount);

void config_free(struct config *c);
