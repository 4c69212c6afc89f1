/* steer.c - what people ask of a service: freeze, roll back, pull, redo */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "steer.h"
#include "util.h"

/* Who placed a control file; (uid_t)-1 where there is none. */
static uid_t
owner_of(const struct service *s, const char *name)
{
	char path[16];
	struct stat st;

	if (path_join(path, sizeof(path), "ctl", name) < 0 ||
	    fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (uid_t)-1;
	return st.st_uid;
}

/* Says why a control file couldn't be written or removed; returns -1. */
static int
refused(const struct service *s, const char *name, char why[WHY_MAX])
{
	int saved = errno;
	uid_t owner = owner_of(s, name);
	struct passwd *pw;

	/* in a sticky directory a file is its owner's */
	if (saved == EPERM && owner == 0) {
		snprintf(why, WHY_MAX,
		    "frozen by root: can only be lifted by root");
	} else if (saved == EPERM && owner != (uid_t)-1) {
		pw = getpwuid(owner);
		snprintf(why, WHY_MAX,
		    "frozen by %s: can only be lifted by them or by root",
		    pw ? pw->pw_name : "another user");
	} else if (saved == EACCES) {
		snprintf(why, WHY_MAX, "only root and the group %s may do that",
		    group_name);
	} else {
		snprintf(why, WHY_MAX, "ctl/%s: %s", name, strerror(saved));
	}
	errno = saved;
	return -1;
}

int
steer_unfreeze(const struct service *s, char why[WHY_MAX])
{
	/* in this order: a pin that root's freeze outvoted must not come to
	 * count for a moment */
	if (ctl_remove(s->dir, "pin") < 0)
		return refused(s, "pin", why);
	if (ctl_remove(s->dir, "frozen") < 0)
		return refused(s, "frozen", why);
	return 0;
}

int
steer_freeze(const struct service *s, int64_t thaw, char why[WHY_MAX])
{
	char text[24] = "";

	/* a freeze whose time is over takes its pin along */
	if (s->ctl.thawed && steer_unfreeze(s, why) < 0)
		return -1;
	if (thaw)
		snprintf(text, sizeof(text), "%lld", (long long)thaw);
	if (ctl_write(s->dir, "frozen", text) < 0)
		return refused(s, "frozen", why);
	return 0;
}

int
steer_rollback(const struct service *s, const char *hash, char why[WHY_MAX])
{
	/* nobody else's pin counts while root's freeze stands */
	if (s->ctl.frozen && geteuid() != 0 && owner_of(s, "frozen") == 0) {
		errno = EPERM;
		return refused(s, "frozen", why);
	}
	if (s->ctl.thawed && steer_unfreeze(s, why) < 0)
		return -1;
	if (ctl_write(s->dir, "pin", hash) < 0)
		return refused(s, "pin", why);
	return 0;
}

int
steer_pull(const struct service *s, const char *how, char why[WHY_MAX])
{
	struct ctl c;

	if (ctl_write(s->dir, "poke", how) == 0)
		return 0;
	/* another's poke is as good, if it says as much */
	if (errno == EPERM && ctl_read(&c, s->dir) == 0 && c.poke) {
		if (strstr(ctl_poke(&c), how))
			return 0;
		snprintf(why, WHY_MAX, "another's poke waits; try again");
		errno = EPERM;
		return -1;
	}
	return refused(s, "poke", why);
}
