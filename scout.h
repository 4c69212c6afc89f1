/* scout.h - which services may have changed; after state.h */
/* SPDX-License-Identifier: ISC */

/* What of a service may be another than before. */
enum { SCOUT_FILES = 1, SCOUT_UPSTREAM = 2 };

/* Watches the state directory; all services are new. As mirror_start. */
int scout_start(void);

/* Takes notice of all that happened until now. */
void scout_look(void);

/*
 * The next service that may have changed since it was named last, or NULL
 * after the last of them; it may not be there any more, or not yet.
 */
const char *scout_next(int *what);

/* It couldn't be read: it is to be named again after the next scout_look. */
void scout_again(const char *name);

/* From now on it is named as well when the status of that upstream changes. */
void scout_follow(const char *name, const char *url);
