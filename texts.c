/* texts.c - what is shown besides services' states: log, changes, machines */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "json.h"
#include "state.h"
#include "texts.h"
#include "utf8.h"
#include "util.h"

/* more than any log or list of changes; one that is larger is not ours */
enum { TEXT_MAX = 16 << 20 };

/* Reads a file of lines, and ends the last one, if it isn't ended. Returns it,
 * to be freed, with its length; empty where there is none; or NULL, errno. */
static char *
text_read(const struct service *s, const char *file, size_t *len)
{
	char *text = file_read(s->dir, file, TEXT_MAX, len);

	if (!text && errno == ENOENT) {
		*len = 0;
		return xstrdup("");
	}
	if (!text)
		return NULL;
	/* what a program wrote is shown on terminals and pages */
	text_plain(text, *len, "\t\n");
	if (*len && text[*len - 1] != '\n')
		text[(*len)++] = '\n';	/* there was a NUL behind it */
	return text;
}

int
log_write(const struct service *s, FILE *f)
{
	static const char *const files[] = { "log.old", "log" };
	size_t i, len;
	char *text;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		text = text_read(s, files[i], &len);
		if (!text)
			return -1;
		fwrite(text, 1, len, f);
		free(text);
	}
	return 0;
}

void
change_write(const char *change, const char *path, FILE *f)
{
	const char *p = path;
	size_t n;
	char *quoted;

	fputs("{\"change\":", f);
	json_text(f, change);
	json_pair(f, "path", path);
	while ((n = utf8_length(p, strlen(p))))
		p += n;
	/* what JSON can't hold is there as git(1) would quote it, too */
	if (*p) {
		quoted = path_quote(path);
		json_pair(f, "quoted", quoted);
		free(quoted);
	}
	putc('}', f);
}

/* A line of `changes`: CHANGE<TAB>PATH, the path quoted where it must be. */
static void
line_write(char *line, FILE *f)
{
	char *tab = strchr(line, '\t');
	char *copy = xstrdup(tab ? tab + 1 : ""), *path = path_unquote(copy);

	if (tab && path) {
		*tab = '\0';
		change_write(line, path, f);
	} else {		/* not one that we wrote */
		json_text(f, line);
	}
	free(copy);
}

int
changes_write(const struct service *s, FILE *f)
{
	size_t len;
	char *text = text_read(s, "changes", &len), *p, *end;

	fputs("{\"service\":", f);
	json_text(f, s->name);
	fputs(",\"changes\":[", f);
	for (p = text; text && p < text + len; p = end + 1) {
		end = memchr(p, '\n', (size_t)(text + len - p));
		*end = '\0';
		if (p > text)
			putc(',', f);
		line_write(p, f);
	}
	fputs("]}\n", f);
	if (!text)
		return -1;
	free(text);
	return 0;
}

/* .machines has a line for each machine of the config: its name, and
 * <TAB>mine where this host answers to it. */
int
machines_write(FILE *f)
{
	char host[256] = "", *text, *p, *tab;
	size_t len;
	int n = 0;

	text = file_read(state_dir, ".machines", CONFIG_MAX, &len);
	if ((!text && errno != ENOENT) ||
	    gethostname(host, sizeof(host) - 1) < 0) {
		free(text);
		return -1;
	}
	fputs("{\"machines\":[", f);
	for (p = text ? strtok(text, "\n") : NULL; p; p = strtok(NULL, "\n")) {
		tab = strchr(p, '\t');
		if (tab)
			*tab++ = '\0';
		fputs(n++ ? ",{\"machine\":" : "{\"machine\":", f);
		json_text(f, p);
		json_pair(f, "actual", tab && !strcmp(tab, "mine") ? host : "");
		putc('}', f);
	}
	fputs("]}\n", f);
	free(text);
	return 0;
}
