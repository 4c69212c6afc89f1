/* steer.h - what people ask of a service; after state.h */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>

enum { WHY_MAX = 512 };

/*
 * Each writes or removes control files of a service that was just loaded.
 * Returns 0; or -1, and why holds one line for people, errno being EPERM or
 * EACCES where it is a matter of rights.
 */

/* Stay at this commit until thaw (Unix seconds; 0: until unfrozen). by: who
 * wants that, where our own user doesn't tell; or NULL. */
int steer_freeze(const struct service *s, int64_t thaw, const char *by,
	char why[WHY_MAX]);
/* Follow the branch again: the freeze and the pin go, or, where another member
 * of the group placed them, are to go as soon as the runner sees to it. */
int steer_unfreeze(const struct service *s, char why[WHY_MAX]);
/* Go to that commit, 7 to 40 lower-case hex digits, and stay there. */
int steer_rollback(const struct service *s, const char *hash, const char *by,
	char why[WHY_MAX]);
/*
 * Look for commits now. how: "" and nothing else; "redo": and act again,
 * whatever there is; "accept": and take a branch that was rewritten; "wipe":
 * and fetch all of the object store anew.
 */
int steer_pull(const struct service *s, const char *how, char why[WHY_MAX]);
