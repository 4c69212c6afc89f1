/* file.c - whole files, and names below a directory that others write to */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

int file_lazy;

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

int
file_write(int dir, const char *name, const void *buf, size_t len, mode_t mode)
{
	char tmp[64];
	int fd, saved;

	/* one name for each process: a crash leaves one file, not many */
	snprintf(tmp, sizeof(tmp), ".%ld.tmp", (long)getpid());
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 && errno == EEXIST && unlinkat(dir, tmp, 0) == 0)
		fd = openat(dir, tmp,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
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
	/* by descriptor: whoever may write to dir may have moved the name */
	if (made && (fchmod(fd, 0755) < 0 || fchown(fd, uid, gid) < 0)) {
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

/* Removes what is in the directory fd, and closes it. */
static int
remove_below(int fd, dev_t dev)
{
	struct dirent *e;
	struct stat st;
	DIR *d = fdopendir(fd);
	int sub, result = 0;

	if (!d) {
		close(fd);
		return -1;
	}
	while (result == 0 && (errno = 0, e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlinkat(fd, e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		sub = openat(fd, e->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0 || fstat(sub, &st) < 0 || st.st_dev != dev) {
			if (sub >= 0) {
				close(sub);
				errno = EXDEV;
			}
			result = -1;
		} else if (remove_below(sub, dev) < 0 ||
		    unlinkat(fd, e->d_name, AT_REMOVEDIR) < 0) {
			result = -1;
		}
	}
	if (errno)
		result = -1;
	closedir(d);
	return result;
}

int
remove_tree(int dir, const char *name)
{
	struct stat st;
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)	/* unlinkat says EROFS even of what isn't there */
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -1;
	}
	if (remove_below(fd, st.st_dev) < 0)
		return -1;
	return unlinkat(dir, name, AT_REMOVEDIR);
}
