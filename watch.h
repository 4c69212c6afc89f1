/* watch.h - sleeping until a file or the time comes */
/* SPDX-License-Identifier: ISC */
#include <sys/inotify.h>

#include <stdint.h>

/* for a directory whose files somebody writes, by whatever means */
#define WATCH_FILES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | \
	IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR)

extern int watch_blind;		/* inotify is not to be had, or ran out */

/* Milliseconds since 1970. */
int64_t watch_clock(void);

/* Starts inotify. Returns its descriptor, to poll; or -1 where there is none,
 * which it has said. */
int watch_open(void);

/*
 * Starts inotify, and holds SIGHUP back but while it sleeps. Where there is
 * no inotify it says so, and watch_sleep ends after a second at the latest.
 */
void watch_start(void);

/* As inotify_add_watch(2), not through a link. Returns -1 where path can't be
 * watched: it is not there, or watches ran out, which it has said. */
int watch_add(const char *path, uint32_t mask);

void watch_remove(int wd);

/* Hands over the events that are there, and waits for none; whether seen
 * returned true for one of them. */
int watch_drain(int (*seen)(const struct inotify_event *));

/*
 * Sleeps until the time, or until an event for which seen returns true, or
 * until somebody sets the clock.
 * Returns 0, or 1 when there was a SIGHUP.
 */
int watch_sleep(int64_t until, int (*seen)(const struct inotify_event *));
