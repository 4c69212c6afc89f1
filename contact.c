/* contact.c - one contact with an upstream, for all services on it */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "contact.h"
#include "state.h"
#include "util.h"

void
upstream_repo(const struct upstream *up, char *buf, size_t size)
{
	char id[128];

	upstream_id(up->url, id, sizeof(id));
	snprintf(buf, size, "%s/.upstream/%s/repo", state_path, id);
}

void
upstream_damaged(const struct upstream *up)
{
	int fd = openat(up->dir, "damaged",
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	char repo[4096];

	/* not the URL: there may be a password in it */
	upstream_repo(up, repo, sizeof(repo));
	if (fd < 0)
		warn("%s: damaged:", repo);
	else
		close(fd);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Two cycles may want the same upstream: the second waits for the first. */
static int
lock_until(const struct upstream *up, int64_t deadline)
{
	int fd = openat(up->dir, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    now_ms() >= deadline) {
			close(fd);
			errno = ETIMEDOUT;
			return -1;
		}
		usleep(20000);
	}
	return fd;
}

/* The object store belongs to the child, the directory around it to us. */
static int
repo_make(struct upstream *up, const char *name)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int fd;

	if (geteuid() == 0 && child_user(&uid, &gid) < 0) {
		errno = ENOENT;
		return -1;
	}
	fd = dir_make(up->dir, name, (uid_t)-1, (gid_t)-1, uid, gid);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* All that the child says before the deadline, as a string; NULL: too late,
 * or too much. */
static char *
listen_until(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char *text = xmalloc(ANSWER_MAX + 1);
	size_t len = 0;
	int64_t left;
	ssize_t n;

	while (len < ANSWER_MAX && (left = deadline - now_ms()) > 0) {
		n = poll(&p, 1, (int)(left < INT32_MAX ? left : INT32_MAX));
		if (n <= 0)
			continue;
		n = read(fd, text + len, ANSWER_MAX - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			text[len] = '\0';
			return text;
		}
		len += (size_t)n;
	}
	free(text);
	return NULL;
}

/* A `tip BRANCH<TAB>COMMIT` that we asked for. The child may lie about the
 * commit, as the upstream may, but not about its form. */
static int
tip_ok(const struct upstream *up, const char *tip)
{
	const char *tab = strchr(tip, '\t');
	size_t i;

	if (!tab || strlen(tab + 1) != 40 || !is_hash(tab + 1, 40))
		return 0;
	for (i = 0; i < up->nbranches; i++)
		if (strlen(up->branch[i]) == (size_t)(tab - tip) &&
		    strncmp(up->branch[i], tip, (size_t)(tab - tip)) == 0)
			return 1;
	return 0;
}

/* libgit2 may quote the URL, and that may hold a password. */
static void
error_take(struct upstream *up, const char *text)
{
	const char *at = strstr(text, up->url);
	char *public = upstream_public(up->url);

	if (at)
		snprintf(up->error, sizeof(up->error), "%.*s%s%s",
		    (int)(at - text), text, public, at + strlen(up->url));
	else
		snprintf(up->error, sizeof(up->error), "%s", text);
	plain(up->error);
	free(public);
}

/* Takes what the child said into status and error. */
static int
answer_take(struct upstream *up, char *text, int renewal)
{
	struct kv tips = { 0 };
	const char *tip;
	char *line, *rest = text;
	int done = 0, damaged = 0;
	size_t i = 0;

	while ((line = strsep(&rest, "\n"))) {
		/* no more of them than status has room for */
		if (strncmp(line, "tip ", 4) == 0 && tip_ok(up, line + 4) &&
		    tips.n < up->nbranches)
			kv_add(&tips, "tip", line + 4);
		else if (strncmp(line, "error ", 6) == 0 && !*up->error)
			error_take(up, line + 6);
		else if (strcmp(line, "damaged") == 0)
			damaged = 1;
		else if (strcmp(line, "done") == 0)
			done = 1;
	}
	if (damaged)
		upstream_damaged(up);
	/* a fresh one as well: so it is the upstream that is damaged */
	if (damaged && renewal)
		kv_set_number(&up->status, "renewed", time(NULL));
	if (!done && !*up->error)
		snprintf(up->error, sizeof(up->error),
		    "the fetching child ended early");
	if (!*up->error) {
		kv_set(&up->status, "tip", NULL);
		while ((tip = kv_next(&tips, "tip", &i)))
			kv_add(&up->status, "tip", tip);
	}
	kv_free(&tips);
	return *up->error ? -1 : 0;
}

/*
 * A damaged store is not mended but fetched anew, beside the old one. It may
 * well be the upstream that is damaged, hence not at each contact.
 */
static int
renewal_begin(struct upstream *up)
{
	int64_t last = kv_number(&up->status, "renewed", 0), now = time(NULL);

	if (faccessat(up->dir, "damaged", F_OK, 0) < 0 ||
	    (last <= now && now < last + RENEW_EVERY))
		return 0;
	note("a damaged store is fetched anew");
	return remove_tree(up->dir, "repo.new") == 0;
}

static int
renewal_end(struct upstream *up)
{
	if (renameat2(up->dir, "repo.new", up->dir, "repo",
	    RENAME_EXCHANGE) < 0 || remove_tree(up->dir, "repo.new") < 0 ||
	    unlinkat(up->dir, "damaged", 0) < 0) {
		snprintf(up->error, sizeof(up->error), "repo.new: %s",
		    strerror(errno));
		return -1;
	}
	kv_set_number(&up->status, "renewed", time(NULL));
	return 0;
}

/*
 * libgit2 asks a server for a host key of a kind that is known, if it finds
 * .ssh/known_hosts in the home directory: it gets one of its own, as the
 * child can't read root's.
 */
static int
home_make(const struct upstream *up, const char *known_hosts)
{
	size_t len = strlen(known_hosts), n;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int dir, result = 0;
	char *old;

	if (geteuid() == 0)
		child_user(&uid, &gid);
	dir = dir_make(up->dir, ".ssh", (uid_t)-1, gid, (uid_t)-1, gid);
	if (dir < 0)
		return -1;
	old = file_read(dir, "known_hosts", SECRET_MAX * 2, &n);
	/* whom root knows is nobody else's business */
	if (fchmod(dir, 0750) < 0)
		result = -1;
	else if (!old || n != len || memcmp(old, known_hosts, len))
		result = file_write(dir, "known_hosts", known_hosts, len,
		    0644);
	free(old);
	close(dir);
	return result;
}

static int
fetch(struct upstream *up, int64_t deadline)
{
	char repo[4096], *text;
	int renewal = renewal_begin(up);
	struct secrets secrets = { 0 };
	struct fetch what = { up, &secrets, repo };
	struct child child;
	int result = -1, status;

	upstream_repo(up, repo, sizeof(repo));
	if (secrets_read(&secrets, up) < 0)
		return -1;
	if (renewal)
		strncat(repo, ".new", sizeof(repo) - strlen(repo) - 1);
	if (repo_make(up, "repo") < 0 ||
	    (renewal && repo_make(up, "repo.new") < 0) ||
	    (secrets.known_hosts && home_make(up, secrets.known_hosts) < 0) ||
	    child_start(&child, fetch_work, &what, repo, 1) < 0) {
		snprintf(up->error, sizeof(up->error), "repo: %s",
		    strerror(errno));
		secrets_wipe(&secrets);
		return -1;
	}
	secrets_wipe(&secrets);
	text = listen_until(child.fd, deadline);
	status = child_end(&child);
	if (!text)
		snprintf(up->error, sizeof(up->error),
		    "no answer within %lld s", (long long)up->timeout);
	else
		result = answer_take(up, text, renewal);
	if (result == 0 && renewal)
		result = renewal_end(up);
	if (text && WIFSIGNALED(status))
		note("%s: child ended by signal %d", repo, WTERMSIG(status));
	free(text);
	return result;
}

int
upstream_contact(struct upstream *up)
{
	int64_t deadline = now_ms() + up->timeout * 1000;
	int lock = lock_until(up, deadline), result;
	char *public;

	*up->error = '\0';
	/* the coarse clock is the one that files get their times from */
	clock_gettime(CLOCK_REALTIME_COARSE, &up->start);
	if (lock < 0) {
		snprintf(up->error, sizeof(up->error),
		    "another contact holds its lock: %s", strerror(errno));
		return -1;
	}
	kv_free(&up->status);
	if (kv_read(&up->status, up->dir, "status") < 0)
		note("an upstream's status is not readable, made anew");
	result = fetch(up, deadline);
	public = upstream_public(up->url);	/* httpd shows this file */
	kv_set(&up->status, "url", public);
	free(public);
	kv_set_number(&up->status, "tried", up->start.tv_sec);
	kv_set_number(&up->status, "ops",
	    kv_number(&up->status, "ops", 0) + 1);
	if (result == 0)
		kv_set_number(&up->status, "contact", time(NULL));
	else
		kv_set_number(&up->status, "errors",
		    kv_number(&up->status, "errors", 0) + 1);
	if (kv_write(&up->status, up->dir, "status", 0644) < 0) {
		snprintf(up->error, sizeof(up->error), "status: %s",
		    strerror(errno));
		result = -1;
	}
	close(lock);
	return result;
}
