/* git.c - libgit2, the same on every machine */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include <git2.h>
#include <git2/sys/repository.h>

#include "contact.h"
#include "store.h"
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
	/* our store may be of a user that we were before: nothing of it runs */
	return git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
}

/* Only what lies there by its own hash, not what objects/info/ says. */
static int
objects_open(git_repository *repo, const char *path)
{
	git_odb_backend *backend;
	git_odb *odb;
	char objects[4096];
	int e;

	if (path_join(objects, sizeof(objects), path, "objects") < 0) {
		git_error_set_str(GIT_ERROR_OS, "its path is too long");
		return -1;
	}
	if ((e = git_odb_new(&odb)))
		return e;
	if (!(e = git_odb_backend_pack(&backend, objects)) &&
	    !(e = git_odb_add_backend(odb, backend, 2)) &&
	    !(e = git_odb_backend_loose(&backend, objects, -1, 0, 0, 0)) &&
	    !(e = git_odb_add_backend(odb, backend, 1)))
		e = git_repository_set_odb(repo, odb);
	git_odb_free(odb);
	return e;
}

int
store_open(git_repository **repo, const char *path)
{
	git_config *none;
	int e = git_repository_open_bare(repo, path);

	if (e)
		return e;
	if (!(e = git_config_new(&none))) {
		e = git_repository_set_config(*repo, none);
		git_config_free(none);
	}
	if (!e)
		e = objects_open(*repo, path);
	if (e)
		git_repository_free(*repo);
	return e;
}

int
git_damage(void)
{
	const git_error *e = git_error_last();

	switch (e ? e->klass : GIT_ERROR_NONE) {
	case GIT_ERROR_ODB:
	case GIT_ERROR_OBJECT:
	case GIT_ERROR_TREE:
	case GIT_ERROR_REFERENCE:
	case GIT_ERROR_REPOSITORY:
	case GIT_ERROR_CONFIG:
	case GIT_ERROR_ZLIB:
	case GIT_ERROR_INDEXER:
		return 1;
	default:
		return 0;
	}
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
