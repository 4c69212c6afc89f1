/* verdict.c - what a service needs of a step, and what came of it */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "act.h"
#include "util.h"

enum { SHORT = 8 };	/* digits of a commit, for people */

static int
same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
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
	if (step->kind == STEP_ACT || step->named || same(todo, "act"))
		return DUE_RUN;
	return DUE_PASS;
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
		return !package || same(package,
		    kv_get(&s->status, "package")) ? DUE_PASS : DUE_RUN;
	case STEP_CHECK:
		if (!text || service_plan(s, "plan", commit) < 0)
			return DUE_PASS;
		return same(commit, kv_get(&s->status, "checked")) ?
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
	    !kv_get(&s->status, "bad");
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
	if (same(kv_get(st, "applied"), commit))
		return;
	kv_set(st, "applied", commit);
	kv_set_number(st, "deploys", kv_number(st, "deploys", 0) + 1);
	kv_set_number(st, "since", time(NULL));
	service_log(s, "act: commit %.*s is applied", SHORT, commit);
}

/* A check's verdict on the tip is final; all else is tried again. */
static void
check_failed(struct job *job)
{
	struct service *s = &job->s;

	if (job->result != RESULT_FAILED || !at_tip(s, job->commit)) {
		service_fail(s, "check", "%s", job->why);
		return;
	}
	service_fail(s, "check", "commit %.*s: %s", SHORT, job->commit,
	    job->why);
	service_condemn(s, job->commit);
}

static void
health_failed(struct job *job)
{
	struct service *s = &job->s;
	const char *back = kv_get(&s->status, "applied");

	if ((job->result != RESULT_FAILED && job->result != RESULT_LATE) ||
	    !at_tip(s, job->commit)) {
		service_fail(s, "health", "%s", job->why);
		return;
	}
	if (back && strcmp(back, job->commit)) {
		service_fail(s, "health", "commit %.*s: %s; going back to "
		    "%.*s", SHORT, job->commit, job->why, SHORT, back);
		service_condemn(s, job->commit);
		/* at once; pull finds another commit wanted now */
		kv_set_number(&s->status, "retry", time(NULL));
		return;
	}
	service_fail(s, "health", "commit %.*s: %s; no earlier commit to go "
	    "back to", SHORT, job->commit, job->why);
	/* bad content is not tried again, and there is nothing else to do */
	service_condemn(s, job->commit);
	kv_set(&s->status, "todo", NULL);
}

static int
step_failed(struct job *job)
{
	struct service *s = &job->s;

	switch (job->step->kind) {
	case STEP_CHECK:
		check_failed(job);
		break;
	case STEP_HEALTH:
		health_failed(job);
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
		break;
	case STEP_HEALTH:
		/* so it isn't bad, whatever was thought of it before */
		if (same(kv_get(st, "bad"), job->commit))
			service_absolve(s);
		service_ok(s, "health");
		applied(s, job->commit);
		break;
	case STEP_PACKAGE:
		kv_set(st, "package", kv_get(&s->conf, "package"));
		service_ok(s, "package");
		break;
	case STEP_CHECK:
		kv_set(st, "checked", job->commit);
		service_ok(s, "check");
		break;
	case STEP_OTHER:
		break;
	}
	return 1;
}
