/* git.c - libgit2, the same on every machine */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include <git2.h>

#include "contact.h"
#include "util.h"

int
git_start(void)
{
	static const int level[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
	};
	size_t i;

	if (git_libgit2_init() < 0)
		return -1;
	for (i = 0; i < sizeof(level) / sizeof(*level); i++)
		if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level[i], "") < 0)
			return -1;
	/* a plain path may well be another user's: we run nothing of it */
	return git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
}

const char *
git_message(void)
{
	static char text[400];
	const git_error *e = git_error_last();

	snprintf(text, sizeof(text), "%s", e && e->message && *e->message ?
	    e->message : "git failed, and doesn't say why");
	return plain(text);
}
