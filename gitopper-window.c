/* gitopper-window - holds up new commits until their window is open */
/* SPDX-License-Identifier: ISC */
/*
 * What it lets through it notes as `passed` in status, and gitopper-pull -p
 * publishes nothing else of a service that has a window. So a name may go on
 * although its commit has to wait, where there is other work to be done; and
 * what another pipe stages behind our back has to come by here itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "state.h"
#include "util.h"
#include "window.h"
#include "zone.h"

static const char *spec;	/* -w: for all, in the place of their own */
static int failed;

static void
usage(void)
{
	fprintf(stderr, "usage: %s [-dn] [-w WINDOW] [-a | NAME ...]\n",
	    argv0);
	exit(EXIT_USAGE);
}

/* Takes a window, and enters its zone. Returns 0, or -1 and why. */
static int
window_enter(struct window *w, const char *text, char why[WINDOW_WHY])
{
	if (window_parse(w, text, why) < 0)
		return -1;
	if (zone_enter(w->zone) == 0)
		return 0;
	snprintf(why, WINDOW_WHY, "has \"%s\", a time zone that is not known "
	    "here", w->zone);
	return -1;
}

static int
same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/*
 * Whether no window holds up the staged commit: somebody asked for it; or it
 * is the one that the tree is at, for another config or for files that were
 * edited; or the one that the tree is at turned out ill.
 */
static int
is_free(const struct service *s, const char *commit)
{
	const char *hash = kv_get(&s->status, "hash");
	const char *todo = kv_get(&s->status, "todo");
	const char *pin = s->ctl.pin;

	if (s->ctl.pinned && *pin && strncmp(commit, pin, strlen(pin)) == 0)
		return 1;
	if (same(kv_get(&s->status, "redo"), commit) || same(hash, commit))
		return 1;
	if (!hash || same(kv_get(&s->status, "applied"), hash))
		return 0;
	/* no verdict, but ill: the tip moved on before that was known */
	return !todo || service_error_is(s, "health");
}

static int
is_begun(const struct service *s)
{
	const char *todo = kv_get(&s->status, "todo");

	return todo && strncmp(todo, "publish ", 8) == 0;
}

/* Notes that the commit waits, and until when. */
static void
hold(struct service *s, const char *commit, time_t opens)
{
	const char *old = kv_get(&s->status, "note");
	char text[WINDOW_TEXT + 64], when[WINDOW_TEXT];

	snprintf(text, sizeof(text), "%.8s waits for the window%s%s", commit,
	    opens < 0 ? "" : ", until ",
	    opens < 0 ? "" : window_text(opens, when));
	if (!same(old, text))
		service_log(s, "window: %s", text);
	kv_set(&s->status, "note", text);
	kv_set_number(&s->status, "opens", opens < 0 ? 0 : opens);
	kv_set(&s->status, "passed", NULL);
}

static void
unhold(struct service *s)
{
	if (!kv_get(&s->status, "opens"))
		return;
	kv_set(&s->status, "note", NULL);
	kv_set(&s->status, "opens", NULL);
}

/* Whether a name whose commit waits goes on, for what else is to be done. */
static int
is_busy(const struct service *s)
{
	/* without a window of its own it would be published */
	return kv_get(&s->conf, "window") && kv_get(&s->status, "hash") &&
	    (kv_get(&s->status, "todo") ||
	    (kv_get(&s->conf, "always") && !s->ctl.frozen));
}

/* Returns whether the name goes on. */
static int
service_judge(struct service *s, const char *text)
{
	char commit[41], why[WINDOW_WHY];
	struct window w;
	time_t now = time(NULL), opens = now;

	service_plan(s, "plan", commit);
	service_staged(s, commit);
	if (is_begun(s) || kv_get(&s->conf, "gone"))
		return 1;
	if (text && *commit && !is_free(s, commit)) {
		if (window_enter(&w, text, why) < 0) {
			service_fail(s, "window", "window %s", why);
			kv_set(&s->status, "passed", NULL);
			failed = 1;
			return is_busy(s);
		}
		opens = window_next(&w, now);
	}
	service_ok(s, "window");
	if (opens != now) {
		hold(s, commit, opens);
		return is_busy(s);
	}
	unhold(s);
	if (text && *commit)
		kv_set(&s->status, "passed", commit);
	return 1;
}

/* Whether status holds something of ours, that may have to go. */
static int
is_noted(const struct service *s)
{
	return kv_get(&s->status, "opens") || kv_get(&s->status, "passed") ||
	    kv_get(&s->status, "redo") || service_error_is(s, "window");
}

/* Returns 1 where the name goes on, 0 where it doesn't, -1 if it failed. */
static int
name_judge(const char *name)
{
	const char *text;
	struct service s;
	int busy, pass;

	if (service_load(&s, name) < 0) {
		if (errno == ENOENT)
			warn("%s: no such service", name);
		else
			warn("%s:", name);
		return -1;
	}
	/* as most have it; that needs no lock */
	pass = !spec && !kv_get(&s.conf, "window") && !is_noted(&s);
	service_close(&s);
	if (pass)
		return 1;
	busy = service_open(&s, name);
	if (busy)
		return busy < 0 ? -1 : 0;
	text = spec ? spec : kv_get(&s.conf, "window");
	pass = service_judge(&s, text);
	return service_close(&s) < 0 ? -1 : pass;
}

/* -n: says when the window is open next. Returns 0 or -1. */
static int
name_tell(const char *name)
{
	char why[WINDOW_WHY], when[WINDOW_TEXT] = "always";
	time_t now = time(NULL), opens;
	const char *text;
	struct service s;
	struct window w;

	if (service_load(&s, name) < 0) {
		warn("%s:", name);
		return -1;
	}
	text = spec ? spec : kv_get(&s.conf, "window");
	if (text && window_enter(&w, text, why) < 0) {
		warn("%s: window %s", name, why);
		service_close(&s);
		return -1;
	}
	if (text) {
		opens = window_next(&w, now);
		if (opens == now)
			snprintf(when, sizeof(when), "open");
		else if (opens < 0)
			snprintf(when, sizeof(when), "never");
		else
			window_text(opens, when);
	}
	service_close(&s);
	printf("%s\t%s\n", name, when);
	if (fflush(stdout) == EOF)
		die(EXIT_SYS, "standard output:");
	return 0;
}

int
main(int argc, char *argv[])
{
	char why[WINDOW_WHY];
	int c, aflag = 0, nflag = 0, pass;
	struct window w;
	struct names names;
	const char *name;

	setup(argv[0]);
	while ((c = getopt(argc, argv, "adnw:")) != -1)
		switch (c) {
		case 'a': aflag = 1; break;
		case 'd': debug = 1; break;
		case 'n': nflag = 1; break;
		case 'w': spec = optarg; break;
		default: usage();
		}
	if (aflag && optind < argc)
		usage();
	if (spec && window_enter(&w, spec, why) < 0)
		die(EXIT_USAGE, "-w: window %s", why);
	state_open();
	names_start(&names, argv + optind, aflag);
	while ((name = names_next(&names, -1))) {
		pass = nflag ? name_tell(name) : name_judge(name);
		failed |= pass < 0;
		if (pass > 0)
			names_print(name);
	}
	return failed || names.bad ? EXIT_SOME : 0;
}
