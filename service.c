/* service.c - what a service's files mean: errors, wanted commit, state */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "util.h"

/* What commands print is for root and the group alone: the log at fd, and the
 * old one beside it. */
static int
log_share(int dir, int fd)
{
	static gid_t gid = (gid_t)-1;
	struct group *group;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (gid == (gid_t)-1) {
		group = geteuid() == 0 ? getgrnam(group_name) : NULL;
		gid = group ? group->gr_gid : getegid();
	}
	if ((st.st_mode & 07777) == 0640 && st.st_gid == gid)
		return 0;
	if (fchmod(fd, 0640) < 0 ||
	    (fchmodat(dir, "log.old", 0640, 0) < 0 && errno != ENOENT))
		return -1;
	/* a user namespace may lack the group */
	if ((fchown(fd, (uid_t)-1, gid) < 0 || fchownat(dir, "log.old",
	    (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) < 0) && errno != ENOENT &&
	    errno != EINVAL && errno != EPERM)
		return -1;
	return 0;
}

void
service_log(struct service *s, const char *fmt, ...)
{
	char line[2048];
	time_t now = time(NULL);
	struct tm tm;
	struct stat st;
	size_t n;
	va_list ap;
	int fd;

	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ ",
	    gmtime_r(&now, &tm));
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
	va_end(ap);
	plain(line);
	n = strlen(line);
	line[n++] = '\n';
	fd = openat(s->dir, "log",
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0 || log_share(s->dir, fd) < 0 || write_all(fd, line, n) < 0)
		warn("%s: log:", s->name);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > LOG_MAX - (off_t)sizeof(line)
	    && renameat(s->dir, "log", s->dir, "log.old") < 0)
		warn("%s: log:", s->name);
	close(fd);
}

int
service_error_is(const struct service *s, const char *stage)
{
	const char *error = kv_get(&s->status, "error");
	size_t n = strlen(stage);

	return error && strncmp(error, stage, n) == 0 && error[n] == ':';
}

/* Out of 1024, the same for all services of an upstream on this machine, so
 * that they are due together, and another one on the next machine. */
static int64_t
share(const struct service *s)
{
	const char *url = kv_get(&s->conf, "upstream");
	char host[256] = "", *seed;
	uint64_t h;

	gethostname(host, sizeof(host) - 1);
	seed = xasprintf("%s %s", host, url ? url : "");
	h = text_hash(seed);
	free(seed);
	return (int64_t)(h % 1024);
}

/*
 * Tried again after 10 s, and then always after as long again as it has been
 * broken: 10, 10, 20, 40, ... and each time up to half as long again, lest a
 * fleet ask all at once; in all, no more than the service's interval.
 */
static int64_t
retry_delay(const struct service *s, int64_t now, int64_t since)
{
	int64_t most = kv_number(&s->conf, "interval", INTERVAL);
	int64_t delay = now - since;

	if (delay > most / 3 * 2)
		delay = most / 3 * 2;
	if (delay < RETRY_MIN)
		delay = RETRY_MIN;
	delay += delay * share(s) / 2048;
	return delay < most ? delay : most;
}

void
service_retry(struct service *s, int64_t now, int64_t since)
{
	kv_set_number(&s->status, "retry", now + retry_delay(s, now, since));
}

void
service_fail(struct service *s, const char *stage, const char *fmt, ...)
{
	int saved = errno;
	char text[ERROR_MAX];
	const char *old = kv_get(&s->status, "error");
	int64_t now = time(NULL);
	size_t n, len = strlen(fmt);
	va_list ap;

	n = (size_t)snprintf(text, sizeof(text), "%s: ", stage);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (len && fmt[len - 1] == ':')
		snprintf(text + n, sizeof(text) - n, " %s", strerror(saved));
	plain(text);
	warn("%s: %s", s->name, text);
	if (!old || strcmp(old, text))
		service_log(s, "%s", text);
	if (!old)
		kv_set_number(&s->status, "since", now);
	kv_set(&s->status, "error", text);
	service_retry(s, now, old ? kv_number(&s->status, "since", now) : now);
	kv_set_number(&s->status, "failures",
	    kv_number(&s->status, "failures", 0) + 1);
}

/* Whether the error is what made content bad, and no trouble after that. */
static int
is_verdict(const struct service *s)
{
	const char *error = kv_get(&s->status, "error");
	const char *verdict = kv_get(&s->status, "verdict");
	size_t n = verdict ? strlen(verdict) : 0;

	return error && n && strncmp(error, verdict, n) == 0 &&
	    (!error[n] || error[n] == ';');
}

/* Where a verdict leaves the service, for people. */
static void
verdict_leaves(const struct service *s, char *buf, size_t size)
{
	const char *hash = kv_get(&s->status, "hash");
	const char *applied = kv_get(&s->status, "applied");
	const char *bad = kv_get(&s->status, "bad");
	const char *wanted = service_wanted(s, bad);

	if (!hash)
		snprintf(buf, size, "nothing is published yet");
	else if (wanted && !service_is_at(s, wanted))
		snprintf(buf, size, "going back to %.8s", wanted);
	else if (applied && strcmp(applied, hash) == 0)
		snprintf(buf, size, "the service runs on %.8s", hash);
	else if (s->ctl.frozen || s->ctl.pinned)
		snprintf(buf, size, "%s, the service stays at %.8s",
		    s->ctl.pinned ? "pinned" : "frozen", hash);
	else if (bad && strcmp(bad, hash) == 0)
		snprintf(buf, size, "no earlier commit to go back to");
	else
		snprintf(buf, size, "the service stays at %.8s", hash);
}

/* The verdict becomes the error, or says anew where the service is. */
static void
verdict_tell(struct service *s)
{
	const char *verdict = kv_get(&s->status, "verdict");
	const char *error = kv_get(&s->status, "error");
	char text[ERROR_MAX], left[80];

	if (!verdict)
		return;
	verdict_leaves(s, left, sizeof(left));
	snprintf(text, sizeof(text), "%s; %s", verdict, left);
	if (error && strcmp(error, text) == 0)
		return;
	kv_set(&s->status, "error", text);
	service_log(s, "%s", text);
}

void
service_ok(struct service *s, const char *stage)
{
	if (!service_error_is(s, stage))
		return;
	kv_set(&s->status, "retry", NULL);
	if (is_verdict(s))
		return;
	kv_set(&s->status, "error", NULL);
	kv_set_number(&s->status, "since", time(NULL));
	service_log(s, "%s: fine again", stage);
	/* the trouble is over, what is wrong with the tip is not */
	verdict_tell(s);
}

void
service_condemn(struct service *s, const char *stage, const char *commit,
	const char *why)
{
	char left[80], verdict[ERROR_MAX - sizeof(left)];
	const char *wanted;

	snprintf(verdict, sizeof(verdict), "%s: commit %.8s: %s", stage,
	    commit, why);
	plain(verdict);
	kv_set(&s->status, "bad", commit);
	kv_set(&s->status, "verdict", verdict);
	verdict_leaves(s, left, sizeof(left));
	service_fail(s, stage, "%s; %s", verdict + strlen(stage) + 2, left);
	kv_set(&s->status, "retry", NULL);
	wanted = service_wanted(s, commit);
	/* at once, yet later than the moment at which it was named */
	if (wanted && kv_get(&s->status, "hash") && !service_is_at(s, wanted))
		kv_set_number(&s->status, "retry", time(NULL) + 1);
}

void
service_settled(struct service *s)
{
	if (is_verdict(s))
		verdict_tell(s);
}

void
service_absolve(struct service *s)
{
	int ours = is_verdict(s);

	kv_set(&s->status, "bad", NULL);
	kv_set(&s->status, "verdict", NULL);
	if (!ours)
		return;
	kv_set(&s->status, "error", NULL);
	kv_set(&s->status, "retry", NULL);
	kv_set_number(&s->status, "since", time(NULL));
}

int
service_tip_is_bad(const struct service *s, const char *tip)
{
	const char *bad = kv_get(&s->status, "bad");

	/* gitopper-pull moves bad along with a tip of the same content */
	return tip && bad && strcmp(bad, tip) == 0;
}

const char *
service_wanted(const struct service *s, const char *tip)
{
	const char *applied = kv_get(&s->status, "applied");
	const char *hash = kv_get(&s->status, "hash");

	if (s->ctl.pinned)
		return *s->ctl.pin ? s->ctl.pin : NULL;
	if (s->ctl.frozen)
		return hash;
	if (service_tip_is_bad(s, tip))
		return applied ? applied : hash;
	return tip;
}

int
service_is_at(const struct service *s, const char *wanted)
{
	const char *hash = kv_get(&s->status, "hash");

	return hash && strncmp(hash, wanted, strlen(wanted)) == 0;
}

int
service_plan(const struct service *s, const char *file, char commit[41])
{
	char line[7 + 40 + 1];
	int fd = openat(s->dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int result = -1;

	*commit = '\0';
	if (fd < 0)
		return -1;
	if (read_all(fd, line, sizeof(line)) == 0 &&
	    memcmp(line, "commit ", 7) == 0 && line[sizeof(line) - 1] == '\n') {
		line[sizeof(line) - 1] = '\0';
		result = strlen(line) == 47 && is_hash(line + 7, 40) ? 0 : -1;
	}
	if (result == 0)
		memcpy(commit, line + 7, 41);
	close(fd);
	return result;
}

void
service_staged(struct service *s, const char *commit)
{
	static const char *const keys[] = { "passed", "redo" };
	const char *value, *waits = kv_get(&s->status, "note");
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		value = kv_get(&s->status, keys[i]);
		if (value && strcmp(value, commit))
			kv_set(&s->status, keys[i], NULL);
	}
	/* the note begins with the commit, and goes with the time */
	if (kv_get(&s->status, "opens") && (!waits || !*commit ||
	    strncmp(waits, commit, 8))) {
		kv_set(&s->status, "note", NULL);
		kv_set(&s->status, "opens", NULL);
	}
}

int64_t
intervals_three(int64_t interval, int64_t most)
{
	if (interval > most / 3)
		return most;
	return interval < 20 ? 60 : 3 * interval;
}

const char *
upstream_trouble(const struct kv *upstream)
{
	return kv_get(upstream, "error");
}

/* Whether s may be elsewhere than it should be, for its upstream didn't answer
 * for long. */
static int
is_cut_off(const struct service *s, const struct kv *upstream)
{
	int64_t most = intervals_three(kv_number(&s->conf, "interval",
	    INTERVAL), 3600);

	return upstream_trouble(upstream) &&
	    time(NULL) - kv_number(upstream, "contact", 0) > most;
}

/* Whether s isn't at the commit that its branch has, and doesn't just wait for
 * its window to open. */
static int
is_behind(const struct service *s, const struct kv *upstream)
{
	const char *branch = kv_get(&s->conf, "branch");
	const char *wanted = service_wanted(s, upstream_tip(upstream,
	    branch ? branch : "main"));

	return wanted && !kv_get(&s->status, "opens") &&
	    !service_is_at(s, wanted);
}

enum state
service_state(const struct service *s, const struct kv *upstream)
{
	const char *error = kv_get(&s->status, "error");

	if (error && !service_error_is(s, "pull"))
		return STATE_BROKEN;
	if (s->ctl.pinned && !service_is_at(s, s->ctl.pin))
		return STATE_ROLLBACK;
	if (s->ctl.frozen || s->ctl.pinned)
		return STATE_FREEZE;
	/* half published, not acted upon, or not healthy yet, too */
	if (error || !kv_get(&s->status, "applied") ||
	    kv_get(&s->status, "todo"))
		return STATE_DIFF;
	if (upstream && (is_cut_off(s, upstream) || is_behind(s, upstream)))
		return STATE_DIFF;
	return STATE_OK;
}
