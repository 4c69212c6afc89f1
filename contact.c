/* contact.c - one contact with an upstream, for all services on it */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

/* Two cycles may want the same upstream: the second waits for the first. */
int
upstream_lock(const struct upstream *up, int64_t deadline)
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
	struct stat st;
	uid_t uid;
	gid_t gid;
	int fd;

	if (child_user(&uid, &gid) < 0) {
		errno = ENOENT;
		return -1;
	}
	fd = dir_make(up->dir, name, (uid_t)-1, (gid_t)-1, uid, gid);
	/* a file or a link is in its place */
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP) &&
	    unlinkat(up->dir, name, 0) == 0)
		fd = dir_make(up->dir, name, (uid_t)-1, (gid_t)-1, uid, gid);
	if (fd < 0)
		return -1;
	/* somebody put another one there, or the user has changed */
	if (uid != (uid_t)-1 && fstat(fd, &st) == 0 && st.st_uid != uid)
		up->wipe = 1;
	close(fd);
	return 0;
}

char *
upstream_listen(int fd, int64_t deadline)
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

/*
 * A damaged store is not mended but fetched anew, beside the old one. It may
 * well be the upstream that is damaged, hence not at each contact.
 */
static int
renewal_begin(struct upstream *up)
{
	int64_t last = kv_number(&up->status, "renewed", 0), now = time(NULL);
	const char *plain = kv_get(&up->status, "plain");

	/* what is asked for by its id goes to a store that has the rest */
	if (up->keeping || up->nlacks || (!up->wipe &&
	    (faccessat(up->dir, "damaged", F_OK, 0) < 0 ||
	    (last <= now && now < last + RENEW_EVERY))))
		return 0;
	/* the server may have learned */
	if (!up->refused && (up->wipe || !plain || strcmp(plain, "refused")))
		kv_set(&up->status, "plain", NULL);
	/* should this not come to its end, the next one has to */
	if (up->wipe) {
		upstream_damaged(up);
		kv_set(&up->status, "renewed", NULL);
	}
	if (!up->refused)
		note("a damaged store is fetched anew");
	return remove_tree(up->dir, "repo.new") == 0;
}

static int
renewal_end(struct upstream *up)
{
	/* whoever reads the old one may go on to its end */
	int packs = packs_lock(up, LOCK_EX), result = 0;

	/* status knows nothing that the new one lacks, killed here or not */
	if (packs < 0 || kv_write(&up->status, up->dir, "status", 0644) < 0 ||
	    renameat2(up->dir, "repo.new", up->dir, "repo",
	    RENAME_EXCHANGE) < 0 || remove_tree(up->dir, "repo.new") < 0 ||
	    (unlinkat(up->dir, "damaged", 0) < 0 && errno != ENOENT)) {
		snprintf(up->error, sizeof(up->error), "repo.new: %s",
		    strerror(errno));
		result = -1;
	}
	if (packs >= 0)
		close(packs);
	if (result < 0)
		return -1;
	up->wipe = 0;
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
	int dir, result = 0;
	char *old;
	uid_t uid;
	gid_t gid;

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

/* The child may read what libc and TLS need to find and know a server; from
 * a directory, which may lean on others, whatever its user may read. */
static int
fetch_start(struct child *child, struct fetch *fetch)
{
	const char *url = fetch->up->url;
	enum {
		PATHS = sizeof(fetch_paths) / sizeof(*fetch_paths),
		TLS_PATHS = sizeof(fetch_tls_paths) / sizeof(*fetch_tls_paths)
	};
	const char *readable[PATHS + TLS_PATHS + 4];
	struct child_rights rights = {
		.writable = fetch->repo, .readable = readable, .network = 1
	};
	char home[4096];
	size_t n;

	rights.threads = *url == '/' || strncmp(url, "file://", 7) == 0;
	if (rights.threads)
		rights.readable = NULL;
	snprintf(home, sizeof(home), "%s", fetch->repo);
	*strrchr(home, '/') = '\0';
	memcpy(readable, fetch_paths, sizeof(fetch_paths));
	n = PATHS;
	/* libgit2 reads all certificates as soon as it can: half of its CPU */
	if (strncmp(url, "git://", 6) != 0) {
		memcpy(readable + n, fetch_tls_paths, sizeof(fetch_tls_paths));
		n += TLS_PATHS;
	}
	readable[n++] = home;
	readable[n++] = "/proc/self/maps";	/* for secrets_scrub */
	if (fetch->secrets->ca)
		readable[n++] = fetch->secrets->ca;
	readable[n] = NULL;
	return child_start(child, fetch_work, fetch, &rights);
}

/* What one file of the store may have: it has to be packed again, some day,
 * beside itself. */
static uint64_t
store_room(const struct upstream *up)
{
	struct statvfs vfs;
	uint64_t room;

	if (fstatvfs(up->dir, &vfs) < 0)
		return PACK_MAX;
	room = (uint64_t)vfs.f_bavail * vfs.f_frsize / 2;
	return room < PACK_MAX ? room : PACK_MAX;
}

static int
fetch(struct upstream *up, int64_t deadline)
{
	char repo[4096], *text;
	int made = repo_make(up, "repo"), why = errno;
	int renewal = renewal_begin(up);
	struct secrets secrets = { 0 };
	struct fetch what = { up, &secrets, repo, store_room(up) };
	struct child child;
	int result = -1, status;

	upstream_repo(up, repo, sizeof(repo));
	if (secrets_read(&secrets, up) < 0)
		return -1;
	if (renewal)
		strncat(repo, ".new", sizeof(repo) - strlen(repo) - 1);
	if (made < 0 ||
	    (renewal && repo_make(up, "repo.new") < 0) ||
	    (secrets.known_hosts && home_make(up, secrets.known_hosts) < 0) ||
	    fetch_start(&child, &what) < 0) {
		snprintf(up->error, sizeof(up->error), "repo: %s",
		    strerror(made < 0 ? why : errno));
		secrets_wipe(&secrets, up->url);
		return -1;
	}
	/* a child that has ended already is told of below */
	if (secrets_send(&secrets, child.fd) < 0 && errno == EMSGSIZE) {
		snprintf(up->error, sizeof(up->error), "key or credentials: %s",
		    strerror(errno));
		secrets_wipe(&secrets, up->url);
		child_end(&child);
		return -1;
	}
	secrets_wipe(&secrets, up->url);
	text = upstream_listen(child.fd, deadline);
	status = child_end(&child);
	if (!text)
		snprintf(up->error, sizeof(up->error),
		    "no answer within %lld s", (long long)up->timeout);
	else
		result = upstream_hear(up, text, renewal);
	if (result == 0 && renewal)
		result = renewal_end(up);
	if (text && WIFSIGNALED(status))
		note("%s: child ended by signal %d", repo, WTERMSIG(status));
	free(text);
	return result;
}

/* Fetches; and where the server refused to be asked so, once more. */
static int
fetch_all(struct upstream *up, int64_t deadline)
{
	size_t nlacks = up->nlacks;
	int result = fetch(up, deadline);

	if (!up->refused)
		return result;
	*up->error = '\0';
	up->nlacks = 0;
	result = fetch(up, deadline);
	up->nlacks = nlacks;
	up->refused = 0;
	return result;
}

/*
 * Files get their times from a clock that ticks every few milliseconds, or a
 * finer one: whoever wrote one before this returns did so before the tick
 * that it tells.
 */
static void
tick_await(struct timespec *tick)
{
	struct timespec was;

	clock_gettime(CLOCK_REALTIME_COARSE, &was);
	do {
		usleep(500);
		clock_gettime(CLOCK_REALTIME_COARSE, tick);
	} while (tick->tv_sec == was.tv_sec && tick->tv_nsec == was.tv_nsec);
}

/* Whether what was asked for was no more than what is new, and all services on
 * it have the outcome in common. */
static int
is_look(const struct upstream *up)
{
	return !up->keeping && !up->nlacks;
}

static void
failure_note(struct upstream *up)
{
	kv_set_number(&up->status, "errors",
	    kv_number(&up->status, "errors", 0) + 1);
	if (!is_look(up))
		return;
	kv_set(&up->status, "error", up->error);
	if (!kv_get(&up->status, "failing"))
		kv_set_number(&up->status, "failing", up->start.tv_sec);
}

int
upstream_contact(struct upstream *up)
{
	int64_t deadline = now_ms() + up->timeout * 1000;
	int lock = upstream_lock(up, deadline), result;
	char *public;

	*up->error = '\0';
	tick_await(&up->start);
	if (lock < 0) {
		snprintf(up->error, sizeof(up->error),
		    "another contact holds its lock: %s", strerror(errno));
		/* who asked for a wipe must not believe in it */
		if (up->wipe)
			memset(&up->start, 0, sizeof(up->start));
		return -1;
	}
	kv_free(&up->status);
	if (kv_read(&up->status, up->dir, "status") < 0)
		note("an upstream's status is not readable, made anew");
	kept_check(up);
	result = fetch_all(up, deadline);
	public = upstream_public(up->url);	/* httpd shows this file */
	kv_set(&up->status, "url", public);
	free(public);
	if (up->keeping) {
		kv_set(&up->status, "unkept", NULL);
		if (result == 0)
			kept_note(up);
		else
			kv_set_number(&up->status, "unkept", time(NULL));
	}
	kv_set_number(&up->status, "tried", up->start.tv_sec);
	kv_set_number(&up->status, "ops",
	    kv_number(&up->status, "ops", 0) + 1);
	if (result == 0) {
		kv_set_number(&up->status, "contact", time(NULL));
		kv_set(&up->status, "error", NULL);
		kv_set(&up->status, "failing", NULL);
	} else {
		failure_note(up);
	}
	if (kv_write(&up->status, up->dir, "status", 0644) < 0) {
		snprintf(up->error, sizeof(up->error), "status: %s",
		    strerror(errno));
		result = -1;
	}
	close(lock);
	return result;
}

void
upstream_tidy(struct upstream *up)
{
	int64_t tried = kv_number(&up->status, "unkept", 0), now = time(NULL);

	if (*up->error)
		return;
	/* what is too large, say, is not to be had however often */
	if (!kv_get(&up->status, "plain") && kept_is_due(up) &&
	    (tried > now || now >= tried + KEEP_AGAIN)) {
		up->keeping = 1;
		if (upstream_contact(up) < 0)
			note("older commits: %s", up->error);
		up->keeping = 0;
	}
	upstream_pack(up);
}
