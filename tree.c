/* tree.c - the tree as it lies there: its directory, and edits made in it */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

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

int
plan_place_fits(const struct service *s, const struct plan *plan)
{
	char tree[PATH_MAX];
	uid_t uid;
	gid_t gid;

	return service_owner(s, &uid, &gid) == 0 && plan->owner == uid &&
	    service_path(s, PLACE_TREE, tree, sizeof(tree)) == 0 &&
	    plan->tree && strcmp(plan->tree, tree) == 0;
}

int
plan_links_fit(const struct service *s, const struct plan *plan)
{
	size_t i;

	if (plan->nlinks != s->ndirs)
		return 0;
	for (i = 0; i < s->ndirs; i++)
		if (strcmp(plan->link[i], s->dirs[i].link))
			return 0;
	return 1;
}

int
tree_is_empty(const struct service *s)
{
	struct stat st;
	int fd = place_open(s, PLACE_TREE), empty;

	if (fd < 0)
		return 1;
	/* a directory in it has a link to it, on most file systems */
	empty = fstat(fd, &st) == 0 && st.st_nlink <= 2 && dir_is_empty(fd);
	close(fd);
	return empty;
}

int
drift_due(const struct service *s)
{
	struct stat st;

	return fstatat(s->dir, "index", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime + DRIFT_EVERY <= time(NULL);
}

int64_t
drift_look(struct service *s, struct plan *index, int drop)
{
	struct walk walk = { .root = place_make(s, PLACE_TREE) };
	int64_t edited = 0, before = kv_number(&s->status, "drift", 0);
	size_t i, n = 0;

	if (walk.root < 0)
		return -1;
	for (i = 0; i < index->n; i++) {
		struct entry *e = &index->entry[i];

		if (entry_intact_in(e, &walk)) {
			index->entry[n++] = *e;
			continue;
		}
		if (edited++ == 0 && before == 0)
			service_log(s, "pull: edited here: %s", e->path);
		if (drop)
			free(e->path);
		else
			index->entry[n++] = *e;
	}
	index->n = n;
	walk_end(&walk);
	close(walk.root);
	if (edited != before)
		kv_set_number(&s->status, "drift", edited);
	if (utimensat(s->dir, "index", NULL, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return edited;
}

/* Published files have gone already; what is left in the tree is not ours,
 * and is kept. */
static int
tree_dismantle(struct service *s)
{
	const char *name;
	int above = place_above(s, PLACE_TREE, 0, &name), result = 0;

	if (above < 0)
		return errno == ENOENT ? 0 : -1;
	if (unlinkat(above, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		result = saved_keep(s, "tree", above, name);
	close(above);
	return result;
}

int
service_dismantle(struct service *s)
{
	static const char *const files[] = {
		"index", "changes", "plan.changes", "object", "metrics",
		"metrics.new", "status", "mounts", "conf"
	};
	struct kv conf;
	size_t i;
	int back;

	if (places_trusted(s) < 0) {
		warn("%s: can't be taken apart: %s", s->name, place_why());
		return -1;
	}
	if (publish_nothing(s) < 0 || tree_dismantle(s) < 0 ||
	    stage_clear(s) < 0 || place_remove(s, PLACE_CHECK) < 0)
		goto fail;
	/* gitopper-conf takes no lock: has it come back meanwhile? */
	if (kv_read(&conf, s->dir, "conf") < 0)
		goto fail;
	back = !kv_get(&conf, "gone");
	kv_free(&conf);
	if (back)
		return 0;
	if (remove_tree(s->dir, "ctl") < 0)
		goto fail;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (unlinkat(s->dir, files[i], 0) < 0 && errno != ENOENT)
			goto fail;
	service_log(s, "pull: left the config, and was taken apart");
	return 0;
fail:
	warn("%s: can't be taken apart:", s->name);
	return -1;
}
