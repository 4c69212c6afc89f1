/* diff.c - what differs between a service's tree and its commit */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "json.h"
#include "plan.h"
#include "state.h"
#include "ctl.h"
#include "texts.h"
#include "util.h"

/* One look at a tree. */
struct look {
	const struct service *s;
	struct plan index;
	int root;		/* the tree */
	struct change_path { char kind; char *path; } *found;
	size_t n;
	int failed;
};

static void
found_add(struct look *look, char kind, const char *path)
{
	struct change_path *c;

	look->found = xreallocarray(look->found, look->n + 1,
	    sizeof(*look->found));
	c = &look->found[look->n++];
	c->kind = kind;
	c->path = xstrdup(path);
}

static int
found_compare(const void *a, const void *b)
{
	const struct change_path *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static void
trouble(struct look *look, const char *path)
{
	warn("%s: %s:", look->s->name, *path ? path : "tree");
	look->failed = 1;
}

/* Files of the commit: still there, and still the same? */
static void
look_at_files(struct look *look)
{
	struct walk walk = { .root = look->root };
	struct stat st;
	size_t i;

	for (i = 0; i < look->index.n; i++) {
		const struct entry *e = &look->index.entry[i];

		if (entry_intact_in(e, &walk))
			continue;
		if (look->root >= 0 && fstatat(look->root, e->path, &st,
		    AT_SYMLINK_NOFOLLOW) == 0)
			found_add(look, 'M', e->path);
		else if (look->root < 0 || errno == ENOENT || errno == ENOTDIR)
			found_add(look, 'D', e->path);
		else
			trouble(look, e->path);
	}
	walk_end(&walk);
}

static void look_below(struct look *look, const char *path, int depth);

/* Something that lies below a directory of the service. */
static void
look_at(struct look *look, const char *path, int depth)
{
	struct stat st;

	if (fstatat(look->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			trouble(look, path);
	} else if (S_ISDIR(st.st_mode)) {
		look_below(look, path, depth + 1);
	} else if (!plan_find(&look->index, path)) {
		found_add(look, 'A', path);
	}
}

static void
look_below(struct look *look, const char *path, int depth)
{
	struct dirent *e;
	char *below;
	DIR *d = NULL;
	int fd;

	errno = ELOOP;
	fd = depth > DEPTH_MAX ? -1 :
	    open_beneath(look->root, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 || !(d = fdopendir(fd))) {
		/* a link that is a file, or isn't there, has nothing below */
		if (errno != ENOENT && errno != ENOTDIR)
			trouble(look, path);
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		below = xasprintf("%s%s%s", path, *path ? "/" : "", e->d_name);
		look_at(look, below, depth);
		free(below);
	}
	closedir(d);
}

static void
look_write(struct look *look, FILE *f)
{
	char kind[2] = "";
	size_t i, n = 0;

	/* as git does; and a dir may lie below another */
	if (look->n)
		qsort(look->found, look->n, sizeof(*look->found),
		    found_compare);
	fputs("{\"service\":", f);
	json_text(f, look->s->name);
	fputs(",\"diff\":[", f);
	for (i = 0; i < look->n; i++) {
		if (i && !found_compare(&look->found[i - 1], &look->found[i]))
			continue;
		if (n++)
			putc(',', f);
		kind[0] = look->found[i].kind;
		change_write(kind, look->found[i].path, f);
	}
	fputs("]}", f);
}

int
diff_write(const struct service *s, FILE *f)
{
	struct look look = { .s = s, .root = -1 };
	size_t i;

	if (plan_read(&look.index, s->dir, "index") < 0)
		trouble(&look, "index");
	else if (look.index.tree)
		look.root = dir_open(look.index.tree, DIR_ANY);
	if (look.index.tree && look.root < 0 && errno != ENOENT)
		trouble(&look, "");
	/* a tree that is gone has lost all its files, as an empty one */
	if (!look.failed && look.index.tree) {
		look_at_files(&look);
		for (i = 0; look.root >= 0 && i < s->ndirs; i++)
			look_below(&look, s->dirs[i].link, 0);
	}
	look_write(&look, f);
	for (i = 0; i < look.n; i++)
		free(look.found[i].path);
	free(look.found);
	plan_free(&look.index);
	if (look.root >= 0)
		close(look.root);
	return look.failed ? -1 : 0;
}
