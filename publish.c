/* publish.c - moves what is staged into the tree */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "pull.h"
#include "util.h"

/*
 * A publish may be killed at any instant, and is then done again from its
 * start; every step must find out how far it got. What tells is the inode
 * that the plan has for each file: rename(2) keeps it. In next/ and the tree,
 *
 *	new		old or nothing	not begun
 *	old		new		exchanged, the old one not disposed of
 *	nothing		new		done
 *
 * and when all files are done the plan becomes the index by a rename.
 */
struct publish {
	struct service *s;
	const struct plan *plan;
	struct plan index;
	int tree, next;		/* descriptors */
	uid_t uid;
	gid_t gid;
	size_t added, changed, removed;
};

/* Where a file lies: a directory's descriptor, and the name in it. */
struct spot {
	int dir;
	const char *name;
};

/* The spot of path below root, if its directory is there. */
static int
spot_find(struct spot *spot, int root, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *above = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	spot->name = slash ? slash + 1 : path;
	spot->dir = open_beneath(root, above, O_RDONLY | O_DIRECTORY, 0);
	free(above);
	return spot->dir < 0 ? -1 : 0;
}

/* Inode of what is at the spot, or 0 where nothing is. */
static int
spot_inode(const struct spot *spot, uint64_t *ino, mode_t *mode)
{
	struct stat st;

	*ino = 0;
	*mode = 0;
	if (fstatat(spot->dir, spot->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	*ino = st.st_ino;
	*mode = st.st_mode;
	return 0;
}

/* Disposes of a published file that has to go from where it lies. */
static int
file_remove(struct publish *p, const struct entry *old)
{
	struct spot spot;
	struct stat st;
	int result = 0;

	if (spot_find(&spot, p->tree, old->path) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ?
		    0 : -1;
	if (fstatat(spot.dir, spot.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISDIR(st.st_mode)) {
		result = saved_dispose(p->s, old, old->path, spot.dir,
		    spot.name);
		p->removed++;
	}
	close(spot.dir);
	return result;
}

/* A directory of links is kept, though empty: it may be mounted. */
static int
is_link_dir(const struct service *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->ndirs; i++)
		if (strcmp(s->dirs[i].link, path) == 0)
			return 1;
	return 0;
}

/* Removes the directories above path that are empty now, but for those with
 * a path of no more than n bytes. */
static void
dirs_prune(struct publish *p, const char *path, size_t n)
{
	struct spot spot;
	char *above = xstrdup(path), *slash;
	int gone = 1;

	while (gone && (slash = strrchr(above, '/'))) {
		*slash = '\0';
		if (strlen(above) <= n || is_link_dir(p->s, above) ||
		    spot_find(&spot, p->tree, above) < 0)
			break;
		gone = unlinkat(spot.dir, spot.name, AT_REMOVEDIR) == 0;
		close(spot.dir);
	}
	free(above);
}

/* A directory stands where a file must go: what was published in it goes,
 * and what else there is makes way as a whole. */
static int
dir_clear(struct publish *p, const char *path, const struct spot *spot)
{
	size_t i, n = strlen(path);
	char *below = xasprintf("%s/", path);
	int result = 0;

	for (i = plan_position(&p->index, below); result == 0 &&
	    i < p->index.n && strncmp(p->index.entry[i].path, below,
	    n + 1) == 0; i++) {
		result = file_remove(p, &p->index.entry[i]);
		dirs_prune(p, p->index.entry[i].path, n);
	}
	free(below);
	if (result == 0 && unlinkat(spot->dir, spot->name, AT_REMOVEDIR) < 0 &&
	    errno != ENOENT)
		result = saved_keep(p->s, path, spot->dir, spot->name);
	return result;
}

/* Makes the directory above path in the tree. Whatever is no directory on
 * the way there makes way. */
static int
above_make(struct publish *p, const char *path)
{
	char *above = xstrdup(path), *end = strrchr(above, '/'), *slash;
	struct spot spot;
	uint64_t ino;
	mode_t mode;
	int fd = -1;

	if (end)
		*end = '\0';
	else
		*above = '\0';
	fd = dir_make(p->tree, above, p->uid, p->gid, p->uid, p->gid);
	if (fd >= 0 || (errno != ENOTDIR && errno != ELOOP))
		goto out;
	for (slash = strchr(above, '/'); ; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (spot_find(&spot, p->tree, above) < 0)
			goto out;
		if (spot_inode(&spot, &ino, &mode) == 0 && ino &&
		    !S_ISDIR(mode)) {
			fd = saved_dispose(p->s, plan_find(&p->index, above),
			    above, spot.dir, spot.name);
			close(spot.dir);
			break;
		}
		close(spot.dir);
		if (!slash)
			goto out;
		*slash = '/';
	}
	if (slash)
		*slash = '/';
	if (fd == 0)
		fd = dir_make(p->tree, above, p->uid, p->gid, p->uid, p->gid);
out:
	free(above);
	return fd;
}

/* What an exchange brought out: nothing is lost with what equals the new. */
static int
file_dispose(struct publish *p, const struct entry *e, const struct spot *from)
{
	if (entry_intact(e, from->dir, from->name))
		return unlinkat(from->dir, from->name, 0);
	return saved_dispose(p->s, plan_find(&p->index, e->path), e->path,
	    from->dir, from->name);
}

/* The new file lies in next/: into the tree with it. */
static int
file_move(struct publish *p, const struct entry *e, const struct spot *from,
	const struct spot *to)
{
	uint64_t ino;
	mode_t mode;

	if (spot_inode(to, &ino, &mode) < 0)
		return -1;
	if (S_ISDIR(mode) && dir_clear(p, e->path, to) < 0)
		return -1;
	if (!ino || S_ISDIR(mode)) {
		if (renameat2(from->dir, from->name, to->dir, to->name,
		    RENAME_NOREPLACE) == 0) {
			p->added++;
			return 0;
		}
		if (errno != EEXIST)
			return -1;
	}
	if (renameat2(from->dir, from->name, to->dir, to->name,
	    RENAME_EXCHANGE) < 0)
		return -1;
	p->changed++;
	return file_dispose(p, e, from);
}

static int
file_publish(struct publish *p, const struct entry *e)
{
	struct spot from, to;
	uint64_t ino, there;
	mode_t mode;
	int result = -1;

	if (spot_find(&from, p->next, e->path) < 0)
		return -1;
	to.name = from.name;
	to.dir = above_make(p, e->path);
	if (to.dir < 0) {
		close(from.dir);
		return -1;
	}
	if (spot_inode(&from, &ino, &mode) < 0 ||
	    spot_inode(&to, &there, &mode) < 0)
		goto out;
	/* its inode is another where all this was put back from a copy */
	if (ino == e->ino || (ino && there != e->ino &&
	    entry_intact(e, from.dir, from.name)))
		result = file_move(p, e, &from, &to);
	else if (ino)
		result = file_dispose(p, e, &from);
	else
		result = 0;	/* in place, and maybe edited since */
out:
	close(from.dir);
	close(to.dir);
	return result;
}

/* Whether the plan took the entry over from the index as it was. */
static int
is_kept(const struct publish *p, const struct entry *e)
{
	const struct entry *old = plan_find(&p->index, e->path);

	return old && old->ino == e->ino && old->mode == e->mode &&
	    old->mtime.tv_sec == e->mtime.tv_sec &&
	    old->mtime.tv_nsec == e->mtime.tv_nsec &&
	    strcmp(old->id, e->id) == 0;
}

/* The directories above path that the former owner had get the one that the
 * files have: another one's is there because somebody moved it there. */
static int
dirs_own(struct publish *p, const char *path)
{
	char *above = xstrdup(path), *slash;
	int fd, result = fchown(p->tree, p->uid, p->gid);
	struct stat st;

	while (result == 0 && (slash = strrchr(above, '/'))) {
		*slash = '\0';
		fd = open_beneath(p->tree, above, O_RDONLY | O_DIRECTORY, 0);
		result = fd < 0 ? -1 : fstat(fd, &st);
		if (result == 0 && st.st_uid == p->index.owner)
			result = fchown(fd, p->uid, p->gid);
		if (fd >= 0)
			close(fd);
	}
	free(above);
	return result;
}

static int
files_publish(struct publish *p)
{
	size_t i;
	int fd;

	for (i = 0; i < p->s->ndirs; i++) {
		if (p->s->dirs[i].file)
			continue;
		fd = dir_make(p->tree, p->s->dirs[i].link, p->uid, p->gid,
		    p->uid, p->gid);
		if (fd >= 0)
			close(fd);
	}
	for (i = 0; i < p->plan->n; i++) {
		const struct entry *e = &p->plan->entry[i];

		if (is_kept(p, e))
			continue;
		if (file_publish(p, e) < 0 || (p->index.tree &&
		    p->index.owner != p->uid && dirs_own(p, e->path) < 0)) {
			service_fail(p->s, "pull", "%s:", e->path);
			return -1;
		}
	}
	for (i = 0; i < p->index.n; i++) {
		const struct entry *e = &p->index.entry[i];

		if (plan_find(p->plan, e->path))
			continue;
		if (file_remove(p, e) < 0) {
			service_fail(p->s, "pull", "%s:", e->path);
			return -1;
		}
		dirs_prune(p, e->path, 0);
	}
	return 0;
}

void
publish_finish(struct service *s, const char *commit)
{
	const char *hash = kv_get(&s->status, "hash");

	if (!hash || strcmp(hash, commit))
		kv_set_number(&s->status, "since", time(NULL));
	kv_set(&s->status, "hash", commit);
	kv_set(&s->status, "todo", "act");
	service_staged(s, "");
	if (renameat(s->dir, "plan.changes", s->dir, "changes") < 0 &&
	    errno != ENOENT)
		warn("%s: changes:", s->name);
	if (place_remove(s, PLACE_NEXT) < 0)
		warn("%s: %s", s->name, place_why());
}

/* Opens all that a publish needs, and writes down that it has begun. */
static int
publish_open(struct publish *p)
{
	char todo[64];

	snprintf(todo, sizeof(todo), "publish %s", p->plan->commit);
	if ((p->tree = place_make(p->s, PLACE_TREE)) < 0 ||
	    ((p->next = place_open(p->s, PLACE_NEXT)) < 0 &&
	    errno != ENOENT)) {
		service_fail(p->s, "pull", "%s", place_why());
		return -1;
	}
	if (plan_read(&p->index, p->s->dir, "index") < 0)
		warn("%s: index: not readable, made anew", p->s->name);
	if (p->index.tree && strcmp(p->index.tree, p->plan->tree))
		plan_free(&p->index);	/* of a tree somewhere else */
	kv_set(&p->s->status, "todo", todo);
	return service_save(p->s);
}

int
publish(struct service *s, struct plan *plan)
{
	struct publish p = { .s = s, .plan = plan, .tree = -1, .next = -1 };
	int result = -1;

	if (service_owner(s, &p.uid, &p.gid) < 0) {
		service_fail(s, "pull", "unknown user %s",
		    kv_get(&s->conf, "user"));
		return -1;
	}
	if (publish_open(&p) < 0 || files_publish(&p) < 0)
		goto out;
	if (syncfs(p.tree) < 0 ||
	    renameat(s->dir, "plan", s->dir, "index") < 0 ||
	    fsync(s->dir) < 0) {
		service_fail(s, "pull", "index:");
		goto out;
	}
	service_log(s, "pull: at %.8s: %zu files added, %zu changed, "
	    "%zu removed", plan->commit, p.added, p.changed, p.removed);
	publish_finish(s, plan->commit);
	result = 0;
out:
	plan_free(&p.index);
	if (p.tree >= 0)
		close(p.tree);
	if (p.next >= 0)
		close(p.next);
	return result;
}

int
publish_nothing(struct service *s)
{
	struct plan empty = { 0 };
	struct publish p = { .s = s, .plan = &empty, .next = -1 };
	size_t ndirs = s->ndirs;
	int result = -1;

	p.tree = place_open(s, PLACE_TREE);
	if (p.tree < 0)
		return errno == ENOENT ? 0 : -1;
	s->ndirs = 0;		/* no directory is kept for its mount */
	if (plan_read(&p.index, s->dir, "index") == 0)
		result = files_publish(&p);
	s->ndirs = ndirs;
	plan_free(&p.index);
	close(p.tree);
	return result;
}
