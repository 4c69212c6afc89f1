/* roster.h - the services and upstreams that gitopper-wait watches */
/* SPDX-License-Identifier: ISC */
#include <sys/inotify.h>

#include "claims.h"

struct item {
	struct claim claim;	/* whose name it has */
	struct service service;	/* its dir is closed */
	int loaded;		/* 0: there is none, -1: it can't be read */
	int stale;		/* must be loaded again */
	int fresh;		/* was loaded in this look */
	int upstream;		/* its index, or -1 */
	int64_t drift;		/* when its files are to be looked at */
	int64_t at;		/* when it is due */
	int64_t held;		/* locked: not looked at again until then */
	int wd[3];		/* its directory, ctl/, and lock where held */
};

extern struct item *items;	/* sorted by name */
extern size_t nitems;

/* Finds all services there are now, and watches them. Dies. */
void roster_scan(void);

struct item *item_find(const char *name);

/* Reads what may have changed since the last look, and the upstreams. */
void roster_load(int64_t now);

/* The commit that its branch is at, or NULL. */
const char *item_tip(const struct item *x);

/* Sets x->at; reads x again if it seems due. */
void item_look(struct item *x, int64_t now);

/* Whether x must be left alone for now: a stage is at work on it. */
int item_busy(struct item *x, int64_t now);

/* Marks what an event makes stale; whether it means a look. */
int roster_event(const struct inotify_event *e);
