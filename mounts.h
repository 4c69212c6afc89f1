/* mounts.h - NAME/mounts, what a service has mounted */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

/*
 * A line for each mount: source, target, which file it shows (device and
 * inode), and the number that the kernel gave it, parted by tabs. A file stays
 * while it is mounted, and no other gets its number meanwhile; so the mount at
 * a target is ours if its root is a file that some line has for that target.
 * All else is left alone, but for one of that file and of that number: ours,
 * moved away with a directory above it.
 *
 * A line is written before the mount is made, and goes after it is gone. When
 * another file takes the place, there are two for the target meanwhile. So
 * whoever is killed in between leaves nothing that isn't known.
 */
struct mounts {
	struct entry {
		char *source, *target, *id;
		uint64_t mount;		/* 0: not known */
	} *entry;
	size_t n;
	int changed;	/* since they were read or written */
};

/* Reads the file; *odd counts the lines that it left out. 0, -1 and errno. */
int mounts_read(struct mounts *m, int dir, size_t *odd);
/* Writes it if something changed; where nothing is mounted there is none.
 * Returns 0, or -1 and errno. */
int mounts_write(struct mounts *m, int dir);
/* Adds that line, unless it is there. */
void mounts_note(struct mounts *m, const char *source, const char *target,
	const char *id, uint64_t mount);
/* Whether id is, or was about to be, mounted on target. */
int mounts_have(const struct mounts *m, const char *target, const char *id);
/* Forgets all of target, but for id from source of that number, if source is
 * given. */
void mounts_keep(struct mounts *m, const char *source, const char *target,
	const char *id, uint64_t mount);
void mounts_free(struct mounts *m);
