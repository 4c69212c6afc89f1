/* mountpoint.c - bind mounts by descriptor, and the places that they go to */
/* SPDX-License-Identifier: ISC */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mountpoint.h"
#include "state.h"
#include "util.h"

/* <linux/mount.h>, which can't stand beside <sys/mount.h> everywhere */
enum {
	TREE_CLONE   = 0x001,	/* OPEN_TREE_CLONE */
	MOVE_FROM_FD = 0x004,	/* MOVE_MOUNT_F_EMPTY_PATH */
	MOVE_TO_FD   = 0x040,	/* MOVE_MOUNT_T_EMPTY_PATH */
	MOVE_BENEATH = 0x200,	/* MOVE_MOUNT_BENEATH */
};
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442	/* Linux 5.12 */
#endif

int
spot_path_ok(const char *path)
{
	return *path == '/' && path[strspn(path, "/.")];
}

int
spot_open(struct spot *at, int root, const char *path)
{
	struct statx stx;

	at->fd = open_beneath(root, path, O_PATH, 0);
	if (at->fd < 0)
		return -1;
	if (statx(at->fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO |
	    STATX_MNT_ID, &stx) < 0)
		goto fail;
	errno = ENOSYS;
	if (!(stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) ||
	    !(stx.stx_mask & STATX_MNT_ID))
		goto fail;
	errno = ELOOP;
	if (S_ISLNK(stx.stx_mode))
		goto fail;
	snprintf(at->id, sizeof(at->id), "%u:%u:%llu", stx.stx_dev_major,
	    stx.stx_dev_minor, (unsigned long long)stx.stx_ino);
	at->kind = stx.stx_mode & S_IFMT;
	at->mount = stx.stx_mnt_id;
	at->top = (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return 0;
fail:
	spot_close(at);
	return -1;
}

void
spot_close(struct spot *at)
{
	int saved = errno;

	close(at->fd);
	at->fd = -1;
	errno = saved;
}

static int
file_make(int dir, const char *name, uid_t uid, gid_t gid)
{
	int fd, result;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	result = fchmod(fd, 0644) < 0 || fchown(fd, uid, gid) < 0 ? -1 : 0;
	close(fd);
	return result;
}

/* Opens the directory above the mount point, which is name there. */
static int
target_above(const char *path, int flags, const char **name)
{
	char *above;
	int fd;

	errno = EINVAL;
	if (*path != '/')
		return -1;
	*name = strrchr(path, '/') + 1;
	above = xstrndup(path, (size_t)(*name - path));
	fd = dir_open(above, DIR_ANY | flags);
	free(above);
	return fd;
}

int
target_open(struct spot *at, const char *path)
{
	const char *name;
	int result, saved, above = target_above(path, 0, &name);

	if (above < 0)
		return -1;
	result = spot_open(at, above, name);
	saved = errno;
	close(above);
	errno = saved;
	return result;
}

int
target_make(const char *path, int file, uid_t uid, gid_t gid)
{
	const char *name;
	int fd, saved, result, above = target_above(path, DIR_MAKE, &name);

	if (above < 0)
		return -1;
	if (file) {
		result = file_make(above, name, uid, gid);
	} else {
		fd = dir_make(above, name, uid, gid, uid, gid);
		result = fd < 0 ? -1 : close(fd);
	}
	saved = errno;
	close(above);
	errno = saved;
	return result;
}

/* The mount that id is mounted in, and whether others are mounted in id. */
static int
mountinfo_read(uint64_t id, uint64_t *parent, int *inside)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *end;
	size_t size = 0;

	if (!f)
		return -1;
	*parent = 0;
	*inside = 0;
	while (getline(&line, &size, f) > 0) {
		uint64_t self = strtoull(line, &end, 10);
		uint64_t in = strtoull(end, NULL, 10);

		if (self == id)
			*parent = in;
		else if (in == id)
			*inside = 1;
	}
	free(line);
	fclose(f);
	if (*parent)
		return 0;
	errno = ESTALE;
	return -1;
}

int
target_around(const struct spot *at, const char *path, int *covers,
	int *inside)
{
	const char *name;
	struct spot above;
	uint64_t parent;
	int result, dir = target_above(path, 0, &name);

	if (dir < 0)
		return -1;
	result = spot_open(&above, dir, "");
	close(dir);
	if (result < 0)
		return -1;
	spot_close(&above);
	if (mountinfo_read(at->mount, &parent, inside) < 0)
		return -1;
	/* a mount alone at its place is mounted in that of the directory */
	*covers = parent != above.mount;
	return 0;
}

uint64_t
mount_number(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 ||
	    !(stx.stx_mask & STATX_MNT_ID))
		return 0;
	return stx.stx_mnt_id;
}

/* Takes the octal escapes out of a field of mountinfo, proc(5). */
static void
field_unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
			    (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

char *
mount_place(uint64_t number)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *rest, *field = NULL, *place = NULL;
	size_t size = 0;
	int i;

	while (f && !place && getline(&line, &size, f) > 0) {
		if (strtoull(line, &rest, 10) != number)
			continue;
		/* parent, device and root stand before it */
		for (i = 0; i < 5; i++)
			field = strsep(&rest, " ");
		place = field ? xstrdup(field) : NULL;
	}
	if (place)
		field_unescape(place);
	free(line);
	if (f)
		fclose(f);
	return place;
}

/* Takes a mount out of its peer group, mount_namespaces(7). */
static int
mount_private(int fd)
{
	struct {
		uint64_t set, clear, propagation, userns;
	} attr = { .propagation = MS_PRIVATE };
	char path[40];

	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr,
	    sizeof(attr)) == 0)
		return 0;
	if (errno != ENOSYS)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return mount(NULL, path, NULL, MS_PRIVATE, NULL);
}

int
mount_clone(const struct spot *source)
{
	int saved, fd = (int)syscall(SYS_open_tree, source->fd, "",
	    TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);

	/* as a peer of the source's mount it would share what others mount
	 * on it later: that would lie on the source as well */
	if (fd < 0 || mount_private(fd) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
mount_attach(int clone, const struct spot *at)
{
	return (int)syscall(SYS_move_mount, clone, "", at->fd, "",
	    MOVE_FROM_FD | MOVE_TO_FD);
}

int
mount_beneath(int clone, const struct spot *at)
{
	return (int)syscall(SYS_move_mount, clone, "", at->fd, "",
	    MOVE_FROM_FD | MOVE_TO_FD | MOVE_BENEATH);
}

int
mount_detach(const struct spot *at)
{
	char path[40];

	/* through the descriptor: the name may have become another's. It
	 * keeps the mount busy, and so may others: hence MNT_DETACH */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", at->fd);
	return umount2(path, MNT_DETACH);
}
