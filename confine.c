/* confine.c - giving up rights that are not needed any more */
/* SPDX-License-Identifier: ISC */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"

/* <linux/landlock.h> of older systems lacks what came after it */
enum { NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1 };
struct ruleset { uint64_t fs, net; };

/* every access by which a file or a directory changes, by Landlock's ABI */
static const uint64_t write_access[] = {
	LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
	LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
	1 << 13,	/* LANDLOCK_ACCESS_FS_REFER, ABI 2 */
	1 << 14,	/* LANDLOCK_ACCESS_FS_TRUNCATE, ABI 3 */
};
static const uint64_t read_access =
	LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
/* what can be said of something that is no directory */
static const uint64_t file_access = LANDLOCK_ACCESS_FS_WRITE_FILE |
	LANDLOCK_ACCESS_FS_READ_FILE | 1 << 14;

/* How the kernel calls the processor that this is compiled for. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define AUDIT_ARCH_HERE AUDIT_ARCH_RISCV64
#elif defined(__i386__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_I386
#elif defined(__arm__) && !defined(__ARMEB__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_ARM
#else
#define AUDIT_ARCH_HERE 0	/* a filter for it would have to be tried */
#endif

/* Returns 0, also where the path is missing, or -1 and errno. */
static int
allow(int rules, const struct confine_path *p, uint64_t handled)
{
	struct landlock_path_beneath_attr below = { 0 };
	struct stat st;
	int result = -1;

	below.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (below.parent_fd < 0)
		return errno == ENOENT ? 0 : -1;
	below.allowed_access = handled & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	if (!p->write)
		below.allowed_access &= read_access;
	if (fstat(below.parent_fd, &st) < 0)
		goto out;
	if (!S_ISDIR(st.st_mode))
		below.allowed_access &= file_access;
	/* a rule that allows nothing new is none */
	if (below.allowed_access == 0 || syscall(SYS_landlock_add_rule, rules,
	    LANDLOCK_RULE_PATH_BENEATH, &below, 0) == 0)
		result = 0;
out:
	close(below.parent_fd);
	return result;
}

int
confine_paths(const struct confine_path *paths, size_t n, int reads,
	int network, int exec)
{
	struct ruleset rules = { exec ? 0 : LANDLOCK_ACCESS_FS_EXECUTE, 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	size_t size = abi < 4 ? sizeof(rules.fs) : sizeof(rules);
	size_t i;
	int fd, result = -1;

	if (abi < 1)
		return 1;
	for (i = 0; i < 3 && (long)i < abi; i++)
		rules.fs |= write_access[i];
	if (!reads)
		rules.fs |= read_access;
	rules.net = NET_BIND_TCP | (network ? 0 : NET_CONNECT_TCP);
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (allow(fd, &paths[i], rules.fs) < 0)
			goto out;
	if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		result = 0;
out:
	close(fd);
	return result;
}

enum {
	CALLS_MAX = 200,	/* a jump in the filter reaches 255 at most */
	ARGS_MAX = 20,
	HEAD = 4,
	ARG_SIZE = 6,
	/* a call's first argument, the half that comes first in memory: all
	 * of the processors above are little-endian; and the next one */
	LOW_ARG = offsetof(struct seccomp_data, args),
	NEXT_ARG = sizeof(uint64_t),
	NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
	    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
};

/* Which processor's call it is, for the numbers differ; then the number. */
static const struct sock_filter head[HEAD] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
};

#ifndef SYS_clone3
#define SYS_clone3 435	/* on all processors */
#endif

/* Installs code up to end. */
static int
filter(struct sock_filter *code, const struct sock_filter *end)
{
	struct sock_fprog program = { (unsigned short)(end - code), code };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
		return 0;
	/* a kernel that was built without it */
	return errno == EINVAL || errno == ENOSYS ? 1 : -1;
}

/* What it takes to look at one call's argument. The kernel takes an int of
 * each of them, and so do we. */
static void
arg_filter(struct sock_filter *p, const struct confine_arg *a)
{
	const struct sock_filter code[ARG_SIZE] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)a->call,
		    0, ARG_SIZE - 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    (unsigned)(LOW_ARG + NEXT_ARG * a->arg)),
		a->never ? (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JSET | BPF_K, a->never, 1, 2) :
		    (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, a->either[0], 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a->either[1], 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	memcpy(p, code, sizeof(code));
}

/* After the head, what looks at arguments, and then one comparison for each
 * call that is allowed, each of which jumps to the last instruction; the one
 * before that denies. */
int
confine_calls(const int *calls, size_t n, const struct confine_arg *args,
	size_t nargs)
{
	struct sock_filter code[HEAD + ARGS_MAX * ARG_SIZE + CALLS_MAX + 2];
	struct sock_filter *p = code + HEAD;
	size_t i;

	if (AUDIT_ARCH_HERE == 0)
		return 1;
	if (n > CALLS_MAX || nargs > ARGS_MAX) {
		errno = E2BIG;
		return -1;
	}
	memcpy(code, head, sizeof(head));
	for (i = 0; i < nargs; i++, p += ARG_SIZE)
		arg_filter(p, &args[i]);
	for (i = 0; i < n; i++)
		*p++ = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i],
		    (unsigned char)(n - i), 0);
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ERRNO | EPERM);
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW);
	return filter(code, p);
}

int
confine_calls_but(const int *calls, size_t n)
{
	static const struct sock_filter tail[] = {
		/* its flags lie in memory, where they can't be looked at:
		 * libc falls back to clone */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_ARG),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 8, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_ARG),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 6, 5),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_ARG + NEXT_ARG),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSCTTY, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	enum { TAIL = sizeof(tail) / sizeof(*tail) };
	struct sock_filter code[HEAD + 1 + CALLS_MAX + TAIL], *p = code;
	size_t i;

	if (AUDIT_ARCH_HERE == 0)
		return 1;
	if (n > CALLS_MAX) {
		errno = E2BIG;
		return -1;
	}
	memcpy(p, head, sizeof(head));
	p += HEAD;
	/* x32's numbers are these calls by another name */
	*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
	    0x40000000, (unsigned char)(n + TAIL - 1), 0);
	for (i = 0; i < n; i++)
		*p++ = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i],
		    (unsigned char)(n - i + TAIL - 2), 0);
	memcpy(p, tail, sizeof(tail));
	return filter(code, p + TAIL);
}

int
confine_user(const char *const *names, size_t n, uid_t *uid, gid_t *gid)
{
	struct passwd *pw;
	size_t i;

	for (i = 0; i < n; i++) {
		pw = getpwnam(names[i]);
		if (!pw || pw->pw_uid == 0)
			continue;
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
		return (int)i;
	}
	return -1;
}
