/* table.c - columns of text, aligned */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "util.h"

/* How many columns of a terminal the text takes, near enough: characters. */
static size_t
width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void
table_add(struct table *t, const char *text)
{
	t->cell = xreallocarray(t->cell, t->n + 1, sizeof(*t->cell));
	t->cell[t->n++] = plain(xstrdup(text && *text ? text : "-"));
}

void
table_print(struct table *t, FILE *f)
{
	size_t *widest = xreallocarray(NULL, t->columns, sizeof(*widest));
	size_t i, w;

	memset(widest, 0, t->columns * sizeof(*widest));
	for (i = 0; i < t->n; i++) {
		w = width(t->cell[i]);
		if (w > widest[i % t->columns])
			widest[i % t->columns] = w;
	}
	for (i = 0; i < t->n; i++) {
		w = widest[i % t->columns] - width(t->cell[i]);
		fputs(t->cell[i], f);
		if ((i + 1) % t->columns)
			fprintf(f, "%*s", (int)w + 2, "");
		else
			putc('\n', f);
		free(t->cell[i]);
	}
	free(widest);
	free(t->cell);
	t->cell = NULL;
	t->n = 0;
}
