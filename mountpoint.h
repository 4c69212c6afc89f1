/* mountpoint.h - bind mounts by descriptor, and the places that they go to */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stdint.h>

/* What is at a path. */
struct spot {
	int fd;		/* O_PATH */
	mode_t kind;	/* S_IFDIR, S_IFREG or another type of file */
	char id[64];	/* device and inode, which tell files apart */
	uint64_t mount;	/* the mount that it is in, as mountinfo counts them */
	int top;	/* is it the root of that mount? */
};

/* Whether path is absolute, and not / itself: gitopper-conf lets no other one
 * through as a place to mount on, but a conf may be made by hand. */
int spot_path_ok(const char *path);

/*
 * Looks at path below the directory root, without following a link.
 * target_open looks at a mount point, an absolute path, and follows those
 * above it that dir_open (state.h) trusts, as /lib. Both
 * return 0; or -1 and errno, ELOOP where there is a link on the way or at
 * the end, ENOSYS where the kernel can't tell mounts (before Linux 5.8).
 */
int spot_open(struct spot *at, int root, const char *path);
int target_open(struct spot *at, const char *path);
void spot_close(struct spot *at);

/*
 * Makes a mount point, a directory or an empty file, which uid and gid own,
 * and the directories above it. Returns 0, or -1 and errno.
 */
int target_make(const char *path, int file, uid_t uid, gid_t gid);

/*
 * Whether another mount is covered by the one at path, which is at's, and
 * whether there are mounts inside of that one, which would go with it.
 * Returns 0, or -1 and errno.
 */
int target_around(const struct spot *at, const char *path, int *covers,
	int *inside);

/* Clones what is at source, and nothing that is mounted inside of it, as a
 * mount that is nowhere yet, and no peer of the source's. Returns a descriptor
 * of it, or -1 and errno. */
int mount_clone(const struct spot *source);

/* The number of the mount that fd is in, as spot.mount; 0: not known. */
uint64_t mount_number(int fd);
/* The path that the mount of that number is on; NULL where there is no such
 * mount, or none that can be seen from here. */
char *mount_place(uint64_t number);

/* Mounts a clone on at. Returns 0, or -1 and errno. */
int mount_attach(int clone, const struct spot *at);

/* Mounts it beneath the mount whose root is at, and takes the place in the
 * moment that one goes. Linux 6.5 (move_mount(2)); otherwise EINVAL. */
int mount_beneath(int clone, const struct spot *at);

/* Takes away the mount whose root is at, and that one only; who still uses
 * it may go on. Returns 0, or -1 and errno. */
int mount_detach(const struct spot *at);
