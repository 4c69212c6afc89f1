/* users.c - the helper that knows users and their passwords */
/* SPDX-License-Identifier: ISC */
/*
 * It keeps the rights that the server gives up, so it does little: it takes
 * questions, forks a child for each, and passes on with what status that
 * ended. What asks may have been taken over: a question has bounds, so many
 * are worked on at a time, and the others wait in the socket.
 */
#include <sys/inotify.h>
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
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "confine.h"
#include "httpd.h"
#include "users.h"
#include "util.h"

/* A child's exit status is this and its rights; no other is a verdict. */
enum { STATUS_RIGHTS = 40 };

/* A child that checks one password. */
struct check {
	pid_t pid;		/* and process group; 0: there is none */
	uint32_t id;
	int64_t end;		/* when it is killed, in milliseconds */
	int old;		/* it may have read what is gone by now */
};

static struct check checks[AUTH_MAX];
static const size_t nchecks = sizeof(checks) / sizeof(*checks);
static const char *file_name;	/* of the users' file, without its directory */
static int said[2];		/* a pipe: what children say on stderr */

/* The server is gone. Also a signal handler. */
static void
end(int sig)
{
	size_t i;

	(void)sig;
	for (i = 0; i < nchecks; i++)
		if (checks[i].pid)
			kill(-checks[i].pid, SIGKILL);
	_exit(0);
}

static void
wake(int sig)
{
	(void)sig;
}

/* The directory of the users' file. */
static void
file_dir(char *buf, size_t size)
{
	const char *slash = strrchr(options.users, '/');
	size_t n = slash ? (size_t)(slash - options.users) + 1 : 0;

	file_name = options.users + n;
	if (n >= size)
		die(EXIT_USAGE, "%s: the path is too long", options.users);
	memcpy(buf, n ? options.users : ".", n ? n : 1);
	buf[n ? n : 1] = '\0';
}

void
users_open(void)
{
	const char *program;

	if (options.users && verify_file() < 0)
		exit(EXIT_SYS);
	if (options.checker) {
		program = options.checker + strspn(options.checker, " \t");
		program = xstrndup(program, strcspn(program, " \t"));
		if (*program != '/')
			die(EXIT_USAGE, "-c %s: not an absolute path", program);
		if (access(program, X_OK) < 0)
			die(EXIT_USAGE, "-c %s:", program);
	}
	if (options.group && !getgrnam(options.group))
		die(EXIT_USAGE, "-g %s: there is no such group",
		    options.group);
}

/*
 * Watches the users' file, as far as inotify(7) goes: who was taken out of it
 * is not to be remembered. Returns a descriptor, or -1.
 */
static int
file_watch(const char *dir)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd >= 0 && inotify_add_watch(fd, dir, IN_CLOSE_WRITE | IN_MOVE |
	    IN_CREATE | IN_DELETE | IN_ATTRIB) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		note("%s can't be watched: %s", dir, strerror(errno));
	return fd;
}

/* Whether something happened to the users' file. */
static int
file_changed(int fd)
{
	union { struct inotify_event e; char text[4096]; } buf;
	const struct inotify_event *e;
	ssize_t n;
	const char *p;
	int changed = 0;

	while ((n = read(fd, &buf, sizeof(buf))) > 0)
		for (p = buf.text; p < buf.text + n; p += sizeof(*e) + e->len) {
			e = (const void *)p;
			changed |= e->len == 0 ||
			    strcmp(e->name, file_name) == 0;
		}
	return changed;
}

/*
 * Without a program it only ever reads the file and reckons. What a program
 * needs can't be told: PAM runs what is setuid.
 */
static void
confine(const char *dir)
{
	const struct rlimit none = { 0, 0 };
	struct confine_path path = { NULL, 0 };

	/* there are passwords in memory */
	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		die(EXIT_SYS, "the helper's limits:");
	if (options.checker)
		return;
	path.path = dir;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    confine_paths(&path, 1, 0, 0, 0) < 0)
		die(EXIT_SYS, "the helper can't give up its rights:");
}

static void
say(int fd, uint32_t id, enum rights rights, int keep)
{
	struct verdict v = { id, rights, keep };

	/* a server that doesn't listen hurts itself alone */
	(void)send(fd, &v, sizeof(v), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Passes on what children say, but no more than that each minute: what makes
 * them say it may be somebody who tries passwords. */
static void
pass_on(void)
{
	static int64_t start;
	static size_t sum;
	char buf[1024];
	ssize_t n;

	while ((n = read(said[0], buf, sizeof(buf))) > 0) {
		if (!start || now_ms() - start >= 60000) {
			start = now_ms();
			sum = 0;
		}
		if (sum <= AUTH_SAID_SIZE && sum + (size_t)n > AUTH_SAID_SIZE)
			warn("more was said about passwords");
		sum += (size_t)n;
		if (sum <= AUTH_SAID_SIZE)
			(void)write_all(STDERR_FILENO, buf, (size_t)n);
	}
}

/* What a child's wait status says. */
static enum rights
rights_of(int status)
{
	int rights = WIFEXITED(status) ? WEXITSTATUS(status) - STATUS_RIGHTS :
	    -1;

	return rights >= RIGHTS_NONE && rights <= RIGHTS_WRITE ?
	    (enum rights)rights : RIGHTS_TROUBLE;
}

static void
check_child(pid_t parent, const char *name, const char *password)
{
	static const int usual[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
	    SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM };
	sigset_t none;
	size_t i;

	dup2(said[1], STDERR_FILENO);
	setpgid(0, 0);
	end_with(parent, SIGKILL);
	for (i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		signal(usual[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(STATUS_RIGHTS + (int)verify(name, password));
}

/* Takes a question, and forks a child for it. */
static void
check_start(int fd, struct check *check)
{
	static struct question q;
	ssize_t n = recv(fd, &q, sizeof(q), MSG_DONTWAIT | MSG_TRUNC);
	pid_t parent = getpid();
	size_t len, name;

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		end(0);
	len = n < 0 ? 0 : (size_t)n;
	if (len < offsetof(struct question, text) + 2 || len > sizeof(q))
		return;
	len -= offsetof(struct question, text);
	name = strnlen(q.text, len);
	/* just two NULs, one of them at the end */
	if (name + 1 >= len || strnlen(q.text + name + 1, len - name - 1) !=
	    len - name - 2)
		return;
	check->id = q.id;
	check->old = 0;
	check->end = now_ms() + AUTH_TIME * 1000;
	check->pid = fork();
	if (check->pid == 0)
		check_child(parent, q.text, q.text + name + 1);
	explicit_bzero(&q, sizeof(q));
	if (check->pid < 0) {
		warn("fork:");
		check->pid = 0;
		say(fd, check->id, RIGHTS_TROUBLE, 0);
		return;
	}
	/* so that what it starts can be killed with it; it does so as well */
	setpgid(check->pid, check->pid);
}

/* Passes on the verdict of a child that has ended. */
static void
check_end(int fd, struct check *check)
{
	siginfo_t info = { 0 };
	enum rights rights;
	int status;

	if (waitid(P_PID, (id_t)check->pid, &info, WEXITED | WNOHANG |
	    WNOWAIT) == 0 && info.si_pid == 0) {
		if (now_ms() < check->end)
			return;
		warn("a password wasn't checked within %d seconds",
		    (int)AUTH_TIME);
	}
	/* before it is reaped its id is nobody else's */
	kill(-check->pid, SIGKILL);
	kill(check->pid, SIGKILL);
	while (waitpid(check->pid, &status, 0) < 0)
		if (errno != EINTR)
			die(EXIT_SYS, "wait:");
	check->pid = 0;
	rights = rights_of(status);
	say(fd, check->id, rights, rights > RIGHTS_NONE && !check->old);
}

/* Ends what has ended, and returns a place for another one, or NULL; in
 * *wait the milliseconds until the next is to be killed, -1: none. */
static struct check *
checks_look(int fd, int64_t *wait)
{
	struct check *check, *vacant = NULL;
	int64_t left;

	*wait = -1;
	for (check = checks; check < checks + nchecks; check++) {
		if (check->pid)
			check_end(fd, check);
		if (!check->pid) {
			vacant = check;
			continue;
		}
		left = check->end - now_ms();
		if (left < 0)
			left = 0;
		if (*wait < 0 || left < *wait)
			*wait = left;
	}
	return vacant;
}

static void
signals(sigset_t *during)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
	    SIGUSR1, SIGUSR2 };
	struct sigaction sa = { 0 };
	sigset_t set;
	size_t i;

	/* meant for the server, which takes us with it */
	for (i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	sa.sa_handler = wake;
	sigaction(SIGCHLD, &sa, NULL);
	sa.sa_handler = end;
	sigaction(SIGALRM, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(during);
	prctl(PR_SET_PDEATHSIG, SIGALRM, 0, 0, 0);
}

/* No connection and no socket of the server's is kept open by us. */
static int
descriptors(int fd)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || (fd != 3 && dup2(fd, 3) < 0) ||
	    fcntl(3, F_SETFD, FD_CLOEXEC) < 0 ||
	    syscall(SYS_close_range, 4, ~0U, 0) < 0 ||
	    pipe2(said, O_CLOEXEC) < 0 ||
	    fcntl(said[0], F_SETFL, O_NONBLOCK) < 0)
		die(EXIT_SYS, "the helper's descriptors:");
	return 3;
}

static void
file_look(int fd, int inotify)
{
	size_t i;

	if (!file_changed(inotify))
		return;
	for (i = 0; i < nchecks; i++)
		checks[i].old = 1;
	say(fd, 0, RIGHTS_NONE, 0);
	(void)verify_file();
}

void
users_serve(int fd)
{
	enum { SERVER, SAID, FILE_SEEN, NFDS };
	struct pollfd fds[NFDS] = { { 0 } };
	char dir[PATH_MAX] = "";
	struct check *vacant;
	struct timespec ts;
	sigset_t during;
	int64_t wait;

	fds[SERVER].fd = fd = descriptors(fd);
	fds[SAID].fd = said[0];
	fds[FILE_SEEN].fd = -1;
	fds[SAID].events = fds[FILE_SEEN].events = POLLIN;
	signals(&during);
	if (options.users) {
		file_dir(dir, sizeof(dir));
		fds[FILE_SEEN].fd = file_watch(dir);
	}
	confine(dir);
	for (;;) {
		vacant = checks_look(fd, &wait);
		fds[SERVER].events = vacant ? POLLIN : 0;
		ts.tv_sec = wait / 1000;
		ts.tv_nsec = wait % 1000 * 1000000;
		if (ppoll(fds, NFDS, wait < 0 ? NULL : &ts, &during) < 0) {
			if (errno != EINTR)
				die(EXIT_SYS, "poll:");
			continue;
		}
		if (fds[SAID].revents)
			pass_on();
		if (fds[FILE_SEEN].revents)
			file_look(fd, fds[FILE_SEEN].fd);
		if (fds[SERVER].revents & (POLLHUP | POLLERR))
			end(0);
		if (fds[SERVER].revents & POLLIN)
			check_start(fd, vacant);
	}
}
