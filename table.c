/* table.c - columns of text, aligned, on paper or a terminal */
/* SPDX-License-Identifier: ISC */
#include <sys/ioctl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "util.h"

enum { GAP = 2, INFO_MIN = 8 };

static const char dots[] = "...";

/* How many columns of a terminal the text takes, near enough: characters. */
static size_t
width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* The columns of the terminal that f is; 0: it is none. */
static size_t
terminal_width(FILE *f)
{
	const char *columns = getenv("COLUMNS");
	struct winsize ws;
	int64_t n;

	if (!isatty(fileno(f)))
		return 0;
	n = columns ? parse_number(columns) : -1;
	if (n > 0)
		return (size_t)n;
	return ioctl(fileno(f), TIOCGWINSZ, &ws) < 0 ? 0 : ws.ws_col;
}

/* See no-color.org. */
static int
colourful(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && *term && strcmp(term, "dumb") != 0 &&
	    isatty(fileno(f));
}

const char *
colour_start(FILE *f, const char *state)
{
	static const char *const colours[][2] = {
		{ "OK", "\033[32m" }, { "FREEZE", "\033[36m" },
		{ "ROLLBACK", "\033[33m" }, { "BROKEN", "\033[31m" },
		{ "DIFF", "\033[35m" },
	};
	size_t i;

	for (i = 0; i < sizeof(colours) / sizeof(*colours); i++)
		if (strcmp(state, colours[i][0]) == 0)
			return colourful(f) ? colours[i][1] : "";
	return "";
}

const char *
colour_end(FILE *f)
{
	return colourful(f) ? "\033[m" : "";
}

void
table_add(struct table *t, const char *text)
{
	/* room for 64 at first, then twice as many each time */
	if ((t->n & (t->n - 1)) == 0 && (t->n == 0 || t->n >= 64))
		t->cell = xreallocarray(t->cell, t->n ? t->n * 2 : 64,
		    sizeof(*t->cell));
	t->cell[t->n++] = plain(xstrdup(text && *text ? text : "-"));
}

/* Leaves room for so many columns, the last of them dots. */
static void
cell_cut(char *s, size_t room)
{
	size_t n = width(s) <= room ? 0 : room - strlen(dots);

	if (width(s) <= room)
		return;
	for (; n || ((unsigned char)*s & 0xc0) == 0x80; s++)
		n -= ((unsigned char)*s & 0xc0) != 0x80;
	memcpy(s, dots, sizeof(dots));
}

/* Cuts the column that may be cut, so that all fits. */
static void
table_fit(struct table *t, size_t *widest, size_t room)
{
	size_t i, all = GAP * (t->columns - 1), info;

	for (i = 0; i < t->columns; i++)
		all += widest[i];
	if (!t->info || !room || all <= room || widest[t->info] <= INFO_MIN)
		return;
	info = widest[t->info];
	info = all - room < info - INFO_MIN ? info - (all - room) : INFO_MIN;
	for (i = t->info; i < t->n; i += t->columns)
		cell_cut(t->cell[i], info);
	widest[t->info] = info;
}

void
table_print(struct table *t, FILE *f)
{
	size_t *widest = xreallocarray(NULL, t->columns, sizeof(*widest));
	size_t i, column, w;
	const char *colour;

	memset(widest, 0, t->columns * sizeof(*widest));
	for (i = 0; i < t->n; i++) {
		w = width(t->cell[i]);
		if (w > widest[i % t->columns])
			widest[i % t->columns] = w;
	}
	table_fit(t, widest, terminal_width(f));
	for (i = 0; i < t->n; i++) {
		column = i % t->columns;
		w = widest[column] - width(t->cell[i]);
		colour = t->state && column == t->state && i >= t->columns ?
		    colour_start(f, t->cell[i]) : "";
		fprintf(f, "%s%s%s", colour, t->cell[i],
		    *colour ? colour_end(f) : "");
		if (column + 1 < t->columns)
			fprintf(f, "%*s", (int)w + GAP, "");
		else
			putc('\n', f);
		free(t->cell[i]);
	}
	free(widest);
	free(t->cell);
	t->cell = NULL;
	t->n = 0;
}
