/* fuzz-stage - throws bytes at stage.c, as a child that was taken over might */
/* SPDX-License-Identifier: ISC */
/*
 * The first line says what the job is, a letter for each thing (job_make); the
 * rest is what the reading child says of it. All happens below a directory in
 * memory, or GITOPPER_STATE: whatever is said, nothing but next/, plan,
 * plan.changes and log comes to be, and a plan is true.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../config.h"
#include "../pull.h"
#include "../util.h"
#include "fuzz.h"

static const char id[] = "1111111111111111111111111111111111111111";
static char base[4096];
static size_t nfiles;

static void
base_remove(void)
{
	remove_tree(AT_FDCWD, base);
}

static void
base_make(void)
{
	char path[4200];

	if (*base)
		return;
	setup("fuzz-stage");
	if (!getenv("GITOPPER_STATE")) {
		snprintf(base, sizeof(base), "/dev/shm/fuzz-stage.XXXXXX");
		CHECK(mkdtemp(base));
		snprintf(path, sizeof(path), "%s/state", base);
		CHECK(setenv("GITOPPER_STATE", path, 1) == 0);
		atexit(base_remove);
	} else {
		snprintf(base, sizeof(base), "%s", getenv("GITOPPER_STATE"));
	}
	state_open();
}

static void
entry_make(struct plan *index, const char *path, unsigned mode)
{
	struct entry e = { .mode = mode };

	e.path = (char *)path;
	snprintf(e.id, sizeof(e.id), "%s", id);
	plan_add(index, &e);
}

static void
job_make(struct job *job, const char *how, size_t len)
{
	memset(job, 0, sizeof(*job));
	snprintf(job->s.name, sizeof(job->s.name), "app");
	job->s.lock = -1;
	job->s.dir = service_make("app");
	CHECK(job->s.dir >= 0);
	job->offline = !!memchr(how, 'o', len);
	job->unreached = !!memchr(how, 'u', len);
	job->s.ctl.accept = !!memchr(how, 'c', len);
	snprintf(job->wanted, sizeof(job->wanted), "%.*s",
	    memchr(how, 'w', len) ? 40 : 7, id);
	if (memchr(how, 'v', len))
		kv_add(&job->s.conf, "verify", "/dev/null");
	if (memchr(how, 'f', len))
		kv_add(&job->s.conf, "follow", "forward");
	job->follows = !!memchr(how, 't', len);
	if (memchr(how, 'b', len))
		kv_add(&job->s.status, "bad", id);
	if (memchr(how, 'h', len))
		kv_add(&job->s.status, "hash", id);
	if (memchr(how, 'a', len)) {
		kv_add(&job->s.conf, "dir", "\t\tdir");
	} else {
		kv_add(&job->s.conf, "dir", "app\t\tdir");
		kv_add(&job->s.conf, "dir", "one/file\t\tfile");
	}
	service_dirs(&job->s);
	job->restage = !!memchr(how, 'r', len);
	if (!memchr(how, 'i', len))
		return;
	snprintf(job->index.commit, sizeof(job->index.commit), "%s", id);
	entry_make(&job->index, "app/have", 0100644);
	entry_make(&job->index, "app/link", 0120000);
	entry_make(&job->index, "one/file", 0100755);
}

static int
file_count(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	CHECK(type == FTW_D || type == FTW_F || type == FTW_SL);
	if (type == FTW_F)
		CHECK(st->st_nlink == 1 && (st->st_mode & 07022) == 0);
	if (type == FTW_D && access(path, R_OK | X_OK) < 0)
		abort();
	nfiles += type != FTW_D;
	return 0;
}

/* What is in the service's directory, and nothing else. */
static void
names_check(const struct job *job, int staged)
{
	static const char *const may[] = {
		"log", "ctl", "plan", "plan.changes", "next", NULL
	};
	char path[4200];
	struct dirent **e;
	int i, k, n;

	n = scandir(state_path, &e, NULL, NULL);
	CHECK(n == 3);		/* app, and two dots */
	while (n--)
		free(e[n]);
	free(e);
	CHECK(path_join(path, sizeof(path), state_path, job->s.name) == 0);
	n = scandir(path, &e, NULL, NULL);
	CHECK(n >= 3);
	for (i = 0; i < n; i++) {
		for (k = 0; may[k] && strcmp(may[k], e[i]->d_name); k++)
			continue;
		CHECK(may[k] || !strcmp(e[i]->d_name, ".") ||
		    !strcmp(e[i]->d_name, ".."));
		CHECK(k < 2 || !may[k] || staged == STAGED_FILES);
		free(e[i]);
	}
	free(e);
}

/* No file lies beneath another. */
static void
above_check(const struct plan *plan, const struct entry *e)
{
	char *above = xstrdup(e->path), *slash;

	while ((slash = strrchr(above, '/'))) {
		*slash = '\0';
		CHECK(!plan_find(plan, above));
	}
	free(above);
}

/* A file that is new lies in next/, one that stays is in the index. */
static void
entry_check(const struct job *job, const struct entry *e, int next, size_t *new)
{
	const struct entry *have;
	struct stat st;

	CHECK(!path_fault(e->path));
	if (next >= 0 && fstatat(next, e->path, &st,
	    AT_SYMLINK_NOFOLLOW) == 0) {
		CHECK((uint64_t)st.st_size == e->size);
		CHECK((S_ISLNK(st.st_mode) && e->mode == 0120000) ||
		    (st.st_mode & 0777) == (e->mode & 0777));
		CHECK(st.st_ino == e->ino);
		++*new;
		return;
	}
	have = plan_find(&job->index, e->path);
	CHECK(have && strcmp(have->id, e->id) == 0 && have->mode == e->mode);
}

static void
plan_check(const struct job *job)
{
	char path[4200];
	struct plan plan;
	size_t i, new = 0;
	int next;

	CHECK(service_path(&job->s, PLACE_NEXT, path, sizeof(path)) == 0);
	CHECK(plan_read(&plan, job->s.dir, "plan") == 0);
	CHECK(strcmp(plan.commit, job->wanted) == 0);
	next = open(path, O_RDONLY | O_DIRECTORY);
	for (i = 0; i < plan.n; i++) {
		CHECK(i == 0 || strcmp(plan.entry[i - 1].path,
		    plan.entry[i].path) < 0);
		above_check(&plan, &plan.entry[i]);
		entry_check(job, &plan.entry[i], next, &new);
	}
	plan_free(&plan);
	nfiles = 0;
	CHECK(next < 0 || nftw(path, file_count, 16, FTW_PHYS) == 0);
	CHECK(nfiles == new);
	if (next >= 0)
		close(next);
}

/* Lines that people can read, and not too many of them. */
static void
text_check(const struct job *job, const char *name, size_t most)
{
	char *text, *p;
	size_t len, n = 0;

	text = file_read(job->s.dir, name, STATE_FILE_MAX, &len);
	if (!text)
		return;
	CHECK(strlen(text) == len && (len == 0 || text[len - 1] == '\n'));
	for (p = text; *p; p++) {
		n += *p == '\n';
		CHECK((unsigned char)*p >= 32 || strchr("\n\t", *p));
	}
	CHECK(n <= most);
	free(text);
}

static void
job_check(const struct job *job, int staged, const char *how, size_t len)
{
	size_t i;

	CHECK(strlen(job->wanted) == 40 || (staged != STAGED_FILES &&
	    staged != STAGED_SAME && staged != STAGED_VERDICT));
	CHECK(is_hash(job->wanted, 7) && strncmp(job->wanted, id, 7) == 0);
	CHECK(!memchr(how, 'w', len) || strcmp(job->wanted, id) == 0);
	CHECK(!memchr(how, 'v', len) || staged == STAGED_NOT ||
	    staged == STAGED_LOST);
	CHECK(!job->missing || (staged == STAGED_NOT && job->unreached));
	CHECK(staged != STAGED_NOT || job->offline || job->missing ||
	    kv_get(&job->s.status, "error"));
	CHECK(staged != STAGED_VERDICT || kv_get(&job->s.status, "bad"));
	CHECK(!job->damaged || staged == STAGED_NOT);
	CHECK((staged == STAGED_LACKING) <= (job->nlacks > 0));
	for (i = 0; i < job->nlacks; i++)
		CHECK(is_hash(job->lack[i], 40));
	names_check(job, staged);
	text_check(job, "log", SKIPS_LOGGED + 4);
	text_check(job, "plan.changes", FILES_MAX);
	if (staged == STAGED_FILES)
		plan_check(job);
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
	const char *how = (const char *)bytes;
	const char *said = len ? memchr(how, '\n', len) : NULL;
	struct job job;
	FILE *in;
	int staged;

	if (!said)
		return 0;
	said++;
	base_make();
	job_make(&job, how, (size_t)(said - how));
	len -= (size_t)(said - how);
	in = len ? fmemopen((char *)said, len, "r") : fopen("/dev/null", "r");
	CHECK(in);
	staged = stage_read(in, &job);
	job_check(&job, staged, how, (size_t)(said - how));
	fclose(in);
	/* as it is before another look */
	CHECK(stage_clear(&job.s) == 0);
	names_check(&job, STAGED_NOT);
	plan_free(&job.index);
	free(job.lack);
	kv_free(&job.s.status);
	service_close(&job.s);
	CHECK(remove_tree(state_dir, "app") == 0);
	return 0;
}
