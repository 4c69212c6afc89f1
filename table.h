/* table.h - columns of text, aligned */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdio.h>

struct table {
	size_t columns;		/* set it before the first cell */
	char **cell;
	size_t n;
};

/* Adds the next cell; an empty one, or NULL, is shown as `-`. */
void table_add(struct table *t, const char *text);
/* Prints the table, and empties it. */
void table_print(struct table *t, FILE *f);
