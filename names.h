/* names.h - the names of services that flow through the programs */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

/*
 * The names that a filter works on: its arguments, every service, or the
 * lines of standard input as they come.
 */
struct names {
	char **list;		/* NULL: standard input */
	size_t i;
	char buf[4096];
	size_t len;
	int skip;		/* the rest of a line that is too long */
	int trusted;		/* who gives them has looked that they are
				 * services */
	int eof;
	int bad;		/* something that is no name was passed over */
};

void names_start(struct names *names, char **args, int all);
/*
 * The next name, waiting for it up to timeout milliseconds (-1: for ever).
 * NULL: there is none (yet); eof then tells whether there ever will be.
 * Lines that can't be names are said and passed over.
 */
const char *names_next(struct names *names, int timeout);
/* Prints a name for the next program, at once. Dies if nobody listens. */
void names_print(const char *name);
