/* child.h - children that read what strangers wrote, with few rights */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

struct child {
	char name[128];		/* in front of what it says */
	pid_t pid;
	int fd;			/* what it writes to its descriptor 3, */
	int err;		/* and to its standard error, or -1 */
	char line[400];		/* of that, as far as it goes */
	size_t len, said;
};

/* What is left to it. */
struct child_rights {
	const char *writable;	/* a directory, or NULL */
	const char *const *readable; /* files and directories that it may read
				 * as well, NULL after the last; readable
				 * itself NULL: all that its user may */
	int network;
	int exec;		/* it may run programs, and read what they do */
};

/*
 * Forks a child that runs work(arg) with /dev/null as standard input and
 * output, its descriptor 3 a socket to us, its standard error a pipe to us,
 * and no other: as the user that config.h names (where we are root), without
 * a way to gain rights (prctl(2), PR_SET_NO_NEW_PRIVS), without core files,
 * within CHILD_MEMORY, in a session of its own, and ended when we end. Unless
 * rights say so it executes nothing and has no children, and it does with
 * files and the network what they say, as far as the kernel has Landlock
 * (landlock(7)) and seccomp(2): of the network, it may connect by IP. What
 * executes programs has no network but a new one of its own, and none of the
 * system calls that lead elsewhere. What it says is passed on by warn, with
 * name in front of it. Returns 0, or -1 and errno.
 */
int child_start(struct child *child, const char *name,
	void (*work)(void *arg), void *arg, const struct child_rights *rights);

/* Reads from its fd, as read(2), and passes on what it says meanwhile, up to
 * CHILD_SAID_MAX bytes. -1 and ETIMEDOUT: nothing came until the deadline, in
 * the manner of now_ms. */
ssize_t child_read(struct child *child, void *buf, size_t size,
	int64_t deadline);

/* Ends the child, and what it left in its session, by force if it still runs,
 * and frees the descriptors. Returns its wait status (wait(2)). */
int child_end(struct child *child);
/* The same for one that is about to end by itself: it has until the deadline
 * for that. */
int child_wait(struct child *child, int64_t deadline);
/* Whether such a status is that of one which a file that made no sense made
 * crash. */
int child_crashed(int status);
/* Of one that somebody else has waited for: passes on what it said last, and
 * frees the descriptors, of which fd may be -1. */
void child_close(struct child *child);

/* The user that children run as, -1 for the one that we are. Returns 0, or -1
 * where there is none of them. */
int child_user(uid_t *uid, gid_t *gid);
