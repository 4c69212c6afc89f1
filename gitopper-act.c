/* gitopper-act - makes running services equal to their trees */
/* SPDX-License-Identifier: ISC */
/*
 * One loop waits for everything: names, what the commands print, how they
 * end, and the time. A service is locked from the moment that its command
 * starts until its status is written, the waiting between two health checks
 * included, and its name is printed after that: the next program needs the
 * lock. What could take long is done in the children.
 */
#include <sys/signalfd.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "config.h"
#include "names.h"
#include "util.h"

enum {
	STOP_AFTER = 500,	/* ms between SIGTERM and SIGKILL at our end */
	CLEAN_TIME = 60000,	/* ms to remove a copy */
	LEFT_TICK = 20,		/* ms between two looks at what is left */
};

static struct job *jobs[JOBS_MAX];
static size_t njobs, nrunning;
static struct names names;
static int names_done, failed, stopping;
static struct step step;

static void
usage(void)
{
	fprintf(stderr, "usage: %s [-ad] [-k KEY | -x NAME] [SERVICE ...]\n",
	    argv0);
	exit(EXIT_USAGE);
}

/* Lets go of a job, with its name for the next program if all went well. */
static void
job_close(struct job *job, int print)
{
	char name[sizeof(job->s.name)];
	size_t i;

	memcpy(name, job->s.name, sizeof(name));
	if (service_close(&job->s) < 0) {
		print = 0;
		failed = 1;
	}
	for (i = 0; jobs[i] != job; i++)
		continue;
	jobs[i] = jobs[--njobs];
	free(job);
	/* when we are told to end, the next program is as well */
	if (print && !stopping)
		names_print(name);
}

static void
job_finish(struct job *job)
{
	int done = step_done(job);

	if (!done)
		failed = 1;
	job_close(job, done);
}

/* Runs the job's command, or once more its health check. */
static void
job_run(struct job *job)
{
	int64_t ms = kv_number(&job->s.conf, "action_timeout", ACTION_TIMEOUT);

	ms = (step.kind == STEP_PACKAGE ? PACKAGE_TIMEOUT : ms) * 1000;
	/* not even the last health check is without a chance */
	if (step.kind == STEP_HEALTH && (ms = job->until - now_ms()) < 1000)
		ms = 1000;
	note("%s: %s: %s", job->s.name, step.stage,
	    command_text(&step, &job->s));
	gather_clear(job);
	if (run_start(job, command_run, ms) == 0) {
		nrunning++;
		return;
	}
	job->result = RESULT_CANT;
	snprintf(job->why, sizeof(job->why), "fork: %s", strerror(errno));
	job_finish(job);
}

static void
job_ended(struct job *job)
{
	nrunning--;
	if (stopping && step.kind != STEP_PACKAGE) {
		gather_clear(job);
		service_log(&job->s, "%s: interrupted", step.stage);
		job_close(job, 0);
		return;
	}
	if (step.kind == STEP_CHECK && !job->cleaning) {
		job->cleaning = 1;
		if (run_start(job, preview_remove, CLEAN_TIME) == 0) {
			nrunning++;
			return;
		}
		warn("%s: check:", job->s.name);
	}
	gather_take(job);
	job->again = now_ms() + HEALTH_EVERY * 1000;
	if (step.kind == STEP_HEALTH && job->result != RESULT_OK &&
	    job->result != RESULT_CANT && job->again < job->until)
		note("%s: not healthy yet: %s", job->s.name, job->why);
	else
		job_finish(job);
}

/* Whether status alone says that there is nothing to run for the service:
 * most services, in most cycles. */
static int
is_idle(const char *name)
{
	struct service s;
	char commit[41];
	enum due due;
	int stale;

	if (service_load(&s, name) < 0) {
		if (errno == ENOENT)
			warn("%s: no such service", name);
		else
			warn("%s:", name);
		failed = 1;
		return 1;
	}
	due = step_due(&step, &s, commit);
	stale = step_stale(&step, &s);
	service_close(&s);
	if (due == DUE_RUN || (due == DUE_PASS && stale))
		return 0;
	if (due == DUE_FAIL)
		failed = 1;
	if (due == DUE_PASS)
		names_print(name);
	return 1;
}

static void
service_take(const char *name)
{
	struct job *job;
	enum due due;
	int busy;

	if (is_idle(name))
		return;
	job = xmalloc(sizeof(*job));
	memset(job, 0, sizeof(*job));
	busy = service_open(&job->s, name);
	if (busy) {
		failed |= busy < 0;
		free(job);
		return;
	}
	jobs[njobs++] = job;
	job->step = &step;
	job->out = job->report = -1;
	/* things may have changed until we had the lock */
	due = step_due(&step, &job->s, job->commit);
	job->until = now_ms() + 1000 *
	    kv_number(&job->s.conf, "health_timeout", HEALTH_TIMEOUT);
	if (due == DUE_RUN && command_text(&step, &job->s)) {
		job_run(job);
	} else if (due == DUE_RUN) {
		gather_none(job);
		job_finish(job);
	} else {
		if (step_stale(&step, &job->s))
			service_ok(&job->s, step.stage);
		failed |= due == DUE_FAIL;
		job_close(job, due == DUE_PASS);
	}
}

/* Does what it is time for. */
static void
jobs_tick(void)
{
	int64_t now = now_ms();
	size_t i;

	/* from the end: who takes the place of one that goes had his turn */
	for (i = njobs; i-- > 0;) {
		struct job *job = jobs[i];

		if (job->left && run_ended(job))
			job_ended(job);
		else if (job->pid && job->deadline <= now)
			run_signal(job);
		else if (!job->pid && job->again <= now &&
		    nrunning < ACTIONS_MAX)
			job_run(job);
	}
}

/* Milliseconds until it is time for something, as poll(2) wants them. */
static int
jobs_wait(void)
{
	int64_t now = now_ms(), next = now + 60000, when;
	size_t i;

	for (i = 0; i < njobs; i++) {
		when = jobs[i]->left ? now + LEFT_TICK :
		    jobs[i]->pid ? jobs[i]->deadline : jobs[i]->again;
		/* one that waits for a slot gets it as another ends */
		if (when < next && (jobs[i]->pid || nrunning < ACTIONS_MAX))
			next = when;
	}
	if (!njobs)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

static void
names_take(void)
{
	const char *name;

	while (nrunning < ACTIONS_MAX && njobs < JOBS_MAX && !names_done) {
		name = names_next(&names, 0);
		if (name) {
			service_take(name);
			continue;
		}
		names_done = names.eof;
		return;
	}
}

/* We are told to end: so are the commands, but for packages half unpacked. */
static void
stop(void)
{
	size_t i;

	stopping = names_done = 1;
	for (i = njobs; i-- > 0;) {
		struct job *job = jobs[i];

		if (!job->pid) {
			job_close(job, 0);
		} else if (step.kind != STEP_PACKAGE) {
			run_signal(job);
			if (job->deadline != INT64_MAX)
				job->deadline = now_ms() + STOP_AFTER;
		}
	}
}

static void
signals_read(int fd)
{
	struct signalfd_siginfo si;
	size_t i;

	while (read(fd, &si, sizeof(si)) == sizeof(si))
		if (si.ssi_signo != SIGCHLD && !stopping)
			stop();
	for (i = njobs; i-- > 0;)
		if (jobs[i]->pid && run_ended(jobs[i]))
			job_ended(jobs[i]);
}

static void
loop(int signals)
{
	struct pollfd p[JOBS_MAX + 2];
	size_t i, n;

	for (;;) {
		jobs_tick();
		names_take();
		if (!njobs && names_done)
			return;
		p[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
		if (names_done || nrunning >= ACTIONS_MAX || njobs >= JOBS_MAX)
			p[1].fd = -1;
		n = njobs;
		for (i = 0; i < n; i++)
			p[i + 2] = (struct pollfd){ .fd = jobs[i]->out,
			    .events = POLLIN };
		if (poll(p, n + 2, jobs_wait()) < 0) {
			if (errno == EINTR)
				continue;
			die(EXIT_SYS, "poll:");
		}
		for (i = 0; i < n; i++)
			if (p[i + 2].revents)
				run_read(jobs[i]);
		if (p[0].revents)
			signals_read(signals);
	}
}

/* SIGCHLD and what ends us, through a descriptor. */
static int
signals_open(void)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction sa;
	sigset_t set;
	size_t i;
	int fd;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	/* not what nohup or the shell has us ignore */
	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigaction(ends[i], NULL, &sa) == 0 &&
		    sa.sa_handler != SIG_IGN)
			sigaddset(&set, ends[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		die(EXIT_SYS, "signalfd:");
	return fd;
}

/* Which step it is that KEY, or the command NAME, stands for. */
static void
step_choose(const char *key, const char *command)
{
	step.kind = STEP_OTHER;
	step.lookup = command != NULL;
	step.name = command ? command : key ? key : "action";
	step.stage = step.name;
	if (command && strcmp(command, "package") == 0)
		step.kind = STEP_PACKAGE;
	else if (!command && strcmp(step.name, "action") == 0)
		step.kind = STEP_ACT;
	else if (!command && strcmp(step.name, "check") == 0)
		step.kind = STEP_CHECK;
	else if (!command && strcmp(step.name, "health") == 0)
		step.kind = STEP_HEALTH;
	if (step.kind == STEP_ACT || step.kind == STEP_OTHER)
		step.stage = "act";
}

int
main(int argc, char *argv[])
{
	const char *key = NULL, *command = NULL;
	int c, all = 0, signals;

	setup(argv[0]);
	while ((c = getopt(argc, argv, "adk:x:")) != -1)
		switch (c) {
		case 'a': all = 1; break;
		case 'd': debug = 1; break;
		case 'k': key = optarg; break;
		case 'x': command = optarg; break;
		default: usage();
		}
	argv += optind;
	if ((key && command) || (all && *argv) || (key && !*key))
		usage();
	step_choose(key, command);
	step.named = *argv != NULL;
	signals = signals_open();
	state_open();
	names_start(&names, argv, all);
	loop(signals);
	if (stopping)
		return EXIT_SYS;
	return failed || names.bad ? EXIT_SOME : 0;
}
