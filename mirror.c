/* mirror.c - the services, kept in memory and true */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "show.h"
#include "mirror.h"
#include "events.h"
#include "scout.h"
#include "util.h"
#include "watch.h"

enum { BLIND_TICK = 1000 };	/* ms between two looks without inotify */

struct image *images;
size_t nimages;
static uint64_t number = 1;	/* of what the images are now */
static uint64_t looked;		/* when that was, microseconds */
static int64_t thaw;		/* of the first that will, Unix seconds */

/* The image of that name, or where it would be. */
static size_t
image_at(const char *name)
{
	size_t low = 0, high = nimages, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (strcmp(images[mid].s.name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct image *
mirror_find(const char *name)
{
	size_t i = image_at(name);

	return i < nimages && !strcmp(images[i].s.name, name) ? &images[i] :
	    NULL;
}

/* Frees what was read; what watchers were told stays. */
static void
image_empty(struct image *image)
{
	show_end(&image->show);
	service_close(&image->s);
}

static void
image_remove(const char *name)
{
	struct image *image = mirror_find(name);

	if (!image)
		return;
	events_leave(image);
	image_empty(image);
	free(image->told_info);
	nimages--;
	memmove(image, image + 1,
	    (nimages - (size_t)(image - images)) * sizeof(*image));
	number++;
}

/* A place for a service that is new. */
static struct image *
image_add(const char *name)
{
	size_t i = image_at(name);

	images = xreallocarray(images, nimages + 1, sizeof(*images));
	memmove(&images[i + 1], &images[i], (nimages - i) * sizeof(*images));
	nimages++;
	memset(&images[i], 0, sizeof(images[i]));
	return &images[i];
}

/* Takes over a service that was just read. */
static void
image_put(struct service *s)
{
	struct image *image = mirror_find(s->name);
	const char *url = kv_get(&s->conf, "upstream");

	if (image)
		image_empty(image);
	else
		image = image_add(s->name);
	/* a thousand services are not to be a thousand descriptors */
	close(s->dir);
	s->dir = -1;
	image->s = *s;
	scout_follow(s->name, url);
	show_start(&image->show, &image->s);
	events_note(image);
	number++;
}

static void
service_look(const char *name, int what)
{
	struct image *image = mirror_find(name);
	struct service s;

	if (image && what == SCOUT_UPSTREAM) {
		show_end(&image->show);
		show_start(&image->show, &image->s);
		events_note(image);
		number++;
	} else if (what == SCOUT_UPSTREAM) {
		return;
	} else if (service_load(&s, name) == 0) {
		if (!kv_get(&s.conf, "gone")) {
			image_put(&s);
			return;
		}
		service_close(&s);
		image_remove(name);
	} else if (errno == ENOENT) {
		image_remove(name);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		/* as it was is better than not at all */
		scout_again(name);
	} else {
		warn("%s:", name);
		image_remove(name);
	}
}

/* The images may have moved, and when the next one thaws as well. */
static void
images_settle(void)
{
	size_t i;

	thaw = 0;
	for (i = 0; i < nimages; i++) {
		const struct ctl *ctl = &images[i].s.ctl;

		images[i].show.s = &images[i].s;
		if (ctl->frozen && ctl->thaw && (!thaw || ctl->thaw < thaw))
			thaw = ctl->thaw;
	}
}

/* Those whose time has come are read anew. */
static void
images_thaw(int64_t now)
{
	size_t i;

	for (i = 0; i < nimages; i++)
		if (images[i].s.ctl.frozen && images[i].s.ctl.thaw &&
		    images[i].s.ctl.thaw <= now)
			scout_again(images[i].s.name);
}

/* The time before anything is looked at: what isn't seen now happens later. */
static void
look(void)
{
	struct timespec t;
	uint64_t us;

	clock_gettime(CLOCK_REALTIME, &t);
	us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	/* the clock may have been put back */
	looked = us > looked ? us : looked + 1;
	events_now(looked);
	scout_look();
	if (thaw && thaw <= (int64_t)t.tv_sec)
		images_thaw((int64_t)t.tv_sec);
}

uint64_t
mirror_update(void)
{
	uint64_t before = number;
	const char *name;
	int what;

	look();
	while ((name = scout_next(&what)))
		service_look(name, what);
	if (number != before)
		images_settle();
	return number;
}

int
mirror_start(void)
{
	int fd = scout_start();

	mirror_update();
	events_start(looked);
	return fd;
}

int64_t
mirror_thaw(void)
{
	/* the group can write any number to frozen */
	int64_t ms = thaw > INT64_MAX / 1000 ? INT64_MAX :
	    thaw * 1000 - watch_clock();

	if (!thaw)
		ms = INT64_MAX;
	else if (ms < 0)
		ms = 0;
	if (watch_blind && ms > BLIND_TICK)
		ms = BLIND_TICK;
	return ms == INT64_MAX ? -1 : ms;
}
