/* release.c - what gitopper-pull -p does for one service */
/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "pull.h"
#include "util.h"
#include "worker.h"

/* Whether what is staged may go into the tree. */
static int
may_publish(const struct service *s, const struct plan *plan)
{
	const char *todo = kv_get(&s->status, "todo");
	const char *checked = kv_get(&s->status, "checked");
	const char *passed = kv_get(&s->status, "passed");
	const char *branch = kv_get(&s->conf, "branch");
	const char *url = kv_get(&s->conf, "upstream"), *wanted;
	struct kv status = { 0 };
	int may;

	if (todo && strncmp(todo, "publish ", 8) == 0)
		return strcmp(todo + 8, plan->commit) == 0;
	if (url && upstream_read(&status, url) < 0)
		return 0;
	wanted = service_wanted(s, upstream_tip(&status,
	    branch ? branch : "main"));
	may = wanted && strncmp(plan->commit, wanted, strlen(wanted)) == 0 &&
	    (!s->ctl.frozen || s->ctl.pinned);
	kv_free(&status);
	if (!may)
		note("%s: %.8s is not wanted any more", s->name,
		    plan->commit);
	else if (kv_get(&s->conf, "verify") &&
	    !signed_before(s, plan->commit))
		warn("%s: nobody has seen that %.8s is signed", s->name,
		    plan->commit);
	else if (kv_get(&s->conf, "check") &&
	    (!checked || strcmp(checked, plan->commit)))
		warn("%s: %.8s is not checked yet", s->name, plan->commit);
	else if (kv_get(&s->conf, "window") &&
	    (!passed || strcmp(passed, plan->commit)))
		note("%s: %.8s waits for the window", s->name, plan->commit);
	else
		return 1;
	return 0;
}

/* A publish has just been finished, maybe one that was killed after its plan
 * became the index. */
static void
published(struct service *s)
{
	const char *todo = kv_get(&s->status, "todo");
	struct plan index;

	if (plan_read(&index, s->dir, "index") < 0)
		return;
	if (todo && strncmp(todo, "publish ", 8) == 0 &&
	    strcmp(index.commit, todo + 8) == 0)
		publish_finish(s, index.commit);
	drift_look(s, &index, 0);
	plan_free(&index);
}

static int
staged_publish(struct service *s)
{
	const char *todo = kv_get(&s->status, "todo");
	int begun = todo && strncmp(todo, "publish ", 8) == 0, failed = 0;
	struct plan plan;

	if (plan_read(&plan, s->dir, "plan") < 0) {
		service_fail(s, "pull", "plan:");
		stage_clear(s);
		return -1;
	}
	if (!*plan.commit) {
		if (begun)
			published(s);
	} else if (!plan_place_fits(s, &plan) || !plan_links_fit(s, &plan)) {
		note("%s: what is staged is not for this config", s->name);
	} else if (may_publish(s, &plan)) {
		failed = publish(s, &plan);
		if (!failed && begun)
			service_ok(s, "pull");
		if (!failed)
			published(s);
	}
	plan_free(&plan);
	return failed;
}

int
name_publish(const char *name)
{
	struct service s;
	const char *todo;
	int busy = service_open(&s, name), failed, print;

	if (busy)
		return busy < 0 ? -1 : 0;
	if (kv_get(&s.conf, "gone")) {
		service_close(&s);
		return 0;
	}
	failed = staged_publish(&s);
	todo = kv_get(&s.status, "todo");
	/* even if a publish failed half way: a file in the tree may be a mount
	 * point (EBUSY), which gitopper-mount mends */
	print = kv_get(&s.status, "hash") &&
	    (todo || (kv_get(&s.conf, "always") && !s.ctl.frozen));
	if (service_close(&s) < 0)
		return -1;
	if (print)
		names_print(name);
	return failed;
}
