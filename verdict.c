/* verdict.c - what a service needs of a step, and what came of it */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "util.h"

static int
same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Whether it is left alone: it is frozen, and nobody named it. */
static int
is_frozen(const struct step *step, const struct service *s)
{
	return s->ctl.frozen && !step->named;
}

static enum due
act_due(const struct step *step, const struct service *s, const char *hash)
{
	const char *todo = kv_get(&s->status, "todo");

	if (!hash)
		return step->kind == STEP_ACT ? DUE_DROP : DUE_PASS;
	if (todo && strncmp(todo, "publish", 7) == 0) {
		warn("%s: its tree is half way to another commit", s->name);
		return DUE_FAIL;
	}
	/* what was begun is finished */
	if (is_frozen(step, s) && !todo)
		return DUE_PASS;
	if (step->kind == STEP_ACT || step->named || same(todo, "act") ||
	    kv_get(&s->conf, "always"))
		return DUE_RUN;
	return DUE_PASS;
}

/* Whether it is half published: that is finished, whatever a check says. */
static int
is_begun(const struct service *s, const char *commit)
{
	const char *todo = kv_get(&s->status, "todo");

	return todo && strncmp(todo, "publish ", 8) == 0 &&
	    strcmp(todo + 8, commit) == 0;
}

/* Whether the commit has passed this check, and not just the one that the
 * config had before. */
static int
is_checked(const struct service *s, const char *commit, const char *check)
{
	const char *checker = kv_get(&s->status, "checker");

	return same(commit, kv_get(&s->status, "checked")) &&
	    (!checker || strcmp(checker, check) == 0);
}

enum due
step_due(const struct step *step, const struct service *s, char commit[41])
{
	const char *hash = kv_get(&s->status, "hash");
	const char *package = kv_get(&s->conf, "package");
	const char *text;

	snprintf(commit, 41, "%s", hash ? hash : "");
	/* gitopper-pull, which comes next, takes it apart */
	if (kv_number(&s->conf, "gone", 0))
		return step->kind == STEP_PACKAGE ? DUE_PASS : DUE_DROP;
	text = command_text(step, s);
	switch (step->kind) {
	case STEP_ACT:
		return act_due(step, s, hash);
	case STEP_PACKAGE:
		return !package || is_frozen(step, s) || same(package,
		    kv_get(&s->status, "package")) ? DUE_PASS : DUE_RUN;
	case STEP_CHECK:
		if (!text || service_plan(s, "plan", commit) < 0)
			return DUE_PASS;
		return is_checked(s, commit, text) || is_begun(s, commit) ?
		    DUE_PASS : DUE_RUN;
	case STEP_HEALTH:
		return text ? act_due(step, s, hash) : DUE_PASS;
	case STEP_OTHER:
		break;
	}
	return text ? DUE_RUN : DUE_PASS;
}

int
step_stale(const struct step *step, const struct service *s)
{
	return (step->kind == STEP_PACKAGE || step->kind == STEP_CHECK ||
	    step->kind == STEP_HEALTH) && service_error_is(s, step->stage) &&
	    !kv_get(&s->status, "bad") && !is_frozen(step, s);
}

static int
at_tip(const struct service *s, const char *commit)
{
	const char *upstream = kv_get(&s->conf, "upstream");
	const char *branch = kv_get(&s->conf, "branch");
	struct kv kv;
	int result;

	if (!upstream || upstream_read(&kv, upstream) < 0)
		return 0;
	result = same(upstream_tip(&kv, branch ? branch : "main"), commit);
	kv_free(&kv);
	return result;
}

/* The commit was taken all the way. */
static void
applied(struct service *s, const char *commit)
{
	struct kv *st = &s->status;

	kv_set(st, "todo", NULL);
	if (!same(kv_get(st, "applied"), commit)) {
		kv_set(st, "applied", commit);
		kv_set_number(st, "deploys", kv_number(st, "deploys", 0) + 1);
		kv_set_number(st, "since", time(NULL));
		service_log(s, "act: commit %.8s is applied", commit);
	}
	service_settled(s);
}

/* Nothing differs any more from what was applied; `changes` goes when that is
 * on the disk. */
static void
changes_end(struct service *s)
{
	if (same(kv_get(&s->status, "applied"), kv_get(&s->status, "hash")) &&
	    service_save(s) == 0 && unlinkat(s->dir, "changes", 0) < 0 &&
	    errno != ENOENT)
		warn("%s: changes:", s->name);
}

/* Whether the job's failure says that the tip's content is no good. */
static int
is_verdict(const struct job *job)
{
	const char *applied = kv_get(&job->s.status, "applied");
	int health = job->step->kind == STEP_HEALTH;

	if (job->result != RESULT_FAILED &&
	    !(health && job->result == RESULT_LATE))
		return 0;
	/* what was well with the same files is ill for another reason */
	if (health && same(applied, job->commit))
		return 0;
	return at_tip(&job->s, job->commit);
}

/* A check, or health. A verdict is final; all else is tried again. */
static void
test_failed(struct job *job)
{
	struct service *s = &job->s;
	const char *stage = job->step->stage;
	struct ctl now;

	if (job->step->kind == STEP_CHECK)
		kv_set(&s->status, "checked", NULL);
	/* somebody may have frozen it while we waited */
	if (ctl_read(&now, s->dir) == 0)
		s->ctl = now;
	if (is_verdict(job)) {
		service_condemn(s, stage, job->commit, job->why);
		/* what is to be done next is to publish another commit */
		if (job->step->kind == STEP_HEALTH)
			kv_set(&s->status, "todo", NULL);
		return;
	}
	service_fail(s, stage, "%s", job->why);
	if (job->step->kind == STEP_HEALTH && *job->commit)
		kv_set(&s->status, "todo", "act");
}

static int
step_failed(struct job *job)
{
	struct service *s = &job->s;

	switch (job->step->kind) {
	case STEP_CHECK:
	case STEP_HEALTH:
		test_failed(job);
		break;
	case STEP_PACKAGE:
		service_fail(s, "package", "%s", job->why);
		break;
	case STEP_ACT:
	case STEP_OTHER:
		service_fail(s, "act", "%s", job->why);
		/* the next cycle takes all of it up again */
		if (kv_get(&s->status, "hash"))
			kv_set(&s->status, "todo", "act");
		break;
	}
	return 0;
}

int
step_done(struct job *job)
{
	struct service *s = &job->s;
	struct kv *st = &s->status;

	if (job->result != RESULT_OK)
		return step_failed(job);
	switch (job->step->kind) {
	case STEP_ACT:
		service_ok(s, "act");
		kv_set(st, "mounted", NULL);
		if (!kv_get(&s->conf, "health")) {
			applied(s, job->commit);
			if (!kv_get(st, "bad"))
				service_ok(s, "health");
		} else if (!same(kv_get(st, "applied"), job->commit)) {
			kv_set(st, "todo", "act");
		}
		changes_end(s);
		break;
	case STEP_HEALTH:
		/* so it isn't bad, whatever was thought of it before */
		if (same(kv_get(st, "bad"), job->commit))
			service_absolve(s);
		applied(s, job->commit);
		service_ok(s, "health");
		changes_end(s);
		break;
	case STEP_PACKAGE:
		kv_set(st, "package", kv_get(&s->conf, "package"));
		service_ok(s, "package");
		break;
	case STEP_CHECK:
		kv_set(st, "checked", job->commit);
		kv_set(st, "checker", command_text(job->step, s));
		service_ok(s, "check");
		break;
	case STEP_OTHER:
		break;
	}
	return 1;
}
