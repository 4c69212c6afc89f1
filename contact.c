/* contact.c - one contact with an upstream, for all services on it */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
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
	int fd, result;

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
	/* what is in it may be nobody else's business */
	result = fchmod(fd, 0700);
	close(fd);
	return result;
}

/* What a child says, which writes to the directory store of an upstream. */
struct hearing {
	const struct upstream *up;
	struct child *child;
	const char *store;
	char *text;		/* of ANSWER_MAX bytes and a NUL */
	size_t len;
	int64_t look;		/* when the store is to be looked at again */
};

/* Adds to the text what comes next. Returns 1; 0 at the end; -1: nothing is
 * there by the deadline, or it is too much, or the store is. */
static int
hear_more(struct hearing *h, int64_t deadline)
{
	ssize_t n;

	while (h->len < ANSWER_MAX && now_ms() < deadline) {
		if (now_ms() >= h->look) {
			if (store_outgrown(h->up->dir, h->store))
				return -1;
			h->look = now_ms() + STORE_LOOK * 1000;
		}
		n = child_read(h->child, h->text + h->len, ANSWER_MAX - h->len,
		    h->look < deadline ? h->look : deadline);
		if (n < 0 && errno == ETIMEDOUT)
			continue;
		h->len += n > 0 ? (size_t)n : 0;
		h->text[h->len] = '\0';
		return n > 0;
	}
	return -1;
}

static void
hearing_start(struct hearing *h, const struct upstream *up,
	struct child *child, const char *store)
{
	*h = (struct hearing){ .up = up, .child = child, .store = store,
	    .text = xmalloc(ANSWER_MAX + 1),
	    .look = now_ms() + STORE_LOOK * 1000 };
}

char *
upstream_listen(const struct upstream *up, struct child *child,
	const char *name, int64_t deadline)
{
	struct hearing h;
	int more;

	hearing_start(&h, up, child, name);
	while ((more = hear_more(&h, deadline)) > 0)
		;
	if (more == 0)
		return h.text;
	free(h.text);
	return NULL;
}

/* It isn't of any use: who filled it may have filled it with anything. */
static void
store_remove(struct upstream *up, const char *name)
{
	int packs = packs_lock(up, LOCK_EX);

	kv_set(&up->status, "store", NULL);
	kv_set(&up->status, "packed", NULL);
	kv_set(&up->status, "kept", NULL);
	if (packs < 0 || remove_tree(up->dir, name) < 0)
		warn("%s:", name);
	if (packs >= 0)
		close(packs);
	snprintf(up->error, sizeof(up->error), "its object store outgrew "
	    "%llu MiB or %d files, and was removed: it is made anew",
	    (unsigned long long)(2 * STORE_MAX >> 20), STORE_FILES_MAX);
}

/* How far a contact is. */
struct progress {
	size_t heard;		/* of what the child said */
	uint64_t bytes;
	unsigned steps;
	int64_t shown;		/* when status last told of it */
};

/* Whether what the child says now is more than silence. */
static int
goes_on(struct progress *p, const char *text)
{
	unsigned long long bytes;
	unsigned steps;
	const char *line, *end;
	int more = 0;

	for (; (end = strchr(line = text + p->heard, '\n'));
	    p->heard = (size_t)(end + 1 - text)) {
		if (sscanf(line, "got %llu %u", &bytes, &steps) != 2 ||
		    (bytes < p->bytes + LEAST_BYTES && steps <= p->steps))
			continue;
		p->bytes = bytes;
		p->steps = steps;
		more = 1;
	}
	return more;
}

/* So that people see it, and gitopper-wait doesn't take it for a look that
 * is due. */
static void
progress_show(struct upstream *up, struct progress *p)
{
	char text[96];

	if (now_ms() < p->shown + DOING_EVERY * 1000)
		return;
	p->shown = now_ms();
	snprintf(text, sizeof(text), "fetch %lld %llu %lld",
	    (long long)up->start.tv_sec, (unsigned long long)p->bytes,
	    (long long)time(NULL));
	kv_set(&up->status, "doing", text);
	kv_set_number(&up->status, "tried", up->start.tv_sec);
	if (kv_write(&up->status, up->dir, "status", 0644) < 0)
		note("status:");
}

/* What the fetching child says, as long as it goes on; NULL, and why. */
static char *
fetch_listen(struct upstream *up, struct child *child, const char *store)
{
	struct hearing h;
	struct progress p = { .shown = now_ms() };
	int64_t silence = up->timeout * 1000, deadline = now_ms() + silence;
	int64_t end = now_ms() + (int64_t)CONTACT_TIME * 1000;
	char after[64] = "";
	int more;

	if (end < deadline)
		end = deadline;
	hearing_start(&h, up, child, store);
	while ((more = hear_more(&h, deadline < end ? deadline : end)) > 0)
		if (goes_on(&p, h.text)) {
			deadline = now_ms() + silence;
			progress_show(up, &p);
		}
	if (more == 0)
		return h.text;
	if (p.bytes >= 1000000)
		snprintf(after, sizeof(after), ", after %llu MB",
		    (unsigned long long)p.bytes / 1000000);
	snprintf(up->error, sizeof(up->error), deadline < end ?
	    "no answer within %lld s%s" : "not complete within %lld s%s",
	    (long long)(deadline < end ? up->timeout : CONTACT_TIME), after);
	free(h.text);
	return NULL;
}

/* How often the store was made anew within RENEW_EVERY. */
static int
renewals(const struct upstream *up)
{
	int64_t now = time(NULL), last;
	const char *value;
	size_t i = 0;
	int n = 0;

	while ((value = kv_next(&up->status, "renewed", &i))) {
		last = parse_number(value);
		n += last <= now && now < last + RENEW_EVERY;
	}
	return n;
}

static void
renewal_note(struct upstream *up)
{
	char text[24];

	if (renewals(up) == 0)
		kv_set(&up->status, "renewed", NULL);
	snprintf(text, sizeof(text), "%lld", (long long)time(NULL));
	kv_add(&up->status, "renewed", text);
}

/*
 * A damaged store is not mended but fetched anew, beside the old one. It may
 * well be the upstream that is damaged, hence not at each contact.
 */
static int
renewal_begin(struct upstream *up)
{
	const char *plain = kv_get(&up->status, "plain");

	/* what is asked for by its id goes to a store that has the rest */
	if (up->keeping || up->nlacks || (!up->wipe &&
	    (faccessat(up->dir, "damaged", F_OK, 0) < 0 ||
	    renewals(up) >= RENEWALS_MAX)))
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
	renewal_note(up);
	return 0;
}

/* The lines of known_hosts for keys of that type. */
static void
lines_of(FILE *to, const char *known_hosts, const char *type)
{
	const char *line, *blank;
	size_t n;

	for (line = known_hosts; *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		blank = memchr(line, ' ', n);
		if (*line != '#' && *line != '@' && blank &&
		    strncmp(blank + strspn(blank, " "), type,
		    strlen(type)) == 0)
			fprintf(to, "%.*s\n", (int)n, line);
	}
}

/* libgit2 asks for a key of the type that a server's first line has; with an
 * RSA key, libssh2 mostly gets no further. */
static char *
known_hosts_sorted(const char *known_hosts)
{
	static const char *const types[] = {
		"ssh-ed25519", "ecdsa-", "ssh-rsa", "ssh-dss"
	};
	char *text;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		die(EXIT_SYS, "open_memstream:");
	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		lines_of(f, known_hosts, types[i]);
	if (fclose(f) == EOF)
		die(EXIT_SYS, "open_memstream:");
	return text;
}

/*
 * libgit2 asks a server for a host key of a kind that is known, if it finds
 * .ssh/known_hosts in the home directory: it gets one of its own, as the
 * child can't read root's.
 */
static int
home_make(const struct upstream *up, const char *known_hosts)
{
	int dir, result = 0;
	char *old, *sorted;
	size_t len, n;
	uid_t uid;
	gid_t gid;

	child_user(&uid, &gid);
	dir = dir_make(up->dir, ".ssh", (uid_t)-1, gid, (uid_t)-1, gid);
	if (dir < 0)
		return -1;
	sorted = known_hosts_sorted(known_hosts);
	len = strlen(sorted);
	old = file_read(dir, "known_hosts", SECRET_MAX * 2, &n);
	/* whom root knows is nobody else's business */
	if (fchmod(dir, 0750) < 0)
		result = -1;
	else if (!old || n != len || memcmp(old, sorted, len))
		result = file_write(dir, "known_hosts", sorted, len, 0644);
	free(old);
	free(sorted);
	close(dir);
	return result;
}

/* The child may read what libc and TLS need to find and know a server; from
 * a directory, which may lean on others, whatever its user may read, and then
 * it has no network. */
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

	if (url_is_local(url)) {
		rights.readable = NULL;
		rights.network = 0;
	}
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
	/* whose last part is the upstream's id */
	return child_start(child, strrchr(home, '/') + 1, fetch_work, fetch,
	    &rights);
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

/* Who fetches, for messages. */
static const char *
fetcher(void)
{
	struct passwd *pw;
	uid_t uid;
	gid_t gid;

	if (child_user(&uid, &gid) < 0 || uid == (uid_t)-1)
		uid = geteuid();
	pw = getpwuid(uid);
	return pw ? pw->pw_name : fetch_users[0];
}

static int
fetch(struct upstream *up)
{
	char repo[4096], *text;
	int made = repo_make(up, "repo"), why = errno;
	int renewal = renewal_begin(up);
	struct secrets secrets = { 0 };
	struct fetch what = { up, &secrets, repo, fetcher(), store_room(up) };
	const char *store = renewal ? "repo.new" : "repo";
	struct child child;
	int result = -1, status;

	upstream_repo(up, repo, sizeof(repo));
	if (secrets_read(&secrets, up) < 0)
		return -1;
	/* a directory gives what it is asked for, since we take it ourselves */
	if (url_is_local(up->url))
		kv_set(&up->status, "plain", NULL);
	if (renewal)
		strncat(repo, ".new", sizeof(repo) - strlen(repo) - 1);
	if (made < 0 ||
	    (renewal && repo_make(up, store) < 0) ||
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
	text = fetch_listen(up, &child, store);
	status = child_end(&child);
	if (store_outgrown(up->dir, store))
		store_remove(up, store);
	else if (text)
		result = upstream_hear(up, text);
	/* libgit2 takes an index of packs as it is; and one that is not in use
	 * yet isn't looked at */
	if (text && (up->suspect || child_crashed(status)) && !renewal)
		upstream_doubt(up);
	if (result == 0 && renewal)
		result = renewal_end(up);
	/* so it goes where a file is written through memory */
	if (text && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)
		snprintf(up->error, sizeof(up->error),
		    "not enough room in %s", repo);
	else if (text && WIFSIGNALED(status))
		note("%s: child ended by signal %d", repo, WTERMSIG(status));
	free(text);
	return result;
}

/* Fetches; and where the server refused to be asked so, once more. */
static int
fetch_all(struct upstream *up)
{
	size_t nlacks = up->nlacks;
	int result = fetch(up);

	if (!up->refused)
		return result;
	*up->error = '\0';
	up->nlacks = 0;
	result = fetch(up);
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

/* Somebody else is at it, or there is no lock: nobody must believe that this
 * was a contact. */
static int
contact_none(struct upstream *up, int why)
{
	up->busy = why == ETIMEDOUT;
	if (!up->busy)
		snprintf(up->error, sizeof(up->error), "lock: %s",
		    strerror(why));
	memset(&up->start, 0, sizeof(up->start));
	return -1;
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
	int lock = upstream_lock(up, now_ms() + up->timeout * 1000);
	int result, why = errno;
	char *public;

	*up->error = '\0';
	up->busy = 0;
	tick_await(&up->start);
	kv_free(&up->status);
	if (kv_read(&up->status, up->dir, "status") < 0)
		note("an upstream's status is not readable, made anew");
	if (lock < 0)
		return contact_none(up, why);
	kept_check(up);
	result = fetch_all(up);
	kv_set(&up->status, "doing", NULL);
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

	if (*up->error || up->busy)
		return;
	/* what is too large, say, is not to be had however often */
	if (!kv_get(&up->status, "plain") && kept_is_due(up) &&
	    (tried > now || now >= tried + KEEP_AGAIN)) {
		up->keeping = 1;
		if (upstream_contact(up) < 0)
			note("older commits: %s", up->busy ?
			    "another contact goes on" : up->error);
		up->keeping = 0;
	}
	upstream_pack(up);
}
