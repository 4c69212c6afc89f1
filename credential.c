/* credential.c - asks a program for a user and a password, as git does */
/* SPDX-License-Identifier: ISC */
/*
 * The program gets `get` as its last argument, and what is known of the
 * upstream as lines of key=value, an empty one last; it answers with such
 * lines (git-credential(1), gitcredentials(7), CUSTOM HELPERS). It runs as we
 * do, without a shell, with a standard error that is ours.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "contact.h"
#include "util.h"

enum { WORDS_MAX = 64, CREDENTIAL_MAX = 16 << 10 };

/* In the child. */
static void
command_run(char *command, pid_t parent, int in, int out)
{
	char *words[WORDS_MAX + 2], *env[3], *save, *word;
	const char *home = getenv("HOME");
	size_t n = 0;

	for (word = strtok_r(command, " ", &save); word && n < WORDS_MAX;
	    word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	words[n++] = "get";
	words[n] = NULL;
	env[0] = xasprintf("PATH=%s", action_path);
	env[1] = home ? xasprintf("HOME=%s", home) : NULL;
	env[2] = NULL;
	signal(SIGPIPE, SIG_DFL);
	end_with(parent, SIGKILL);
	if (setsid() < 0 ||
	    dup2(in, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		_exit(EXIT_SYS);
	execve(words[0], words, env);
	warn("%s:", words[0]);
	_exit(127);
}

/* Starts the command; its ends of two pipes are at fds[0] and fds[1]. */
static pid_t
command_start(const char *command, int fds[2])
{
	char *copy = xstrdup(command);
	int in[2], out[2];
	pid_t pid, parent = getpid();

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die(EXIT_SYS, "pipe:");
	pid = fork();
	if (pid == 0)
		command_run(copy, parent, in[0], out[1]);
	free(copy);
	close(in[0]);
	close(out[1]);
	fds[0] = in[1];
	fds[1] = out[0];
	return pid;
}

/* What it says, up to its end. Returns its length, or -1 and errno. */
static ssize_t
answer_read(int fd, char *buf, size_t size, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	int64_t left;
	ssize_t n;

	while ((left = deadline - now_ms()) > 0) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : (ssize_t)len;
		len += (size_t)n;
		if (len == size) {
			errno = EMSGSIZE;
			return -1;
		}
	}
	errno = ETIMEDOUT;
	return -1;
}

/* It has said all that it says, and may still not end. */
static int
command_wait(pid_t pid, int64_t deadline)
{
	int status = 0, n;

	while ((n = waitpid(pid, &status, WNOHANG)) == 0) {
		if (now_ms() >= deadline)
			kill(-pid, SIGKILL);
		usleep(1000);
	}
	return n < 0 ? -1 : status;
}

/* protocol, host and maybe a user name, out of the URL. */
static char *
question(const char *url)
{
	const char *host = strstr(url, "://"), *at;
	size_t n;

	if (!host)
		return NULL;
	host += 3;
	n = strcspn(host, "/");
	at = memrchr(host, '@', n);
	return xasprintf("protocol=%.*s\nhost=%.*s\n%s%.*s%s\n",
	    (int)(host - 3 - url), url,
	    (int)(at ? n - (size_t)(at + 1 - host) : n), at ? at + 1 : host,
	    at ? "username=" : "",
	    at ? (int)strcspn(host, ":@") : 0, host, at ? "\n" : "");
}

static void
answer_take(struct secrets *secrets, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (strncmp(line, "username=", 9) == 0 && !secrets->user)
			secrets->user = xstrdup(line + 9);
		else if (strncmp(line, "password=", 9) == 0 &&
		    !secrets->password)
			secrets->password = xstrdup(line + 9);
	}
}

int
credential_ask(struct secrets *secrets, struct upstream *up, int64_t timeout)
{
	char *text = question(up->url), buf[CREDENTIAL_MAX + 1];
	int64_t deadline = now_ms() + timeout * 1000;
	int fds[2], status;
	ssize_t len;
	pid_t pid;

	if (!text)
		return 0;
	pid = command_start(up->credential_command, fds);
	if (pid < 0) {
		snprintf(up->error, sizeof(up->error),
		    "credential_command: %s", strerror(errno));
		free(text);
		return -1;
	}
	/* it may not want to know; a pipe holds this much in any case */
	if (write_all(fds[0], text, strlen(text)) < 0)
		note("credential_command:");
	close(fds[0]);
	free(text);
	len = answer_read(fds[1], buf, CREDENTIAL_MAX, deadline);
	close(fds[1]);
	if (len < 0) {
		snprintf(up->error, sizeof(up->error),
		    "credential_command: %s", strerror(errno));
		kill(-pid, SIGKILL);
	}
	status = command_wait(pid, deadline);
	if (len >= 0 && status == 0) {
		buf[len] = '\0';
		answer_take(secrets, buf);
	} else if (len >= 0) {
		snprintf(up->error, sizeof(up->error), WIFEXITED(status) ?
		    "credential_command: exit status %d" :
		    "credential_command: signal %d", WIFEXITED(status) ?
		    WEXITSTATUS(status) : WTERMSIG(status));
	}
	explicit_bzero(buf, sizeof(buf));
	if (secrets->password && !secrets->user)
		secrets->user = xstrdup("git");
	return len >= 0 && status == 0 ? 0 : -1;
}
