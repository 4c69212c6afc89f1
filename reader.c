/* reader.c - the child that reads the object store */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>

#include "config.h"
#include "pull.h"
#include "listing.h"
#include "store.h"
#include "util.h"

static git_repository *repo;
static FILE *out;
static int damaged;	/* what a job stumbled over may be our own store, */
static int missing;	/* or that there is no such commit */
static size_t ntrees, nblobs;	/* that a job had to read, for -d */

static const char *
git_why(void)
{
	damaged = git_damage();
	return git_message();
}

static void
error_print(const char *what, const char *why)
{
	fprintf(out, "%s %s%s\n", damaged ? "damaged" :
	    missing ? "missing" : "error", what, why);
}

static void
fault_print(struct fault *fault)
{
	damaged = fault->damaged;
	error_print("", plain(fault->text));
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
	missing = e == GIT_ENOTFOUND;
	if (missing)
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
	e = history_has(repo, &tip, id);
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

static int
is_lfs(const git_blob *blob)
{
	static const char magic[] = "version https://git-lfs.github.com/spec/";

	return git_blob_rawsize(blob) < 1024 &&
	    git_blob_rawsize(blob) >= (git_object_size_t)sizeof(magic) &&
	    memcmp(git_blob_rawcontent(blob), magic, sizeof(magic) - 1) == 0;
}

/* What git would write without LFS; but nobody put a file there. */
static void
pointer_print(const char *path)
{
	fprintf(out, "pointer %zu\n", strlen(path));
	path_print(path);
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
	nblobs++;
	if (is_lfs(blob))
		pointer_print(e->path);
	fprintf(out, "file %06o %s %zu %llu\n", e->mode, e->id,
	    strlen(e->path), (unsigned long long)git_blob_rawsize(blob));
	path_print(e->path);
	fwrite(git_blob_rawcontent(blob), 1, (size_t)git_blob_rawsize(blob),
	    out);
	git_blob_free(blob);
	return ferror(out) ? -1 : 0;
}

/* What is published already and stays as it is. */
static int
is_kept(const struct job *job, const struct entry *e)
{
	const struct entry *have = job->fresh ? NULL :
	    plan_find(&job->index, e->path);

	return have && have->mode == e->mode && strcmp(have->id, e->id) == 0;
}

/* A blob is read into memory whole, and one may stand for many files. Adds
 * to sum; returns 0, or -1 where it is too much, which has been said. */
static int
size_add(git_odb *odb, const git_oid *id, const char *path, uint64_t *sum)
{
	git_object_t type;
	size_t size;
	char *quoted, *why;

	if (git_odb_read_header(&size, &type, odb, id)) {
		error_print("a file: ", git_why());
		return -1;
	}
	*sum += size;
	if (size <= FILE_MAX && *sum <= TREE_MAX)
		return 0;
	quoted = path_quote(path);
	why = size > FILE_MAX ?
	    xasprintf("is larger than %d MiB", FILE_MAX >> 20) :
	    xasprintf("is one too many: all are larger than %d GiB",
	    (int)(TREE_MAX >> 30));
	fprintf(out, "error %.400s %s\n", quoted, why);
	free(quoted);
	free(why);
	return -1;
}

/* A store without all blobs is as it should be: those that are needed now
 * have to be asked for. Returns whether that is so, or they are too large. */
static int
lacks_print(const struct job *job, const struct listing *l)
{
	git_odb *odb;
	git_oid id;
	uint64_t sum = 0;
	size_t i, n = 0;
	int fits = 0;

	if (git_repository_odb(&odb, repo))
		return 0;
	for (i = 0; fits == 0 && i < l->files.n; i++) {
		if (is_kept(job, &l->files.entry[i]) ||
		    git_oid_fromstr(&id, l->files.entry[i].id))
			continue;
		if (git_odb_exists_ext(odb, &id, GIT_ODB_LOOKUP_NO_REFRESH)) {
			fits = size_add(odb, &id, l->files.entry[i].path,
			    &sum);
		} else {
			fprintf(out, "lack %s\n", l->files.entry[i].id);
			n++;
		}
	}
	git_odb_free(odb);
	if (fits == 0 && n)
		fputs("lacking\n", out);
	return fits < 0 || n;
}

static void
files_print(const struct job *job, const struct listing *l)
{
	const struct entry *e;
	size_t i;

	for (i = 0; i < l->nskipped; i++) {
		fprintf(out, "skip %zu\n", strlen(l->skipped[i]));
		path_print(l->skipped[i]);
	}
	for (i = 0; i < l->files.n; i++) {
		e = &l->files.entry[i];
		if (is_kept(job, e)) {
			fprintf(out, "keep %06o %s %zu\n", e->mode, e->id,
			    strlen(e->path));
			path_print(e->path);
		} else if (file_print(e) < 0) {
			return;
		}
	}
	fputs("end\n", out);
}

/* What of the index is there no more, or not like that. */
static void
drops_print(const struct job *job, const struct listing *l)
{
	size_t i;

	fprintf(out, "since %s\n", job->index.commit);
	for (i = 0; i < l->gone.n; i++) {
		fprintf(out, "drop %zu\n", strlen(l->gone.entry[i].path));
		path_print(l->gone.entry[i].path);
	}
}

/* Whether the commit has no history with hash in it: also where a new store
 * doesn't know hash any more. */
static int
is_rewritten(const git_oid *id, const char *hash)
{
	git_oid old;

	return git_oid_fromstr(&old, hash) == 0 &&
	    history_has(repo, id, &old) != 1;
}

/* The content at the commit hex; NULL where it can't be known. */
static struct content *
content_at(const struct job *job, const char *hex)
{
	struct content *c;
	git_oid id;

	if (!hex || git_oid_fromstr(&id, hex))
		return NULL;
	c = xmalloc(sizeof(*c));
	if (content_find(c, repo, &job->s, &id) == 0)
		return c;
	content_free(c);
	free(c);
	return NULL;
}

static void
content_drop(struct content *c)
{
	if (c)
		content_free(c);
	free(c);
}

/* Whether the content at the commit hex is this one. */
static int
is_content_of(const struct job *job, const char *hex, const struct content *c)
{
	struct content *other = content_at(job, hex);
	int same = other && content_same(other, c);

	content_drop(other);
	return same;
}

/* Mostly, the commit that was applied has the content that is published. One
 * that is gone, or lacked a link, has nothing in common with any other. */
static int
applied_print(const struct job *job, const struct content *new,
	const struct content *base, const struct listing *l)
{
	struct content *applied = content_at(job,
	    kv_get(&job->s.status, "applied"));
	struct listing changes = { 0 };
	int result = 0;

	if (applied == base || (applied && base && content_same(applied, base)))
		changes_print(&l->gone, &l->files);
	else if ((result = listing_make(&changes, new, applied)) == 0)
		changes_print(&changes.gone, &changes.files);
	else
		fault_print(&changes.fault);
	ntrees += changes.trees;
	listing_free(&changes);
	content_drop(applied);
	return result;
}

/* What is new. Where all that is published is known, and stays unless it is
 * said otherwise, the rest isn't looked at. */
static void
news_print(const struct job *job, const struct content *new)
{
	struct content *base = job->restage || !*job->index.commit ? NULL :
	    content_at(job, job->index.commit);
	struct listing l;

	if (listing_make(&l, new, base) < 0) {
		fault_print(&l.fault);
	} else if (applied_print(job, new, base, &l) == 0 &&
	    !lacks_print(job, &l)) {
		if (l.compared)
			drops_print(job, &l);
		files_print(job, &l);
	}
	ntrees += l.trees;
	listing_free(&l);
	content_drop(base);
}

static void
content_print(const struct job *job, const git_oid *id)
{
	const char *hash = kv_get(&job->s.status, "hash");
	const char *followed = stage_followed(job);
	const char *bad = kv_get(&job->s.status, "bad");
	struct content new;

	if (content_find(&new, repo, &job->s, id) < 0) {
		fault_print(&new.fault);
	} else if (job->follows && bad && is_content_of(job, bad, &new)) {
		fputs("verdict\n", out);
	} else {
		if (job->follows && followed && is_rewritten(id, followed))
			fputs("rewritten\n", out);
		if (!job->restage && is_content_of(job, hash, &new))
			fputs("same\n", out);
		else
			news_print(job, &new);
	}
	content_free(&new);
}

static int
object_print(const git_oid *id)
{
	git_odb *odb;
	git_odb_object *object;

	if (git_repository_odb(&odb, repo) ||
	    git_odb_read(&object, odb, id)) {
		error_print("", git_why());
		return -1;
	}
	if (git_odb_object_size(object) > COMMIT_MAX) {
		error_print("", "it is too large for a check of its signature");
		git_odb_object_free(object);
		git_odb_free(odb);
		return -1;
	}
	fprintf(out, "object %zu\n", git_odb_object_size(object));
	fwrite(git_odb_object_data(object), 1, git_odb_object_size(object),
	    out);
	git_odb_object_free(object);
	git_odb_free(odb);
	return 0;
}

static void
job_answer(const struct job *job)
{
	const char *why;
	char hex[41];
	git_oid id;

	damaged = missing = 0;
	ntrees = nblobs = 0;
	why = commit_find(job, &id);
	if (why) {
		error_print("", why);
		return;
	}
	git_oid_tostr(hex, sizeof(hex), &id);
	fprintf(out, "commit %s\n", hex);
	if (kv_get(&job->s.conf, "verify") && object_print(&id) < 0)
		return;
	content_print(job, &id);
	note("%s: %.8s: %zu directories and %zu files read", job->s.name, hex,
	    ntrees, nblobs);
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
	    store_open(&repo, reading->repo)) {
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
