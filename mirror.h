/* mirror.h - the services, kept in memory and true; after state.h, show.h */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

/*
 * One service as it is. Its descriptors are closed: what has to be read or
 * written anew goes through service_load.
 */
struct image {
	struct service s;
	struct show show;
	/* what a watcher was last told of it */
	const char *told_state;
	char *told_info, told_hash[41];
	int64_t told_failures;
};

extern struct image *images;	/* by name, in the order of service_names */
extern size_t nimages;

/*
 * Reads all services and watches them, as far as inotify(7) goes; what it
 * can't watch is looked at in each mirror_update. Call state_open before.
 * Returns a descriptor that becomes readable when something may have changed,
 * or -1 where there is none to be had.
 */
int mirror_start(void);

/*
 * Brings the images up to date: all that was changed before the call is seen.
 * Costs nothing where nothing was. Returns a number that is another one
 * whenever an image changed, be it by time alone (a thaw).
 */
uint64_t mirror_update(void);

/* The image of a service that is in the config, or NULL. */
struct image *mirror_find(const char *name);

/* The milliseconds until a change that no descriptor tells of: a freeze ends
 * by itself, or it is time for a look where inotify runs out; -1: none. */
int64_t mirror_thaw(void);

/*
 * A change of a service, as a watcher is told: of its state, of why it is in
 * it, or of its commit once there is nothing left to do for it.
 */
struct event {
	uint64_t n;		/* only grows: microseconds since 1970 */
	int64_t time;		/* Unix seconds */
	char *service;
	const char *from, *to;	/* states; from is "" where it isn't known, or
				 * it is new; to is "" where it left */
	char hash[41];
	char *info;
};

/*
 * The changes after the number since, the oldest first, and in *next the
 * number to ask with next time. This process remembers the last EVENTS_MAX;
 * for a number from before that, or from another process, there is one event
 * for each service that may have changed since then, its `from` empty. So for
 * 0 it is one for each service. Returns how many, in *list, which stays good
 * until the next call of this or of mirror_update.
 */
size_t mirror_events(uint64_t since, const struct event **list, uint64_t *next);

/* Whether those after since are remembered: as long as mirror_update gives the
 * same number, so many of them are the same ones, whoever asks. */
int mirror_remembers(uint64_t since);
