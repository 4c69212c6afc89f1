/* gather.c - the metrics that an action writes */
/* SPDX-License-Identifier: ISC */
/*
 * GITOPPER_METRICS names a file in the service's directory, where only root
 * can make names: the child makes it for whom the command runs as, who can
 * write to it and do nothing else there. It lives as long as the command;
 * what is left of one that was killed goes before the next. What is in it
 * becomes the service's `metrics` as it is: nobody here parses it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "config.h"
#include "util.h"

static const char metrics[] = "metrics", scratch[] = "metrics.new";

/* Says on standard error and in the log what became of file, or else why;
 * it changes nothing else. */
static void
complain(struct job *job, const char *file, const char *why)
{
	warn("%s: %s: %s", job->s.name, file, why);
	service_log(&job->s, "%s: %s: %s", job->step->stage, file, why);
}

static int
scratch_remove(const struct job *job)
{
	return remove_tree(job->s.dir, scratch);
}

void
gather_clear(struct job *job)
{
	if (job->step->kind == STEP_ACT && scratch_remove(job) < 0)
		complain(job, scratch, strerror(errno));
}

int
gather_offer(const struct job *job, const struct passwd *pw, char *path,
	size_t size)
{
	uid_t uid = pw ? pw->pw_uid : geteuid();
	int fd;

	if (job->step->kind != STEP_ACT ||
	    snprintf(path, size, "%s/%s/%s", state_path, job->s.name,
	    scratch) >= (int)size)
		return -1;
	fd = openat(job->s.dir, scratch,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || (uid != geteuid() && fchown(fd, uid, pw->pw_gid) < 0)) {
		warn("%s:", path);	/* that is in the log */
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

/* Keeps what was written. Without a change nobody is woken. */
static void
keep(struct job *job, const char *text, size_t len)
{
	size_t n;
	char *old = file_read(job->s.dir, metrics, METRICS_MAX, &n);

	if ((!old || n != len || memcmp(old, text, len)) &&
	    file_write(job->s.dir, metrics, text, len, 0644) < 0)
		complain(job, metrics, strerror(errno));
	free(old);
}

void
gather_take(struct job *job)
{
	size_t len = 0;
	char *text;

	if (job->step->kind != STEP_ACT)
		return;
	text = file_read(job->s.dir, scratch, METRICS_MAX, &len);
	if (!text && errno != ENOENT)
		complain(job, scratch, errno == EFBIG ? "too long" :
		    errno == EINVAL ? "no regular file" : strerror(errno));
	if (len)
		keep(job, text, len);
	free(text);
	gather_clear(job);
}

void
gather_none(struct job *job)
{
	if (job->step->kind == STEP_ACT &&
	    unlinkat(job->s.dir, metrics, 0) < 0 && errno != ENOENT)
		complain(job, metrics, strerror(errno));
}
