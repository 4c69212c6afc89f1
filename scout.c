/* scout.c - which services may have changed: inotify, or a look at all */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scout.h"
#include "state.h"
#include "util.h"
#include "watch.h"

#define WATCH_NAMES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | \
	IN_ATTRIB | IN_ONLYDIR)

enum { FRESH = 50 };	/* ms: files are dated by a clock that is so coarse */

/* A directory that is, or may become, a service. */
struct spot {
	char *name;
	int wd, ctl;		/* its watches, or -1 */
	int upstream;		/* its place among them, or -1 */
	int what;		/* that may have changed */
	int left;		/* it isn't there any more */
	uint64_t stamp;		/* of its files, where they are looked at */
};

struct upstream {
	char id[128];
	int wd;
};

static struct spot *places;	/* by name */
static size_t nplaces, next;
static struct upstream *upstreams;
static size_t nupstreams;
static int state_wd = -1, upstreams_wd = -1;
static int rescan;		/* events were lost */
static char root[4096];

/* The place of that name, or where it would be. */
static size_t
place_at(const char *name)
{
	size_t low = 0, high = nplaces, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (strcmp(places[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct spot *
place_find(const char *name)
{
	size_t i = place_at(name);

	return i < nplaces && !strcmp(places[i].name, name) ? &places[i] : NULL;
}

static int
add_watch(int old, uint32_t mask, const char *dir, const char *sub)
{
	char path[sizeof(root) + 160];

	watch_remove(old);
	snprintf(path, sizeof(path), "%s/%s%s", root, dir, sub);
	return watch_add(path, mask);
}

/* Before it is read: what happens from now on is seen. */
static void
place_watch(struct spot *p)
{
	struct stat st;

	p->wd = add_watch(p->wd, WATCH_FILES, p->name, "");
	p->ctl = add_watch(p->ctl, WATCH_FILES | IN_MODIFY, p->name, "/ctl");
	p->left = fstatat(state_dir, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT;
	p->what = SCOUT_FILES;
	p->stamp = 0;
}

static void
place_add(const char *name)
{
	size_t i = place_at(name);

	places = xreallocarray(places, nplaces + 1, sizeof(*places));
	memmove(&places[i + 1], &places[i], (nplaces - i) * sizeof(*places));
	nplaces++;
	memset(&places[i], 0, sizeof(places[i]));
	places[i].name = xstrdup(name);
	places[i].wd = places[i].ctl = places[i].upstream = -1;
	place_watch(&places[i]);
}

static void
places_sweep(void)
{
	size_t i, n = 0;

	for (i = 0; i < nplaces; i++) {
		if (places[i].left && !places[i].what) {
			watch_remove(places[i].wd);
			watch_remove(places[i].ctl);
			free(places[i].name);
		} else {
			places[n++] = places[i];
		}
	}
	nplaces = n;
}

static void
upstream_changed(int which)
{
	size_t i;

	for (i = 0; i < nplaces; i++)
		if (which < 0 || places[i].upstream == which)
			places[i].what |= SCOUT_UPSTREAM;
}

static void
upstream_watch(struct upstream *u)
{
	u->wd = add_watch(u->wd, WATCH_FILES, ".upstream/", u->id);
}

static void
upstreams_watch(void)
{
	size_t i;

	upstreams_wd = add_watch(upstreams_wd, WATCH_NAMES, ".upstream", "");
	for (i = 0; i < nupstreams; i++)
		upstream_watch(&upstreams[i]);
	upstream_changed(-1);
}

/* Adds the directories that aren't known; all: forgets what is. */
static int
scan(int all)
{
	size_t i;
	struct dirent *e;
	DIR *d;
	int fd;

	fd = openat(state_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!(d = fdopendir(fd))) {
		close(fd);
		return -1;
	}
	if (all) {
		state_wd = add_watch(state_wd, WATCH_NAMES, ".", "");
		for (i = 0; i < nplaces; i++)
			place_watch(&places[i]);
		upstreams_watch();
	}
	/* one without a conf too: it may get it yet */
	while ((errno = 0, e = readdir(d)))
		if (service_name_ok(e->d_name) && !place_find(e->d_name))
			place_add(e->d_name);
	i = errno != 0;
	closedir(d);
	return i ? -1 : 0;
}

static void
state_seen(const char *name)
{
	struct spot *p;

	if (strcmp(name, ".upstream") == 0) {
		upstreams_watch();
	} else if (service_name_ok(name)) {
		p = place_find(name);
		if (p)
			place_watch(p);
		else
			place_add(name);
	}
}

static void
upstream_seen(int wd, const char *name)
{
	size_t i;

	for (i = 0; i < nupstreams; i++) {
		struct upstream *u = &upstreams[i];

		if (wd == upstreams_wd && strcmp(u->id, name) == 0)
			upstream_watch(u);
		else if (wd != u->wd || strcmp(name, "status"))
			continue;
		upstream_changed((int)i);
	}
}

static void
place_seen(struct spot *p, int wd, const char *name)
{
	if (wd == p->wd && strcmp(name, "ctl") == 0)
		place_watch(p);
	else if (wd == p->ctl ? *name != '.' : !strcmp(name, "conf") ||
	    !strcmp(name, "status"))
		p->what |= SCOUT_FILES;
}

static int
seen(const struct inotify_event *e)
{
	static size_t last;	/* those of one directory often come together */
	size_t i;

	if (e->mask & IN_Q_OVERFLOW)
		rescan = 1;
	if (!e->len)		/* of a directory itself: its parent tells */
		return 0;
	if (e->wd == state_wd) {
		state_seen(e->name);
		return 1;
	}
	for (i = 0; i < nplaces; i++, last++) {
		last = last < nplaces ? last : 0;
		if (e->wd == places[last].wd || e->wd == places[last].ctl) {
			place_seen(&places[last], e->wd, e->name);
			return 1;
		}
	}
	upstream_seen(e->wd, e->name);
	return 1;
}

/* Goes on with a hash over what a file is; *fresh: it changed just now. */
static uint64_t
stamp_add(uint64_t h, const char *dir, const char *file, int *fresh)
{
	char path[320];
	struct stat st;
	uint64_t part[6] = { 0 };
	size_t i;
	int64_t ms;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (fstatat(state_dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		part[0] = (uint64_t)st.st_ino;
		part[1] = (uint64_t)st.st_ctim.tv_sec;
		part[2] = (uint64_t)st.st_ctim.tv_nsec;
		part[3] = (uint64_t)st.st_mtim.tv_sec;
		part[4] = (uint64_t)st.st_mtim.tv_nsec;
		part[5] = (uint64_t)st.st_size;
		ms = (int64_t)st.st_ctim.tv_sec * 1000 +
		    st.st_ctim.tv_nsec / 1000000;
		*fresh |= ms > watch_clock() - FRESH;
	}
	for (i = 0; i < 6; i++)
		h = (h ^ part[i]) * 0x100000001b3;
	return h;
}

/* Where inotify doesn't tell, the files' dates do. */
static void
places_look(void)
{
	static const char *const files[] = {
		".", "conf", "status", "ctl", "ctl/frozen", "ctl/pin",
		"ctl/poke", "ctl/unfreeze"
	};
	char id[160];
	size_t i, k;

	for (i = 0; i < nplaces; i++) {
		struct spot *p = &places[i];
		struct stat st;
		uint64_t h = 1;
		int fresh = 0;

		for (k = 0; k < sizeof(files) / sizeof(*files); k++)
			h = stamp_add(h, p->name, files[k], &fresh);
		if (p->upstream >= 0) {
			snprintf(id, sizeof(id), ".upstream/%s",
			    upstreams[p->upstream].id);
			h = stamp_add(h, id, "status", &fresh);
		}
		/* what changed just now may do so again, at the same date */
		if (fresh || h != p->stamp)
			p->what |= SCOUT_FILES;
		p->stamp = h;
		p->left = fstatat(state_dir, p->name, &st,
		    AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
	}
}

int
scout_start(void)
{
	int fd = watch_open();

	/* above the state directory there may be one that isn't for us */
	snprintf(root, sizeof(root), "/proc/self/fd/%d", state_dir);
	if (faccessat(state_dir, root, F_OK, 0) < 0)
		snprintf(root, sizeof(root), "%s", state_path);
	rescan = 1;
	return fd;
}

void
scout_look(void)
{
	int all;

	places_sweep();
	watch_drain(seen);
	all = rescan;
	if (!all && !watch_blind)
		return;
	rescan = scan(all) < 0;
	if (rescan && all)
		note("%s:", state_path);
	if (watch_blind)
		places_look();
}

const char *
scout_next(int *what)
{
	for (; next < nplaces; next++) {
		if (!places[next].what)
			continue;
		*what = places[next].what;
		places[next].what = 0;
		return places[next++].name;
	}
	next = 0;
	return NULL;
}

void
scout_again(const char *name)
{
	struct spot *p = place_find(name);

	if (p)
		p->what = SCOUT_FILES;
}

void
scout_follow(const char *name, const char *url)
{
	struct spot *p = place_find(name);
	char id[sizeof(upstreams->id)];
	size_t i;

	if (!p)
		return;
	p->upstream = -1;
	if (!url)
		return;
	upstream_id(url, id, sizeof(id));
	for (i = 0; i < nupstreams; i++)
		if (strcmp(upstreams[i].id, id) == 0)
			break;
	p->upstream = (int)i;
	if (i < nupstreams)
		return;
	upstreams = xreallocarray(upstreams, i + 1, sizeof(*upstreams));
	nupstreams++;
	memcpy(upstreams[i].id, id, sizeof(id));
	upstreams[i].wd = -1;
	upstream_watch(&upstreams[i]);
}
