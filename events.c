/* events.c - what watchers are told of the services */
/* SPDX-License-Identifier: ISC */
/*
 * A number is the time before a look at the files: what is not seen by then
 * happens later, whichever process looks. So the numbers of one process make
 * sense in another, if that one asks the files for their dates; these are
 * taken from a clock that is a little late (SLACK). Within SLACK of a change
 * it may be told twice then, but never not at all.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "state.h"
#include "show.h"
#include "mirror.h"
#include "events.h"
#include "util.h"

enum { SLACK = 20000, SECOND = 1000000 };	/* microseconds */

static struct event *events;	/* the oldest first, up to 2 * EVENTS_MAX */
static size_t nevents;
static uint64_t known;		/* events after it are all there; 0: not yet */
static uint64_t now;
static struct event *guesses;

void
events_start(uint64_t n)
{
	known = n;
}

void
events_now(uint64_t n)
{
	now = n;
}

static void
forget(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(events[i].service);
		free(events[i].info);
	}
	known = events[n - 1].n;
	nevents -= n;
	memmove(events, events + n, nevents * sizeof(*events));
}

static void
event_add(const struct image *image, const char *to, const char *hash,
	const char *info)
{
	struct event *e;

	if (nevents == 2 * EVENTS_MAX)
		forget(EVENTS_MAX);
	/* by steps: most see a few only */
	if (nevents % 64 == 0)
		events = xreallocarray(events, nevents + 64, sizeof(*events));
	e = &events[nevents++];
	e->n = now;
	e->time = (int64_t)(now / SECOND);
	e->service = xstrdup(image->s.name);
	e->from = image->told_state ? image->told_state : "";
	e->to = to;
	snprintf(e->hash, sizeof(e->hash), "%s", hash);
	e->info = xstrdup(info);
}

void
events_note(struct image *image)
{
	const struct show *show = &image->show;
	const struct kv *status = &image->s.status;
	const char *hash = kv_get(status, "hash");
	int64_t failures = kv_number(status, "failures", 0);
	int same, failed;

	same = image->told_state && !strcmp(image->told_state, show->state) &&
	    !strcmp(image->told_info, show->info);
	failed = kv_get(status, "error") &&
	    (!same || failures > image->told_failures);
	/* a commit is told when it came all the way, or didn't */
	if (kv_get(status, "todo") && !failed)
		hash = image->told_state ? image->told_hash :
		    kv_get(status, "applied");
	image->told_failures = failures;
	if (!hash)
		hash = "";
	if (same && strcmp(image->told_hash, hash) == 0)
		return;
	if (known)
		event_add(image, show->state, hash, show->info);
	image->told_state = show->state;
	free(image->told_info);
	image->told_info = xstrdup(show->info);
	if (hash != image->told_hash)
		snprintf(image->told_hash, sizeof(image->told_hash), "%s",
		    hash);
}

void
events_leave(const struct image *image)
{
	event_add(image, "", image->told_hash, "");
}

/* When the file was last written, in microseconds; 0 where it is missing. */
static uint64_t
file_time(const char *name, const char *file)
{
	char path[160];
	struct stat st;

	if (path_join(path, sizeof(path), name, file) < 0 ||
	    fstatat(state_dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_mtim.tv_sec < 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * SECOND +
	    (uint64_t)st.st_mtim.tv_nsec / 1000;
}

/* When the image may have changed last; 0 where that isn't to be had. */
static uint64_t
image_time(const struct image *image, int64_t *since)
{
	static const char *const files[] = {
		"ctl/frozen", "ctl/pin", "ctl", "status", "conf"
	};
	const struct ctl *ctl = &image->s.ctl;
	uint64_t t, last = 0;
	size_t i;

	*since = image->show.since;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		t = file_time(image->s.name, files[i]);
		/* a date to come is a clock that was wrong */
		if (t > now + SECOND)
			continue;
		if (t > last)
			last = t;
		if (i < 2 && (int64_t)(t / SECOND) > *since)
			*since = (int64_t)(t / SECOND);
	}
	t = (uint64_t)ctl->thaw * SECOND;
	if (ctl->thawed && t > last)
		last = t;
	if (!*since)
		*since = (int64_t)(last / SECOND);
	return last;
}

static int
event_compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->n < y->n ? -1 : x->n > y->n;
}

/* What may have changed, by the files' dates. */
static size_t
guess(uint64_t since)
{
	size_t i, n = 0;

	guesses = xreallocarray(guesses, nimages + nevents, sizeof(*guesses));
	for (i = 0; i < nimages; i++) {
		struct image *image = &images[i];
		struct event *e = &guesses[n];

		e->n = image_time(image, &e->time);
		if (since && e->n + SLACK <= since)
			continue;
		e->service = image->s.name;
		e->from = "";
		e->to = image->told_state;
		memcpy(e->hash, image->told_hash, sizeof(e->hash));
		e->info = image->told_info;
		n++;
	}
	/* what isn't there any more has no files; who begins needn't know */
	for (i = 0; since && i < nevents; i++)
		if (!*events[i].to && events[i].n > since)
			guesses[n++] = events[i];
	if (n)
		qsort(guesses, n, sizeof(*guesses), event_compare);
	return n;
}

int
mirror_remembers(uint64_t since)
{
	return since >= known && since <= now + SECOND;
}

size_t
mirror_events(uint64_t since, const struct event **list, uint64_t *next)
{
	size_t i = nevents;

	*next = now;
	/* the clock was put back: nobody knows when that was */
	if (since > now + SECOND)
		since = 0;
	if (since < known) {
		*list = NULL;
		i = guess(since);
		*list = guesses;
		return i;
	}
	while (i > 0 && events[i - 1].n > since)
		i--;
	*list = events ? events + i : events;
	return nevents - i;
}
