/* worker.c - what gitopper-pull -f does for the services on one upstream */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "names.h"
#include "pull.h"
#include "util.h"
#include "worker.h"

/* Services whose locks are held at a time: each takes two descriptors. */
enum { BATCH_MAX = 200 };

/* A child that reads, for how long it may say nothing, and until when it has
 * to have said all of one job. */
struct patience {
	struct child child;
	int64_t ms, deadline;
};

/* read(2), but with so much patience only. */
static ssize_t
patient_read(void *patience, char *buf, size_t size)
{
	struct patience *with = patience;
	int64_t idle = now_ms() + with->ms;

	return child_read(&with->child, buf, size,
	    idle < with->deadline ? idle : with->deadline);
}

/* One child for all jobs that ask. Something that goes wrong with one leaves
 * the rest of the stream without a meaning, so the others get a new child. */
static void
reader_round(const struct upstream *up, struct job *job, size_t n)
{
	const cookie_io_functions_t patient = { .read = patient_read };
	char repo[4096];
	const char *const readable[] = { repo, NULL };
	const struct child_rights rights = { .readable = readable };
	struct reading reading = { repo, job, n };
	/* who gives the network more time has much to be read */
	struct patience with = {
		.ms = (up->timeout > READ_TIMEOUT ? up->timeout :
		    READ_TIMEOUT) * 1000
	};
	enum staged staged;
	char id[128];
	FILE *in;
	size_t i;
	int packs = packs_lock(up, LOCK_SH);

	upstream_repo(up, repo, sizeof(repo));
	upstream_id(up->url, id, sizeof(id));
	if (child_start(&with.child, id, reader_work, &reading, &rights) < 0 ||
	    !(in = fopencookie(&with, "r", patient)))
		die(EXIT_SYS, "can't start a child to read:");
	for (i = 0; i < n; i++) {
		if (!job[i].ask)
			continue;
		with.deadline = now_ms() + READ_TIME * 1000;
		staged = stage_read(in, &job[i]);
		if (job[i].damaged)
			upstream_damaged(up);
		job_take(&job[i], staged);
		if (staged == STAGED_NOT || staged == STAGED_LOST ||
		    job[i].ask)
			break;
	}
	fclose(in);
	if (child_crashed(child_end(&with.child)))
		upstream_damaged(up);
	if (packs >= 0)
		close(packs);
}

static int
someone_asks(const struct job *job, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (job[i].ask)
			return 1;
	return 0;
}

static int
job_done(struct job *job, const struct upstream *up, int fflag)
{
	char name[sizeof(job->s.name)];
	int print;

	memcpy(name, job->s.name, sizeof(name));
	print = job_finish(job, up);
	if (print > 0 && fflag)
		names_print(name);
	else if (print > 0)
		print = name_publish(name);
	return print < 0 || job->failed ? -1 : 0;
}

/* A service that has left the config; gitopper-mount goes first. */
static int
gone(struct service *s)
{
	int failed = 0;

	if (faccessat(s->dir, "mounts", F_OK, 0) == 0)
		note("%s: still mounted", s->name);
	else
		failed = service_dismantle(s);
	kv_free(&s->status);	/* its file has gone, too */
	service_close(s);
	return failed;
}

/* With one of tokens in hand, talks to the upstream. */
static void
contact(struct upstream *up, const int tokens[2], int tidy)
{
	char token;

	if (read_all(tokens[0], &token, 1) < 0)
		die(EXIT_SYS, "tokens:");
	if (tidy)
		upstream_tidy(up);
	else
		upstream_contact(up);
	up->end = time(NULL);
	if (write_all(tokens[1], &token, 1) < 0)
		die(EXIT_SYS, "tokens:");
}

/* The objects that jobs lack, all together. */
static void
lacks_gather(struct upstream *up, const struct job *job, size_t n)
{
	size_t i, total = 0;

	for (i = 0; i < n; i++)
		total += job[i].lacking ? job[i].nlacks : 0;
	up->lack = xreallocarray(NULL, total + 1, sizeof(*up->lack));
	for (i = 0; i < n; i++) {
		if (!job[i].lacking)
			continue;
		memcpy(up->lack + up->nlacks, job[i].lack,
		    job[i].nlacks * sizeof(*up->lack));
		up->nlacks += job[i].nlacks;
	}
}

/*
 * The store has what was needed so far. A commit of before, or other dirs
 * than before, need more: it is asked for, and the reader once more.
 */
static void
lacks_fetch(struct upstream *up, struct job *job, size_t n,
	const int tokens[2])
{
	char error[sizeof(up->error)];
	size_t i;

	lacks_gather(up, job, n);
	if (up->nlacks == 0)
		goto out;
	contact(up, tokens, 0);
	/* which those that lack nothing need not hear of */
	snprintf(error, sizeof(error), "%s", up->busy ?
	    "another contact goes on" : up->error);
	*up->error = '\0';
	for (i = 0; i < n; i++) {
		if (!job[i].lacking)
			continue;
		job[i].ask = !*error;
		job[i].lacking = job[i].nlacks = 0;
		if (*error)
			job_lacks(&job[i], error);
	}
	while (someone_asks(job, n))
		reader_round(up, job, n);
	for (i = 0; i < n; i++)
		if (job[i].lacking)
			job_lacks(&job[i], "the upstream doesn't give them");
out:
	free(up->lack);
	up->lack = NULL;
	up->nlacks = 0;
}

/* Sees to all of them. Returns 0, or -1 where one failed; without tokens
 * there is no contact, and what isn't here is no error yet. */
static int
batch_run(struct upstream *up, char **names, size_t n, int fflag,
	const int *tokens)
{
	struct job *job = xreallocarray(NULL, n, sizeof(*job));
	size_t i, opened = 0;
	int busy, failed = 0;

	for (i = 0; i < n; i++) {
		memset(&job[opened], 0, sizeof(*job));
		job[opened].offline = !tokens;
		busy = service_open(&job[opened].s, names[i]);
		if (busy < 0)
			failed = -1;
		else if (!busy && kv_get(&job[opened].s.conf, "gone"))
			failed |= gone(&job[opened].s);
		else if (!busy)
			job_prepare(&job[opened++], up);
	}
	while (someone_asks(job, opened))
		reader_round(up, job, opened);
	if (tokens)
		lacks_fetch(up, job, opened, tokens);
	for (i = 0; i < opened; i++)
		failed |= job_done(&job[i], up, fflag);
	free(job);
	return failed;
}

/*
 * A rollback, or a publish that was begun, may need nothing that isn't here:
 * it is tried before the network is. Returns whether that was enough.
 */
static int
done_offline(struct upstream *up, const char *name, int fflag)
{
	struct service s;
	const char *todo;
	char *names[1];
	int offline, poke;

	if (service_load(&s, name) < 0)
		return 0;
	todo = kv_get(&s.status, "todo");
	offline = (s.ctl.pinned && *s.ctl.pin &&
	    !service_is_at(&s, s.ctl.pin)) ||
	    (todo && strncmp(todo, "publish ", 8) == 0);
	poke = s.ctl.poke;
	service_close(&s);
	if (!offline)
		return 0;
	names[0] = (char *)name;
	return batch_run(up, names, 1, fflag, NULL) == 0 && !poke;
}

/* Whether one of the names asks for the store to be made anew. */
static int
wipe_asked(char **names, size_t n)
{
	struct service s;
	char path[160];
	size_t i;
	int asked = 0;

	for (i = 0; i < n && !asked; i++) {
		/* few of many have been poked at all */
		if (path_join(path, sizeof(path), names[i], "ctl/poke") < 0 ||
		    faccessat(state_dir, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
		    service_load(&s, names[i]) < 0)
			continue;
		asked = s.ctl.wipe;
		service_close(&s);
	}
	return asked;
}

/* What holds no longer is not to wait for a contact. */
static void
unfreeze(const char *name)
{
	struct service s;
	char path[160];

	if (path_join(path, sizeof(path), name, "ctl/unfreeze") < 0 ||
	    faccessat(state_dir, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
	    service_open(&s, name) != 0)
		return;
	job_unfreeze(&s);
	service_close(&s);
}

/* Does what needs no contact; returns how many of the names are left. */
static size_t
names_left(struct upstream *up, char **names, size_t n, int fflag)
{
	size_t i, left = 0;

	for (i = 0; i < n; i++) {
		unfreeze(names[i]);
		if (done_offline(up, names[i], fflag))
			free(names[i]);
		else
			names[left++] = names[i];
	}
	return left;
}

/* A name that comes twice would find its own lock in the way. */
static int
is_among(const char *name, char **names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return 0;
}

int
worker_run(struct upstream *up, const int tokens[2], int fflag)
{
	char *batch[BATCH_MAX];
	const char *name;
	struct names names;
	size_t n, i;
	int contacted = 0, result = 0;

	up->dir = upstream_open(up->url);
	if (up->dir < 0 || kv_read(&up->status, up->dir, "status") < 0)
		die(EXIT_SYS, "%s/.upstream:", state_path);
	names_start(&names, (char *[]){ NULL }, 0);
	names.trusted = 1;
	while (!names.eof) {
		/* those that have come so far, and at least one */
		for (n = 0; n < BATCH_MAX &&
		    (name = names_next(&names, n ? 0 : -1)); )
			if (!is_among(name, batch, n))
				batch[n++] = xstrdup(name);
		/* the one contact may have been too early for it */
		if (wipe_asked(batch, n)) {
			up->wipe = 1;
			contacted = 0;
		}
		if (!contacted)
			n = names_left(up, batch, n, fflag);
		if (n && !contacted) {
			contact(up, tokens, 0);
			contacted = 1;
		}
		if (batch_run(up, batch, n, fflag, tokens) < 0)
			result = EXIT_SOME;
		for (i = 0; i < n; i++)
			free(batch[i]);
	}
	/* nobody waits for this: all names have gone on */
	if (contacted)
		contact(up, tokens, 1);
	return result;
}
