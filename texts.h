/* texts.h - what is shown besides services' states; after state.h */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>

/* Each writes to f, and returns 0; or -1 and errno where it couldn't read
 * all there is. */

/* The log of s, the oldest line first. */
int log_write(const struct service *s, FILE *f);
/* The files that are not applied yet: {"service":NAME,"changes":[...]}. */
int changes_write(const struct service *s, FILE *f);
/* One of them: A, M or D, and the path in the repository; and `quoted`, as
 * path_quote has it, where the path is not UTF-8. */
void change_write(const char *change, const char *path, FILE *f);
/* The machines of the config: {"machines":[...]}. */
int machines_write(FILE *f);
