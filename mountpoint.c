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
#include "util.h"

/* <linux/mount.h>, which can't stand beside <sys/mount.h> everywhere */
enum {
	TREE_CLONE   = 0x001,	/* OPEN_TREE_CLONE */
	MOVE_FROM_FD = 0x004,	/* MOVE_MOUNT_F_EMPTY_PATH */
	MOVE_TO_FD   = 0x040,	/* MOVE_MOUNT_T_EMPTY_PATH */
	MOVE_BENEATH = 0x200,	/* MOVE_MOUNT_BENEATH */
};

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

int
spot_make(int root, const char *path, int file, uid_t uid, gid_t gid)
{
	const uid_t keep = (uid_t)-1;
	const char *name = strrchr(path, '/') + 1;
	char *parent = xstrndup(path, (size_t)(name - path));
	int fd, saved, result = 0;

	if (file)
		fd = dir_make(root, parent, keep, keep, keep, keep);
	else
		fd = dir_make(root, path, keep, keep, uid, gid);
	free(parent);
	if (fd < 0)
		return -1;
	if (file)
		result = file_make(fd, name, uid, gid);
	saved = errno;
	close(fd);
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
spot_around(const struct spot *at, int root, const char *path, int *covers,
	int *inside)
{
	char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct spot above;
	uint64_t parent;
	int result = spot_open(&above, root, dir);

	free(dir);
	if (result < 0)
		return -1;
	spot_close(&above);
	if (mountinfo_read(at->mount, &parent, inside) < 0)
		return -1;
	/* a mount alone at its place is mounted in that of the directory */
	*covers = parent != above.mount;
	return 0;
}

int
mount_clone(const struct spot *source)
{
	return (int)syscall(SYS_open_tree, source->fd, "",
	    TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
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
