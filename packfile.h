/* packfile.h - a pack, written object by object */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

#include <git2.h>

/* How many deltas may have to be applied to read an object: as git has it. */
enum { PACKFILE_DEPTH = 50 };

struct packfile;

/* All return as libgit2's functions do, the error being set. */

/* Begins a pack in dir, a store's objects/pack. */
int packfile_new(struct packfile **out, const char *dir);
/* Whether the object is in it; *depth, if not NULL, is how many deltas lie
 * between it and a whole one. */
int packfile_has(const struct packfile *p, const git_oid *id, unsigned *depth);
/* Adds an object that isn't in it yet: whole; or as a delta, in git's form
 * (gitformat-pack(5)), to base, which is in it already. */
int packfile_add(struct packfile *p, const git_oid *id, git_object_t type,
	const void *data, size_t len);
int packfile_add_delta(struct packfile *p, const git_oid *id,
	const git_oid *base, const void *delta, size_t len);
/* Puts it in its place, with an index. An empty one leaves nothing. */
int packfile_end(struct packfile *p);
/* Frees it; one that hasn't come to its end leaves nothing. */
void packfile_free(struct packfile *p);
