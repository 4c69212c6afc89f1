/* owner.c - who placed a file in ctl/ */
/* SPDX-License-Identifier: ISC */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "state.h"
#include "owner.h"
#include "util.h"

static struct { uid_t uid; char *name; } *known;
static size_t nknown;
static int learned;

static void
learn(const char *name)
{
	struct passwd *pw = getpwnam(name);

	if (!pw)
		return;
	known = xreallocarray(known, nknown + 1, sizeof(*known));
	known[nknown].uid = pw->pw_uid;
	known[nknown++].name = xstrdup(name);
}

void
owners_learn(void)
{
	struct group *group = getgrnam(group_name);
	char **member;
	size_t i;

	for (i = 0; i < sizeof(httpd_users) / sizeof(*httpd_users); i++)
		learn(httpd_users[i]);
	for (member = group ? group->gr_mem : NULL; member && *member; member++)
		learn(*member);
	learned = 1;
}

/* The user's name, or a number that will have to do. */
static void
user_name(uid_t uid, char buf[OWNER_MAX])
{
	struct passwd *pw = !learned && uid ? getpwuid(uid) : NULL;
	const char *name = pw ? pw->pw_name : uid ? NULL : "root";
	size_t i;

	for (i = 0; i < nknown && !name; i++)
		if (known[i].uid == uid)
			name = known[i].name;
	if (name)
		snprintf(buf, OWNER_MAX, "%s", name);
	else
		snprintf(buf, OWNER_MAX, "user %lu", (unsigned long)uid);
	plain(buf);
}

char *
owner_name(const struct control *f, char buf[OWNER_MAX])
{
	size_t i;

	user_name(f->owner, buf);
	/* gitopper-httpd says for whom it did that */
	for (i = 0; i < sizeof(httpd_users) / sizeof(*httpd_users); i++)
		if (strcmp(buf, httpd_users[i]) == 0 &&
		    strncmp(f->text, "by ", 3) == 0)
			snprintf(buf, OWNER_MAX, "%s", f->text + 3);
	return buf;
}
