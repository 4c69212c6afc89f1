/* stores.c - object stores that no service uses any more */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "contact.h"
#include "state.h"
#include "util.h"

/* Adds what lies below name, of which files may come so many; -1: more do. */
static int
size_add(int dir, const char *name, int depth, size_t *files, uint64_t *bytes)
{
	struct dirent *e;
	struct stat st;
	int result = 0, fd = openat(dir, name, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	while (result == 0 && d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		*bytes += (uint64_t)st.st_blocks * 512;
		if (*files == 0 || depth == DEPTH_MAX)
			result = -1;
		else if (--*files, S_ISDIR(st.st_mode))
			result = size_add(fd, e->d_name, depth + 1, files,
			    bytes);
	}
	if (d)
		closedir(d);
	return result;
}

int
store_outgrown(int dir, const char *name)
{
	size_t files = STORE_FILES_MAX;
	uint64_t bytes = 0;

	return size_add(dir, name, 0, &files, &bytes) < 0 ||
	    bytes > 2 * STORE_MAX;
}

static int
is_used(const char *id, const char *const *urls, size_t n)
{
	char used[128];
	size_t i;

	for (i = 0; i < n; i++) {
		upstream_id(urls[i], used, sizeof(used));
		if (strcmp(used, id) == 0)
			return 1;
	}
	return 0;
}

/* When the last contact was tried; where nothing says, when it was made. */
static int64_t
last_used(int dir)
{
	struct kv status;
	struct stat st;
	int64_t t = 0;

	if (kv_read(&status, dir, "status") == 0)
		t = kv_number(&status, "tried", 0);
	kv_free(&status);
	return t || fstat(dir, &st) < 0 ? t : (int64_t)st.st_mtime;
}

/* Under its lock, so that nobody who came back to it loses it. */
static void
expire(int all, const char *id)
{
	int dir = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC), lock;

	if (dir < 0)
		return;
	lock = openat(dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 &&
	    last_used(dir) + STORE_KEEP < time(NULL)) {
		note("%s/.upstream/%s: not used any more", state_path, id);
		if (remove_tree(all, id) < 0)
			warn("%s/.upstream/%s:", state_path, id);
	}
	if (lock >= 0)
		close(lock);
	close(dir);
}

void
stores_expire(const char *const *urls, size_t n)
{
	struct dirent *e;
	DIR *d;
	int all = openat(state_dir, ".upstream", O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);

	if (all < 0 || !(d = fdopendir(all))) {
		if (all >= 0)
			close(all);
		return;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && !is_used(e->d_name, urls, n))
			expire(dirfd(d), e->d_name);
	closedir(d);
}
