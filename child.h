/* child.h - children that read what strangers wrote, with few rights */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

struct child {
	pid_t pid;
	int fd;		/* what it writes to its descriptor 3 */
};

/*
 * Forks a child that runs work(arg) with /dev/null as standard input and
 * output, its descriptor 3 a socket to us, and no other: as the user that
 * config.h names (where we are root), without a way to gain rights
 * (prctl(2), PR_SET_NO_NEW_PRIVS), without core files, and ended when we end.
 * Where the kernel has Landlock (landlock(7)) it can write below the
 * directory `writable` only, nowhere if that is NULL, and without `network`
 * it can't use TCP, nor fork. Returns 0, or -1 and errno.
 */
int child_start(struct child *child, void (*work)(void *arg), void *arg,
	const char *writable, int network);

/* Ends the child, by force if it still runs, and frees the descriptor.
 * Returns its wait status (wait(2)). */
int child_end(struct child *child);

/* The user that children run as; -1 where there is none of them. */
int child_user(uid_t *uid, gid_t *gid);
