/* saved.c - local edits that had to make way */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "pull.h"
#include "util.h"

/* Opens saved/, for root's eyes only. */
static int
saved_open(const struct service *s)
{
	int fd = place_make(s, PLACE_SAVED);

	if (fd >= 0)
		fchmod(fd, 0700);
	return fd;
}

static char now_name[32];	/* of what is being kept, as saved/TIME */

/* Not what somebody else put there. */
static int
is_entry(const struct dirent *e)
{
	return strlen(e->d_name) == 16 &&
	    strspn(e->d_name, "0123456789TZ") == 16;
}

/* In the order in which they were made. What has a later name than the one
 * that is made now is from a time when the clock was ahead. */
static int
entry_compare(const struct dirent **a, const struct dirent **b)
{
	int x = strcmp((*a)->d_name, now_name) <= 0;
	int y = strcmp((*b)->d_name, now_name) <= 0;

	return x != y ? x - y : strcmp((*a)->d_name, (*b)->d_name);
}

/* The bytes of all files in name, a directory of dir's, and below it; more
 * than may be kept, where it is deeper than any commit can be. */
static off_t
bytes_in(int dir, const char *name, int depth)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;
	off_t sum = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode))
			sum += (off_t)st.st_blocks * 512;
		else if (depth < DEPTH_MAX)
			sum += bytes_in(fd, e->d_name, depth + 1);
		else
			sum += SAVED_BYTES + 1;
	}
	closedir(d);
	return sum;
}

/* Keeps the newest SAVED_MAX entries, and of those no more than SAVED_BYTES,
 * but for the last, which is the one that is being made. */
static void
saved_prune(const struct service *s, int saved)
{
	struct dirent **e;
	int i, n = scandirat(saved, ".", &e, is_entry, entry_compare);
	off_t sum = 0;

	for (i = n - 1; i >= 0; i--) {
		if (i > n - 1 - SAVED_MAX)
			sum += bytes_in(saved, e[i]->d_name, 0);
		if (i < n - 1 && (i <= n - 1 - SAVED_MAX ||
		    sum > SAVED_BYTES) &&
		    remove_tree(saved, e[i]->d_name) < 0)
			warn("%s: saved/%s:", s->name, e[i]->d_name);
		free(e[i]);
	}
	if (n >= 0)
		free(e);
}

/* Opens saved/TIME, one for all that this process keeps of a service. */
static int
saved_now(const struct service *s)
{
	static char last[sizeof(s->name)];
	time_t now = time(NULL);
	struct tm tm;
	int saved = saved_open(s), fd, first = strcmp(last, s->name) != 0;

	if (saved < 0)
		return -1;
	if (first) {
		strftime(now_name, sizeof(now_name), "%Y%m%dT%H%M%SZ",
		    gmtime_r(&now, &tm));
		memcpy(last, s->name, sizeof(last));
	}
	fd = dir_make(saved, now_name, (uid_t)-1, (gid_t)-1, (uid_t)-1,
	    (gid_t)-1);
	if (fd >= 0 && first)
		saved_prune(s, saved);
	close(saved);
	return fd;
}

/* Makes the directory above in saved/TIME, or, where a file that was kept in
 * the same second stands in its way, one beside that: a/b as a~1/b. */
static int
saved_above(int saved, const char *above)
{
	int i, n = (int)strcspn(above, "/");
	int at = dir_make(saved, above, (uid_t)-1, (gid_t)-1, (uid_t)-1,
	    (gid_t)-1);

	for (i = 1; at < 0 && (errno == ENOTDIR || errno == ELOOP) && i < 100;
	    i++) {
		char *other = xasprintf("%.*s~%d%s", n < NAME_MAX - 4 ? n :
		    NAME_MAX - 4, above, i, above + n);

		at = dir_make(saved, other, (uid_t)-1, (gid_t)-1, (uid_t)-1,
		    (gid_t)-1);
		free(other);
	}
	return at;
}

/* Moves name in dir to path in saved/TIME, or beside it as path~1, ~2, ... */
static int
saved_move(int saved, const char *path, int dir, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *above = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	const char *base = slash ? slash + 1 : path;
	char to[NAME_MAX + 1];
	int at = saved_above(saved, above), i, result = -1;

	free(above);
	if (at < 0)
		return -1;
	snprintf(to, sizeof(to), "%s", base);
	for (i = 1; i < 100; i++) {
		result = renameat2(dir, name, at, to, RENAME_NOREPLACE);
		if (result == 0 || errno != EEXIST)
			break;
		snprintf(to, sizeof(to), "%.*s~%d", NAME_MAX - 4, base, i);
	}
	close(at);
	return result;
}

int
saved_keep(struct service *s, const char *path, int dir, const char *name)
{
	char *quoted;
	int saved = saved_now(s), result;

	if (saved < 0)
		return -1;
	result = saved_move(saved, path, dir, name);
	close(saved);
	if (result < 0)
		return -1;
	quoted = path_quote(path);
	service_log(s, "pull: %s was edited here: kept in saved/", quoted);
	warn("%s: %s was edited here: kept in saved/", s->name, quoted);
	free(quoted);
	return 0;
}

int
saved_dispose(struct service *s, const struct entry *e, const char *path,
	int dir, const char *name)
{
	if (e && entry_intact(e, dir, name))
		return unlinkat(dir, name, 0);
	return saved_keep(s, path, dir, name);
}
