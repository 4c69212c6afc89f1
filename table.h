/* table.h - columns of text, aligned */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdio.h>

struct table {
	size_t columns;		/* set it before the first cell */
	size_t info;		/* the one that may be cut; 0: none */
	size_t state;		/* the one that is coloured; 0: none */
	char **cell;
	size_t n;
};

/* Adds the next cell; an empty one, or NULL, is shown as `-`. */
void table_add(struct table *t, const char *text);
/* Prints the table, and empties it. On a terminal it is cut to fit. */
void table_print(struct table *t, FILE *f);

/* What switches to the colour of a state, or "" where f wants none, and what
 * switches back. */
const char *colour_start(FILE *f, const char *state);
const char *colour_end(FILE *f);
