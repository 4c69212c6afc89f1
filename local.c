/* local.c - the services of this machine, as a table, as lines, as JSON */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "json.h"
#include "state.h"
#include "show.h"
#include "steer.h"
#include "local.h"
#include "table.h"
#include "util.h"

int local_json;

/* more than any log or list of changes; one that is larger is not ours */
enum { TEXT_MAX = 64 << 20 };

/* Services on their way out. */
struct out {
	int lines;
	size_t n;
	struct table table;
};

static void
out_start(struct out *out, int lines)
{
	static const char *const head[] = {
		"#", "SERVICE", "HASH", "STATE", "INFO", "SINCE"
	};
	size_t i;

	memset(out, 0, sizeof(*out));
	out->lines = lines;
	out->table.columns = sizeof(head) / sizeof(*head);
	if (local_json)
		fputs("{\"services\":[", stdout);
	else if (!lines)
		for (i = 0; i < out->table.columns; i++)
			table_add(&out->table, head[i]);
}

static void
out_add(struct out *out, const struct service *s)
{
	struct table *t = &out->table;
	struct show show;
	char buf[TIME_TEXT];

	show_start(&show, s);
	if (out->n && (local_json || out->lines))
		putchar(local_json ? ',' : '\n');
	if (local_json) {
		show_json(&show, stdout);
	} else if (out->lines) {
		show_lines(&show, stdout);
	} else {
		snprintf(buf, sizeof(buf), "%zu", out->n);
		table_add(t, buf);
		table_add(t, s->name);
		table_add(t, show.hash);
		table_add(t, show.state);
		table_add(t, show.info);
		table_add(t, time_away(show.since, buf));
	}
	out->n++;
	show_end(&show);
}

static void
out_end(struct out *out)
{
	if (local_json)
		puts("]}");
	else if (!out->lines)
		table_print(&out->table, stdout);
}

/* Loads a service; says so where it can't. */
static int
find(struct service *s, const char *name)
{
	errno = ENOENT;
	if (service_name_ok(name) && service_load(s, name) == 0) {
		if (!kv_get(&s->conf, "gone"))
			return 0;
		service_close(s);
		errno = ENOENT;
	}
	if (errno == ENOENT)
		warn("%s: no such service", name);
	else
		warn("%s:", name);
	return -1;
}

int
local_each(char **names, local_ask *ask, int lines)
{
	struct out out;
	struct service s;
	char why[WHY_MAX];
	int status = 0;

	out_start(&out, lines);
	for (; *names; names++) {
		if (find(&s, *names) < 0) {
			status = EXIT_SOME;
			continue;
		}
		if (ask && ask(&s, why) < 0) {
			warn("%s: %s", s.name, why);
			status = EXIT_SOME;
			service_close(&s);
			continue;
		}
		/* its ctl/ is not what it was */
		if (ask && ctl_read(&s.ctl, s.dir) < 0)
			warn("%s: ctl:", s.name);
		out_add(&out, &s);
		service_close(&s);
	}
	if (!out.n && status && !local_json)	/* what failed was said */
		return status;
	out_end(&out);
	return status;
}

int
local_services(void)
{
	char **names = service_names();
	struct out out;
	struct service s;
	size_t i;
	int status = 0;

	out_start(&out, 0);
	for (i = 0; names[i]; i++) {
		if (service_load(&s, names[i]) < 0) {
			if (errno == ENOENT)	/* it left just now */
				continue;
			warn("%s:", names[i]);
			status = EXIT_SOME;
			continue;
		}
		if (!kv_get(&s.conf, "gone"))
			out_add(&out, &s);
		service_close(&s);
	}
	out_end(&out);
	names_free(names);
	return status;
}

static void
machine_add(struct table *t, size_t n, const char *name, const char *actual)
{
	char number[24];

	if (local_json) {
		fputs(n ? ",{\"machine\":" : "{\"machine\":", stdout);
		json_string(stdout, name);
		json_pair(stdout, "actual", actual);
		putchar('}');
		return;
	}
	snprintf(number, sizeof(number), "%zu", n);
	table_add(t, number);
	table_add(t, name);
	table_add(t, actual);
}

/* .machines has a line for each machine of the config: its name, and
 * <TAB>mine where this host answers to it. */
int
local_machines(void)
{
	struct table table = { .columns = 3 };
	char host[256] = "", *text, *p, *tab;
	size_t len, n = 0;

	text = file_read(state_dir, ".machines", STATE_FILE_MAX, &len);
	if (!text && errno != ENOENT)
		die(EXIT_SYS, "%s/.machines:", state_path);
	if (gethostname(host, sizeof(host) - 1) < 0)
		die(EXIT_SYS, "gethostname:");
	if (local_json) {
		fputs("{\"machines\":[", stdout);
	} else {
		table_add(&table, "#");
		table_add(&table, "MACHINE");
		table_add(&table, "ACTUAL");
	}
	for (p = text ? strtok(text, "\n") : NULL; p; p = strtok(NULL, "\n")) {
		tab = strchr(p, '\t');
		if (tab)
			*tab++ = '\0';
		machine_add(&table, n++, p,
		    tab && strcmp(tab, "mine") == 0 ? host : "");
	}
	if (local_json)
		puts("]}");
	else
		table_print(&table, stdout);
	free(text);
	return 0;
}

/* A line of `changes`, CHANGE<TAB>PATH, as an object; others as a string. */
static void
line_json(char *text, int change)
{
	char *tab = change ? strchr(text, '\t') : NULL, *path, *copy;

	if (!tab) {
		json_string(stdout, text);
		return;
	}
	*tab = '\0';
	fputs("{\"change\":", stdout);
	json_string(stdout, text);
	copy = xstrdup(tab + 1);
	path = path_unquote(copy);
	json_pair(stdout, "path", path ? path : tab + 1);
	putchar('}');
	free(copy);
}

/* Prints a file of s, line by line; *n counts them. */
static int
text_print(const struct service *s, const char *file, size_t *n)
{
	char *text, *p, *end, *c;
	size_t len;

	text = file_read(s->dir, file, TEXT_MAX, &len);
	if (!text && errno == ENOENT)
		return 0;
	if (!text) {
		warn("%s: %s:", s->name, file);
		return -1;
	}
	for (p = text; p < text + len; p = end + 1) {
		end = memchr(p, '\n', (size_t)(text + len - p));
		if (!end)
			end = text + len;
		/* what a program wrote must not move the cursor */
		for (c = p; c < end; c++)
			if (((unsigned char)*c < 32 && *c != '\t') ||
			    *c == 127)
				*c = '?';
		*end = '\0';
		if (local_json && (*n)++)
			putchar(',');
		if (local_json)
			line_json(p, strcmp(file, "changes") == 0);
		else
			puts(p);
	}
	free(text);
	return 0;
}

int
local_texts(char **names, const char *key, const char *first,
	const char *second)
{
	struct service s;
	size_t n, services = 0;
	int status = 0;

	if (local_json)
		fputs("{\"services\":[", stdout);
	for (; *names; names++) {
		if (find(&s, *names) < 0) {
			status = EXIT_SOME;
			continue;
		}
		n = 0;
		if (local_json) {
			fputs(services++ ? ",{\"service\":" : "{\"service\":",
			    stdout);
			json_string(stdout, s.name);
			printf(",\"%s\":[", key);
		}
		if (text_print(&s, first, &n) < 0 ||
		    (second && text_print(&s, second, &n) < 0))
			status = EXIT_SOME;
		if (local_json)
			fputs("]}", stdout);
		service_close(&s);
	}
	if (local_json)
		puts("]}");
	return status;
}
