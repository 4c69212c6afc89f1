/* loop.c - all connections at once, in one process that waits for none */
/* SPDX-License-Identifier: ISC */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "httpd.h"
#include "conn.h"
#include "util.h"

enum {
	EVENTS = 256,		/* taken from the kernel at a time */
	ACCEPTS = 64,		/* accepted at a time */
	SPARE = 64,		/* descriptors that are no connections */
	ACCEPT_PAUSE = 100,	/* ms, where there are no descriptors left */
	LOOK_EVERY = 1000	/* ms, for watchers where nothing tells */
};

static size_t conns_max = CONNS_MAX;
static int epoll = -1;
static struct source *listeners, auth_source, mirror_source;
static size_t nlisteners;
static int64_t paused;		/* accepts nothing until then; 0: it does */
static volatile sig_atomic_t ended;

/* Has the kernel tell of events. Returns 1, 0 for a file that is always
 * ready, or -1 and errno. */
static int
source_set(struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	if (epoll_ctl(epoll, s->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
	    s->fd, &e) < 0)
		return errno == EPERM ? 0 : -1;
	s->added = 1;
	s->events = events;
	return 1;
}

static void
source_unset(struct source *s)
{
	if (s->added && epoll_ctl(epoll, EPOLL_CTL_DEL, s->fd, NULL) < 0)
		die(EXIT_SYS, "epoll_ctl:");
	s->added = 0;
	s->events = 0;
}

void
loop_want_out(struct conn *c)
{
	struct source *s = c->in.fd == c->out.fd ? &c->in : &c->out;

	if (!(s->events & EPOLLOUT) &&
	    source_set(s, s->events | EPOLLOUT | EPOLLET) < 0)
		conn_close(c);
}

void
loop_remove(struct conn *c)
{
	/* a copy elsewhere of the descriptor would keep it in the set */
	source_unset(&c->in);
	source_unset(&c->out);
}

/* Takes over both descriptors, whatever comes of it. */
static void
conn_add(int in, int out)
{
	struct conn *c = conn_new(in, out);
	int told;

	if (!c) {
		close(in);
		if (out != in)
			close(out);
		return;
	}
	crowd_join(c);
	told = source_set(&c->in, EPOLLIN | EPOLLRDHUP | EPOLLET);
	if (told >= 0 && out != in)
		told = source_set(&c->out, EPOLLET);
	if (told < 0) {
		warn("epoll_ctl:");
		conn_close(c);
		return;
	}
	conn_run(c);
}

static void
listeners_set(uint32_t events)
{
	size_t i;

	for (i = 0; i < nlisteners; i++)
		if (source_set(&listeners[i], events) < 0)
			die(EXIT_SYS, "epoll_ctl:");
}

static void
accept_some(const struct source *s)
{
	int fd, i;

	for (i = 0; i < ACCEPTS && !paused; i++) {
		fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			if (crowd_size >= conns_max)
				crowd_evict();
			conn_add(fd, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* what went wrong with the one that was to be accepted is not
		 * our trouble (accept(2)) */
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
		    errno != ENOMEM)
			continue;
		if (crowd_evict())
			continue;
		warn("accept:");
		paused = crowd_now + ACCEPT_PAUSE;
		listeners_set(0);
	}
}

static void
verdicts(const struct epoll_event *e)
{
	enum rights rights;
	struct conn *c;

	while ((c = auth_next(&rights))) {
		serve_verdict(c, rights);
		conn_run(c);
	}
	/* nobody is there any more, and epoll would tell that without end */
	if (e->events & (EPOLLHUP | EPOLLERR))
		source_unset(&auth_source);
}

static void
dispatch(const struct epoll_event *e)
{
	const uint32_t over = EPOLLHUP | EPOLLERR;
	struct source *s = e->data.ptr;
	struct conn *c = s->conn;

	switch (s->kind) {
	case FROM_LISTENER:
		accept_some(s);
		return;
	case FROM_AUTH:
		verdicts(e);
		return;
	case FROM_MIRROR:
		return;		/* crowd_watch sees */
	default:
		break;
	}
	if (c->phase == PHASE_CLOSED)
		return;
	if (s->kind == FROM_IN && e->events & (EPOLLIN | EPOLLRDHUP | over))
		c->readable = 1;
	if (e->events & (EPOLLOUT | over))
		c->writable = 1;
	/* nobody is there to be told anything */
	if (e->events & over && (c->phase == PHASE_AUTH ||
	    c->phase == PHASE_WATCH) &&
	    (s->kind == FROM_OUT || c->in.fd == c->out.fd))
		conn_close(c);
	else
		conn_run(c);
}

static void
watch_mirror(void)
{
	int wanted = crowd_first(PHASE_WATCH) != NULL;

	if (mirror_source.fd < 0 || wanted == mirror_source.added)
		return;
	if (!wanted)
		source_unset(&mirror_source);
	else if (source_set(&mirror_source, EPOLLIN) < 0)
		die(EXIT_SYS, "epoll_ctl:");
}

/* The milliseconds until something is to be done; -1: there is nothing. */
static int
sleep_time(void)
{
	int64_t next = crowd_next(), now = crowd_now, thaw;

	if (paused && paused < next)
		next = paused;
	if (crowd_first(PHASE_WATCH)) {
		thaw = mirror_thaw();
		if (thaw >= 0 && thaw < next - now)
			next = now + thaw;
		if (mirror_source.fd < 0 && now + LOOK_EVERY < next)
			next = now + LOOK_EVERY;
	}
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 0 : next - now > INT_MAX ? INT_MAX :
	    (int)(next - now);
}

static void
on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

/* Signals come while it sleeps, and at no other time. */
static void
signals_start(sigset_t *old)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, old);
	sigdelset(old, SIGTERM);
	sigdelset(old, SIGINT);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
}

/* Turns until a signal ends it or, without listeners, nobody is left. */
static void
loop_run(void)
{
	static struct epoll_event events[EVENTS];
	sigset_t old;
	int i, n;

	signals_start(&old);
	while (!ended && (nlisteners || crowd_size)) {
		watch_mirror();
		n = epoll_pwait(epoll, events, EVENTS, sleep_time(), &old);
		if (n < 0 && errno != EINTR)
			die(EXIT_SYS, "epoll_pwait:");
		crowd_look();
		for (i = 0; i < n; i++) {
			dispatch(&events[i]);
			crowd_relieve();
		}
		crowd_run();
		crowd_watch();
		crowd_expire();
		if (paused && paused <= crowd_now) {
			paused = 0;
			listeners_set(EPOLLIN);
		}
		crowd_bury();
	}
}

/* As many descriptors as we want, or can have. */
static void
raise_limit(void)
{
	const rlim_t wanted = CONNS_MAX + SPARE;
	const struct rlimit more = { wanted, wanted };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die(EXIT_SYS, "getrlimit:");
	/* root may have more than the limit, but not in every container */
	if (limit.rlim_max < wanted && geteuid() == 0 &&
	    setrlimit(RLIMIT_NOFILE, &more) == 0)
		limit = more;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max :
		    wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			die(EXIT_SYS, "setrlimit:");
	}
	if (limit.rlim_cur <= SPARE)
		die(EXIT_SYS, "%lu descriptors are too few (ulimit -n)",
		    (unsigned long)limit.rlim_cur);
	if (limit.rlim_cur < wanted)
		conns_max = (size_t)limit.rlim_cur - SPARE;
}

void
conn_start(int auth, int mirror)
{
	crowd_start();
	raise_limit();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die(EXIT_SYS, "epoll_create1:");
	auth_source = (struct source){ .kind = FROM_AUTH, .fd = auth };
	if (auth >= 0 && source_set(&auth_source, EPOLLIN) < 0)
		die(EXIT_SYS, "epoll_ctl:");
	mirror_source = (struct source){ .kind = FROM_MIRROR, .fd = mirror };
}

void
conn_listen(const int *fds, size_t n)
{
	size_t i;

	listeners = xreallocarray(NULL, n, sizeof(*listeners));
	nlisteners = n;
	for (i = 0; i < n; i++)
		listeners[i] = (struct source){ .kind = FROM_LISTENER,
		    .fd = fds[i] };
	listeners_set(EPOLLIN);
	loop_run();
}

void
conn_serve(int in, int out)
{
	int fds[2], flags[2], i;

	fds[0] = in;
	fds[1] = out;
	for (i = 0; i < 2; i++) {
		flags[i] = fcntl(fds[i], F_GETFL);
		/* the connection closes its own */
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (flags[i] < 0 || fds[i] < 0)
			die(EXIT_SYS, "standard input and output:");
	}
	for (i = 0; i < 2; i++)
		if (fcntl(fds[i], F_SETFL, flags[i] | O_NONBLOCK) < 0)
			die(EXIT_SYS, "fcntl:");
	crowd_alone();
	conn_add(in, out);
	loop_run();
	/* whoever gave them to us may go on with them */
	for (i = 0; i < 2; i++)
		(void)fcntl(fds[i], F_SETFL, flags[i]);
}
