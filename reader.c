/* reader.c - the child that reads the object store */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>

#include "config.h"
#include "pull.h"
#include "util.h"

/* The files of a service at one commit. */
struct listing {
	struct plan files;
	char *content;		/* ids of its links, one after the other */
	char error[400];
	char **skipped;		/* submodules and LFS files */
	size_t nskipped;
};

static git_repository *repo;
static FILE *out;
static int damaged;	/* the last error may come from a damaged store */

static void
listing_free(struct listing *l)
{
	size_t i;

	for (i = 0; i < l->nskipped; i++)
		free(l->skipped[i]);
	free(l->skipped);
	free(l->content);
	plan_free(&l->files);
}

static const char *
git_why(void)
{
	damaged = git_damage();
	return git_message();
}

static void
error_print(const char *what, const char *why)
{
	fprintf(out, "%s %s%s\n", damaged ? "damaged" : "error", what, why);
}

static int
refuse(struct listing *l, const char *fmt, ...)
{
	va_list ap;

	if (!*l->error) {
		va_start(ap, fmt);
		vsnprintf(l->error, sizeof(l->error), fmt, ap);
		va_end(ap);
	}
	return -1;
}

static void
skip(struct listing *l, const char *path)
{
	l->skipped = xreallocarray(l->skipped, l->nskipped + 1,
	    sizeof(*l->skipped));
	l->skipped[l->nskipped++] = xstrdup(path);
}

static int
file_add(struct listing *l, const char *path, const git_oid *id,
	git_filemode_t mode)
{
	struct entry e = { .path = (char *)path };

	e.mode = mode == GIT_FILEMODE_LINK ? 0120000 :
	    mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0100755 : 0100644;
	git_oid_tostr(e.id, sizeof(e.id), id);
	if (l->files.n >= FILES_MAX)
		return refuse(l, "more than %d files", FILES_MAX);
	plan_add(&l->files, &e);
	return 0;
}

static int tree_add(struct listing *, const char *, const git_oid *, int);

static int
entry_add(struct listing *l, const char *path, const git_oid *id,
	git_filemode_t mode, int depth)
{
	if (mode == GIT_FILEMODE_TREE)
		return tree_add(l, path, id, depth + 1);
	if (mode == GIT_FILEMODE_COMMIT) {
		skip(l, path);
		return 0;
	}
	return file_add(l, path, id, mode);
}

static int
tree_add(struct listing *l, const char *path, const git_oid *id, int depth)
{
	const git_tree_entry *e;
	git_tree *tree;
	char below[PATH_MAX];
	const char *name;
	size_t i;
	int n = 0;

	if (depth > DEPTH_MAX)
		return refuse(l, "more than %d directories deep", DEPTH_MAX);
	if (git_tree_lookup(&tree, repo, id))
		return refuse(l, "%s", git_why());
	for (i = 0; n >= 0 && i < git_tree_entrycount(tree); i++) {
		e = git_tree_entry_byindex(tree, i);
		name = git_tree_entry_name(e);
		n = snprintf(below, sizeof(below), "%s%s%s", path,
		    *path ? "/" : "", name);
		if (n < 0 || (size_t)n >= sizeof(below) || strchr(name, '/'))
			n = refuse(l, "refused: the path %s/%s", path, name);
		else
			n = entry_add(l, below, git_tree_entry_id(e),
			    git_tree_entry_filemode(e), depth);
	}
	git_tree_free(tree);
	return n < 0 ? -1 : 0;
}

/* Notes what content a link has, and lists the files in it if asked to. */
static int
link_add(struct listing *l, git_tree *root, const struct dir *dir, int files)
{
	git_tree_entry *e = NULL;
	git_filemode_t mode = GIT_FILEMODE_TREE;
	git_oid id = *git_tree_id(root);
	char hex[41], *content;
	int result = 0;

	if (*dir->link) {
		if (git_tree_entry_bypath(&e, root, dir->link))
			return refuse(l, "there is no %s", dir->link);
		id = *git_tree_entry_id(e);
		mode = git_tree_entry_filemode(e);
		git_tree_entry_free(e);
	}
	git_oid_tostr(hex, sizeof(hex), &id);
	content = xasprintf("%s%o %s %s\n", l->content ? l->content : "",
	    (unsigned)mode, hex, dir->link);
	free(l->content);
	l->content = content;
	if (dir->file && mode == GIT_FILEMODE_TREE)
		return refuse(l, "%s is a directory, not a file", dir->link);
	if (!dir->file && mode != GIT_FILEMODE_TREE && *dir->local)
		return refuse(l, "%s is a file, and the config lacks "
		    "`file = true`", dir->link);
	if (files)
		result = entry_add(l, dir->link, &id, mode, 0);
	return result;
}

static int
entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path,
	    ((const struct entry *)b)->path);
}

/* Sorts the files; links may overlap, so one may be there twice. A tree in
 * which a name stands twice is malformed, and refused. */
static int
listing_sort(struct listing *l, const struct service *s)
{
	struct plan *p = &l->files;
	size_t i, n = 0;

	if (p->n)
		qsort(p->entry, p->n, sizeof(*p->entry), entry_compare);
	for (i = 0; i < p->n; i++) {
		if (!n || strcmp(p->entry[i].path, p->entry[n - 1].path)) {
			p->entry[n++] = p->entry[i];
			continue;
		}
		if (s->ndirs < 2 || strcmp(p->entry[i].id,
		    p->entry[n - 1].id)) {
			p->n = n;
			return refuse(l, "a tree holds %s twice",
			    p->entry[n - 1].path);
		}
		free(p->entry[i].path);
	}
	p->n = n;
	return 0;
}

static int
listing_make(struct listing *l, const struct service *s, const git_oid *id,
	int files)
{
	git_commit *commit;
	git_tree *tree;
	size_t i;
	int result = 0;

	memset(l, 0, sizeof(*l));
	if (git_commit_lookup(&commit, repo, id))
		return refuse(l, "%s", git_why());
	if (git_commit_tree(&tree, commit)) {
		git_commit_free(commit);
		return refuse(l, "%s", git_why());
	}
	for (i = 0; result == 0 && i < s->ndirs; i++)
		result = link_add(l, tree, &s->dirs[i], files);
	git_tree_free(tree);
	git_commit_free(commit);
	if (result == 0 && files)
		result = listing_sort(l, s);
	return result;
}

/* Whether the service's content at two commits is the same. */
static int
content_same(const struct service *s, const char *hex, const char *content)
{
	struct listing l;
	git_oid id;
	int same = 0;

	if (!hex || git_oid_fromstr(&id, hex))
		return 0;
	if (listing_make(&l, s, &id, 0) == 0)
		same = strcmp(l.content, content) == 0;
	listing_free(&l);
	return same;
}

/* The commit that wanted means. NULL: found; else why not. */
static const char *
commit_find(const struct job *job, git_oid *id)
{
	size_t n = strlen(job->wanted);
	const char *hash = kv_get(&job->s.status, "hash");
	/* of a branch that is gone, this much of its history is known */
	const char *from = *job->tip || !hash ? job->tip : hash;
	git_object *object;
	git_oid prefix, tip;
	int e;

	if (git_oid_fromstrn(&prefix, job->wanted, n))
		return git_why();
	e = git_object_lookup_prefix(&object, repo, &prefix, n,
	    GIT_OBJECT_COMMIT);
	if (e == GIT_EAMBIGUOUS)
		return "more than one commit starts like that";
	if (e == GIT_ENOTFOUND)
		return "there is no such commit";
	if (e)
		return git_why();
	*id = *git_object_id(object);
	git_object_free(object);
	/* a rollback stays in the history of what is followed */
	if (!job->s.ctl.pinned || service_is_at(&job->s, job->wanted) ||
	    strncmp(job->wanted, job->s.ctl.pin, strlen(job->s.ctl.pin)))
		return NULL;
	if (git_oid_fromstr(&tip, from))
		return "the history of the branch is not known";
	if (git_oid_equal(&tip, id))
		return NULL;
	e = git_graph_descendant_of(repo, &tip, id);
	if (e == 1)
		return NULL;
	return e ? git_why() : "it is not in the history of the branch";
}

static void
path_print(const char *path)
{
	fwrite(path, 1, strlen(path), out);
}

static void
change_print(char kind, const char *path)
{
	fprintf(out, "change %c %zu\n", kind, strlen(path));
	path_print(path);
}

/* What differs between what was applied and what is to come. */
static void
changes_print(const struct plan *old, const struct plan *new)
{
	size_t i = 0, j = 0;
	int order;

	while (i < old->n || j < new->n) {
		order = i == old->n ? 1 : j == new->n ? -1 :
		    strcmp(old->entry[i].path, new->entry[j].path);
		if (order < 0)
			change_print('D', old->entry[i++].path);
		else if (order > 0)
			change_print('A', new->entry[j++].path);
		else if (strcmp(old->entry[i].id, new->entry[j].id) ||
		    old->entry[i].mode != new->entry[j].mode)
			change_print('M', (i++, new->entry[j++].path));
		else
			i++, j++;
	}
}

static void
applied_print(const struct job *job, const struct plan *new)
{
	const char *applied = kv_get(&job->s.status, "applied");
	struct listing old;
	git_oid id;

	memset(&old, 0, sizeof(old));
	/* one that is gone, or lacked a link, had nothing in common */
	if (applied && git_oid_fromstr(&id, applied) == 0)
		listing_make(&old, &job->s, &id, 1);
	changes_print(&old.files, new);
	listing_free(&old);
}

static int
is_lfs(const git_blob *blob)
{
	static const char magic[] = "version https://git-lfs.github.com/spec/";

	return git_blob_rawsize(blob) < 1024 &&
	    git_blob_rawsize(blob) >= (git_object_size_t)sizeof(magic) &&
	    memcmp(git_blob_rawcontent(blob), magic, sizeof(magic) - 1) == 0;
}

static int
file_print(const struct entry *e)
{
	git_blob *blob;
	git_oid id;

	if (git_oid_fromstr(&id, e->id) || git_blob_lookup(&blob, repo, &id)) {
		error_print("a file: ", git_why());
		return -1;
	}
	if (is_lfs(blob)) {
		fprintf(out, "skip %zu\n", strlen(e->path));
		path_print(e->path);
	} else {
		fprintf(out, "file %06o %s %zu %llu\n", e->mode, e->id,
		    strlen(e->path),
		    (unsigned long long)git_blob_rawsize(blob));
		path_print(e->path);
		fwrite(git_blob_rawcontent(blob), 1,
		    (size_t)git_blob_rawsize(blob), out);
	}
	git_blob_free(blob);
	return ferror(out) ? -1 : 0;
}

static void
files_print(const struct job *job, const struct listing *l)
{
	const struct entry *e, *have;
	size_t i;

	for (i = 0; i < l->nskipped; i++) {
		fprintf(out, "skip %zu\n", strlen(l->skipped[i]));
		path_print(l->skipped[i]);
	}
	for (i = 0; i < l->files.n; i++) {
		e = &l->files.entry[i];
		have = job->fresh ? NULL : plan_find(&job->index, e->path);
		if (have && have->mode == e->mode &&
		    strcmp(have->id, e->id) == 0) {
			fprintf(out, "keep %06o %s %zu\n", e->mode, e->id,
			    strlen(e->path));
			path_print(e->path);
		} else if (file_print(e) < 0) {
			return;
		}
	}
	fputs("end\n", out);
}

static void
listing_print(const struct job *job, const git_oid *id)
{
	const struct service *s = &job->s;
	const char *hash = kv_get(&s->status, "hash");
	const char *bad = kv_get(&s->status, "bad");
	struct listing l;
	git_oid old;

	if (listing_make(&l, s, id, 1) < 0) {
		error_print("", plain(l.error));
	} else if (job->follows && bad && content_same(s, bad, l.content)) {
		fputs("verdict\n", out);
	} else {
		if (job->follows && hash && git_oid_fromstr(&old, hash) == 0 &&
		    !git_oid_equal(&old, id) &&
		    git_graph_descendant_of(repo, id, &old) == 0)
			fputs("rewritten\n", out);
		if (!job->restage && content_same(s, hash, l.content)) {
			fputs("same\n", out);
		} else {
			applied_print(job, &l.files);
			files_print(job, &l);
		}
	}
	listing_free(&l);
}

static void
job_answer(const struct job *job)
{
	const char *why;
	char hex[41];
	git_oid id;

	why = commit_find(job, &id);
	if (why) {
		error_print("", why);
		return;
	}
	git_oid_tostr(hex, sizeof(hex), &id);
	fprintf(out, "commit %s\n", hex);
	listing_print(job, &id);
}

void
reader_work(void *arg)
{
	const struct reading *reading = arg;
	size_t i;

	out = fdopen(3, "w");
	if (!out)
		return;
	if (git_start() < 0 ||
	    git_repository_open_bare(&repo, reading->repo)) {
		for (i = 0; i < reading->n; i++)
			if (reading->job[i].ask)
				error_print("", git_why());
		fflush(out);
		return;
	}
	for (i = 0; i < reading->n; i++) {
		if (!reading->job[i].ask)
			continue;
		job_answer(&reading->job[i]);
		fflush(out);
	}
}
