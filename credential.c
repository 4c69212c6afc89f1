/* credential.c - asks a program for a user and a password, as git does */
/* SPDX-License-Identifier: ISC */
/*
 * The program gets `get` as its last argument, and what is known of the
 * upstream as lines of key=value, an empty one last; it answers with such
 * lines (git-credential(1), gitcredentials(7), CUSTOM HELPERS). It runs as we
 * do, without a shell; what it writes to its standard error is passed on.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "contact.h"
#include "util.h"

enum { WORDS_MAX = 64, CREDENTIAL_MAX = 16 << 10 };

/* In the child. */
static void
command_run(char *command, pid_t parent, int in, int out, int err)
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
	    dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0)
		_exit(EXIT_SYS);
	setup(argv0);	/* this standard error is no journal's */
	execve(words[0], words, env);
	warn("%s:", words[0]);
	_exit(127);
}

/* Starts the command; *to is its standard input. Returns 0, or -1, errno. */
static int
command_start(struct child *child, const char *command, int *to)
{
	char *copy = xstrdup(command);
	int in[2], out[2], err[2], saved;
	pid_t parent = getpid();

	*child = (struct child){ .name = "credential_command" };
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    pipe2(err, O_CLOEXEC) < 0)
		die(EXIT_SYS, "pipe:");
	child->pid = fork();
	if (child->pid == 0)
		command_run(copy, parent, in[0], out[1], err[1]);
	saved = errno;
	free(copy);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	child->fd = out[0];
	child->err = err[0];
	*to = in[1];
	if (child->pid > 0)
		return 0;
	close(*to);
	child_close(child);
	errno = saved;
	return -1;
}

/* What it says, up to its end. Returns its length, or -1 and errno. */
static ssize_t
answer_read(struct child *child, char *buf, size_t size, int64_t deadline)
{
	size_t len = 0;
	ssize_t n;

	while ((n = child_read(child, buf + len, size - len, deadline)) > 0) {
		len += (size_t)n;
		if (len == size) {
			errno = EMSGSIZE;
			return -1;
		}
	}
	return n < 0 ? -1 : (ssize_t)len;
}

/* It has said all that it says, and may still not end. What it started, and
 * remembers passwords, say, may stay. */
static int
command_wait(struct child *child, int64_t deadline)
{
	int status = 0, n;
	char none[1];

	close(child->fd);
	child->fd = -1;
	while ((n = waitpid(child->pid, &status, WNOHANG)) == 0) {
		if (now_ms() >= deadline)
			kill(-child->pid, SIGKILL);
		/* it may wait for us to read what it complains of */
		child_read(child, none, sizeof(none), now_ms() + 1);
	}
	child_close(child);
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
	struct child child;
	int to, status;
	ssize_t len;

	if (!text)
		return 0;
	if (command_start(&child, up->credential_command, &to) < 0) {
		snprintf(up->error, sizeof(up->error),
		    "credential_command: %s", strerror(errno));
		free(text);
		return -1;
	}
	/* it may not want to know; a pipe holds this much in any case */
	if (write_all(to, text, strlen(text)) < 0)
		note("credential_command:");
	close(to);
	free(text);
	len = answer_read(&child, buf, CREDENTIAL_MAX, deadline);
	if (len < 0) {
		snprintf(up->error, sizeof(up->error),
		    "credential_command: %s", strerror(errno));
		kill(-child.pid, SIGKILL);
	}
	status = command_wait(&child, deadline);
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
