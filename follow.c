/* follow.c - changes of state, here and elsewhere, as they happen */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "answer.h"
#include "ctl.h"
#include "state.h"
#include "show.h"
#include "mirror.h"
#include "util.h"

enum {
	KNOWN_MAX = 10000,
	LONG_WAIT = 600000,	/* milliseconds */
};

/* What was last heard of a service: hashes of its name, and of all else. */
struct known {
	uint64_t service, what;
	char to[16];
};

/* A machine that is followed. */
struct followed {
	struct machine *machine;
	struct ask ask;
	int64_t again;		/* when to ask, in milliseconds; */
	enum { IDLE, ASKED, LOST } state;
	int64_t asked;
	int pause;		/* seconds between two tries to reach it */
	int met;		/* it has answered before */
	int away;		/* it was said that it doesn't */
	struct known *known;
	size_t n;
};

static struct known *
known_find(struct followed *f, const char *service)
{
	uint64_t name = text_hash(service);
	struct known *k;
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->known[i].service == name)
			return &f->known[i];
	/* nobody has so many; one that is forgotten is told of once more */
	if (f->n == KNOWN_MAX)
		f->n = 0;
	f->known = xreallocarray(f->known, f->n + 1, sizeof(*f->known));
	k = &f->known[f->n++];
	memset(k, 0, sizeof(*k));
	k->service = name;
	return k;
}

/* Takes an event of another machine; returns whether it was news. A server
 * that was started anew tells of what may have changed, or not. */
static int
event_take(struct followed *f, const json_t *event)
{
	struct change c = { .machine = f->machine->name };
	struct known *k;
	char before[sizeof(k->to)], *all;
	uint64_t what;
	int news;

	c.time = answer_number(event, "time");
	c.service = answer_text(event, "service");
	c.from = answer_text(event, "from");
	c.to = answer_text(event, "to");
	c.hash = answer_text(event, "hash");
	c.info = answer_text(event, "info");
	k = known_find(f, c.service);
	all = xasprintf("%s %s %s", c.to, c.hash, c.info);
	what = text_hash(all);
	free(all);
	news = f->met && (*c.from || what != k->what);
	memcpy(before, k->to, sizeof(before));
	snprintf(k->to, sizeof(k->to), "%s", c.to);
	k->what = what;
	if (!*c.from)
		c.from = before;
	if (news)
		change_print(&c);
	return news;
}

static void
followed_lose(struct followed *f, const char *why)
{
	warn("@%s: %s", f->machine->name, why);
	f->state = LOST;
}

/* It doesn't answer: said once, and tried again, less and less often. */
static void
followed_away(struct followed *f)
{
	char *why = answer_why(&f->ask);

	if (!f->away)
		warn("@%s: %s; trying again", f->machine->name, why);
	free(why);
	f->away = 1;
	f->again = now_ms() + f->pause * 1000;
	f->pause = f->pause * 2 < REMOTE_RETRY_MAX ? f->pause * 2 :
	    REMOTE_RETRY_MAX;
}

static void
followed_listen(struct followed *f)
{
	struct answer answer;
	char why[ANSWER_WHY];
	int news = 0;
	size_t i;

	if (answer_read(&answer, f->ask.text, f->ask.len, "events", why) < 0) {
		followed_lose(f, why);
		return;
	}
	for (i = 0; i < json_array_size(answer.list); i++)
		news += event_take(f, json_array_get(answer.list, i));
	f->ask.since = (uint64_t)answer_number(answer.root, "next");
	if (!f->met)
		here_print(f->machine, !answer_false(answer.root, "runner"),
		    answer_text(answer.root, "config"));
	answer_end(&answer);
	if (f->away)
		warn("@%s: answers again", f->machine->name);
	if (!f->met)
		note("@%s: watching", f->machine->name);
	f->away = 0;
	f->met = 1;
	f->pause = 1;
	/* one that has nothing to say, and doesn't wait either */
	f->again = news ? now_ms() : f->asked + 1000;
}

static void
followed_take(struct followed *f)
{
	int status = f->ask.status;
	char *why;

	f->state = IDLE;
	f->machine->failed = 0;
	/* a proxy between us may lose its patience: there is no news */
	if (status == 504 && f->met)
		f->again = f->asked + 1000;
	else if (status == 0 || status == 408 || status == 429 || status >= 500)
		followed_away(f);
	else if (status == 200)
		followed_listen(f);
	else {
		why = answer_why(&f->ask);
		followed_lose(f, why);
		free(why);
	}
	free(f->ask.text);
	f->ask.text = NULL;
}

static void
followed_ask(struct followed *f)
{
	/* the first answer comes at once, and a person may have to log in */
	int64_t seconds = f->met ? HTTP_WATCH_TIME + REMOTE_TIME :
	    f->machine->how == HOW_PROGRAM ? REMOTE_LOGIN_TIME : REMOTE_TIME;

	f->state = ASKED;
	f->asked = now_ms();
	remote_ask(&f->ask, seconds, 1);
}

/* What happened here since; silent: that is what there is to begin with. */
static uint64_t
here(const char *name, uint64_t since, int silent)
{
	const struct event *list;
	struct change c = { .machine = name };
	size_t i, n;

	mirror_update();
	n = mirror_events(since, &list, &since);
	for (i = 0; i < n && !silent; i++) {
		c.time = list[i].time;
		c.service = list[i].service;
		c.from = list[i].from;
		c.to = list[i].to;
		c.hash = list[i].hash;
		c.info = list[i].info;
		change_print(&c);
	}
	return since;
}

/* What is to be said of m, which is this one, before all else. */
static void
here_tell(const struct machine *m)
{
	char *fault = here_fault();

	here_print(m, here_runs(), fault ? fault : "");
	free(fault);
}

/* Asks those whose time it is; returns the milliseconds until the next has
 * its own, or -1 where all are lost. */
static int64_t
ask_all(struct followed *list, size_t n)
{
	int64_t wait = -1, t = now_ms(), left;
	size_t i;

	for (i = 0; i < n; i++) {
		if (list[i].state == IDLE && list[i].again <= t)
			followed_ask(&list[i]);
		left = list[i].state == IDLE ? list[i].again - t : LONG_WAIT;
		if (list[i].state != LOST && (wait < 0 || left < wait))
			wait = left;
	}
	return wait;
}

int
follow(struct machine *machines, size_t nmachines)
{
	struct followed *list = xreallocarray(NULL, nmachines, sizeof(*list));
	const char *local = NULL;
	uint64_t since = 0;
	int64_t wait, thaw;
	struct ask *a;
	size_t i, n = 0;
	int fd = -1;

	memset(list, 0, nmachines * sizeof(*list));
	for (i = 0; i < nmachines; i++) {
		if (machines[i].how == HOW_LOCAL) {
			local = machines[i].name;
			here_tell(&machines[i]);
			continue;
		}
		list[n].machine = list[n].ask.machine = &machines[i];
		list[n].ask.verb = ASK_WATCH;
		list[n++].pause = 1;
	}
	if (local) {
		fd = mirror_start();
		since = here(local, 0, 1);
		note("watching %s", state_path);
	}
	while ((wait = ask_all(list, n)) >= 0 || local) {
		thaw = local ? mirror_thaw() : -1;
		if (thaw >= 0 && (wait < 0 || thaw < wait))
			wait = thaw < LONG_WAIT ? thaw : LONG_WAIT;
		a = remote_next(fd, (int)wait);
		for (i = 0; a && i < n; i++)
			if (&list[i].ask == a)
				followed_take(&list[i]);
		if (local)
			since = here(local, since, 0);
		if (fflush(stdout) == EOF)
			die(EXIT_SYS, "standard output:");
	}
	return EXIT_SOME;
}
