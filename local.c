/* local.c - this machine's state directory, asked as gitopper-httpd would be */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "json.h"
#include "state.h"
#include "show.h"
#include "steer.h"
#include "texts.h"
#include "util.h"

/* Makes it an answer that says what went wrong. */
static void
refuse(struct ask *a, FILE *f, int status, const char *why)
{
	rewind(f);
	fputs("{\"error\":", f);
	json_text(f, why);
	fputs("}", f);
	a->status = status;
}

static int
steer(const struct ask *a, const struct service *s, char why[WHY_MAX])
{
	switch (a->verb) {
	case ASK_FREEZE:
		return steer_freeze(s, a->seconds ? time(NULL) + a->seconds :
		    0, NULL, why);
	case ASK_UNFREEZE:
		return steer_unfreeze(s, why);
	case ASK_ROLLBACK:
		return steer_rollback(s, a->hash, NULL, why);
	case ASK_PULL:
		return steer_pull(s, "", why);
	case ASK_REDO:
		return steer_pull(s, "redo", why);
	case ASK_ACCEPT:
		return steer_pull(s, "accept", why);
	case ASK_WIPE:
		return steer_pull(s, "wipe", why);
	default:
		return 0;
	}
}

/* Answers with a file of the service, or what can be seen of its tree. */
static void
file_answer(struct ask *a, FILE *f, const struct service *s)
{
	if (a->verb == ASK_DIFF)
		a->partial = diff_write(s, f) < 0;
	else if ((a->verb == ASK_LOG ? log_write : changes_write)(s, f) < 0)
		refuse(a, f, errno == EACCES ? 403 : 500, errno == EACCES ?
		    "only root and the group gitopper may read it" :
		    strerror(errno));
}

static void
show_one(const struct service *s, FILE *f)
{
	struct show show;

	show_start(&show, s);
	show_json(&show, f);
	show_end(&show);
}

/* Ends the answer, with what is to be said of it all. */
static void
here_end(FILE *f)
{
	char *fault = here_fault();

	putc(']', f);
	here_json(here_runs(), fault, f);
	putc('}', f);
	free(fault);
}

static void
service_answer(struct ask *a, FILE *f)
{
	struct service s;
	char why[WHY_MAX];

	errno = ENOENT;
	if (!service_name_ok(a->name) || service_load(&s, a->name) < 0) {
		refuse(a, f, errno == ENOENT ? 404 : 500, errno == ENOENT ?
		    "no such service" : strerror(errno));
		return;
	}
	if (kv_get(&s.conf, "gone")) {
		refuse(a, f, 404, "no such service");
	} else if (a->verb >= ASK_LOG) {
		file_answer(a, f, &s);
	} else if (steer(a, &s, why) < 0) {
		refuse(a, f, 403, why);
	} else {
		/* its ctl/ may not be what it was */
		if (ctl_read(&s.ctl, s.dir) < 0)
			warn("%s: ctl:", s.name);
		fputs("{\"services\":[", f);
		show_one(&s, f);
		here_end(f);
	}
	service_close(&s);
}

static void
services_answer(struct ask *a, FILE *f)
{
	char **names = service_names();
	struct service s;
	size_t i, n = 0;

	fputs("{\"services\":[", f);
	for (i = 0; names[i]; i++) {
		if (service_load(&s, names[i]) < 0) {
			if (errno == ENOENT)	/* it left just now */
				continue;
			warn("%s:", names[i]);
			a->partial = 1;
			continue;
		}
		if (!kv_get(&s.conf, "gone")) {
			if (n++)
				putc(',', f);
			show_one(&s, f);
		}
		service_close(&s);
	}
	here_end(f);
	names_free(names);
}

void
local_answer(struct ask *a)
{
	FILE *f = open_memstream(&a->text, &a->len);

	if (!f)
		die(EXIT_SYS, "open_memstream:");
	a->status = 200;
	if (a->verb == ASK_SERVICES)
		services_answer(a, f);
	else if (a->verb != ASK_MACHINES)
		service_answer(a, f);
	else if (machines_write(f) < 0)
		die(EXIT_SYS, "%s/.machines:", state_path);
	if (ferror(f) | fclose(f))
		die(EXIT_SYS, "open_memstream:");
}
