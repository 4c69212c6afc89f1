/* mounts.h - NAME/mounts, what a service has mounted */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

/*
 * A line for each mount: source, target, and which file it shows (device and
 * inode), parted by tabs. A file stays while it is mounted, and no other gets
 * its number meanwhile; so the mount at a target is ours if its root is a
 * file that some line has for that target. All else is left alone.
 *
 * A line is written before the mount is made, and goes after it is gone. When
 * another file takes the place, there are two for the target meanwhile. So
 * whoever is killed in between leaves nothing that isn't known.
 */
struct mounts {
	struct entry {
		char *source, *target, *id;
	} *entry;
	size_t n;
	int changed;	/* since they were read or written */
};

/* Reads the file; *odd counts the lines that it left out. 0, -1 and errno. */
int mounts_read(struct mounts *m, int dir, size_t *odd);
/* Writes it if something changed; where nothing is mounted there is none.
 * Returns 0, or -1 and errno. */
int mounts_write(struct mounts *m, int dir);
void mounts_add(struct mounts *m, const char *source, const char *target,
	const char *id);
/* Whether id is, or was about to be, mounted on target; and from source, if
 * that is given. */
int mounts_have(const struct mounts *m, const char *source,
	const char *target, const char *id);
/* Forgets all of target, but for id from source, if source is given. */
void mounts_keep(struct mounts *m, const char *source, const char *target,
	const char *id);
void mounts_free(struct mounts *m);
