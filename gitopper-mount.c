/* gitopper-mount - bind-mounts what services hold on the places they read */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "mountpoint.h"
#include "mounts.h"
#include "names.h"
#include "state.h"
#include "util.h"

struct job {
	struct service s;
	struct mounts mounts;	/* what is ours */
	int mounted, unmounted, failed;
	int waits;	/* for gitopper-pull, before all can be mounted */
};

/* What a dir is to show. */
struct source {
	char path[4096];
	struct spot spot;
	int clone;	/* a mount of it that is nowhere yet, or -1 */
};

static int aflag, bflag, uflag;

static void
usage(void)
{
	fprintf(stderr, "usage: %s [-bdu] [-a | NAME ...]\n", argv0);
	exit(EXIT_USAGE);
}

/* The first trouble is the service's error; all are said. */
static void
problem(struct job *job, const char *fmt, ...)
{
	char text[1024];
	size_t n;
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	errno = saved;
	if (n && text[n - 1] == ':')
		snprintf(text + n, sizeof(text) - n, " %s", strerror(saved));
	if (job->failed++)
		warn("%s: %s", job->s.name, text);
	else
		service_fail(&job->s, "mount", "%s", text);
}

/* Trouble with a place, from errno. */
static void
place_problem(struct job *job, const char *path)
{
	if (errno == ELOOP)
		problem(job, "%s: is a symbolic link, or below one", path);
	else if (errno == ENOSYS)
		problem(job, "%s: this needs Linux 5.8 or newer", path);
	else
		problem(job, "%s:", path);
}

/* Writes down what is ours, where that changed. */
static int
job_save(struct job *job)
{
	if (mounts_write(&job->mounts, job->s.dir) == 0)
		return 0;
	problem(job, "mounts:");
	return -1;
}

/* What must not be lost if we are killed right after the mount: the service
 * has to be told of it. At boot it isn't running yet. */
static void
todo_act(struct job *job)
{
	const char *todo = kv_get(&job->s.status, "todo");

	if (!todo || strncmp(todo, "publish ", 8))
		kv_set(&job->s.status, "todo", "act");
}

/* One layer of target's off place, which is where it is now. 1: look again,
 * 0: there is nothing of ours, -1. */
static int
unmount_step(struct job *job, const char *target, const char *place,
	const struct spot *at)
{
	int covers, inside;

	if (!at->top)
		return 0;
	if (target_around(at, place, &covers, &inside) < 0) {
		place_problem(job, place);
		return -1;
	}
	if (!mounts_have(&job->mounts, target, at->id)) {
		if (covers)
			problem(job, "%s: something that is not ours is "
			    "mounted over it", place);
		return covers ? -1 : 0;
	}
	if (inside) {
		problem(job, "%s: something is mounted inside of it", place);
		return -1;
	}
	if (mount_detach(at) < 0) {
		problem(job, "unmount %s:", place);
		return -1;
	}
	service_log(&job->s, "mount: unmounted %s", place);
	job->unmounted = 1;
	return 1;
}

/* Takes a mount of ours away from where it went with a directory above it.
 * Returns 0, or -1. */
static int
moved_unmount(struct job *job, const struct entry *e)
{
	char *place = mount_place(e->mount);
	struct spot at;
	int result = 0;

	if (!place || strcmp(place, e->target) == 0 ||
	    target_open(&at, place) < 0) {
		free(place);
		return 0;
	}
	if (at.mount == e->mount && strcmp(at.id, e->id) == 0)
		result = unmount_step(job, e->target, place, &at);
	spot_close(&at);
	free(place);
	return result < 0 ? -1 : 0;
}

/* The same for all of target's but the mount of that number. */
static int
moved_unmount_all(struct job *job, const char *target, uint64_t but)
{
	const struct entry *e = job->mounts.entry;
	size_t i;
	int result = 0;

	for (i = 0; i < job->mounts.n; i++)
		if (e[i].mount && e[i].mount != but &&
		    strcmp(e[i].target, target) == 0 &&
		    moved_unmount(job, &e[i]) < 0)
			result = -1;
	return result;
}

/* Takes what is ours away from target. Returns 0, or -1. */
static int
unmount(struct job *job, const char *target)
{
	struct spot at;
	int more;

	do {
		if (target_open(&at, target) < 0) {
			/* not there any more, or a link leads elsewhere */
			if (errno == ENOENT || errno == ENOTDIR ||
			    errno == ELOOP)
				return 0;
			place_problem(job, target);
			return -1;
		}
		more = unmount_step(job, target, target, &at);
		spot_close(&at);
	} while (more > 0);
	return more;
}

static int
wanted(const struct job *job, const char *target)
{
	size_t i;

	for (i = 0; i < job->s.ndirs; i++)
		if (strcmp(job->s.dirs[i].local, target) == 0)
			return 1;
	return 0;
}

/* Unmounts what the config doesn't have any more, or everything. */
static void
unmount_old(struct job *job, int all)
{
	size_t i = 0;

	while (i < job->mounts.n) {
		char *target = xstrdup(job->mounts.entry[i].target);
		if ((all || !wanted(job, target)) &&
		    moved_unmount_all(job, target, 0) == 0 &&
		    unmount(job, target) == 0)
			mounts_keep(&job->mounts, NULL, target, NULL, 0);
		else
			i++;
		free(target);
	}
}

/* With -a, what isn't in the tree may be on its way: gitopper-conf asked for
 * it, for when a freeze is over maybe, or gitopper-pull has it staged. It is
 * mounted after that, in the pipe. */
static int
is_coming(struct job *job)
{
	if (!aflag || errno != ENOENT)
		return 0;
	if (!job->s.ctl.redo && !kv_get(&job->s.status, "later") &&
	    faccessat(job->s.dir, "plan", F_OK, 0) < 0) {
		errno = ENOENT;
		return 0;
	}
	job->waits = 1;
	return 1;
}

/* Whether it is something that is mounted in the tree. */
static int
is_mounted(int tree, const struct spot *at)
{
	struct spot top;
	int result;

	if (spot_open(&top, tree, "") < 0)
		return 1;
	result = at->top || at->mount != top.mount;
	spot_close(&top);
	return result;
}

static int
source_open(struct job *job, const struct dir *d, struct source *src)
{
	const char *link = *d->link ? d->link : ".";
	char path[4096];
	int tree, n, result, mounted;

	src->clone = -1;
	if (service_path(&job->s, PLACE_TREE, path, sizeof(path)) < 0) {
		problem(job, "the tree's path:");
		return -1;
	}
	n = snprintf(src->path, sizeof(src->path), "%s%s%s", path,
	    *d->link ? "/" : "", d->link);
	if (n < 0 || (size_t)n >= sizeof(src->path)) {
		problem(job, "%s: the path is too long", d->link);
		return -1;
	}
	tree = place_open(&job->s, PLACE_TREE);
	if (tree < 0) {
		if (!is_coming(job))
			problem(job, "%s", place_why());
		return -1;
	}
	result = spot_open(&src->spot, tree, d->link);
	mounted = result == 0 && is_mounted(tree, &src->spot);
	close(tree);
	if (result < 0 && is_coming(job))
		return -1;
	if (result < 0 && errno == ENOENT)
		problem(job, "%s: is not in the tree", link);
	else if (result < 0)
		place_problem(job, src->path);
	if (result < 0)
		return -1;
	if (mounted)
		problem(job, "%s: something that is not ours is mounted on "
		    "it, or above it in the tree", src->path);
	else if (src->spot.kind == (d->file ? S_IFREG : S_IFDIR))
		return 0;
	else
		problem(job, "%s: is not a %s", link,
		    d->file ? "file" : "directory");
	spot_close(&src->spot);
	return -1;
}

/* Has a mount of the source at hand, and writes down what comes next. */
static int
source_ready(struct job *job, const struct dir *d, struct source *src)
{
	if (src->clone < 0)
		src->clone = mount_clone(&src->spot);
	if (src->clone < 0 && errno == EPERM && geteuid() != 0)
		problem(job, "would mount %s on %s: needs root", src->path,
		    d->local);
	else if (src->clone < 0)
		problem(job, "mount %s on %s:", src->path, d->local);
	if (src->clone < 0)
		return -1;
	mounts_note(&job->mounts, src->path, d->local, src->spot.id,
	    mount_number(src->clone));
	if (job_save(job) < 0)
		return -1;
	/* a unit file may come with it */
	kv_set(&job->s.status, "mounted", "1");
	if (!bflag)
		todo_act(job);
	if (service_save(&job->s) == 0)
		return 0;
	job->failed++;
	return -1;
}

static void
source_close(struct source *src)
{
	if (src->clone >= 0)
		close(src->clone);
	src->clone = -1;
}

static int
point_make(struct job *job, const struct dir *d)
{
	uid_t uid;
	gid_t gid;

	if (service_owner(&job->s, &uid, &gid) < 0) {
		problem(job, "no such user: %s",
		    kv_get(&job->s.conf, "user"));
		return -1;
	}
	if (target_make(d->local, d->file, uid, gid) < 0) {
		problem(job, "can't make %s:", d->local);
		return -1;
	}
	return 0;
}

static int
attach(struct job *job, const struct dir *d, struct source *src,
	const struct spot *at)
{
	if (at->kind != src->spot.kind) {
		problem(job, "%s: is not a %s", d->local,
		    d->file ? "file" : "directory");
		return -1;
	}
	if (mount_attach(src->clone, at) < 0) {
		problem(job, "mount %s on %s:", src->path, d->local);
		return -1;
	}
	source_close(src);
	service_log(&job->s, "mount: mounted %s on %s", src->path, d->local);
	job->mounted = 1;
	return 0;
}

/* The mount at d is ours, and shows a file that isn't the source any more. */
static int
swap(struct job *job, const struct dir *d, struct source *src,
	const struct spot *at)
{
	int covers, inside;

	if (target_around(at, d->local, &covers, &inside) < 0) {
		place_problem(job, d->local);
		return -1;
	}
	if (inside) {
		problem(job, "%s: is to be mounted anew, but something is "
		    "mounted inside of it", d->local);
		return -1;
	}
	/* what it covers is what a swap that was cut short put there */
	if (covers)
		note("%s: %s: ends a swap", job->s.name, d->local);
	else if (mount_beneath(src->clone, at) == 0)
		source_close(src);
	else
		note("%s: %s: not without a gap:", job->s.name, d->local);
	if (mount_detach(at) < 0) {
		problem(job, "unmount %s:", d->local);
		return -1;
	}
	job->mounted = 1;
	return 0;
}

/* One step towards d: 1: it is right, 0: look again, -1: it can't be. */
static int
mount_step(struct job *job, const struct dir *d, struct source *src)
{
	struct mounts *m = &job->mounts;
	struct spot at;
	int result = -1;

	if (target_open(&at, d->local) < 0) {
		if (errno != ENOENT && errno != EACCES)
			place_problem(job, d->local);
		else if (source_ready(job, d, src) == 0)
			result = point_make(job, d);
		return result;
	}
	if (strcmp(at.id, src->spot.id) == 0) {
		if (moved_unmount_all(job, d->local, at.mount) == 0)
			mounts_keep(m, at.top ? src->path : NULL, d->local,
			    at.id, at.mount);
		if (at.top)
			mounts_note(m, src->path, d->local, at.id, at.mount);
		result = 1;
	} else if (at.top && !mounts_have(m, d->local, at.id)) {
		problem(job, "%s: a mount that is not ours is there",
		    d->local);
	} else if (source_ready(job, d, src) == 0) {
		result = at.top ? swap(job, d, src, &at) :
		    attach(job, d, src, &at);
	}
	spot_close(&at);
	return result;
}

static void
mount_dir(struct job *job, const struct dir *d)
{
	struct source src;
	int tries, done = 0;

	if (!spot_path_ok(d->local)) {
		problem(job, "%s: is no absolute path, or is /", d->local);
		return;
	}
	if (source_open(job, d, &src) < 0)
		return;
	/* a few suffice, unless somebody else is at work there */
	for (tries = 0; tries < 16 && done == 0; tries++)
		done = mount_step(job, d, &src);
	if (done == 0)
		problem(job, "%s: doesn't stay as it was mounted", d->local);
	source_close(&src);
	spot_close(&src.spot);
}

static void
job_work(struct job *job, int down)
{
	size_t i, odd;

	if (mounts_read(&job->mounts, job->s.dir, &odd) < 0) {
		problem(job, "mounts:");
		return;
	}
	if (odd)
		warn("%s: mounts: dropped %zu lines that make no sense",
		    job->s.name, odd);
	/* first: what is old may be below a place that is new */
	unmount_old(job, down);
	for (i = 0; i < job->s.ndirs && !down; i++)
		if (*job->s.dirs[i].local)
			mount_dir(job, &job->s.dirs[i]);
	job_save(job);
	mounts_free(&job->mounts);
}

/* 1: it came through and is to be printed, 0: it isn't, -1: it failed. */
static int
service_work(const char *name)
{
	struct job job;
	int result, gone;

	memset(&job, 0, sizeof(job));
	result = service_open(&job.s, name);
	if (result)
		return result < 0 ? -1 : 0;
	gone = kv_number(&job.s.conf, "gone", 0) == 1;
	if (!gone && !uflag && !kv_get(&job.s.status, "hash"))
		return service_close(&job.s);
	job_work(&job, gone || uflag);
	if (job.failed && !gone && !uflag)
		todo_act(&job);
	if (!job.failed && !job.waits && !uflag)
		service_ok(&job.s, "mount");
	/* gitopper-pull takes the rest of it apart */
	if (gone && !job.failed && ctl_write(job.s.dir, "poke", "") < 0)
		problem(&job, "ctl/poke:");
	if (service_close(&job.s) < 0 || job.failed)
		return -1;
	if (aflag)
		return !gone && !job.waits &&
		    (uflag ? job.unmounted : job.mounted);
	return !gone;
}

int
main(int argc, char *argv[])
{
	struct names names;
	const char *name;
	int opt, result, status = 0;

	setup(argv[0]);
	while ((opt = getopt(argc, argv, "abdu")) != -1)
		switch (opt) {
		case 'a': aflag = 1; break;
		case 'b': bflag = 1; break;
		case 'd': debug = 1; break;
		case 'u': uflag = 1; break;
		default: usage();
		}
	if (aflag && optind < argc)
		usage();
	state_open();
	names_start(&names, argv + optind, aflag);
	while ((name = names_next(&names, -1))) {
		result = service_work(name);
		if (result < 0)
			status = EXIT_SOME;
		else if (result > 0)
			names_print(name);
	}
	return names.bad ? EXIT_SOME : status;
}
