/* steer.c - what people ask of a service: freeze, roll back, pull, redo */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "owner.h"
#include "steer.h"
#include "util.h"

static const struct {
	const char *name, *done;
} files[] = {
	[FROZEN] = { "frozen", "frozen" }, [PIN] = { "pin", "pinned" },
	[POKE] = { "poke", NULL }, [UNFREEZE] = { "unfreeze", NULL },
};

/* Says why a control file couldn't be written or removed; returns -1. */
static int
refused(const struct service *s, int i, char why[WHY_MAX])
{
	const struct control *f = &s->ctl.file[i];
	int saved = errno;
	char who[OWNER_MAX];

	/* in a sticky directory a file is its owner's */
	if (saved == EPERM && i >= POKE)
		snprintf(why, WHY_MAX, "another's %s waits; try again",
		    files[i].name);
	else if (saved == EPERM && f->root)
		snprintf(why, WHY_MAX,
		    "frozen by root: can only be lifted by root");
	else if (saved == EPERM && f->there)
		snprintf(why, WHY_MAX, "%s by %s: unfreeze it first",
		    files[i].done, owner_name(f, who));
	else if (saved == EACCES)
		snprintf(why, WHY_MAX, "only root and the group %s may do that",
		    group_name);
	else
		snprintf(why, WHY_MAX, "ctl/%s: %s", files[i].name,
		    strerror(saved));
	errno = saved;
	return -1;
}

/* Removes a file; where it is another member's, root's side is asked to: then
 * it returns 1. */
static int
lift(const struct service *s, int i, char why[WHY_MAX])
{
	if (ctl_remove(s->dir, files[i].name) == 0)
		return 0;
	if (errno != EPERM || s->ctl.file[i].root)
		return refused(s, i, why);
	if (ctl_lifts(&s->ctl, i))	/* somebody has asked already */
		return 1;
	return ctl_write(s->dir, "unfreeze", "") < 0 ?
	    refused(s, UNFREEZE, why) : 1;
}

int
steer_unfreeze(const struct service *s, char why[WHY_MAX])
{
	/* in this order: a pin that root's freeze outvoted must not come to
	 * count for a moment */
	int pin = lift(s, PIN, why), frozen = pin < 0 ? -1 :
	    lift(s, FROZEN, why);

	/* of an earlier one nothing is left to be done */
	if (pin == 0 && frozen == 0)
		(void)ctl_remove(s->dir, "unfreeze");
	return pin < 0 || frozen < 0 ? -1 : 0;
}

int
steer_freeze(const struct service *s, int64_t thaw, const char *by,
	char why[WHY_MAX])
{
	char text[OWNER_MAX + 32] = "";

	/* a freeze whose time is over takes its pin along */
	if (s->ctl.thawed && steer_unfreeze(s, why) < 0)
		return -1;
	if (thaw || by)
		snprintf(text, sizeof(text), "%lld%s%s", (long long)thaw,
		    by ? " by " : "", by ? by : "");
	if (ctl_write(s->dir, "frozen", text) < 0)
		return refused(s, FROZEN, why);
	return 0;
}

int
steer_rollback(const struct service *s, const char *hash, const char *by,
	char why[WHY_MAX])
{
	char text[OWNER_MAX + 48];

	/* nobody else's pin counts while root's freeze stands */
	if (s->ctl.frozen && geteuid() != 0 && s->ctl.file[FROZEN].root) {
		errno = EPERM;
		return refused(s, FROZEN, why);
	}
	if (s->ctl.thawed && steer_unfreeze(s, why) < 0)
		return -1;
	snprintf(text, sizeof(text), "%s%s%s", hash, by ? "\nby " : "",
	    by ? by : "");
	if (ctl_write(s->dir, "pin", text) < 0)
		return refused(s, PIN, why);
	return 0;
}

int
steer_pull(const struct service *s, const char *how, char why[WHY_MAX])
{
	struct ctl c;
	int saved;

	if (ctl_write(s->dir, "poke", how) == 0)
		return 0;
	saved = errno;
	/* another's poke is as good, if it says as much */
	if (saved == EPERM && ctl_read(&c, s->dir) == 0 && c.poke &&
	    strstr(ctl_poke(&c), how))
		return 0;
	errno = saved;
	return refused(s, POKE, why);
}
