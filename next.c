/* next.c - writes files to next/, where they lie until they are published */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "pull.h"
#include "stage.h"
#include "util.h"

/* Opens next/ in which nothing lies. */
static int
next_make(struct stage *stage)
{
	struct statvfs vfs;

	stage->next = place_make(&stage->job->s, PLACE_NEXT);
	if (stage->next < 0 || fchmod(stage->next, 0700) < 0 ||
	    fstatvfs(stage->next, &vfs) < 0)
		return -1;
	/* others need some of the disk, too */
	stage->room = (uint64_t)vfs.f_bavail * vfs.f_frsize / 8 * 7;
	if (stage->room > TREE_MAX)
		stage->room = TREE_MAX;
	/* some file systems make them as they are needed */
	stage->inodes = vfs.f_files ? (uint64_t)vfs.f_favail / 8 * 7 :
	    UINT64_MAX;
	return 0;
}

/* The directory in next/ that path lies in. */
static int
next_dir(struct stage *stage, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *above = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	int dir = dir_make(stage->next, above, (uid_t)-1, (gid_t)-1,
	    (uid_t)-1, (gid_t)-1);

	free(above);
	return dir;
}

static int
link_write(struct stage *stage, int dir, const char *name, uint64_t size)
{
	char target[SYMREF_MAX + 1];

	/* stage.c has looked at size */
	if (size > SYMREF_MAX || fread(target, 1, size, stage->in) != size) {
		errno = EPIPE;
		return -1;
	}
	target[size] = '\0';
	if (strlen(target) != size) {
		errno = EINVAL;
		return -1;
	}
	if (symlinkat(target, dir, name) < 0)
		return -1;
	return fchownat(dir, name, stage->uid, stage->gid,
	    AT_SYMLINK_NOFOLLOW);
}

static int
copy_in(FILE *in, int fd, uint64_t size)
{
	char buf[65536];
	size_t n;

	while (size) {
		n = fread(buf, 1, size < sizeof(buf) ? size : sizeof(buf), in);
		if (n == 0) {
			errno = EPIPE;
			return -1;
		}
		if (write_all(fd, buf, n) < 0)
			return -1;
		size -= n;
	}
	return 0;
}

static int
file_write_in(struct stage *stage, int dir, const char *name,
	const struct entry *e)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (copy_in(stage->in, fd, e->size) < 0 ||
	    fchown(fd, stage->uid, stage->gid) < 0 ||
	    fchmod(fd, e->mode & 0777) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return close(fd);
}

/* The directories that path needs besides those of the file before it: they
 * are made in next/, and once more in the tree. */
static uint64_t
dirs_new(const struct stage *stage, const char *path)
{
	const char *last = stage->written ?
	    stage->plan.entry[stage->written - 1].path : "";
	uint64_t n = 0;

	while (*path && *path == *last)
		path++, last++;
	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* What an announced file does to the disk is looked at before it is read. */
static int
room_take(struct stage *stage, const struct entry *e)
{
	uint64_t inodes = 1 + 2 * dirs_new(stage, e->path);
	char why[PATH_MAX + 32], next[PATH_MAX] = "next";

	if (e->size <= stage->room && inodes <= stage->inodes) {
		stage->room -= e->size;
		stage->inodes -= inodes;
		return 0;
	}
	service_path(&stage->job->s, PLACE_NEXT, next, sizeof(next));
	snprintf(why, sizeof(why), "not enough %s in %s",
	    e->size > stage->room ? "room" : "inodes", next);
	return stage_fail(stage, why, e->path);
}

int
file_stage(struct stage *stage, struct entry *e)
{
	const char *slash = strrchr(e->path, '/');
	const char *name = slash ? slash + 1 : e->path;
	int dir, result;

	if (stage->next < 0 && next_make(stage) < 0)
		return stage_fail(stage, strerror(errno), "next");
	if (room_take(stage, e) < 0)
		return STAGED_NOT;
	dir = next_dir(stage, e->path);
	if (dir < 0) {
		result = stage_fail(stage, strerror(errno), e->path);
	} else if ((e->mode == 0120000 ?
	    link_write(stage, dir, name, e->size) :
	    file_write_in(stage, dir, name, e)) < 0 ||
	    entry_stat(e, dir, name) < 0) {
		result = errno == EPIPE ? STAGED_LOST :
		    (enum staged)stage_fail(stage, strerror(errno), e->path);
	} else {
		plan_add(&stage->plan, e);
		stage->written = stage->plan.n;
		result = 0;
	}
	if (dir >= 0)
		close(dir);
	return result;
}
