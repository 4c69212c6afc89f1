/* confine.h - giving up rights that are not needed any more */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>

/* AddressSanitizer takes more memory and system calls than we do. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

/* What may be done below a directory, or with a file. */
struct confine_path {
	const char *path;
	int write;	/* make, write, rename and remove files; else read */
};

/*
 * From now on this process and what it forks can open only what lies below
 * those n paths (landlock(7)); descriptors that are open stay good. A path
 * that is missing is passed over. reads: reading is not held down, only
 * writing. With network, TCP may connect and nothing else (ABI 4), and without
 * exec no program can be run.
 * Returns 0, 1 where the kernel has no Landlock, or -1 and errno.
 */
int confine_paths(const struct confine_path *paths, size_t n, int reads,
	int network, int exec);

/* A system call that may be made with such an argument only. */
struct confine_arg {
	int call;
	int arg;		/* which one, from 0 */
	unsigned never;		/* without these bits, */
	unsigned either[2];	/* and, where never is 0, one of these two */
};

/*
 * From now on only those n system calls do anything, and those nargs with
 * such arguments; others fail with EPERM (seccomp(2)). no_new_privs must be
 * set. Returns 0, 1 where the kernel or the processor has no filter, or -1
 * and errno.
 */
int confine_calls(const int *calls, size_t n, const struct confine_arg *args,
	size_t nargs);

/*
 * The other way round: those n system calls fail with EPERM; and so do, of
 * socket, all but AF_UNIX, of clone, what makes a namespace, and of ioctl,
 * what types into a terminal or takes one. What runs programs whose calls
 * nobody knows can do with that. Returns as above.
 */
int confine_calls_but(const int *calls, size_t n);

/*
 * The first of these users that exists and is not root. Returns its place in
 * the list, or -1.
 */
int confine_user(const char *const *names, size_t n, uid_t *uid, gid_t *gid);
