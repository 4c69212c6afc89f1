/* trust.c - whom a command runs as */
/* SPDX-License-Identifier: ISC */
/* As command.c, this runs in the child. */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "util.h"

enum { LINKS_MAX = 40 };	/* symbolic links on the way to a command */

/* The path with the link that stands at its first n bytes followed. */
static void
link_follow(char *path, size_t size, size_t n)
{
	char target[PATH_MAX], *rest = xstrdup(path + n), save = path[n];
	ssize_t len;

	path[n] = '\0';
	len = readlink(path, target, sizeof(target) - 1);
	path[n] = save;
	if (len < 0)
		run_cant("%s:", path);
	target[len] = '\0';
	while (n && path[n - 1] != '/')
		n--;
	if (*target == '/')
		n = 0;
	path[n] = '\0';
	if ((size_t)snprintf(path + n, size - n, "%s%s", target, rest) >=
	    size - n)
		run_cant("%s: too long", target);
	free(rest);
}

/*
 * Whether others than root could change what is at the absolute path, or
 * place something else there: then some file, directory or link on the way
 * is theirs, or they may write to it. A sticky directory lets nobody move
 * root's entries. A POSIX ACL that gives more shows in the group's bits.
 */
static int
others_can_change(const char *name)
{
	char path[PATH_MAX], save;
	struct stat st;
	size_t n = 0;
	int links = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s", name) >= sizeof(path))
		run_cant("%s: too long", name);
	for (;;) {
		/* first the slash alone, then one component more each time */
		n += n ? strcspn(path + n, "/") : 1;
		save = path[n];
		path[n] = '\0';
		if (lstat(path, &st) < 0)
			run_cant("can't run %s:", name);
		path[n] = save;
		if (st.st_uid != 0)
			return 1;
		if (S_ISLNK(st.st_mode)) {
			if (++links > LINKS_MAX)
				run_cant("%s: too many links", name);
			link_follow(path, sizeof(path), n);
			n = 0;
			continue;
		}
		if ((st.st_mode & 022) &&
		    !(S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX)))
			return 1;
		n += strspn(path + n, "/");
		if (!path[n])
			return 0;
	}
}

/* What a check reads is the user's, or a commit's, who may have made it a link
 * to what is root's; and what it says of that is shown to many. */
static int
is_users(const struct job *job)
{
	return job->step->kind == STEP_CHECK &&
	    kv_get(&job->s.conf, "user") &&
	    !kv_get(&job->s.conf, "check_user");
}

struct passwd *
command_user(const struct job *job, const char *path)
{
	const char *user = kv_get(&job->s.conf, "user");
	struct passwd *pw;

	/* without root there is nobody else to be */
	if (geteuid() != 0 || user_is_alone() ||
	    (!others_can_change(path) && !is_users(job)))
		return getpwuid(geteuid());
	if (!user)
		run_cant("%s could be changed by others than root, and the "
		    "service has no user", path);
	pw = getpwnam(user);
	if (!pw)
		run_cant("unknown user %s", user);
	return pw;
}
