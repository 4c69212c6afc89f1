/* drop.c - gitopper-httpd gives up what it doesn't need any more */
/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "confine.h"
#include "httpd.h"
#include "owner.h"
#include "util.h"

/* All that is done for a client. None of these starts a program, opens a
 * connection, changes rights, or looks at another process. */
static const int calls[] = {
	/* the clients, the helper that checks passwords */
	SYS_accept4, SYS_read, SYS_readv, SYS_recvfrom, SYS_recvmsg,
	SYS_write, SYS_writev, SYS_sendto, SYS_sendmsg, SYS_shutdown,
	SYS_close, SYS_getpeername, SYS_getsockname, SYS_getsockopt,
	SYS_setsockopt,
	SYS_epoll_ctl, SYS_epoll_pwait, SYS_ppoll, SYS_fcntl,
	/* the state directory */
	SYS_openat, SYS_openat2, SYS_fstat, SYS_statx, SYS_lseek,
	SYS_pread64, SYS_getdents64, SYS_faccessat, SYS_readlinkat,
	SYS_fchmod, SYS_fsync, SYS_renameat2, SYS_unlinkat,
	SYS_inotify_add_watch, SYS_inotify_rm_watch,
#ifdef SYS_newfstatat
	SYS_newfstatat,
#endif
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
	/* the same by older names, which some libraries use */
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_rename,
	SYS_unlink, SYS_poll, SYS_epoll_wait,
#endif
#ifdef SYS_time
	SYS_time,
#endif
	/* this process: memory, time, ids, its end */
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex,
	SYS_clock_gettime, SYS_gettimeofday, SYS_getpid, SYS_gettid,
	SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_uname,
	SYS_getrusage, SYS_getrandom, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_restart_syscall, SYS_tgkill, SYS_exit,
	SYS_exit_group,
#ifdef SANITIZED
	SYS_mprotect, SYS_sigaltstack, SYS_sched_yield, SYS_getrlimit,
	SYS_prctl,
#endif
};

/* The user of config.h, and the one group that may write to ctl/. */
static void
change_user(void)
{
	struct group *group = getgrnam(group_name);
	gid_t gid, extra = group ? group->gr_gid : 0;
	uid_t uid;
	int i;

	if (!group && !options.readonly)
		warn("no group %s here: nothing can be changed", group_name);
	i = confine_user(httpd_users, sizeof(httpd_users) /
	    sizeof(*httpd_users), &uid, &gid);
	if (i < 0)
		die(EXIT_SYS, "no user %s here to run as", httpd_users[0]);
	if (i > 0)
		warn("no user %s here: running as %s", httpd_users[0],
		    httpd_users[i]);
	if (setgroups(group ? 1 : 0, &extra) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		die(EXIT_SYS, "setresuid:");
}

/* Those that a service manager may have given us besides. */
static void
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	if (syscall(SYS_capset, &head, none) < 0)
		die(EXIT_SYS, "capset:");
}

void
drop_rights(void)
{
	const struct confine_path state = { state_path, !options.readonly };
	const struct rlimit nothing = { 0, 0 };
	int r;

	/* read their files now, and not when those are out of reach */
	tzset();
	owners_learn();
	if (setrlimit(RLIMIT_CORE, &nothing) < 0)
		die(EXIT_SYS, "setrlimit:");
	if (geteuid() == 0)
		change_user();
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die(EXIT_SYS, "prctl:");
	r = confine_paths(&state, 1, 0, 0, 0);
	if (r < 0)
		die(EXIT_SYS, "landlock:");
	if (r > 0)
		warn("no Landlock here: all files of our user are in reach");
	r = confine_calls(calls, sizeof(calls) / sizeof(*calls), NULL, 0);
	if (r < 0)
		die(EXIT_SYS, "seccomp:");
	if (r > 0)
		warn("no filter of system calls here (seccomp)");
}
