/* watch.c - sleeping until a file or the time comes */
/* SPDX-License-Identifier: ISC */
#include <sys/timerfd.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "watch.h"

enum {
	SETTLE     = 5,		/* ms: touch(1) alone makes three events */
	BLIND_TICK = 1000,	/* ms between two looks without inotify */
};

int watch_blind;
static int inotify = -1;
static int alarm_fd = -1;	/* -1: a timeout has to do */
static sigset_t asleep;		/* the signals held back while it sleeps */
static volatile sig_atomic_t hangup;

int64_t
watch_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
on_hangup(int sig)
{
	(void)sig;
	hangup = 1;
}

static void
go_blind(const char *what)
{
	if (!watch_blind)
		warn("looking every second, for %s:", what);
	watch_blind = 1;
}

int
watch_open(void)
{
	inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (inotify < 0)
		go_blind("inotify_init1");
	return inotify;
}

void
watch_start(void)
{
	struct sigaction action = { .sa_handler = on_hangup };
	sigset_t hup;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &hup, &asleep) < 0 ||
	    sigaction(SIGHUP, &action, NULL) < 0)
		die(EXIT_SYS, "SIGHUP:");
	sigdelset(&asleep, SIGHUP);
	alarm_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	watch_open();
}

int
watch_add(const char *path, uint32_t mask)
{
	int wd;

	if (inotify < 0)
		return -1;
	wd = inotify_add_watch(inotify, path, mask | IN_DONT_FOLLOW);
	if (wd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
		go_blind("inotify_add_watch (fs.inotify.max_user_watches)");
	return wd;
}

void
watch_remove(int wd)
{
	/* the kernel may have removed it, along with what was watched */
	if (wd >= 0)
		inotify_rm_watch(inotify, wd);
}

int
watch_drain(int (*seen)(const struct inotify_event *))
{
	char buf[8192]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
	int matters = 0;
	const char *p;
	ssize_t n;

	if (inotify < 0)
		return 0;
	while ((n = read(inotify, buf, sizeof(buf))) > 0)
		for (p = buf; p < buf + n; ) {
			const struct inotify_event *e = (const void *)p;

			matters |= seen(e);
			p += sizeof(*e) + e->len;
		}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die(EXIT_SYS, "inotify:");
	return matters;
}

/*
 * The alarm goes off at a time of the day: also if the machine was suspended
 * meanwhile, and at once if somebody sets the clock, as then all that was
 * reckoned from it is wrong. Returns 0, or -1 where there is none.
 */
static int
alarm_set(int64_t until)
{
	struct itimerspec at = { .it_value = {
	    (time_t)(until / 1000), (long)(until % 1000) * 1000000 } };

	if (alarm_fd < 0)
		return -1;
	return timerfd_settime(alarm_fd,
	    TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

/* Whether the clock was set since. */
static int
alarm_cancelled(void)
{
	uint64_t times;

	return alarm_fd >= 0 && read(alarm_fd, &times, sizeof(times)) < 0 &&
	    errno == ECANCELED;
}

int
watch_sleep(int64_t until, int (*seen)(const struct inotify_event *))
{
	struct pollfd p[] = { { .fd = inotify, .events = POLLIN },
	    { .fd = alarm_fd, .events = POLLIN } };
	const struct timespec settle = { .tv_nsec = SETTLE * 1000000L };
	struct timespec t;
	int64_t ms, now;
	int timed;

	for (;;) {
		now = watch_clock();
		if (watch_blind && until > now + BLIND_TICK)
			until = now + BLIND_TICK;
		ms = until > now ? until - now : 0;
		t.tv_sec = (time_t)(ms / 1000);
		t.tv_nsec = (long)(ms % 1000) * 1000000;
		timed = ms == 0 || (alarm_set(until) < 0 && until != INT64_MAX);
		if (ppoll(p, 2, timed ? &t : NULL, &asleep) < 0) {
			if (errno != EINTR)
				die(EXIT_SYS, "ppoll:");
			p[0].revents = 0;
		}
		if (hangup)
			return 1;
		if (p[0].revents & POLLIN && watch_drain(seen)) {
			/* SIGHUP waits: nothing cuts this short */
			nanosleep(&settle, NULL);
			watch_drain(seen);
			return 0;
		}
		if (alarm_cancelled() || watch_clock() >= until)
			return 0;
	}
}
