/* job.c - what is to be done for a service, before and after the reader */
/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "pull.h"
#include "owner.h"
#include "util.h"

/* A redo forgets the verdict, and has everything done once more. */
static void
redo(struct job *job)
{
	struct service *s = &job->s;
	const char *todo = kv_get(&s->status, "todo");

	service_absolve(s);
	kv_set(&s->status, "retry", NULL);
	kv_set(&s->status, "checked", NULL);	/* its dirs may be others */
	if (kv_get(&s->status, "hash") && !todo)
		kv_set(&s->status, "todo", "act");
}

/* One that comes while the service is frozen is noted, as other wishes may be
 * in the same poke, and done when that is over. */
static void
redo_look(struct job *job)
{
	struct service *s = &job->s;
	const char *later = kv_get(&s->status, "later");
	const char *todo = kv_get(&s->status, "todo");
	const char *staged = kv_get(&s->status, "redo");

	/* edited files that are staged, and not yet put back */
	if (staged && service_is_at(s, staged)) {
		s->ctl.redo |= s->ctl.frozen;
		s->ctl.asked = 1;
	}
	if (s->ctl.frozen && s->ctl.redo) {
		if (!later)
			service_log(s, "pull: frozen: the redo waits");
		if (!later || s->ctl.asked)
			kv_set(&s->status, "later",
			    s->ctl.asked ? "redo" : "config");
		s->ctl.redo = s->ctl.asked = 0;
	} else if (!s->ctl.frozen && later &&
	    !(todo && strncmp(todo, "publish ", 8) == 0)) {
		s->ctl.redo = 1;
		s->ctl.asked |= strcmp(later, "redo") == 0;
		kv_set(&s->status, "later", NULL);
	}
	if (s->ctl.redo)
		redo(job);
}

/* What is in the tree already, and whether that is still so. */
static void
index_look(struct job *job, int empty)
{
	struct service *s = &job->s;
	const char *drift = kv_get(&s->conf, "drift");
	int fix = s->ctl.asked || (drift && strcmp(drift, "fix") == 0 &&
	    !s->ctl.frozen && !s->ctl.pinned);

	if (plan_read(&job->index, s->dir, "index") < 0)
		warn("%s: index: not readable, all is written anew", s->name);
	if (!*job->index.commit)
		empty = 1;
	else if (job->index.n == 0)	/* then an empty one is right */
		empty = place_is_there(s, PLACE_TREE) != 1;
	job->fresh = empty || !plan_place_fits(s, &job->index);
	job->restage = job->fresh || !plan_links_fit(s, &job->index);
	if (job->fresh || (!fix && (s->ctl.frozen || s->ctl.pinned ||
	    (!s->ctl.redo && !drift_due(s)))))
		return;
	if (drift_look(s, &job->index, fix) > 0 && fix)
		job->restage = 1;
}

/* Has the reader look at a commit, unless it is staged already. */
static void
want(struct job *job, const char *commit)
{
	char staged[41];

	service_plan(&job->s, "plan", staged);
	/* whom to trust may have changed since */
	if (*staged && strncmp(staged, commit, strlen(commit)) == 0 &&
	    !job->restage && !kv_get(&job->s.conf, "verify"))
		return;
	/* a run that was killed may have left half of it */
	if (stage_clear(&job->s) < 0) {
		service_fail(&job->s, "pull", "next:");
		job->failed = 1;
		return;
	}
	snprintf(job->wanted, sizeof(job->wanted), "%s", commit);
	job->ask = 1;
}

/* Nothing says where the service should be: why? */
static void
wanted_unknown(struct job *job, const struct upstream *up)
{
	struct service *s = &job->s;
	const char *branch = kv_get(&s->conf, "branch");

	if (s->ctl.pinned) {
		service_fail(s, "pull", "%s", *s->ctl.file[PIN].fault ?
		    s->ctl.file[PIN].fault : "pin: what it holds is no commit");
	} else if (service_tip_is_bad(s, job->tip)) {
		/* nothing came before it: there is nowhere to go */
		if (stage_clear(s) < 0)
			warn("%s: next:", s->name);
		return;
	} else if (*up->error || up->busy) {
		return;
	} else {
		service_fail(s, "pull", "the upstream has no %s",
		    branch ? branch : "main");
	}
	job->failed = 1;
}

/* One that is in the tree since before anybody asked for a signature. */
static int
is_unsigned(const struct service *s)
{
	const char *hash = kv_get(&s->status, "hash");

	return kv_get(&s->conf, "verify") && hash && !signed_before(s, hash);
}

/* A publish that was begun comes first. Returns whether there is one. */
static int
begun(struct job *job)
{
	const char *todo = kv_get(&job->s.status, "todo");
	struct plan plan;
	char commit[41];
	int fits;

	if (!todo || strncmp(todo, "publish ", 8) ||
	    strlen(todo + 8) != 40 || !is_hash(todo + 8, 40))
		return 0;
	/* the config may have changed meanwhile, or somebody cleaned up */
	fits = plan_read(&plan, job->s.dir, "plan") == 0 &&
	    strcmp(plan.commit, todo + 8) == 0 &&
	    plan_place_fits(&job->s, &plan) &&
	    plan_links_fit(&job->s, &plan) &&
	    place_is_there(&job->s, PLACE_NEXT) == 1;
	plan_free(&plan);
	if (fits)
		return 1;
	service_plan(&job->s, "index", commit);
	if (strcmp(commit, todo + 8) == 0)
		return 1;
	/* what was staged is of no use: again, from the object store */
	index_look(job, 0);
	job->restage = 1;
	want(job, todo + 8);
	return 1;
}

/* Nothing is to be staged. */
static void
clear(struct job *job)
{
	if (stage_clear(&job->s) == 0)
		job->idle = 1;
	else
		warn("%s: next:", job->s.name);
}

/* A freeze that can't be read or understood counts: why that is, people are to
 * know. (Of a pin it is an error.) */
static void
fault_tell(struct service *s)
{
	const char *fault = s->ctl.frozen ? s->ctl.file[FROZEN].fault : "";
	const char *before = kv_get(&s->status, "note");

	if (*fault && (!before || strcmp(before, fault))) {
		warn("%s: %s: it counts as frozen", s->name, fault);
		service_log(s, "pull: %s: it counts as frozen", fault);
		kv_set(&s->status, "note", fault);
	} else if (!*fault && before && strncmp(before, "ctl/", 4) == 0) {
		kv_set(&s->status, "note", NULL);
	}
}

void
job_unfreeze(struct service *s)
{
	char who[OWNER_MAX];
	const struct control *wish = &s->ctl.file[UNFREEZE];

	if (!s->ctl.unfreeze)
		return;
	if (ctl_lifts(&s->ctl, PIN) || ctl_lifts(&s->ctl, FROZEN))
		service_log(s, "unfreeze: %s asked for it",
		    owner_name(wish, who));
	else
		service_log(s, "unfreeze: %s asked for it, which lifts nothing",
		    owner_name(wish, who));
	if (ctl_lift(&s->ctl, s->dir) < 0 || ctl_read(&s->ctl, s->dir) < 0)
		warn("%s: ctl:", s->name);
}

void
job_prepare(struct job *job, const struct upstream *up)
{
	struct service *s = &job->s;
	const char *branch = kv_get(&s->conf, "branch");
	const char *tip = upstream_tip(&up->status, branch ? branch : "main");
	const char *wanted;
	int empty;

	snprintf(job->tip, sizeof(job->tip), "%s", tip ? tip : "");
	job->unreached = *up->error || up->busy;
	job_unfreeze(s);
	fault_tell(s);
	/* the pin first: alone, it would count again if we were killed */
	if (s->ctl.thawed && (ctl_remove(s->dir, "pin") < 0 ||
	    ctl_remove(s->dir, "frozen") < 0))
		warn("%s: ctl:", s->name);
	redo_look(job);
	if (places_trusted(s) < 0) {
		service_fail(s, "pull", "%s", place_why());
		job->failed = 1;
		return;
	}
	if (begun(job))
		return;
	/* not even what is missing, or of another config */
	if (s->ctl.frozen && !s->ctl.pinned) {
		clear(job);
		return;
	}
	wanted = service_wanted(s, tip);
	if (!wanted) {
		wanted_unknown(job, up);
		return;
	}
	empty = tree_is_empty(s);
	/* what is staged for the commit that it is at is for other links, or
	 * against edits, and what asked for it may be gone */
	if (!service_is_at(s, wanted) || empty || s->ctl.redo ||
	    drift_due(s) || faccessat(s->dir, "plan", F_OK,
	    AT_SYMLINK_NOFOLLOW) == 0)
		index_look(job, empty);
	job->follows = wanted == tip;
	/* a verdict on an older tip: is it one on what we are at? */
	if (!service_is_at(s, wanted) || job->restage ||
	    (job->follows && kv_get(&s->status, "bad")) || is_unsigned(s))
		want(job, wanted);
	else
		clear(job);
}

/* The commit has nothing new for this service. */
static void
move_on(struct service *s, const char *commit)
{
	const char *hash = kv_get(&s->status, "hash");
	const char *applied = kv_get(&s->status, "applied");

	if (strcmp(hash, commit) == 0)
		return;
	if (applied && strcmp(applied, hash) == 0 &&
	    !kv_get(&s->status, "todo"))
		kv_set(&s->status, "applied", commit);
	kv_set(&s->status, "hash", commit);
	kv_set_number(&s->status, "since", time(NULL));
	service_log(s, "pull: at %.8s, which changes nothing here", commit);
}

void
job_lacks(struct job *job, const char *why)
{
	service_fail(&job->s, "pull", "commit %.8s: its files are not here: "
	    "%s", job->wanted, why);
	job->failed = 1;
}

void
job_take(struct job *job, enum staged staged)
{
	struct service *s = &job->s;
	const char *wanted;

	job->ask = 0;
	switch (staged) {
	case STAGED_VERDICT:
		kv_set(&s->status, "bad", job->tip);
		wanted = service_wanted(s, job->tip);
		job->follows = 0;
		if (wanted && (!service_is_at(s, wanted) || job->restage))
			want(job, wanted);
		return;
	case STAGED_LOST:
		service_fail(s, "pull", "commit %.8s: the reading child ended, "
		    "stalled or made no sense", job->wanted);
		job->failed = 1;
		return;
	case STAGED_NOT:
		job->failed = 1;
		return;
	case STAGED_LACKING:
		job->lacking = 1;
		if (job->offline)
			job->failed = 1;
		return;
	case STAGED_SAME:
		move_on(s, job->wanted);
		break;
	case STAGED_FILES:
		break;
	}
	if (!job->follows)
		return;
	service_absolve(s);
	kv_set(&s->status, "followed",
	    stage_goes_forward(job) ? job->wanted : NULL);
}

/* Whether the poke was there before the contact began. One with a time that
 * is yet to come can't be told, and has done its work, too. */
static int
poke_is_served(const struct service *s, const struct upstream *up)
{
	const struct timespec *t = &s->ctl.poked;
	const char *todo = kv_get(&s->status, "todo");

	/* it is about what comes after a publish that was begun */
	if (s->ctl.redo && todo && strncmp(todo, "publish ", 8) == 0)
		return 0;
	return s->ctl.poke && (t->tv_sec < up->start.tv_sec ||
	    (t->tv_sec == up->start.tv_sec &&
	    t->tv_nsec < up->start.tv_nsec) || t->tv_sec > time(NULL));
}

/* Once for all services that it is no trouble of. */
static void
trouble_say(const struct upstream *up)
{
	static int said;
	char *url = upstream_public(up->url);

	if (!said++)
		warn("%s: %s", url, up->error);
	free(url);
}

/* All services of an upstream are to try again in the same second, so that
 * one contact will do. */
static void
unreached(struct job *job, const struct upstream *up)
{
	struct service *s = &job->s;
	const char *branch = kv_get(&s->conf, "branch");
	const char *wanted = service_wanted(s, upstream_tip(&up->status,
	    branch ? branch : "main"));
	int first = !kv_get(&s->status, "error");

	job->failed = 1;
	/* one that is where it should be has no trouble of its own */
	if (!job->missing && first && wanted && service_is_at(s, wanted) &&
	    !kv_get(&s->status, "todo")) {
		trouble_say(up);
		service_retry(s, up->end, kv_number(&up->status, "failing",
		    up->end));
		return;
	}
	if (job->missing)
		service_fail(s, "pull", "commit %.8s is not here, and can't "
		    "be fetched: %s", job->wanted, up->error);
	else
		service_fail(s, "pull", "%s", up->error);
	if (first)
		kv_set_number(&s->status, "since", up->end);
	service_retry(s, up->end, kv_number(&s->status, "since", up->end));
}

int
job_finish(struct job *job, const struct upstream *up)
{
	struct service *s = &job->s;
	const char *todo = kv_get(&s->status, "todo");
	char staged[41] = "";
	int print, moves = !s->ctl.frozen && !s->ctl.pinned;

	if (job->offline && job->failed) {
		kv_free(&s->status);	/* as if it had not been tried */
		plan_free(&job->index);
		free(job->lack);
		service_close(s);
		return -1;
	}
	if (*up->error && (job->missing || (!job->failed && moves)))
		unreached(job, up);
	/* what failed while it was published is fine when that is done */
	if (!job->failed && !up->busy &&
	    !(todo && strncmp(todo, "publish ", 8) == 0))
		service_ok(s, "pull");
	/* what the upstream's trouble left */
	if (!*up->error && !kv_get(&s->status, "error"))
		kv_set(&s->status, "retry", NULL);
	if (!job->idle)
		service_plan(s, "plan", staged);
	service_staged(s, staged);
	if (s->ctl.asked && *staged)
		kv_set(&s->status, "redo", staged);
	/* a check that couldn't be made of something that is gone */
	if (!*staged) {
		service_ok(s, "check");
		service_ok(s, "window");
	}
	print = *staged || kv_get(&s->status, "todo") ||
	    (kv_get(&s->conf, "always") && kv_get(&s->status, "hash") &&
	    !s->ctl.frozen);
	/* what is to be done is on the disk before the poke goes */
	if (service_save(s) < 0)
		print = 0;
	else if (poke_is_served(s, up) && ctl_serve(&s->ctl, s->dir) < 0)
		warn("%s: ctl/poke:", s->name);
	plan_free(&job->index);
	free(job->lack);
	if (service_close(s) < 0)
		return -1;
	return print ? 1 : job->failed ? -1 : 0;
}
