/* store.h - an object store, as children open it */
/* SPDX-License-Identifier: ISC */
#include <git2.h>

/*
 * Opens the object store at path. Its refs and its objects count, and nothing
 * else that a child may have left there: no configuration (`url.*.insteadOf`,
 * http.proxy), no alternates, no commit-graph. Returns as libgit2's functions
 * do.
 */
int store_open(git_repository **repo, const char *path);
