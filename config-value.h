/* config-value.h - what may stand in the config file as a value */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>

/*
 * Pure functions over strings. Those that check one return NULL, or what is
 * wrong with it: the end of a sentence that begins with the key. They leave it
 * in the form that conf is to hold, in place.
 */
const char *upstream_check(char *s);
const char *branch_check(char *s);	/* roughly git-check-ref-format(1) */
const char *link_check(char *s);	/* "" is the whole repository */
const char *place_check(char *s);	/* an absolute path, but the root */
const char *name_check(char *s);	/* of a user */
const char *package_check(char *s);	/* names, parted by blanks */
const char *root_check(char *s);	/* whom root's checks may be */
const char *command_check(char *s);	/* "" where it is blank */
const char *program_check(char *s);	/* begins with an absolute path */
const char *follow_check(char *s);	/* "" where it may go back as well */
const char *drift_check(char *s);	/* "" where it is only counted */

/* The same; it looks for the time zone as well, and what is wrong stays where
 * it is until the next call. */
const char *window_check(char *s);

/* Whether s can be the name of a variable. */
int variable_ok(const char *s);

/* Whether path is dir or below it, both as place_check leaves them. */
int path_inside(const char *path, const char *dir);
