/* through.c - a program, ssh as a rule, that brings HTTP to a machine */
/* SPDX-License-Identifier: ISC */
/*
 * libcurl connects to sockets, and to nothing else (some versions connect even
 * one that is connected). So it gets the path of one, in a directory that is
 * ours alone, where the process that is to be the program waits for it, and
 * removes both.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "ctl.h"
#include "util.h"

/* PROGRAM [-i KEY] HOST gitopper-httpd: an argument vector. No shell here
 * looks at it. */
static char **
arguments(char *program, const char *host)
{
	char **argv = xreallocarray(NULL, strlen(program) + 5, sizeof(*argv));
	char *word;
	size_t n = 0;

	for (word = strtok(program, " \t"); word; word = strtok(NULL, " \t"))
		argv[n++] = word;
	if (n == 0)
		die(EXIT_USAGE, "-e: no program");
	if (options.key) {
		argv[n++] = (char *)"-i";
		argv[n++] = (char *)options.key;
	}
	argv[n++] = (char *)host;
	argv[n++] = (char *)"gitopper-httpd";
	argv[n] = NULL;
	return argv;
}

/* Runs in the child: becomes the program, on the connection of its parent. */
static void
child(char **argv, int listener, char *path)
{
	int fd;

	/* nobody comes where the parent is gone */
	alarm(REMOTE_TIME);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	alarm(0);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(127);
	/* libcurl ignores it while it works, and so would the program */
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	warn("%s:", argv[0]);
	_exit(127);
}

/* A socket to connect to, and its path. */
static int
listener_open(char path[THROUGH_PATH])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *tmp = getenv("TMPDIR");
	int fd, saved;

	if (path_join(path, THROUGH_PATH, tmp && *tmp ? tmp : "/tmp",
	    "gitopper-ctl.XXXXXX") < 0 || !mkdtemp(path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && path_join(addr.sun_path, sizeof(addr.sun_path), path,
	    "s") == 0 && bind(fd, (struct sockaddr *)&addr,
	    sizeof(addr)) == 0 && listen(fd, 1) == 0) {
		snprintf(path, THROUGH_PATH, "%s", addr.sun_path);
		return fd;
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	unlink(addr.sun_path);
	rmdir(path);
	errno = saved;
	return -1;
}

pid_t
through_open(const char *host, char path[THROUGH_PATH])
{
	char *program = xstrdup(options.program ? options.program : "ssh");
	char **argv = arguments(program, host);
	int fd = listener_open(path);
	pid_t pid = -1;

	if (fd >= 0) {
		pid = fork();
		if (pid == 0)
			child(argv, fd, path);
		close(fd);
	}
	free(argv);
	free(program);
	return pid;
}

/* Whether it ended within 0.2 seconds. */
static int
ended(pid_t pid, int *status)
{
	static const struct timespec moment = { 0, 5000000 };
	int i;

	for (i = 0; i < 40; i++) {
		if (waitpid(pid, status, WNOHANG) != 0)
			return 1;
		nanosleep(&moment, NULL);
	}
	return 0;
}

int
through_end(pid_t pid, int failed)
{
	int status = 0;

	/* one that closed its end is about to go, and can say why */
	if (failed && ended(pid, &status))
		return status;
	kill(pid, SIGTERM);
	if (!ended(pid, &status)) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	return 0;
}
