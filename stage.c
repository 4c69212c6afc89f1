/* stage.c - writes what the reader sends to next/, and the plan beside it */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "pull.h"
#include "stage.h"
#include "util.h"

int
stage_fail(struct stage *stage, const char *what, const char *path)
{
	char *quoted = path_quote(path);

	service_fail(&stage->job->s, "pull", "commit %.8s: %s: %s",
	    stage->plan.commit, quoted, what);
	free(quoted);
	return STAGED_NOT;
}

/* Reads a path of len bytes; NULL where there is none. */
static char *
path_read(struct stage *stage, size_t len)
{
	char *path;

	if (len == 0 || len >= PATH_MAX || stage->heard > NAMES_MAX)
		return NULL;
	path = xmalloc(len + 1);
	path[len] = '\0';
	if (fread(path, 1, len, stage->in) == len && strlen(path) == len) {
		/* that much of it goes into changes or the plan */
		stage->heard += path_quoted_max(path);
		return path;
	}
	free(path);
	return NULL;
}

/* `keep` and `file` */
static int
entry_read(struct stage *stage, const char *line)
{
	const struct entry *have;
	struct entry e = { 0 };
	unsigned long long size = 0;
	size_t len;
	const char *fault;
	int n, result, keep = strncmp(line, "keep ", 5) == 0;

	n = sscanf(line + 5, "%6o %40[0-9a-f] %zu %llu", &e.mode, e.id, &len,
	    &size);
	if (n != (keep ? 3 : 4) || strlen(e.id) != 40 ||
	    (e.mode != 0100644 && e.mode != 0100755 && e.mode != 0120000) ||
	    !(e.path = path_read(stage, len)))
		return STAGED_LOST;
	e.size = size;
	fault = path_refused(stage, e.path);
	if (!fault && e.mode == 0120000 && !keep &&
	    (e.size == 0 || e.size > SYMREF_MAX))
		fault = "a link to nothing, or to too long a name, is refused";
	if (fault) {
		result = stage_fail(stage, fault, e.path);
	} else if (!keep) {
		result = file_stage(stage, &e);
	} else {
		have = plan_find(&stage->job->index, e.path);
		result = have && have->mode == e.mode &&
		    strcmp(have->id, e.id) == 0 ? 0 : STAGED_LOST;
		if (result == 0)
			plan_add(&stage->plan, have);
	}
	free(e.path);
	return result;
}

/* `since`: the index has to be one that nothing is wrong with. */
static int
since_take(struct stage *stage, const char *commit)
{
	const struct job *job = stage->job;

	if (stage->since || stage->plan.n || job->restage ||
	    !*job->index.commit || strcmp(job->index.commit, commit))
		return STAGED_LOST;
	stage->since = 1;
	stage->stay = job->index.n;
	return 0;
}

/* `drop`: one that nobody published, as a submodule isn't, may be dropped. */
static int
drop_read(struct stage *stage, const char *line)
{
	struct plan *drop = &stage->drop;
	struct entry e = { 0 };
	size_t len;

	if (!stage->since || stage->plan.n || drop->n >= FILES_MAX ||
	    sscanf(line, "drop %zu", &len) != 1 ||
	    !(e.path = path_read(stage, len)))
		return STAGED_LOST;
	if (drop->n && strcmp(drop->entry[drop->n - 1].path, e.path) >= 0) {
		free(e.path);
		return STAGED_LOST;
	}
	if (plan_find(&stage->job->index, e.path))
		stage->stay--;
	plan_add(drop, &e);
	free(e.path);
	return 0;
}

/* `change`, `skip` and `pointer` */
static int
path_line(struct stage *stage, const char *line)
{
	size_t len;
	char kind = 0, *path, *quoted;
	int pointer = 0;

	if (sscanf(line, "change %c %zu", &kind, &len) != 2 &&
	    sscanf(line, "skip %zu", &len) != 1 &&
	    !(pointer = sscanf(line, "pointer %zu", &len) == 1))
		return STAGED_LOST;
	path = path_read(stage, len);
	if (!path || (kind && !strchr("AMD", kind))) {
		free(path);
		return STAGED_LOST;
	}
	quoted = path_quote(path);
	if (kind)
		fprintf(stage->change, "%c\t%s\n", kind, quoted);
	else if (stage->skipped++ < SKIPS_LOGGED)
		service_log(&stage->job->s, pointer ? "pull: %s is an LFS "
		    "file, of which only the pointer is written" :
		    "pull: %s is a submodule, and left out", quoted);
	else if (stage->skipped == SKIPS_LOGGED + 1)
		service_log(&stage->job->s, "pull: there are more of these");
	free(quoted);
	free(path);
	return 0;
}

/* `object`: is it signed by somebody whom we trust? */
static int
object_read(struct stage *stage, const char *text)
{
	struct service *s = &stage->job->s;
	int64_t len = parse_number(text);
	char *object, why[400];
	int result;

	if (len < 0 || len > COMMIT_MAX || stage->trusted)
		return STAGED_LOST;
	object = xmalloc((size_t)len + 1);
	if (fread(object, 1, (size_t)len, stage->in) != (size_t)len) {
		free(object);
		return STAGED_LOST;
	}
	result = signed_check(s, stage->plan.commit, object, (size_t)len, why);
	free(object);
	stage->trusted = result == 0;
	if (result == 0)
		return 0;
	if (!stage->job->offline)
		service_fail(s, "pull", "commit %.8s: %s", stage->plan.commit,
		    why);
	return STAGED_NOT;
}

/* `lack` */
static int
lack_read(struct job *job, const char *id)
{
	if (strlen(id) != 40 || !is_hash(id, 40) || job->nlacks >= FILES_MAX)
		return STAGED_LOST;
	if ((job->nlacks & (job->nlacks - 1)) == 0)
		job->lack = xreallocarray(job->lack,
		    job->nlacks ? 2 * job->nlacks : 1, sizeof(*job->lack));
	memcpy(job->lack[job->nlacks++], id, sizeof(*job->lack));
	return 0;
}

/* What says what the plan is made of, or what is to be told of it. */
static int
path_record(struct stage *stage, const char *line)
{
	if (strncmp(line, "since ", 6) == 0)
		return since_take(stage, line + 6);
	if (strncmp(line, "drop ", 5) == 0)
		return drop_read(stage, line);
	if (strncmp(line, "keep ", 5) == 0 || strncmp(line, "file ", 5) == 0)
		return entry_read(stage, line);
	return path_line(stage, line);
}

/* All is there: it has to be on the disk before the plan says so. */
static int
stage_finish(struct stage *stage)
{
	struct service *s = &stage->job->s;
	char tree[PATH_MAX];
	size_t i;

	fflush(stage->change);
	if (service_path(s, PLACE_TREE, tree, sizeof(tree)) < 0 ||
	    (stage->next >= 0 && syncfs(stage->next) < 0) ||
	    file_write(s->dir, "plan.changes", stage->changes,
	    stage->nchanges, 0644) < 0)
		return stage_fail(stage, strerror(errno), "next");
	if (stage->since)
		plan_merge(&stage->plan, &stage->job->index, &stage->drop);
	stage->plan.tree = xstrdup(tree);
	stage->plan.owner = stage->uid;
	for (i = 0; i < s->ndirs; i++)
		plan_link(&stage->plan, s->dirs[i].link);
	if (plan_write(&stage->plan, s->dir, "plan") < 0)
		return stage_fail(stage, strerror(errno), "plan");
	return STAGED_FILES;
}

int
stage_goes_forward(const struct job *job)
{
	const char *follow = kv_get(&job->s.conf, "follow");

	return follow && strcmp(follow, "forward") == 0;
}

const char *
stage_followed(const struct job *job)
{
	const char *followed = stage_goes_forward(job) ?
	    kv_get(&job->s.status, "followed") : NULL;

	return followed ? followed : kv_get(&job->s.status, "hash");
}

/* Takes "error TEXT", "damaged TEXT" or "missing TEXT". */
static int
is_trouble(struct job *job, const char *line)
{
	const char *url = kv_get(&job->s.conf, "upstream");
	char more[300] = "", id[128];

	if (strncmp(line, "error ", 6) != 0 &&
	    strncmp(line, "damaged ", 8) != 0 &&
	    strncmp(line, "missing ", 8) != 0)
		return 0;
	job->damaged = *line == 'd';
	/* then what is to be said is why */
	job->missing = *line == 'm' && job->unreached;
	if (job->damaged) {
		upstream_id(url ? url : "", id, sizeof(id));
		snprintf(more, sizeof(more), " (.upstream/%s/repo may be "
		    "damaged: gitopper-ctl wipe makes it anew)", id);
	}
	if (!job->offline && !job->missing)
		service_fail(&job->s, "pull", "commit %.8s: %s%s", job->wanted,
		    strchr(line, ' ') + 1, more);
	return 1;
}

/* The commit has no history with followed in it. Returns 0 if it is to be
 * taken nonetheless. */
static int
rewritten(struct job *job, const char *followed)
{
	if (!stage_goes_forward(job) || job->s.ctl.accept) {
		service_log(&job->s, "pull: the branch was rewritten: "
		    "%.8s is not in the history of %.8s", followed,
		    job->wanted);
		return 0;
	}
	service_fail(&job->s, "pull", "the branch was rewritten: %.8s is not "
	    "in the history of %.8s; gitopper-ctl accept takes it", followed,
	    job->wanted);
	return STAGED_NOT;
}

/* Reads records up to the one that ends the job. */
static int
records_read(struct stage *stage)
{
	struct job *job = stage->job;
	const char *hash = kv_get(&job->s.status, "hash");
	const char *followed = stage_followed(job);
	char line[600];
	int result = 0;

	while (result == 0) {
		if (!fgets(line, sizeof(line), stage->in) ||
		    !strchr(line, '\n'))
			return STAGED_LOST;
		line[strcspn(line, "\n")] = '\0';
		if (!*stage->plan.commit && strncmp(line, "commit ", 7) == 0 &&
		    strlen(line) == 47 && is_hash(line + 7, 40) &&
		    strncmp(line + 7, job->wanted, strlen(job->wanted)) == 0) {
			snprintf(job->wanted, sizeof(job->wanted), "%.40s",
			    line + 7);
			snprintf(stage->plan.commit, 41, "%s", job->wanted);
		} else if (is_trouble(job, line)) {
			return STAGED_NOT;
		} else if (!*stage->plan.commit) {
			return STAGED_LOST;
		} else if (strncmp(line, "object ", 7) == 0) {
			result = object_read(stage, line + 7);
		} else if (!stage->trusted) {
			return STAGED_LOST;
		} else if (followed && strcmp(line, "rewritten") == 0 &&
		    !stage->rewritten++) {
			result = rewritten(job, followed);
		} else if (job->follows && kv_get(&job->s.status, "bad") &&
		    strcmp(line, "verdict") == 0) {
			return STAGED_VERDICT;
		} else if (hash && strcmp(line, "same") == 0) {
			return STAGED_SAME;
		} else if (strcmp(line, "lacking") == 0) {
			return job->nlacks ? STAGED_LACKING : STAGED_LOST;
		} else if (strncmp(line, "lack ", 5) == 0) {
			result = lack_read(job, line + 5);
		} else if (strcmp(line, "end") == 0) {
			return stage_finish(stage);
		} else {
			result = path_record(stage, line);
		}
	}
	return result;
}

static int
stage_drop(struct service *s)
{
	/* first the plan: without it, what lies in next/ is nothing */
	if ((unlinkat(s->dir, "plan", 0) < 0 && errno != ENOENT) ||
	    (unlinkat(s->dir, "plan.changes", 0) < 0 && errno != ENOENT))
		return -1;
	return place_remove(s, PLACE_NEXT);
}

/* Whether nothing at all is staged, as is mostly so. Where the plan is not
 * there, plan.changes counts only for what may be left in next/. */
static int
is_clear(const struct service *s)
{
	return faccessat(s->dir, "plan", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT && place_is_there(s, PLACE_NEXT) == 0;
}

enum staged
stage_read(FILE *in, struct job *job)
{
	struct stage stage = { .job = job, .in = in, .next = -1 };
	int result;

	if (service_owner(&job->s, &stage.uid, &stage.gid) < 0) {
		service_fail(&job->s, "pull", "unknown user %s",
		    kv_get(&job->s.conf, "user"));
		return STAGED_NOT;
	}
	stage.trusted = !kv_get(&job->s.conf, "verify");
	stage.change = open_memstream(&stage.changes, &stage.nchanges);
	if (!stage.change)
		die(EXIT_SYS, "open_memstream:");
	result = records_read(&stage);
	fclose(stage.change);
	free(stage.changes);
	plan_free(&stage.plan);
	plan_free(&stage.drop);
	if (stage.next >= 0)
		close(stage.next);
	if (result != STAGED_FILES)
		stage_drop(&job->s);
	return (enum staged)result;
}

int
stage_clear(struct service *s)
{
	const char *todo = kv_get(&s->status, "todo"), *name;
	int above, result = 0;

	if (is_clear(s))
		return 0;
	/* a publish that was begun may have brought edits out to next/ */
	if (todo && strncmp(todo, "publish ", 8) == 0) {
		above = place_above(s, PLACE_NEXT, 0, &name);
		if (above < 0 && errno != ENOENT)
			return -1;
		if (above >= 0 && faccessat(above, name, F_OK,
		    AT_SYMLINK_NOFOLLOW) == 0)
			result = saved_keep(s, "next", above, name);
		if (above >= 0)
			close(above);
	}
	return result < 0 ? -1 : stage_drop(s);
}
