/* print.c - what machines answered, as tables, as lines, as JSON */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "ctl.h"
#include "json.h"
#include "kv.h"
#include "show.h"
#include "print.h"
#include "table.h"
#include "utf8.h"
#include "util.h"

static struct {
	enum verb verb;
	int lines;		/* of `key: value`, no table */
	int several;
	int status;
	size_t n;		/* services or machines so far */
	struct table table;
	char *errors;		/* JSON, without the brackets around them */
} out;

/* Whether it is printed as lines, as they come. */
static int
has_lines(enum verb verb)
{
	return verb == ASK_LOG || verb == ASK_CHANGES || verb == ASK_DIFF;
}

static void
cells(const char *const *text)
{
	for (; *text; text++)
		table_add(&out.table, *text);
}

static void
head_print(void)
{
	static const char *const services[] = {
		"SERVICE", "HASH", "STATE", "INFO", "SINCE", NULL
	};
	static const char *const machines[] = { "MACHINE", "ACTUAL", NULL };
	int is_machines = out.verb == ASK_MACHINES;

	out.table.columns = (is_machines ? 3 : 6) + (out.several ? 1 : 0);
	out.table.state = is_machines ? 0 : out.several ? 4 : 3;
	out.table.info = is_machines ? 0 : out.table.state + 1;
	table_add(&out.table, "#");
	if (out.several)
		table_add(&out.table, is_machines ? "FROM" : "MACHINE");
	cells(is_machines ? machines : services);
}

void
print_start(enum verb verb, int lines, int several)
{
	memset(&out, 0, sizeof(out));
	out.verb = verb;
	out.lines = lines;
	out.several = several;
	if (options.json)
		printf("{\"%s\":[", verb == ASK_MACHINES ? "machines" :
		    "services");
	else if (!lines && !has_lines(verb))
		head_print();
}

static void
row_add(const json_t *o, const char *machine)
{
	static const char *const service[] = {
		"service", "hash", "state", "stateinfo", NULL
	};
	static const char *const machines[] = { "machine", "actual", NULL };
	const char *const *key;
	char text[TIME_TEXT];
	int64_t since = answer_number(o, "since");

	snprintf(text, sizeof(text), "%zu", out.n);
	table_add(&out.table, text);
	if (machine)
		table_add(&out.table, machine);
	key = out.verb == ASK_MACHINES ? machines : service;
	for (; *key; key++) {
		table_add(&out.table, answer_text(o, *key));
	}
	/* a gitopper of old has the other one alone */
	if (out.verb != ASK_MACHINES)
		table_add(&out.table, since ? time_away(since, text) :
		    answer_text(o, "change"));
}

/* Something went wrong: it is said, and kept for the JSON of several. */
static void
error_add(const struct ask *a, char *why)
{
	const char *machine = a->machine->how == HOW_LOCAL && !out.several ?
	    NULL : a->machine->name;
	const char *name = a->name ? a->name : "";
	char *text = NULL;
	size_t len;
	FILE *f;

	/* it is about the machine; or the server has named it */
	if (a->status == 0 || (strncmp(why, name, strlen(name)) == 0 &&
	    why[strlen(name)] == ':'))
		name = "";
	plain(why);
	warn("%s%s%s%s%s%s", machine ? "@" : "", machine ? machine : "",
	    machine ? ": " : "", name, *name ? ": " : "", why);
	out.status = EXIT_SOME;
	if (!options.json || !out.several)
		return;
	f = open_memstream(&text, &len);
	if (!f)
		die(EXIT_SYS, "open_memstream:");
	fprintf(f, "%s%s{\"machine\":", out.errors ? out.errors : "",
	    out.errors ? "," : "");
	json_text(f, machine);
	json_pair(f, "service", a->name);
	json_pair(f, "error", why);
	putc('}', f);
	if (fclose(f) == EOF)
		die(EXIT_SYS, "open_memstream:");
	free(out.errors);
	out.errors = text;
}

char *
answer_why(const struct ask *a)
{
	struct answer answer;
	char why[ANSWER_WHY], *text;
	const char *hint = "";

	if (a->status == 0)
		return xstrdup(a->text);
	if (a->status == 401 && !options.user && !options.netrc &&
	    !machine_is_private(a->machine))
		hint = "; -u USER says who asks, and -n sends what ~/.netrc "
		    "has: both in clear, where it isn't https";
	else if (a->status == 401 && !options.user)
		hint = "; -u USER says who asks";
	else if (a->status == 401)
		hint = "; is the password right?";
	if (answer_read(&answer, a->text, a->len, NULL, why) == 0) {
		text = xstrdup(answer_text(answer.root, "error"));
		answer_end(&answer);
		if (*text) {
			char *longer = xasprintf("%s%s", text, hint);

			free(text);
			return longer;
		}
		free(text);
	}
	if (a->status >= 300 && a->status < 400)
		hint = ": it is to be found at another address";
	else if (a->status == 403)
		hint = ": that is not allowed";
	else if (a->status == 404)
		hint = ": is this a gitopper-httpd?";
	return xasprintf("HTTP status %d%s", a->status, hint);
}

static void
object_print(const json_t *o, const char *machine)
{
	if (options.json || out.lines)
		if (out.n)
			putchar(options.json ? ',' : '\n');
	if (options.json)
		answer_write(stdout, o, !machine ? NULL :
		    out.verb == ASK_MACHINES ? "from" : "machine", machine);
	else if (out.lines)
		service_print(o, machine);
	else
		row_add(o, machine);
	out.n++;
}

static void
log_print(const struct ask *a, const char *machine)
{
	text_plain(a->text, a->len, "\t\r\n");
	if (!options.json) {
		text_print(a->text, machine);
		return;
	}
	fputs(out.n++ ? ",{" : "{", stdout);
	if (machine) {
		fputs("\"machine\":", stdout);
		json_text(stdout, machine);
		putchar(',');
	}
	fputs("\"service\":", stdout);
	json_text(stdout, a->name);
	fputs(",\"log\":", stdout);
	text_json(stdout, a->text);
	putchar('}');
}

/* What the list in an answer is called. */
static const char *
list_key(enum verb verb)
{
	switch (verb) {
	case ASK_MACHINES:
		return "machines";
	case ASK_CHANGES:
		return "changes";
	case ASK_DIFF:
		return "diff";
	default:
		return "services";
	}
}

void
here_print(const struct machine *m, int runs, const char *fault)
{
	static const struct machine *last;
	int local = m->how == HOW_LOCAL;
	char *name;

	if (last == m)
		return;
	last = m;
	name = local ? xstrdup("") : xasprintf("@%s: ", m->name);
	if (!runs)
		warn("%sgitopper isn't running %s: orders wait, and what is "
		    "shown may be old", name, local ? "here" : "there");
	if (*fault)
		warn("%sthe config has a fault, and the one before it counts: "
		    "%s", name, fault);
	free(name);
}

static void
objects_print(const struct ask *a, const char *machine)
{
	struct answer answer;
	char why[ANSWER_WHY];
	size_t i;

	/* one that has nothing to say, and did what it was asked for */
	if (a->len == 0 && a->verb >= ASK_FREEZE && a->verb <= ASK_REDO)
		return;
	if (answer_read(&answer, a->text, a->len,
	    list_key(a->verb), why) < 0) {
		error_add(a, why);
		return;
	}
	/* a gitopper of old doesn't tell */
	here_print(a->machine, !answer_false(answer.root, "runner"),
	    answer_text(answer.root, "config"));
	if (has_lines(a->verb) && options.json)
		object_print(answer.root, machine);
	else if (has_lines(a->verb))
		changes_print(answer.list, machine);
	else for (i = 0; i < json_array_size(answer.list); i++)
		object_print(json_array_get(answer.list, i), machine);
	answer_end(&answer);
}

void
print_missing(const char *name)
{
	warn("%s: no such service", name);
	out.status = EXIT_SOME;
}

void
print_answer(const struct ask *a)
{
	const char *machine = out.several ? a->machine->name : NULL;
	char *why;

	if (!a->text)	/* its machine didn't answer what was asked before */
		return;
	if (a->partial)
		out.status = EXIT_SOME;
	if (a->status < 200 || a->status > 299) {
		why = answer_why(a);
		error_add(a, why);
		free(why);
	} else if (a->verb == ASK_LOG) {
		log_print(a, machine);
	} else {
		objects_print(a, machine);
	}
}

int
print_end(void)
{
	if (options.json && out.errors)
		printf("],\"errors\":[%s]}\n", out.errors);
	else if (options.json)
		puts("]}");
	else if (out.table.n && (out.n || !out.status))
		table_print(&out.table, stdout);
	free(out.errors);
	return out.status;
}
