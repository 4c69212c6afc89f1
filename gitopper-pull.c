/* gitopper-pull - makes a service's tree equal to the commit it should be at */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "names.h"
#include "pull.h"
#include "util.h"
#include "worker.h"

/*
 * Names come in as lines. Each upstream has a worker, a process of its own
 * that starts with the first name of a service on it: it contacts the
 * upstream once, and then sees to each name that it gets through a pipe. So
 * an upstream that hangs holds up nobody else's services.
 */
struct worker {
	struct upstream up;
	pid_t pid;
	int names;		/* our end of its pipe, or -1 */
};

/* A service whose conf has been read. While it is the same file there is no
 * need to do so again: kv_write makes another one. */
struct known {
	char *name;
	size_t worker;
	ino_t ino;
	struct timespec mtime;
};

static struct worker *workers;
static size_t nworkers;
static struct known *known;	/* sorted by name */
static size_t nknown;
static int tokens[2];		/* a byte for each contact that may be made, */
static int others[2];		/* and with those that failed the last time */
static int result;

static struct worker *
worker_of(const char *url)
{
	struct worker *w;
	size_t i;

	for (i = 0; i < nworkers; i++)
		if (strcmp(workers[i].up.url, url) == 0)
			return &workers[i];
	workers = xreallocarray(workers, nworkers + 1, sizeof(*workers));
	w = &workers[nworkers++];
	memset(w, 0, sizeof(*w));
	w->up.url = xstrdup(url);
	w->names = -1;
	return w;
}

static void
branch_add(struct upstream *up, const char *branch)
{
	size_t i;

	for (i = 0; i < up->nbranches; i++)
		if (strcmp(up->branch[i], branch) == 0)
			return;
	up->branch = xreallocarray(up->branch, up->nbranches + 1,
	    sizeof(*up->branch));
	up->branch[up->nbranches++] = xstrdup(branch);
}

static void
path_add(char **path, const struct kv *conf, const char *key)
{
	const char *value = kv_get(conf, key);

	if (!*path && value)
		*path = xstrdup(value);
}

/* Takes over conf. */
static void
service_add(struct upstream *up, const struct kv *conf)
{
	struct service *s;

	up->service = xreallocarray(up->service, up->nservices + 1,
	    sizeof(*up->service));
	s = &up->service[up->nservices++];
	memset(s, 0, sizeof(*s));
	s->conf = *conf;
	service_dirs(s);
}

static void
known_add(const char *name, const struct worker *w, const struct stat *st)
{
	struct known k = {
		xstrdup(name), (size_t)(w - workers), st->st_ino, st->st_mtim
	};

	/* grows at powers of two */
	if ((nknown & (nknown - 1)) == 0)
		known = xreallocarray(known, nknown ? 2 * nknown : 1,
		    sizeof(*known));
	known[nknown++] = k;
}

static int
known_compare(const void *name, const void *k)
{
	return strcmp(name, ((const struct known *)k)->name);
}

/* The worker for that service, if conf is as it was read; or NULL. */
static struct worker *
known_find(const char *name, const char *conf)
{
	struct known *k = known ? bsearch(name, known, nknown, sizeof(*known),
	    known_compare) : NULL;
	struct stat st;

	if (!k || fstatat(state_dir, conf, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_ino != k->ino || st.st_mtim.tv_sec != k->mtime.tv_sec ||
	    st.st_mtim.tv_nsec != k->mtime.tv_nsec)
		return NULL;
	return &workers[k->worker];
}

/* What all services together want of their upstreams. */
static void
upstreams_read(void)
{
	char **names = service_names(), path[160];
	struct upstream *up;
	const char *url, *branch;
	struct worker *w;
	struct stat st;
	struct kv conf;
	int64_t timeout;
	size_t i;

	for (i = 0; names[i]; i++) {
		if (path_join(path, sizeof(path), names[i], "conf") < 0 ||
		    fstatat(state_dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    kv_read(&conf, state_dir, path) < 0)
			continue;
		url = kv_get(&conf, "upstream");
		branch = kv_get(&conf, "branch");
		if (url && !kv_get(&conf, "gone")) {
			w = worker_of(url);
			known_add(names[i], w, &st);
			up = &w->up;
			branch_add(up, branch ? branch : "main");
			timeout = kv_number(&conf, "timeout", TIMEOUT);
			if (timeout > up->timeout)
				up->timeout = timeout;
			path_add(&up->key, &conf, "key");
			path_add(&up->passphrase, &conf, "passphrase");
			path_add(&up->credential_command, &conf,
			    "credential_command");
			path_add(&up->known_hosts, &conf, "known_hosts");
			path_add(&up->credentials, &conf, "credentials");
			path_add(&up->ca, &conf, "ca");
			service_add(up, &conf);
		} else {
			kv_free(&conf);
		}
	}
	names_free(names);
}

static void
stores_tidy(void)
{
	const char **urls = xreallocarray(NULL, nworkers + 1, sizeof(*urls));
	size_t i;

	for (i = 0; i < nworkers; i++)
		urls[i] = workers[i].up.url;
	stores_expire(urls, nworkers);
	free(urls);
}

/* Whether the last contact came to nothing. */
static int
is_failing(const char *url)
{
	struct kv status;
	int failing = upstream_read(&status, url) == 0 &&
	    kv_number(&status, "contact", 0) < kv_number(&status, "tried", 0);

	kv_free(&status);
	return failing;
}

static void
tokens_make(int fds[2])
{
	char token[UPSTREAMS_MAX];

	memset(token, 't', sizeof(token));
	if (pipe2(fds, O_CLOEXEC) < 0 ||
	    write_all(fds[1], token, sizeof(token)) < 0)
		die(EXIT_SYS, "pipe:");
}

static int
worker_start(struct worker *w, int fflag)
{
	pid_t parent = getpid(), pid;
	int fds[2];
	size_t i;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	/* room for many names, so that a busy worker doesn't hold us up */
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (pid > 0) {
		close(fds[0]);
		w->pid = pid;
		w->names = fds[1];
		return 0;
	}
	end_with(parent, SIGTERM);
	if (dup2(fds[0], STDIN_FILENO) < 0)
		_exit(EXIT_SYS);
	close(fds[0]);
	close(fds[1]);
	for (i = 0; i < nworkers; i++)
		if (workers[i].names >= 0)
			close(workers[i].names);
	/* those that hang are not to be in the others' way */
	_exit(worker_run(&w->up, is_failing(w->up.url) ? others : tokens,
	    fflag));
}

static void
workers_wait(void)
{
	size_t i;
	int status;

	for (i = 0; i < nworkers; i++) {
		if (workers[i].names < 0)
			continue;
		close(workers[i].names);
		workers[i].names = -1;
	}
	for (i = 0; i < nworkers; i++) {
		if (!workers[i].pid)
			continue;
		while (waitpid(workers[i].pid, &status, 0) < 0 &&
		    errno == EINTR)
			;
		if (!WIFEXITED(status))
			warn("a worker was killed by signal %d",
			    WTERMSIG(status));
		status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SYS;
		if (status > result)
			result = status;
	}
}

/* The worker of its upstream, as conf says now; NULL: there is no such name. */
static struct worker *
worker_find(const char *name)
{
	char path[160];
	struct worker *w;
	struct kv conf;
	const char *url;

	if (path_join(path, sizeof(path), name, "conf") < 0)
		return NULL;
	w = known_find(name, path);
	if (w || kv_read(&conf, state_dir, path) < 0)
		return w;
	url = kv_get(&conf, "upstream");
	if (url)
		w = worker_of(url);
	kv_free(&conf);
	return w;
}

/* Hands the name to the worker of its upstream. */
static void
name_give(const char *name, int fflag)
{
	char line[160];
	struct worker *w = worker_find(name);
	int n;

	if (!w) {
		warn("%s: no such service", name);
		result = result > EXIT_SOME ? result : EXIT_SOME;
		return;
	}
	if (!w->up.nbranches)	/* nobody follows it any more */
		w->up.timeout = TIMEOUT;
	n = snprintf(line, sizeof(line), "%s\n", name);
	if ((w->names < 0 && worker_start(w, fflag) < 0) ||
	    write_all(w->names, line, (size_t)n) < 0) {
		warn("%s: no worker:", name);
		result = EXIT_SYS;
	}
}

static void
usage(void)
{
	die(EXIT_USAGE, "usage: gitopper-pull [-adfp] [name ...]");
}

int
main(int argc, char *argv[])
{
	struct names names;
	const char *name;
	int c, aflag = 0, fflag = 0, pflag = 0;

	setup(argv[0]);
	while ((c = getopt(argc, argv, "adfp")) != -1)
		switch (c) {
		case 'a': aflag = 1; break;
		case 'd': debug = 1; break;
		case 'f': fflag = 1; break;
		case 'p': pflag = 1; break;
		default: usage();
		}
	if ((aflag && optind < argc) || (fflag && pflag))
		usage();
	umask(022);
	state_open();
	names_start(&names, argv + optind, aflag);
	if (!pflag) {
		tokens_make(tokens);
		tokens_make(others);
		upstreams_read();
	}
	while ((name = names_next(&names, -1)))
		if (!pflag)
			name_give(name, fflag);
		else if (name_publish(name) < 0)
			result = EXIT_SOME;
	workers_wait();
	if (!pflag)
		stores_tidy();
	return names.bad && !result ? EXIT_SOME : result;
}
