/* lines.c - what is printed as lines: all about a service, logs, changes */
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

static void
line(const char *key, const char *value)
{
	char *text;
	const char *colour;

	if (!*value)
		return;
	text = plain(xstrdup(value));
	colour = strcmp(key, "state") == 0 ? colour_start(stdout, text) : "";
	printf("%s:%*s%s%s%s\n", key, 10 - (int)strlen(key), "", colour, text,
	    *colour ? colour_end(stdout) : "");
	free(text);
}

static void
line_text(const json_t *o, const char *key, const char *called)
{
	line(called, answer_text(o, key));
}

/* A line of a time, both ways. */
static void
line_time(const json_t *o, const char *key, const char *called)
{
	char full[TIME_TEXT], away[TIME_TEXT], text[2 * TIME_TEXT + 4];
	int64_t t = answer_number(o, key);

	if (t == 0)
		return;
	snprintf(text, sizeof(text), "%s (%s)", time_text(t, full),
	    time_away(t, away));
	line(called, text);
}

static void
line_number(const json_t *o, const char *key)
{
	char text[24];
	int64_t n = answer_number(o, key);

	snprintf(text, sizeof(text), "%lld", (long long)n);
	line(key, n ? text : "");
}

void
service_print(const json_t *o, const char *machine)
{
	line("machine", machine ? machine : "");
	line_text(o, "service", "service");
	line_text(o, "state", "state");
	line_text(o, "stateinfo", "info");
	line_time(o, "since", "since");
	line_text(o, "fullhash", "hash");
	line_text(o, "applied", "applied");
	line_text(o, "tip", "tip");
	line_text(o, "wanted", "wanted");
	line_text(o, "branch", "branch");
	line_text(o, "upstream", "upstream");
	line_time(o, "contact", "contact");
	line_text(o, "tree", "tree");
	if (answer_number(o, "frozenuntil"))
		line_time(o, "frozenuntil", "frozen");
	else if (answer_true(o, "frozen"))
		line("frozen", "until unfrozen");
	line_text(o, "pin", "pin");
	line_text(o, "todo", "todo");
	line_text(o, "bad", "bad");
	line_time(o, "retry", "retry");
	line_number(o, "drift");
	line_number(o, "deploys");
	line_number(o, "failures");
}

/* Cuts the line off that text begins with; returns what follows, or NULL. */
static char *
line_cut(char *text)
{
	char *end = strchr(text, '\n');

	if (end)
		*end++ = '\0';
	return end && *end ? end : NULL;
}

void
text_print(char *text, const char *machine)
{
	char *next;

	for (; text && *text; text = next) {
		next = line_cut(text);
		if (machine)
			printf("%s\t", machine);
		puts(text_plain(text, strlen(text), "\t"));
	}
}

void
text_json(FILE *f, char *text)
{
	char *next;
	size_t n = 0;

	putc('[', f);
	for (; text && *text; text = next) {
		next = line_cut(text);
		if (n++)
			putc(',', f);
		json_text(f, text_plain(text, strlen(text), "\t"));
	}
	putc(']', f);
}

void
changes_print(const json_t *list, const char *machine)
{
	const json_t *o;
	const char *quoted;
	char *line, *path;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		o = json_array_get(list, i);
		path = path_quote(answer_text(o, "path"));
		quoted = answer_text(o, "quoted");
		line = json_is_string(o) ? xstrdup(json_string_value(o)) :
		    xasprintf("%s\t%s", answer_text(o, "change"),
		    *quoted ? quoted : path);
		text_print(line, machine);
		free(line);
		free(path);
	}
}

static void
change_json(const struct change *c)
{
	printf("{\"time\":%lld", (long long)c->time);
	json_pair(stdout, "machine", c->machine);
	json_pair(stdout, "service", c->service);
	json_pair(stdout, "from", c->from);
	json_pair(stdout, "to", c->to);
	json_pair(stdout, "hash", c->hash);
	json_pair(stdout, "info", c->info);
	puts("}");
}

void
change_print(const struct change *c)
{
	const char *const field[] = {
		c->machine, c->service, c->from, c->to, c->hash
	};
	struct tm tm;
	time_t t = (time_t)c->time;
	char when[40], *copy, *p;
	size_t i;

	if (options.json) {
		change_json(c);
		return;
	}
	if (!gmtime_r(&t, &tm) ||
	    !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(when, sizeof(when), "-");
	fputs(when, stdout);
	/* for scripts: no field but the last is empty, or has a blank */
	for (i = 0; i < sizeof(field) / sizeof(*field); i++) {
		copy = plain(xstrdup(*field[i] ? field[i] : "-"));
		for (p = copy; (p = strchr(p, ' ')); )
			*p = '?';
		printf(" %s%s%s", i == 3 ? colour_start(stdout, copy) : "",
		    copy, i == 3 ? colour_end(stdout) : "");
		free(copy);
	}
	copy = plain(xstrdup(c->info));
	printf("%s%s\n", *copy ? " " : "", copy);
	free(copy);
}
