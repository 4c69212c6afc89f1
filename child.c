/* child.c - children that read what strangers wrote, with few rights */
/* SPDX-License-Identifier: ISC */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "confine.h"
#include "util.h"

/* Whether there is nobody else to become: so it is for root of a user
 * namespace that has no other user (user_namespaces(7)). */
static int
is_alone(void)
{
	unsigned long first, outside, n, all = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");

	while (f && fscanf(f, "%lu %lu %lu", &first, &outside, &n) == 3)
		all += n;
	if (f)
		fclose(f);
	return all == 1;
}

int
child_user(uid_t *uid, gid_t *gid)
{
	int i;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (geteuid() != 0 || is_alone())
		return 0;
	i = confine_user(fetch_users,
	    sizeof(fetch_users) / sizeof(*fetch_users), uid, gid);
	if (i > 0)
		note("no user %s: children run as %s",
		    fetch_users[0], fetch_users[i]);
	return i < 0 ? -1 : 0;
}

/* exit(3) would write out once more what the parent has in its buffers. */
static void
give_up(const char *what)
{
	warn("a child can't give up its rights: %s:", what);
	_exit(EXIT_SYS);
}

enum { CHILD_PATHS_MAX = 32 };

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

/* What a child does once it has started: no more than these. */
static const int calls[] = {
	/* memory, time, the end */
	SYS_brk, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise,
	SYS_futex, SYS_getrandom, SYS_clock_gettime, SYS_clock_nanosleep,
	SYS_gettimeofday, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall, SYS_exit,
	SYS_exit_group, SYS_sched_yield, SYS_sched_getaffinity,
	SYS_sysinfo, SYS_uname,
	/* who it is */
	SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid,
	SYS_getgid, SYS_getegid,
	/* reading; to change things takes an open file or the calls below */
	SYS_read, SYS_readv, SYS_pread64, SYS_write, SYS_writev, SYS_close,
	SYS_lseek, SYS_statx, SYS_faccessat, SYS_faccessat2, SYS_readlinkat,
	SYS_getdents64, SYS_getcwd, SYS_fcntl, SYS_dup,
#if __SIZEOF_POINTER__ == 8
	SYS_mmap, SYS_fstat, SYS_newfstatat,
#else
	SYS_mmap2, SYS_fstat64, SYS_fstatat64, SYS_stat64, SYS_lstat64,
	SYS_fcntl64, SYS__llseek, SYS_clock_gettime64,
	SYS_clock_nanosleep_time64, SYS_futex_time64, SYS_ppoll_time64,
#endif
#ifdef SYS_open
	SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_poll,
#endif
#ifdef SYS_time
	SYS_time,
#endif
	SYS_ppoll,
};
/* No file gets a mode by which it runs as another user. */
#define NOT_SETUID S_ISUID | S_ISGID, { 0, 0 }
static const struct confine_arg call_args[] = {
	{ SYS_prlimit64, 0, ~0U, { 0, 0 } },	/* its own */
	{ SYS_ioctl, 1, 0, { FIONREAD, FIONBIO } },	/* no terminal's */
	{ SYS_openat, 3, NOT_SETUID },
#ifdef SYS_open
	{ SYS_open, 2, NOT_SETUID },
#endif
};
static const struct confine_arg write_args[] = {
	{ SYS_fchmod, 1, NOT_SETUID }, { SYS_fchmodat, 2, NOT_SETUID },
	{ SYS_mkdirat, 2, NOT_SETUID },
#ifdef SYS_open
	{ SYS_chmod, 1, NOT_SETUID }, { SYS_mkdir, 1, NOT_SETUID },
#endif
};
/* What finds names does without AF_UNIX and AF_NETLINK. */
static const struct confine_arg network_args[] = {
	{ SYS_socket, 0, 0, { AF_INET, AF_INET6 } },
};
static const int write_calls[] = {
	SYS_pwrite64, SYS_ftruncate, SYS_fsync, SYS_fdatasync, SYS_sync,
	SYS_syncfs, SYS_renameat2, SYS_unlinkat, SYS_linkat, SYS_symlinkat,
	SYS_utimensat, SYS_umask,
	/* to give up more (localrepo.c) */
	SYS_landlock_create_ruleset, SYS_landlock_add_rule,
	SYS_landlock_restrict_self,
#if __SIZEOF_POINTER__ == 4
	SYS_ftruncate64, SYS_utimensat_time64,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_open
	SYS_rename, SYS_unlink, SYS_rmdir, SYS_link, SYS_symlink, SYS_utimes,
#endif
};
static const int network_calls[] = {
	SYS_connect, SYS_sendto, SYS_recvfrom, SYS_sendmsg,
	SYS_recvmsg, SYS_sendmmsg, SYS_getsockopt, SYS_setsockopt,
	SYS_getsockname, SYS_getpeername, SYS_shutdown,
#ifdef SYS_socketcall	/* its arguments lie in memory, out of sight */
	SYS_socketcall,
#endif
};

/* What a program that checks a signature never does. */
static const int denied_calls[] = {
	/* to other processes */
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	/* out of the session, in which all of them are ended */
	SYS_setsid, SYS_setpgid,
	/* to mounts and namespaces */
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare,
	SYS_setns, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_mknodat,
	/* to the kernel, by ways that are wide */
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_fanotify_init,
	SYS_keyctl, SYS_add_key, SYS_request_key, SYS_syslog, SYS_quotactl,
	SYS_acct, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_vhangup,
	/* to clocks and names */
	SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex,
	SYS_sethostname, SYS_setdomainname,
#ifdef SYS_mknod
	SYS_mknod,
#endif
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_socketcall
	SYS_socketcall, SYS_umount,
#endif
#ifdef SYS_io_uring_setup
	SYS_pidfd_send_signal, SYS_io_uring_setup, SYS_io_uring_enter,
	SYS_io_uring_register, SYS_open_tree, SYS_move_mount, SYS_fsopen,
	SYS_fsconfig, SYS_fsmount, SYS_fspick,
#endif
#ifdef SYS_pidfd_open
	SYS_pidfd_open,
#endif
#ifdef SYS_pidfd_getfd
	SYS_pidfd_getfd,
#endif
#ifdef SYS_mount_setattr
	SYS_mount_setattr,
#endif
};

static size_t
calls_add(int *all, size_t n, const int *more, size_t size)
{
	memcpy(all + n, more, size);
	return n + size / sizeof(*more);
}

static size_t
args_add(struct confine_arg *all, size_t n, const struct confine_arg *more,
	size_t size)
{
	memcpy(all + n, more, size);
	return n + size / sizeof(*more);
}

static void
drop_calls(const struct child_rights *r)
{
	int all[sizeof(calls) + sizeof(write_calls) + sizeof(network_calls)];
	struct confine_arg args[sizeof(call_args) + sizeof(write_args) +
	    sizeof(network_args)];
	size_t n = calls_add(all, 0, calls, sizeof(calls));
	size_t nargs = args_add(args, 0, call_args, sizeof(call_args));
	int filter;

	if (r->writable) {
		n = calls_add(all, n, write_calls, sizeof(write_calls));
		nargs = args_add(args, nargs, write_args, sizeof(write_args));
	}
	if (r->network) {
		n = calls_add(all, n, network_calls, sizeof(network_calls));
		nargs = args_add(args, nargs, network_args,
		    sizeof(network_args));
	}
	filter = !r->exec ? confine_calls(all, n, args, nargs) :
	    confine_calls_but(denied_calls,
	    sizeof(denied_calls) / sizeof(*denied_calls));
	if (filter < 0)
		give_up("seccomp");
	if (filter)
		note("no seccomp here: children can make any system call");
}

static void
drop_paths(const struct child_rights *r)
{
	struct confine_path paths[CHILD_PATHS_MAX];
	size_t i, n = 0;
	int lock;

	if (r->writable)
		paths[n++] = (struct confine_path){ r->writable, 1 };
	if (r->exec)	/* programs expect that much */
		paths[n++] = (struct confine_path){ "/dev/null", 1 };
	for (i = 0; r->readable && r->readable[i]; i++) {
		if (n == CHILD_PATHS_MAX)
			give_up("too many paths");
		paths[n++] = (struct confine_path){ r->readable[i], 0 };
	}
	lock = confine_paths(paths, n, !r->readable, r->network, r->exec);
	if (lock < 0)
		give_up("Landlock");
	if (lock > 0)
		note("no Landlock here: children can do what their user can");
}

static void
drop_limits(const struct child_rights *r)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    (!r->exec && setrlimit(RLIMIT_NPROC, &none) < 0))
		give_up("limits");
#ifndef SANITIZED	/* AddressSanitizer's own memory is past any limit */
	{
		const struct rlimit memory = { CHILD_MEMORY, CHILD_MEMORY };

		/* what is mapped from packs doesn't count */
		if (setrlimit(RLIMIT_DATA, &memory) < 0)
			give_up("limits");
	}
#endif
}

static void
drop_rights(const struct child_rights *r, pid_t parent)
{
	uid_t uid;
	gid_t gid;

	/* what this reads can't be read later */
	if (child_user(&uid, &gid) < 0)
		give_up(fetch_users[0]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up("prctl");
	/* who may not be dumped may not write that, but for root */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		give_up("prctl");
	offer_memory();
	drop_limits(r);
	/* Landlock knows of TCP alone */
	if (r->exec && unshare(CLONE_NEWNET) < 0)
		note("no network namespace for a child: %s", strerror(errno));
	drop_paths(r);
	if (uid != (uid_t)-1 && (setgroups(0, NULL) < 0 ||
	    setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0))
		give_up("setresuid");
	/* after the last change of ids, which would clear it; what core(5)
	 * pipes to a program knows no limit */
	end_with(parent, SIGKILL);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		give_up("prctl");
	drop_calls(r);
}

/* Standard input and output lead nowhere, 2 and 3 lead to the parent. */
static void
move_descriptors(int out, int err)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0 ||
	    (out != 3 && dup2(out, 3) < 0) ||
	    syscall(SYS_close_range, 4, ~0U, 0) < 0)
		_exit(EXIT_SYS);
	/* this one is no journal's */
	setup(argv0);
}

static void __attribute__((noreturn))
child_run(int out, int err, pid_t parent, void (*work)(void *arg), void *arg,
	const struct child_rights *rights)
{
	move_descriptors(out, err);
	/* away from the terminal, into which it could type */
	if (setsid() < 0)
		give_up("setsid");
	drop_rights(rights, parent);
	work(arg);
	_exit(0);
}

int
child_start(struct child *child, const char *name, void (*work)(void *arg),
	void *arg, const struct child_rights *rights)
{
	pid_t parent = getpid();
	int fds[2], err[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	child->pid = fork();
	if (child->pid == 0)
		child_run(fds[1], err[1], parent, work, arg, rights);
	close(fds[1]);
	close(err[1]);
	if (child->pid < 0) {
		close(fds[0]);
		close(err[0]);
		return -1;
	}
	snprintf(child->name, sizeof(child->name), "%s", name);
	child->fd = fds[0];
	child->err = err[0];
	child->len = child->said = 0;
	return 0;
}

/* A line of what it said is whole. */
static void
line_say(struct child *child)
{
	size_t n = strlen(argv0);
	const char *line = child->line;

	child->line[child->len] = '\0';
	child->len = 0;
	/* most of it comes from our own warn */
	if (strncmp(line, argv0, n) == 0 && strncmp(line + n, ": ", 2) == 0)
		line += n + 2;
	if (child->said <= CHILD_SAID_MAX)
		warn("%s: %s", child->name, line);
	else
		warn("%s: (what else it said is left out)", child->name);
}

/* Takes some of what it says. Returns whether there was any. */
static int
err_take(struct child *child)
{
	char buf[4096];
	ssize_t i, n = read(child->err, buf, sizeof(buf));

	if (n == 0) {
		close(child->err);
		child->err = -1;
	}
	for (i = 0; i < n && child->said <= CHILD_SAID_MAX; i++) {
		/* a line costs as much as what stands in front of it */
		child->said += buf[i] == '\n' ? sizeof(child->name) : 1;
		if (buf[i] != '\n')
			child->line[child->len++] = buf[i] ? buf[i] : '?';
		if (buf[i] == '\n' || child->said > CHILD_SAID_MAX ||
		    child->len == sizeof(child->line) - 1)
			line_say(child);
	}
	return n > 0;
}

ssize_t
child_read(struct child *child, void *buf, size_t size, int64_t deadline)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int64_t left;
	ssize_t n;

	while ((left = deadline - now_ms()) > 0) {
		p[0].fd = child->fd;
		p[1].fd = child->err;
		n = poll(p, 2, left < INT_MAX ? (int)left : INT_MAX);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0 && p[1].revents)
			err_take(child);
		if (n <= 0 || !p[0].revents)
			continue;
		n = read(child->fd, buf, size);
		if (n >= 0 || errno != EINTR)
			return n;
	}
	errno = ETIMEDOUT;
	return -1;
}

/* What it says until it has ended, or the deadline. */
static void
end_await(const struct child *child, int64_t deadline)
{
	siginfo_t info;

	do {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)child->pid, &info,
		    WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
			return;
		usleep(1000);
	} while (now_ms() < deadline);
}

int
child_end(struct child *child)
{
	return child_wait(child, 0);
}

int
child_wait(struct child *child, int64_t deadline)
{
	int status = 0;

	if (deadline)
		end_await(child, deadline);
	/* while nobody has waited for it, its id is no other's */
	kill(-child->pid, SIGKILL);
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	child_close(child);
	return status;
}

int
child_crashed(int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	return sig == SIGSEGV || sig == SIGBUS || sig == SIGABRT ||
	    sig == SIGFPE;
}

void
child_close(struct child *child)
{
	enum { PIECES = 32 };	/* more than a pipe holds */
	struct pollfd p = { .events = POLLIN };
	int i;

	for (i = 0; i < PIECES && child->err >= 0; i++) {
		p.fd = child->err;
		if (poll(&p, 1, 0) <= 0 || !err_take(child))
			break;
	}
	if (child->len)
		line_say(child);
	if (child->fd >= 0)
		close(child->fd);
	if (child->err >= 0)
		close(child->err);
}
