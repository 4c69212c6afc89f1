/* run.c - a child, what it prints, and how it ends */
/* SPDX-License-Identifier: ISC */
/*
 * Each child leads a session of its own: it has no terminal to ask on, and
 * all that it starts can be told to end at once. It has two pipes to us: what
 * it prints, and `report`, which closes by itself at execve(2). So what comes
 * out of the second says that, and why, no command was run.
 */
#include <sys/wait.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "config.h"
#include "utf8.h"
#include "util.h"

enum {
	OUTPUT_MAX = 64 << 10,	/* bytes of one job's output in the log */
	STAMP_SIZE = 32,	/* what a line of log has besides the output */
};

static int report_fd = -1;	/* in the child */
static pid_t parent;		/* whose child it is */

void
run_cant(const char *fmt, ...)
{
	int saved = errno;
	char text[300];
	size_t n, len = strlen(fmt);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (len && fmt[len - 1] == ':')
		snprintf(text + n, sizeof(text) - n, " %s", strerror(saved));
	(void)write_all(report_fd, text, strlen(text));
	_exit(127);
}

void
run_follow(void)
{
	end_with(parent, SIGKILL);
}

static void __attribute__((noreturn))
child(struct job *job, void (*body)(const struct job *), int out, int report)
{
	sigset_t none;
	int null;

	report_fd = report;
	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	if (setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		run_cant("setsid:");
	/* until command_run does so again, after it has changed its user */
	run_follow();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		run_cant("/dev/null:");
	body(job);
	_exit(0);
}

static void
forget(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
run_start(struct job *job, void (*body)(const struct job *), int64_t ms)
{
	int out[2] = { -1, -1 }, report[2] = { -1, -1 }, saved;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(report[0], F_SETFL, O_NONBLOCK) < 0)
		goto fail;
	parent = getpid();
	job->pid = fork();
	if (job->pid < 0) {
		job->pid = 0;
		goto fail;
	}
	if (job->pid == 0)
		child(job, body, out[1], report[1]);
	close(out[1]);
	close(report[1]);
	job->out = out[0];
	job->report = report[0];
	job->timeout = (int)((ms + 999) / 1000);
	job->deadline = now_ms() + ms;
	job->signals = 0;
	job->len = 0;
	*job->last = *job->before = '\0';
	return 0;
fail:
	saved = errno;
	forget(&out[0]);
	forget(&out[1]);
	forget(&report[0]);
	forget(&report[1]);
	errno = saved;
	return -1;
}

/* A line of output is whole: into the log with it. */
static void
line_end(struct job *job)
{
	size_t n = job->len;

	job->len = 0;
	if (n == 0 || job->logged > OUTPUT_MAX)
		return;
	job->logged += n + STAMP_SIZE;
	if (job->logged > OUTPUT_MAX)
		service_log(&job->s, "%s: (what else it printed is left out)",
		    job->step->stage);
	else
		service_log(&job->s, "%s: %.*s", job->step->stage, (int)n,
		    job->line);
}

/*
 * The last line counts for `error`, however much came before it. Programs
 * that check a file may close with that file's line, or with a summary: what
 * was wrong stands before it then.
 */
static void
line_keep(struct job *job)
{
	const char *line = job->line;
	size_t n = job->len, i;

	for (i = 0; i < n && !isalnum((unsigned char)line[i]) &&
	    !(line[i] & 0x80); i++)
		continue;
	if (i == n)
		return;
	for (; *line == ' ' || *line == '\t'; n--)
		line++;
	if (job->step->kind == STEP_CHECK)
		memcpy(job->before, job->last, sizeof(job->before));
	if (n >= sizeof(job->last))
		n = sizeof(job->last) - 1;
	memcpy(job->last, line, n);
	job->last[n] = '\0';
}

static void
output_add(struct job *job, const char *p, size_t n)
{
	for (; n; p++, n--) {
		if (*p != '\n' && *p != '\r')
			job->line[job->len++] = *p;
		if (*p == '\n' || *p == '\r' ||
		    job->len == sizeof(job->line)) {
			text_plain(job->line, job->len, "\t");
			line_keep(job);
			line_end(job);
		}
	}
}

void
run_read(struct job *job)
{
	char buf[16 << 10];
	ssize_t n;

	n = read(job->out, buf, sizeof(buf));
	if (n > 0)
		output_add(job, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		forget(&job->out);
}

static void
group_kill(pid_t pid, int sig)
{
	/* before its setsid, or after its exec failed, there is no group */
	if (kill(-pid, sig) < 0 && errno == ESRCH)
		kill(pid, sig);
}

void
run_signal(struct job *job)
{
	if (job->left) {
		/* its number may be another's; who is left can't wait */
		job->left = now_ms();
		return;
	}
	group_kill(job->pid, job->signals++ ? SIGKILL : SIGTERM);
	job->deadline = job->signals > 1 ? INT64_MAX :
	    now_ms() + KILL_AFTER * 1000;
}

/* Sets result and why, from how it ended and from the report. */
static void
judge(struct job *job)
{
	int n = 0, status = job->status;
	ssize_t told = read(job->report, job->why, sizeof(job->why) - 1);

	if (told > 0) {
		job->why[told] = '\0';
		job->result = RESULT_CANT;
		return;
	}
	/* the last health check may have little time: the one before counts */
	if (job->signals && job->result != RESULT_OK)
		return;
	*job->why = '\0';
	job->result = RESULT_OK;
	if (job->signals) {
		job->result = RESULT_LATE;
		n = snprintf(job->why, sizeof(job->why),
		    "timed out after %d s", job->timeout);
	} else if (job->code != CLD_EXITED) {
		job->result = RESULT_TROUBLE;
		n = snprintf(job->why, sizeof(job->why), "killed by signal %d",
		    status);
	} else if (status) {
		job->result = status == EXIT_SYS ? RESULT_TROUBLE :
		    RESULT_FAILED;
		n = snprintf(job->why, sizeof(job->why), "exit status %d",
		    status);
	}
	if (job->result != RESULT_OK && *job->last)
		snprintf(job->why + n, sizeof(job->why) - (size_t)n,
		    ": %s%s%s", job->before, *job->before ? " / " : "",
		    job->last);
}

/* Whether the child itself has ended; then it is waited for. */
static int
leader_ended(struct job *job)
{
	siginfo_t si = { 0 };

	if (waitid(P_PID, (id_t)job->pid, &si, WEXITED | WNOHANG) < 0 ||
	    si.si_pid != job->pid)
		return 0;
	job->code = si.si_code;
	job->status = si.si_status;
	job->left = now_ms();
	/* a daemon that it started may be about to make its own session */
	if (!job->signals)
		job->left += KILL_AFTER * 1000;
	job->deadline = INT64_MAX;
	return 1;
}

int
run_ended(struct job *job)
{
	int i;

	if (!job->left && !leader_ended(job))
		return 0;
	/* as long as somebody is in the group its number is no other's */
	if (kill(-job->pid, 0) == 0) {
		if (now_ms() < job->left)
			return 0;
		kill(-job->pid, SIGKILL);
	}
	/* who left the group may hold the pipe open, and print for ever */
	for (i = 0; i < 8 && job->out >= 0; i++)
		run_read(job);
	line_keep(job);
	line_end(job);
	forget(&job->out);
	if (!job->cleaning)
		judge(job);
	forget(&job->report);
	job->pid = 0;
	job->left = 0;
	return 1;
}
