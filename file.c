/* file.c - whole files, and names below a directory that others write to */
/* SPDX-License-Identifier: ISC */
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

int file_lazy;

enum {
	TRIES      = 10,	/* names drawn by lot, and looks at a tree */
	NAME_DRAWN = 32,	/* bytes of one */
	LEVELS     = 64,	/* directories open at a time */
};

int
write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
read_all(int fd, void *buf, size_t len)
{
	char *p = buf;
	ssize_t n;

	while (len) {
		n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EPIPE;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

char *
fd_read(int fd, size_t max, size_t *len)
{
	struct stat st;
	char *buf;
	size_t n = 0;
	ssize_t r = 1;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	if ((uint64_t)st.st_size > max) {
		errno = EFBIG;
		return NULL;
	}
	buf = xmalloc((size_t)st.st_size + 1);
	while (n < (size_t)st.st_size && r > 0) {
		r = read(fd, buf + n, (size_t)st.st_size - n);
		if (r < 0 && errno == EINTR) {
			r = 1;
		} else if (r < 0) {
			free(buf);
			return NULL;
		} else {
			n += (size_t)r;
		}
	}
	buf[n] = '\0';
	*len = n;
	return buf;
}

char *
file_read(int dir, const char *name, size_t max, size_t *len)
{
	char *text;
	int fd, saved;

	/* O_NONBLOCK: a FIFO in the place of a file must not hold us up */
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = fd_read(fd, max, len);
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

/* A name that nobody can know beforehand. Returns 0, or -1 and errno. */
static int
name_draw(char name[NAME_DRAWN])
{
	uint64_t n;

	if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
		return -1;
	snprintf(name, NAME_DRAWN, ".%016llx.tmp", (unsigned long long)n);
	return 0;
}

/* Makes a file that is yet to get its name. Returns a descriptor, or -1. */
static int
tmp_make(int dir, char tmp[NAME_DRAWN], mode_t mode)
{
	int fd, i;

	/* one name for each process: a crash leaves one file, not many. Where
	 * others may write, it may be taken, and not to be had back. */
	snprintf(tmp, NAME_DRAWN, ".%ld.tmp", (long)getpid());
	for (i = 0; i < TRIES; i++) {
		fd = openat(dir, tmp,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd >= 0 || errno != EEXIST)
			return fd;
		if ((i || unlinkat(dir, tmp, 0) < 0) && name_draw(tmp) < 0)
			return -1;
	}
	return -1;
}

int
file_write(int dir, const char *name, const void *buf, size_t len, mode_t mode)
{
	char tmp[NAME_DRAWN];
	int fd = tmp_make(dir, tmp, mode), saved;

	if (fd < 0)
		return -1;
	/* the mode is what it says, whatever the umask */
	if (write_all(fd, buf, len) < 0 || fchmod(fd, mode) < 0 ||
	    (!file_lazy && fsync(fd) < 0))
		goto fail;
	if (close(fd) < 0) {
		fd = -1;
		goto fail;
	}
	fd = -1;
	if (renameat(dir, tmp, dir, name) < 0)
		goto fail;
	return file_lazy ? 0 : fsync(dir);
fail:
	saved = errno;
	if (fd >= 0)
		close(fd);
	unlinkat(dir, tmp, 0);
	errno = saved;
	return -1;
}

/* Takes the first component off *path into name; 0 where none is left. */
static int
component(const char **path, char name[256])
{
	size_t n;

	*path += strspn(*path, "/");
	n = strcspn(*path, "/");
	if (n == 0)
		return 0;
	if (n > 255) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, *path, n);
	name[n] = '\0';
	*path += n;
	if (strcmp(name, "..") == 0) {
		errno = EXDEV;
		return -1;
	}
	return 1;
}

/* What openat2 does, for kernels before 5.6. */
static int
open_walk(int root, const char *path, int flags, mode_t mode)
{
	char name[256], next[256];
	int more, fd, dir = dup(root);

	if (dir < 0 || (more = component(&path, name)) < 0)
		goto fail;
	if (more == 0) {
		close(dir);
		return openat(root, ".", flags, mode);
	}
	while ((more = component(&path, next)) > 0) {
		fd = openat(dir, name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(dir);
		dir = fd;
		if (dir < 0)
			return -1;
		memcpy(name, next, sizeof(name));
	}
	if (more < 0)
		goto fail;
	fd = openat(dir, name, flags | O_NOFOLLOW, mode);
	close(dir);
	return fd;
fail:
	if (dir >= 0)
		close(dir);
	return -1;
}

int
open_beneath(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC) };
	long fd;

	path += strspn(path, "/");
	if (!*path)
		path = ".";
	if (flags & (O_CREAT | O_TMPFILE))
		how.mode = mode;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	if (fd < 0 && errno == ENOSYS)
		return open_walk(root, path, flags | O_CLOEXEC, mode);
	return (int)fd;
}

int
dir_is_empty(int fd)
{
	struct dirent *e;
	int empty = 1, copy = openat(fd, ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d) {
		if (copy >= 0)
			close(copy);
		return 0;
	}
	while (empty && (e = readdir(d)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	closedir(d);
	return empty;
}

/* The directory that was just made gets its mode and its owner. Whoever may
 * write to the one above may have put another in its place, and is not to get
 * what is in it; where it stays ours, another of our own may be at work in it
 * already. */
static int
dir_give(int fd, uid_t uid, gid_t gid)
{
	if (!dir_is_empty(fd)) {
		if (uid == (uid_t)-1 || uid == geteuid())
			return 0;
		errno = ENOTEMPTY;
		return -1;
	}
	return fchmod(fd, 0755) < 0 ? -1 : fchown(fd, uid, gid);
}

/* Opens, or makes, the directory name in dir; closes dir. */
static int
dir_step(int dir, const char *name, uid_t uid, gid_t gid)
{
	int fd, made = 0, saved;

	if (mkdirat(dir, name, 0755) == 0)
		made = 1;
	else if (errno != EEXIST)
		goto fail;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		goto fail;
	if (made && dir_give(fd, uid, gid) < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		goto fail;
	}
	close(dir);
	return fd;
fail:
	saved = errno;
	close(dir);
	errno = saved;
	return -1;
}

int
dir_make(int root, const char *path, uid_t puid, gid_t pgid, uid_t uid,
	gid_t gid)
{
	char name[256];
	int more, last, dir;

	dir = open_beneath(root, path, O_RDONLY | O_DIRECTORY, 0);
	if (dir >= 0 || errno != ENOENT)
		return dir;
	dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (dir >= 0 && (more = component(&path, name)) != 0) {
		if (more < 0) {
			close(dir);
			return -1;
		}
		last = !path[strspn(path, "/")];
		dir = dir_step(dir, name, last ? uid : puid,
		    last ? gid : pgid);
	}
	return dir;
}

/* Directories on the way down to what is being removed, all open. */
struct descent {
	DIR *dir[LEVELS];
	char name[LEVELS][NAME_MAX + 1];
	size_t n;
	struct statx first;	/* where it is mounted counts */
	int again;		/* something came up to the first one */
};

/* Whether what fd is lies in another mount than the first directory. Before
 * Linux 5.8 two mounts of one file system can't be told apart. */
static int
is_elsewhere(struct descent *d, int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return -1;
	if (d->n == 0)
		d->first = stx;
	return stx.stx_dev_major != d->first.stx_dev_major ||
	    stx.stx_dev_minor != d->first.stx_dev_minor ||
	    ((stx.stx_mask & STATX_MNT_ID) &&
	    stx.stx_mnt_id != d->first.stx_mnt_id);
}

/* Goes down into the directory name in dir. Returns 0, or -1 and errno. */
static int
descent_enter(struct descent *d, int dir, const char *name)
{
	int elsewhere, saved, fd = openat(dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	elsewhere = is_elsewhere(d, fd);
	if (elsewhere > 0)
		errno = EXDEV;
	if (elsewhere)
		goto fail;
	/* whose it was is not to fill it as fast as it is emptied; without
	 * root it is ours, or there is nothing that we could do */
	if (fchown(fd, geteuid(), (gid_t)-1) == 0)
		(void)fchmod(fd, 0700);
	d->dir[d->n] = fdopendir(fd);
	if (!d->dir[d->n])
		goto fail;
	snprintf(d->name[d->n], sizeof(*d->name), "%.*s", NAME_MAX, name);
	d->n++;
	return 0;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Removes what name is in the lowest one, or goes there. */
static int
descent_remove(struct descent *d, const char *name)
{
	int dir = dirfd(d->dir[d->n - 1]), why;
	char other[NAME_DRAWN];

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	why = errno;
	if (d->n < LEVELS) {
		if (descent_enter(d, dir, name) == 0 || errno == ENOENT)
			return 0;
		if (errno == ENOTDIR || errno == ELOOP)
			errno = why;
		return -1;
	}
	/* whoever filled it may have gone deeper than we have descriptors */
	if (name_draw(other) < 0 ||
	    renameat(dir, name, dirfd(d->dir[0]), other) < 0)
		return -1;
	d->again = 1;
	return 0;
}

/* Removes all that is in the one directory that was entered. */
static int
descent_run(struct descent *d)
{
	struct dirent *e;

	while (d->n) {
		errno = 0;
		e = readdir(d->dir[d->n - 1]);
		if (!e && errno)
			return -1;
		if (e) {
			if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
			    descent_remove(d, e->d_name) < 0)
				return -1;
		} else if (d->n == 1 && d->again) {
			d->again = 0;
			rewinddir(d->dir[0]);
		} else {
			closedir(d->dir[--d->n]);
			if (d->n && unlinkat(dirfd(d->dir[d->n - 1]),
			    d->name[d->n], AT_REMOVEDIR) < 0 && errno != ENOENT)
				return -1;
		}
	}
	return 0;
}

/* Removes all that can be seen of it. Returns 0, or -1 and errno. */
static int
tree_pass(int dir, const char *name)
{
	struct descent d = { .n = 0 };
	int result, saved;

	/* unlinkat says EROFS even of what isn't there */
	if (descent_enter(&d, dir, name) < 0)
		return errno == ENOENT ? 0 : -1;
	result = descent_run(&d);
	saved = errno;
	while (d.n)
		closedir(d.dir[--d.n]);
	errno = saved;
	return result < 0 ? -1 : unlinkat(dir, name, AT_REMOVEDIR);
}

int
remove_tree(int dir, const char *name)
{
	int i, result;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* what was being made when its directory became ours may have come
	 * after we looked */
	for (i = 0; i < TRIES; i++) {
		result = tree_pass(dir, name);
		if (result == 0 || errno != ENOTEMPTY)
			break;
	}
	return result;
}

int
name_free(int dir, const char *name)
{
	char other[NAME_DRAWN];

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR || name_draw(other) < 0)
		return -1;
	if (renameat(dir, name, dir, other) < 0)
		return errno == ENOENT ? 0 : -1;
	(void)remove_tree(dir, other);
	return 0;
}
