/* sweep.c - an object store's files, before libgit2 opens it */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "sweep.h"
#include "util.h"

static int
is_left_behind(const char *name, const struct stat *st)
{
	size_t n = strlen(name);

	return st->st_size == 0 || strstr(name, "_git2_") ||
	    (n > 5 && strcmp(name + n - 5, ".lock") == 0);
}

/* Not of the order in which they are found. */
static uint64_t
file_sum(const char *path, const struct stat *st)
{
	uint64_t sum = text_hash(path);

	sum = (sum ^ (uint64_t)st->st_size) * 0x100000001b3;
	sum = (sum ^ (uint64_t)st->st_ino) * 0x100000001b3;
	sum = (sum ^ (uint64_t)st->st_mtim.tv_sec) * 0x100000001b3;
	return (sum ^ (uint64_t)st->st_mtim.tv_nsec) * 0x100000001b3;
}

/* Nothing of git's is so deep, and what is makes the store one that is to be
 * thrown away. */
static uint64_t
dir_sweep(const char *dir, int depth, uint64_t *bytes)
{
	char path[4096];
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;
	DIR *d = depth > DEPTH_MAX ? NULL : opendir(dir);

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' ||
		    path_join(path, sizeof(path), dir, e->d_name) < 0)
			continue;
		if (e->d_type == DT_DIR)
			sum += dir_sweep(path, depth + 1, bytes);
		else if (lstat(path, &st) < 0)
			continue;
		else if (is_left_behind(e->d_name, &st))
			unlink(path);
		else
			sum += file_sum(path, &st),
			    *bytes += (uint64_t)st.st_size;
	}
	closedir(d);
	return sum;
}

uint64_t
store_sweep(const char *dir, uint64_t *bytes)
{
	return dir_sweep(dir, 0, bytes);
}
