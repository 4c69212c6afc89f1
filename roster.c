/* roster.c - the services and upstreams that gitopper-wait watches */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "roster.h"
#include "util.h"
#include "watch.h"

#define WATCH_STATE (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)
/* of the directory that the state directory is in: it may go */
#define WATCH_ABOVE (IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR | IN_MASK_ADD)
#define WATCH_SERVICE (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

enum { WD_DIR, WD_CTL, WD_LOCK };

struct upstream {
	char *url, id[128];
	struct kv status;
	int64_t interval;	/* the shortest of its services, seconds */
	int64_t look;		/* when it is due */
	int64_t held;		/* as an item's */
	int wd;			/* its lock, where that was tried */
};

struct item *items;
size_t nitems;
static struct upstream *upstreams;
static size_t nupstreams;
static int state_wd = -1, above_wd = -1;

static int
item_compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return strcmp(x->claim.name, y->claim.name);
}

static struct item *
find(const char *name, size_t n)
{
	struct item key = { .at = 0 };

	snprintf(key.claim.name, sizeof(key.claim.name), "%.128s", name);
	return n ? bsearch(&key, items, n, sizeof(*items), item_compare) :
	    NULL;
}

struct item *
item_find(const char *name)
{
	return find(name, nitems);
}

static void
items_sort(void)
{
	if (nitems)
		qsort(items, nitems, sizeof(*items), item_compare);
}

static void
item_watch(struct item *x)
{
	char *dir = xasprintf("%s/%s", state_path, x->claim.name);
	char *ctl = xasprintf("%s/ctl", dir);

	x->wd[WD_DIR] = watch_add(dir, WATCH_SERVICE);
	x->wd[WD_CTL] = watch_add(ctl, WATCH_FILES);
	x->stale = 1;
	x->held = 0;
	free(dir);
	free(ctl);
}

/* Adds one at the end, watched; the caller sorts. */
static void
item_add(const char *name)
{
	struct item *x;

	items = xreallocarray(items, nitems + 1, sizeof(*items));
	x = &items[nitems++];
	memset(x, 0, sizeof(*x));
	snprintf(x->claim.name, sizeof(x->claim.name), "%.128s", name);
	x->wd[WD_LOCK] = -1;
	item_watch(x);
}

/* What the state directory is called in the one that it is in. */
static const char *
state_name(void)
{
	return strrchr(state_path, '/') + 1;
}

void
roster_scan(void)
{
	size_t i, known = nitems;
	char *above;
	struct dirent *e;
	DIR *d;
	int fd;

	state_wd = watch_add(state_path, WATCH_STATE);
	above = xstrndup(state_path, (size_t)(state_name() - state_path));
	above_wd = watch_add(above, WATCH_ABOVE);
	free(above);
	fd = openat(state_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !(d = fdopendir(fd)))
		die(EXIT_SYS, "%s:", state_path);
	for (i = 0; i < known; i++)
		item_watch(&items[i]);
	/* one without a conf too: it may get it yet */
	while ((errno = 0, e = readdir(d)))
		if (service_name_ok(e->d_name) && !find(e->d_name, known))
			item_add(e->d_name);
	if (errno)
		die(EXIT_SYS, "%s:", state_path);
	closedir(d);
	items_sort();
}

/* The index of the upstream of s, or -1. */
static int
upstream_of(const struct service *s)
{
	const char *url = kv_get(&s->conf, "upstream");
	struct upstream *u;
	size_t i;

	if (!url || kv_get(&s->conf, "gone"))
		return -1;
	for (i = 0; i < nupstreams; i++)
		if (strcmp(upstreams[i].url, url) == 0)
			return (int)i;
	upstreams = xreallocarray(upstreams, nupstreams + 1,
	    sizeof(*upstreams));
	u = &upstreams[nupstreams++];
	memset(u, 0, sizeof(*u));
	u->url = xstrdup(url);
	u->wd = -1;
	upstream_id(url, u->id, sizeof(u->id));
	return (int)i;
}

static void
item_load(struct item *x, int64_t now)
{
	struct stat st;

	if (x->loaded > 0)
		service_close(&x->service);
	x->loaded = service_load(&x->service, x->claim.name) == 0 ? 1 :
	    errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	x->stale = 0;
	x->fresh = 1;
	x->upstream = -1;
	x->drift = NEVER;
	if (x->loaded <= 0)
		return;
	/* the time of index is that of the last look for local edits */
	if (fstatat(x->service.dir, "index", &st, AT_SYMLINK_NOFOLLOW) == 0)
		x->drift = due_ms(st.st_mtime) > now ? 0 :
		    due_ms(st.st_mtime + DRIFT_EVERY);
	/* thousands of services would be thousands of descriptors */
	close(x->service.dir);
	x->service.dir = -1;
	x->upstream = upstream_of(&x->service);
}

/* Has *wd tell when a stage lets go of the lock at path, below the state
 * directory. */
static void
lock_watch(const char *path, int *wd)
{
	char *full = xasprintf("%s/%s", state_path, path);

	*wd = watch_add(full, IN_CLOSE_WRITE);
	free(full);
}

/* What the upstreams' files say now. They change before a contact ends, and
 * with it its lock: that tells. */
static void
upstreams_load(const char *machine, int64_t now)
{
	struct upstream *u;
	char path[200];
	int64_t interval;
	size_t i;

	for (i = 0; i < nupstreams; i++)
		upstreams[i].interval = INT64_MAX;
	for (i = 0; i < nitems; i++) {
		if (items[i].upstream < 0)
			continue;
		u = &upstreams[items[i].upstream];
		interval = kv_number(&items[i].service.conf, "interval",
		    INTERVAL);
		if (interval < u->interval)
			u->interval = interval;
	}
	for (i = 0; i < nupstreams; i++) {
		u = &upstreams[i];
		snprintf(path, sizeof(path), ".upstream/%s/lock", u->id);
		if (u->wd < 0)
			lock_watch(path, &u->wd);
		kv_free(&u->status);
		if (upstream_read(&u->status, u->url) < 0)
			kv_free(&u->status);
		u->look = due_look(machine, u->id,
		    kv_number(&u->status, "tried", 0), u->interval, now);
	}
}

/* Dies where the state directory isn't at its path any more: whoever changes
 * something there doesn't mean us. */
static void
state_stays(void)
{
	struct stat ours, there;

	if (fstat(state_dir, &ours) < 0 || stat(state_path, &there) < 0 ||
	    ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
		die(EXIT_SYS, "%s: was removed or renamed", state_path);
}

void
roster_load(int64_t now)
{
	static char machine[256];
	size_t i;

	state_stays();
	if (!*machine && gethostname(machine, sizeof(machine) - 1) < 0)
		die(EXIT_SYS, "gethostname:");
	for (i = 0; i < nitems; i++) {
		items[i].fresh = 0;
		if (items[i].stale)
			item_load(&items[i], now);
	}
	upstreams_load(machine, now);
}

const char *
item_tip(const struct item *x)
{
	const char *branch = kv_get(&x->service.conf, "branch");

	if (x->upstream < 0)
		return NULL;
	return upstream_tip(&upstreams[x->upstream].status,
	    branch ? branch : "main");
}

static int64_t
item_due(const struct item *x, int64_t now)
{
	struct facts facts = { .now = now, .look = NEVER };

	if (x->loaded == 0)
		return NEVER;
	if (x->loaded < 0)
		return due_unreadable(&x->claim, now);
	facts.tip = item_tip(x);
	facts.drift = x->drift;
	if (x->upstream >= 0)
		facts.look = upstreams[x->upstream].look;
	return due_at(&x->service, &x->claim, &facts);
}

void
item_look(struct item *x, int64_t now)
{
	x->at = item_due(x, now);
	/* nobody tells of an index's new time, or of the end of a freeze */
	if (x->at <= now && !x->fresh) {
		item_load(x, now);
		x->at = item_due(x, now);
	}
	if (x->at > now && x->loaded > 0 && !x->claim.known)
		claim_take(&x->claim, &x->service, item_tip(x));
	if (x->at < x->held)
		x->at = x->held;
}

/* Whether somebody holds the lock at path, below the state directory. From
 * then on *wd tells when a stage lets go of it. */
static int
locked(const char *path, int *wd)
{
	int fd, held;

	lock_watch(path, wd);
	/* read-only, or closing it would wake us */
	fd = openat(state_dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

int
item_busy(struct item *x, int64_t now)
{
	struct upstream *u = x->upstream < 0 ? NULL : &upstreams[x->upstream];
	char path[200];

	if (x->held <= now) {
		snprintf(path, sizeof(path), "%s/lock", x->claim.name);
		if (locked(path, &x->wd[WD_LOCK]))
			x->held = now + due_ms(RECLAIM);
	}
	if (u && u->held <= now) {
		snprintf(path, sizeof(path), ".upstream/%s/lock", u->id);
		if (locked(path, &u->wd))
			u->held = now + due_ms(RECLAIM);
	}
	if (u && x->held < u->held)
		x->held = u->held;
	return x->held > now;
}

static int
item_event(struct item *x, const struct inotify_event *e)
{
	const char *name = e->len ? e->name : "";

	if (e->wd == x->wd[WD_LOCK]) {
		x->held = 0;
		return 1;
	}
	if (e->wd == x->wd[WD_DIR] && e->mask & IN_ISDIR) {
		if (strcmp(name, "ctl") != 0)
			return 0;
		item_watch(x);
	} else if (e->wd == x->wd[WD_DIR] && e->mask & IN_MOVED_TO) {
		if (strcmp(name, "status") != 0 && strcmp(name, "conf") != 0)
			return 0;
	} else if (e->wd == x->wd[WD_CTL]) {
		if (strcmp(name, "frozen") != 0 && strcmp(name, "pin") != 0 &&
		    strcmp(name, "poke") != 0 &&
		    strcmp(name, "unfreeze") != 0)
			return 0;
	} else {
		return 0;
	}
	x->stale = 1;
	x->held = 0;
	return 1;
}

static int
upstream_event(size_t u)
{
	size_t i;

	upstreams[u].held = 0;
	for (i = 0; i < nitems; i++)
		if (items[i].upstream == (int)u)
			items[i].held = 0;
	return 1;
}

static int
state_event(const struct inotify_event *e)
{
	struct item *x;

	if (!e->len || !(e->mask & IN_ISDIR) || !service_name_ok(e->name))
		return 0;
	x = item_find(e->name);
	if (x) {
		item_watch(x);
	} else {
		item_add(e->name);
		items_sort();
	}
	return 1;
}

int
roster_event(const struct inotify_event *e)
{
	int matters = 0;
	size_t i;

	if (e->mask & IN_Q_OVERFLOW) {
		roster_scan();
		return 1;
	}
	if (e->wd == state_wd)
		return state_event(e);
	/* the next look tells */
	if (e->wd == above_wd)
		return e->len && strcmp(e->name, state_name()) == 0;
	for (i = 0; i < nupstreams; i++)
		if (e->wd == upstreams[i].wd)
			return upstream_event(i);
	for (i = 0; i < nitems; i++)
		matters |= item_event(&items[i], e);
	return matters;
}
