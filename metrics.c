/* metrics.c - everything in numbers, in Prometheus' text format */
/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "text.h"
#include "util.h"

static char host[256];	/* the name of this machine */

static int64_t
frozen(const struct image *m)
{
	return m->s.ctl.frozen || m->s.ctl.pinned;
}

static int64_t
ok(const struct image *m)
{
	return m->show.code == STATE_OK;
}

static int64_t
failures(const struct image *m)
{
	return kv_number(&m->s.status, "failures", 0);
}

static int64_t
deploys(const struct image *m)
{
	return kv_number(&m->s.status, "deploys", 0);
}

static int64_t
state(const struct image *m)
{
	return m->show.code;
}

static int64_t
change_time(const struct image *m)
{
	return m->show.since;
}

static int64_t
behind(const struct image *m)
{
	return m->show.tip && !service_is_at(&m->s, m->show.tip);
}

static int64_t
drift(const struct image *m)
{
	return kv_number(&m->s.status, "drift", 0);
}

/* A number for each service. failure_count is untyped: as a counter its name
 * would have to end in _total, and it is older than that rule. */
static const struct number {
	const char *name, *type, *help;
	int64_t (*value)(const struct image *);
} numbers[] = {
	{ "gitopper_service_frozen", "gauge",
	    "Whether the service stays at its commit, frozen or pinned.",
	    frozen },
	{ "gitopper_service_ok", "gauge",
	    "Whether the state of the service is OK.", ok },
	{ "gitopper_service_failure_count", "untyped",
	    "Steps that failed for the service so far.", failures },
	{ "gitopper_service_deploys_total", "counter",
	    "Commits that were applied to the service so far.", deploys },
	{ "gitopper_service_state", "gauge",
	    "State of the service: 0 OK, 1 FREEZE, 2 ROLLBACK, 3 BROKEN, "
	    "4 DIFF.", state },
	{ "gitopper_service_change_time_seconds", "gauge",
	    "When an error came or went, or the commit changed, since unix "
	    "epoch.", change_time },
	{ "gitopper_service_behind", "gauge",
	    "Whether the branch has another commit than the service.",
	    behind },
	{ "gitopper_service_drift_files", "gauge",
	    "Files of the service that were edited here, when last looked "
	    "at.", drift },
};

static void
put_number(struct text *t, const struct number *number)
{
	size_t i;

	text_family(t, number->name, number->type, number->help);
	for (i = 0; i < nimages; i++) {
		text_puts(t, number->name);
		text_puts(t, "{service=\"");
		text_puts(t, images[i].s.name);
		text_puts(t, "\"} ");
		text_number(t, number->value(&images[i]));
		text_add(t, "\n", 1);
	}
}

/* One whose label is a commit that status has under key. */
static void
put_commit(struct text *t, const char *name, const char *help,
	const char *key)
{
	const char *commit;
	size_t i;

	text_family(t, name, "gauge", help);
	for (i = 0; i < nimages; i++) {
		commit = kv_get(&images[i].s.status, key);
		if (!commit)
			continue;
		text_puts(t, name);
		text_puts(t, "{service=\"");
		text_puts(t, images[i].s.name);
		text_puts(t, "\",");
		text_label(t, "hash", commit);
		text_puts(t, "} 1\n");
	}
}

static void
put_info(struct text *t)
{
	static const char name[] = "gitopper_service_info";
	size_t i;

	text_family(t, name, "gauge",
	    "What the service follows, and where it comes from.");
	for (i = 0; i < nimages; i++) {
		text_puts(t, name);
		text_puts(t, "{service=\"");
		text_puts(t, images[i].s.name);
		text_puts(t, "\",");
		text_label(t, "branch", images[i].show.branch ?
		    images[i].show.branch : "");
		text_add(t, ",", 1);
		text_label(t, "upstream", images[i].show.url);
		text_puts(t, "} 1\n");
	}
}

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
put_machine(struct text *t, const char *name)
{
	text_puts(t, "gitopper_machine_info{");
	text_label(t, "machine", name);
	text_puts(t, "} 1\n");
}

/* The names that this machine has in the config, or else its own. */
static void
put_machines(struct text *t)
{
	const char **names = xreallocarray(NULL, nimages, sizeof(*names));
	size_t i, n = 0;

	text_family(t, "gitopper_machine_info", "gauge",
	    "What the config calls this machine.");
	for (i = 0; i < nimages; i++) {
		names[n] = kv_get(&images[i].s.conf, "machine");
		if (names[n] && *names[n])
			n++;
	}
	if (n)
		qsort(names, n, sizeof(*names), name_compare);
	for (i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i - 1], names[i]))
			put_machine(t, names[i]);
	if (n == 0)
		put_machine(t, host);
	free(names);
}

/* By the URL as it is shown, then by the whole one. */
static int
upstream_compare(const void *a, const void *b)
{
	const struct image *x = *(const struct image *const *)a;
	const struct image *y = *(const struct image *const *)b;
	int order = strcmp(x->show.url, y->show.url);

	return order ? order : strcmp(kv_get(&x->s.conf, "upstream"),
	    kv_get(&y->s.conf, "upstream"));
}

/* One image for each upstream, in *n of them; to be freed. */
static const struct image **
upstreams_find(size_t *n)
{
	const struct image **v = xreallocarray(NULL, nimages, sizeof(*v));
	size_t i, all = 0;

	for (i = 0; i < nimages; i++)
		if (kv_get(&images[i].s.conf, "upstream"))
			v[all++] = &images[i];
	if (all)
		qsort(v, all, sizeof(*v), upstream_compare);
	for (*n = 0, i = 0; i < all; i++)
		if (*n == 0 || upstream_compare(&v[*n - 1], &v[i]))
			v[(*n)++] = v[i];
	return v;
}

static void
put_total(struct text *t, const char *name, const char *help, int64_t n)
{
	text_family(t, name, "counter", help);
	text_puts(t, name);
	text_add(t, " ", 1);
	text_number(t, n);
	text_add(t, "\n", 1);
}

static void
put_upstreams(struct text *t)
{
	static const char name[] = "gitopper_upstream_last_contact_seconds";
	int64_t ops = 0, errors = 0, contact = 0, when;
	const struct image **v;
	size_t i, n;

	text_family(t, name, "gauge",
	    "When the upstream answered last, since unix epoch; 0 for never.");
	v = upstreams_find(&n);
	for (i = 0; i < n; i++) {
		const struct kv *kv = &v[i]->show.upstream;

		ops += kv_number(kv, "ops", 0);
		errors += kv_number(kv, "errors", 0);
		when = kv_number(kv, "contact", 0);
		contact = when > contact ? when : contact;
		/* two whose credentials alone differ look like one */
		if (i + 1 < n && !strcmp(v[i]->show.url, v[i + 1]->show.url))
			continue;
		text_puts(t, name);
		text_puts(t, "{");
		text_label(t, "upstream", v[i]->show.url);
		text_puts(t, "} ");
		text_number(t, contact);
		text_add(t, "\n", 1);
		contact = 0;
	}
	free(v);
	put_total(t, "gitopper_machine_git_ops_total",
	    "Contacts with upstreams so far.", ops);
	put_total(t, "gitopper_machine_git_errors_total",
	    "Contacts with upstreams that failed.", errors);
}

/* Not of the images, and so never older than the answer. */
static void
put_here(struct text *t)
{
	char *fault = here_fault();

	text_family(t, "gitopper_runner_up", "gauge",
	    "Whether a runner is at work, or gitopper -1 was within three "
	    "intervals.");
	text_puts(t, here_runs() ? "gitopper_runner_up 1\n" :
	    "gitopper_runner_up 0\n");
	text_family(t, "gitopper_config_ok", "gauge",
	    "Whether the config was without a fault when it was last read.");
	text_puts(t, fault ? "gitopper_config_ok 0\n" :
	    "gitopper_config_ok 1\n");
	free(fault);
}

static void
put_services(struct text *t)
{
	size_t i;

	put_machines(t);
	put_info(t);
	put_commit(t, "gitopper_service_hash",
	    "The commit that the tree of the service is at.", "hash");
	put_commit(t, "gitopper_service_applied",
	    "The last commit that was taken all the way.", "applied");
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		put_number(t, &numbers[i]);
	put_upstreams(t);
}

void
metrics_start(void)
{
	if (gethostname(host, sizeof(host)) < 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
}

/* What is said of services is rendered once, however many ask, until something
 * changes. */
void
metrics_reply(struct reply *reply)
{
	static struct text services;
	static uint64_t known;
	struct text t = { 0 };
	uint64_t now = mirror_update();

	if (!services.len || now != known) {
		services.len = 0;
		put_services(&services);
		known = now;
	}
	put_here(&t);
	text_add(&t, services.s, services.len);
	reply->body = body_new(t.s, t.len);
	if (!reply->body) {
		reply_error(reply, 503, "out of memory");
		return;
	}
	reply->status = 200;
	reply->type = METRICS_TYPE;
}
