/* plan.h - what a service's tree holds (index), or is to hold (plan) */
/* SPDX-License-Identifier: ISC */
#ifndef PLAN_H
#define PLAN_H
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * NAME/plan and NAME/index have one format: `commit HASH`, `tree PATH`,
 * `owner UID`, a `link LINK` for each dir that it is for, then for each file
 * `MODE ID SIZE INODE MTIME<TAB>PATH`, sorted by path, paths quoted as git
 * does. INODE and MTIME are those of the file as we wrote it, so a file that
 * still has them was not edited; rename(2) changes neither.
 */
struct entry {
	char *path;
	unsigned mode;		/* git's: 0100644, 0100755 or 0120000 */
	char id[41];		/* git's name of the blob */
	uint64_t size, ino;
	struct timespec mtime;
};

struct plan {
	char commit[41];	/* "" where there is no such file */
	char *tree;		/* where the tree was */
	uid_t owner;
	char **link;
	size_t nlinks;
	struct entry *entry;
	size_t n;
};

/* Reads STATE/NAME/file. Returns 0, also for a missing one, or -1 and errno
 * (EINVAL: it isn't well formed). */
int plan_read(struct plan *plan, int dir, const char *file);
/* Writes it. Returns 0, or -1 and errno. */
int plan_write(const struct plan *plan, int dir, const char *file);
/* Adds an entry; a copy of it, path and all. */
struct entry *plan_add(struct plan *plan, const struct entry *e);
void plan_link(struct plan *plan, const char *link);
/* The entry of path, or NULL. */
struct entry *plan_find(const struct plan *plan, const char *path);
/* Adds to plan what old has besides: but for drop, whose entries are only
 * paths, and for what plan has at the same path. All three are sorted. */
void plan_merge(struct plan *plan, const struct plan *old,
	const struct plan *drop);
/* The position of the first entry that doesn't sort before path. */
size_t plan_position(const struct plan *plan, const char *path);
void plan_free(struct plan *plan);

/*
 * Whether name in dir is still the file that e speaks of: the same inode and
 * time, or else the same mode and content (SHA-1 of a git blob).
 */
int entry_intact(const struct entry *e, int dir, const char *name);
/* A look at files of a tree, in their order: those in one directory take one
 * open(2) together, and a stat(2) each. Begins as { .root = descriptor }. */
struct walk {
	int root, dir;
	char *above;		/* the path of dir, or NULL */
};
/* The same in that tree, at e's path. */
int entry_intact_in(const struct entry *e, struct walk *walk);
/* To be called at the end; root stays open. */
void walk_end(struct walk *walk);
/* Fills in size, inode and mtime of name in dir. Returns 0, -1 and errno. */
int entry_stat(struct entry *e, int dir, const char *name);

#endif
