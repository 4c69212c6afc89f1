/* preview.c - shows a check what the tree would become */
/* SPDX-License-Identifier: ISC */
/* All of this runs in a child, as command.c does. The tree and what is staged
 * may be a user's, who can place links there while we look: nothing is
 * followed, and a file is looked at again when it is open. */
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "act.h"
#include "config.h"
#include "mountpoint.h"
#include "util.h"

struct copy {
	int next, tree;		/* sources, the first one first; -1: none */
	int to;
	uid_t uid;
	gid_t gid;
};

/* Opens a place; -1 where there is none yet. */
static int
source_open(const struct service *s, enum place place)
{
	int fd = place_open(s, place);

	if (fd < 0 && errno != ENOENT)
		run_cant("%s", place_why());
	return fd;
}

/* Whether path is in one of the sources: then *from, and what it is. */
static int
source_find(const struct copy *c, const char *path, int *from, mode_t *type,
	char *target, size_t size)
{
	const int dirs[] = { c->next, c->tree };
	struct stat st;
	ssize_t n = 0;
	size_t i;
	int fd;

	for (i = 0; i < 2; i++) {
		fd = dirs[i] < 0 ? -1 :
		    open_beneath(dirs[i], path, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) < 0)
			run_cant("%s:", path);
		if (S_ISLNK(st.st_mode))
			n = readlinkat(fd, "", target, size - 1);
		if (n < 0)
			run_cant("%s:", path);
		target[n] = '\0';
		close(fd);
		*from = dirs[i];
		*type = st.st_mode & S_IFMT;
		return 1;
	}
	return 0;
}

static void
file_copy(const struct copy *c, int from, const char *path, int dir,
	const char *name, mode_t mode)
{
	struct stat st;
	ssize_t n;
	int in, out;

	/* O_NONBLOCK: or a FIFO would hold us up */
	in = open_beneath(from, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
	out = openat(dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		run_cant("%s:", path);
	errno = EINVAL;
	if (!S_ISREG(st.st_mode))
		run_cant("%s:", path);
	/* what the user moved here must not become readable as a copy */
	errno = EACCES;
	if (st.st_uid != c->uid && !(st.st_mode & S_IROTH))
		run_cant("%s:", path);
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		continue;
	if (n < 0 || fchmod(out, mode & 0777) < 0 ||
	    fchown(out, c->uid, c->gid) < 0 || close(out) < 0)
		run_cant("%s:", path);
	close(in);
}

/* Copies one file of the plan. */
static void
entry_copy(const struct copy *c, const char *path, mode_t mode)
{
	char target[SYMREF_MAX + 1], *above = xstrdup(path);
	char *name = strrchr(above, '/');
	int from, dir;
	mode_t type;

	/* one that someone removed would not be in the new tree either */
	if (!source_find(c, path, &from, &type, target, sizeof(target)) ||
	    (type != S_IFREG && type != S_IFLNK)) {
		free(above);
		return;
	}
	/* no link that someone put there: the check may be root's, and tell
	 * everybody what it read */
	if (type != (mode & S_IFMT))
		run_cant("%s: is a %s here, unlike in the commit", path,
		    type == S_IFLNK ? "link" : "file");
	if (name)
		*name++ = '\0';
	dir = dir_make(c->to, name ? above : "", c->uid, c->gid, c->uid,
	    c->gid);
	if (dir < 0)
		run_cant("%s:", path);
	if (!name)
		name = above;
	if (type == S_IFREG)
		file_copy(c, from, path, dir, name, mode);
	else if (symlinkat(target, dir, name) < 0 || fchownat(dir, name,
	    c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0)
		run_cant("%s:", path);
	close(dir);
	free(above);
}

/* Copies each file that the plan names. */
static void
plan_copy(const struct service *s, const struct copy *c)
{
	int fd = openat(s->dir, "plan", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL, *path;
	size_t size = 0;
	ssize_t n;
	unsigned mode;

	if (!f)
		run_cant("plan:");
	while ((n = getline(&line, &size, f)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		/* the first lines are about the whole */
		path = strchr(line, '\t');
		if (line[0] != '1' || !path)
			continue;
		path = path_unquote(path + 1);
		if (!path || sscanf(line, "%6o", &mode) != 1)
			run_cant("plan: not well formed");
		entry_copy(c, path, mode);
	}
	if (ferror(f))
		run_cant("plan:");
	free(line);
	fclose(f);
}

void
preview_make(const struct service *s)
{
	struct copy c;

	if (service_owner(s, &c.uid, &c.gid) < 0)
		run_cant("unknown user %s", kv_get(&s->conf, "user"));
	if (place_remove(s, PLACE_CHECK) < 0 ||
	    (c.to = place_make(s, PLACE_CHECK)) < 0)
		run_cant("%s", place_why());
	/* until all is there it is closed: or the user could put something
	 * else in the place of a link whose owner we are about to set */
	if (fchmod(c.to, 0700) < 0)
		run_cant("check:");
	c.next = source_open(s, PLACE_NEXT);
	c.tree = source_open(s, PLACE_TREE);
	plan_copy(s, &c);
	if (fchown(c.to, c.uid, c.gid) < 0 || fchmod(c.to, 0755) < 0)
		run_cant("check:");
	close(c.to);
}

void
preview_remove(const struct job *job)
{
	if (place_remove(&job->s, PLACE_CHECK) < 0)
		warn("%s: check: %s", job->s.name, place_why());
}

/* Mounts the copy of d's link at its place. */
static void
local_mount(const struct service *s, const struct dir *d, int copy)
{
	struct spot from, at;
	uid_t uid;
	gid_t gid;
	int clone;

	/* the commit has no such file or directory: nothing to show */
	if (spot_open(&from, copy, d->link) < 0)
		return;
	if (service_owner(s, &uid, &gid) < 0)
		run_cant("unknown user %s", kv_get(&s->conf, "user"));
	/* it is missing before the first deployment; gitopper-mount would
	 * make it just so */
	if (!spot_path_ok(d->local))
		run_cant("%s: is no absolute path, or is /", d->local);
	if (target_open(&at, d->local) < 0 && (errno != ENOENT ||
	    target_make(d->local, d->file, uid, gid) < 0 ||
	    target_open(&at, d->local) < 0))
		run_cant("%s:", d->local);
	clone = mount_clone(&from);
	if (clone < 0 || mount_attach(clone, &at) < 0)
		run_cant("%s:", d->local);
	close(clone);
	spot_close(&from);
	spot_close(&at);
}

void
preview_mount(const struct service *s)
{
	char path[PATH_MAX];
	size_t i, locals = 0;
	int copy;

	for (i = 0; i < s->ndirs; i++)
		locals += *s->dirs[i].local != '\0';
	if (geteuid() != 0 || !locals)
		return;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		run_cant("mount namespace:");
	/* only now, and not by s->dir: a descriptor from before is of the
	 * other namespace */
	if (service_path(s, PLACE_CHECK, path, sizeof(path)) < 0 ||
	    (copy = dir_open(path, DIR_ANY)) < 0)
		run_cant("check:");
	for (i = 0; i < s->ndirs; i++)
		if (*s->dirs[i].local)
			local_mount(s, &s->dirs[i], copy);
	close(copy);
}
