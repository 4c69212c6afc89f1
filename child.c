/* child.c - children that read what strangers wrote, with few rights */
/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "util.h"

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

int
child_user(uid_t *uid, gid_t *gid)
{
	struct passwd *pw;
	size_t i;

	for (i = 0; i < sizeof(fetch_users) / sizeof(*fetch_users); i++) {
		pw = getpwnam(fetch_users[i]);
		if (!pw || pw->pw_uid == 0)
			continue;
		if (i > 0)
			note("no user %s: children run as %s",
			    fetch_users[0], fetch_users[i]);
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
		return 0;
	}
	return -1;
}

/* -1: the kernel has no Landlock, or something is wrong with what it has. */
static int
restrict_writes(const char *writable, int network)
{
	struct landlock_path_beneath_attr below = { 0 };
	struct ruleset rules = { 0, 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	size_t size = abi < 4 ? sizeof(rules.fs) : sizeof(rules);
	long i;
	int fd, result = -1;

	if (abi < 1)
		return -1;
	for (i = 0; i < 3 && i < abi; i++)
		rules.fs |= write_access[i];
	if (!network)
		rules.net = NET_BIND_TCP | NET_CONNECT_TCP;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return -1;
	below.allowed_access = rules.fs;
	if (writable) {
		below.parent_fd = open(writable, O_PATH | O_CLOEXEC);
		if (below.parent_fd < 0 ||
		    syscall(SYS_landlock_add_rule, fd,
		    LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
			goto out;
	}
	if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		result = 0;
out:
	if (writable && below.parent_fd >= 0)
		close(below.parent_fd);
	close(fd);
	return result;
}

/* exit(3) would write out once more what the parent has in its buffers. */
static void
give_up(const char *what)
{
	warn("a child can't give up its rights: %s:", what);
	_exit(EXIT_SYS);
}

/* Where memory runs out, it is a child's that goes (proc(5), oom_score_adj). */
static void
offer_memory(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1000", 4) < 0)
		note("oom_score_adj: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
drop_rights(const char *writable, int network)
{
	const struct rlimit none = { 0, 0 };
	uid_t uid;
	gid_t gid;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0 ||
	    /* what it forks would outlive it; libgit2 needs threads to fetch
	     * from a directory, so with the network the child sees to it */
	    (!network && setrlimit(RLIMIT_NPROC, &none) < 0))
		give_up("limits");
	offer_memory();
	if (restrict_writes(writable, network) < 0)
		note("no Landlock here: children can write what their user "
		    "can");
	if (geteuid() == 0) {
		if (child_user(&uid, &gid) < 0)
			give_up(fetch_users[0]);
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			give_up("setresuid");
	}
	/* after the last change of ids, which would clear it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		give_up("prctl");
}

/* Standard input and output lead nowhere, 3 leads to the parent. */
static void
move_descriptors(int out)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 ||
	    (out != 3 && dup2(out, 3) < 0) ||
	    syscall(SYS_close_range, 4, ~0U, 0) < 0)
		_exit(EXIT_SYS);
}

int
child_start(struct child *child, void (*work)(void *arg), void *arg,
	const char *writable, int network)
{
	pid_t parent = getpid();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	child->pid = fork();
	if (child->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (child->pid == 0) {
		move_descriptors(fds[1]);
		drop_rights(writable, network);
		if (getppid() != parent)
			_exit(EXIT_SYS);
		work(arg);
		_exit(0);
	}
	close(fds[1]);
	child->fd = fds[0];
	return 0;
}

int
child_end(struct child *child)
{
	int status = 0;

	kill(child->pid, SIGKILL);
	if (child->fd >= 0)
		close(child->fd);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}
