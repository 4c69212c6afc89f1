/* listen.c - sockets that gitopper-httpd listens on */
/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "config.h"
#include "util.h"

enum { FIRST_INHERITED = 3, BACKLOG = 4096 };

/* The largest of them is that of a unix socket. */
union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

void
listen_name(int fd, char name[LISTEN_NAME])
{
	union address a;
	socklen_t len = sizeof(a);
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE], port[NI_MAXSERV];

	memset(&a, 0, sizeof(a));
	/* with the port that the kernel chose */
	if (getsockname(fd, &a.any, &len) < 0)
		die(EXIT_SYS, "getsockname:");
	if (a.any.sa_family == AF_UNIX)
		snprintf(name, LISTEN_NAME, "unix:%.*s",
		    (int)sizeof(a.un.sun_path), a.un.sun_path);
	else if (getnameinfo(&a.any, len, host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(name, LISTEN_NAME, a.any.sa_family == AF_INET6 ?
		    "[%s]:%s" : "%s:%s", host, port);
	else
		snprintf(name, LISTEN_NAME, "descriptor %d", fd);
}

/* A connection inherits these. */
static void
set_options(int fd)
{
	const int one = 1;

	/* not every kind of socket knows it */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* Takes away what a server that is gone left at the path of un. */
static void
remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) < 0) {
		if (errno == ENOENT)
			return;
		die(EXIT_SYS, "%s:", un->sun_path);
	}
	if (!S_ISSOCK(st.st_mode))
		die(EXIT_USAGE, "%s: there is something that is no socket",
		    un->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die(EXIT_SYS, "socket:");
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 ||
	    errno != ECONNREFUSED)
		die(EXIT_SYS, "%s: in use by another", un->sun_path);
	close(fd);
	if (unlink(un->sun_path) < 0)
		die(EXIT_SYS, "%s:", un->sun_path);
}

static int
open_unix(const char *path)
{
	struct group *group = geteuid() == 0 ? getgrnam(group_name) : NULL;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd;

	if (!*path || strlen(path) >= sizeof(un.sun_path))
		die(EXIT_USAGE, "unix:%s: no path that a socket can have",
		    path);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	remove_stale(&un);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die(EXIT_SYS, "socket:");
	/* who can connect may change things: as with the files in ctl/ */
	mask = umask(group ? 0117 : 0177);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    (group && lchown(path, 0, group->gr_gid) < 0) ||
	    listen(fd, BACKLOG) < 0)
		die(EXIT_SYS, "unix:%s:", path);
	umask(mask);
	return fd;
}

/* A socket at that address, or -1 and errno. */
static int
open_inet(const struct addrinfo *ai, int both)
{
	const int one = 1, only = !both;
	int fd, saved;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    (ai->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &only, sizeof(only)) == 0) &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Takes where apart, in place: host, "" for every address, and port. */
static void
split(char *where, const char **host, const char **port)
{
	char *end = where + strlen(where), *colon = strrchr(where, ':');
	int64_t n;

	*host = where;
	*port = port_default;
	if (*where == '[') {
		*host = where + 1;
		end = strchr(where, ']');
		if (!end || (end[1] && end[1] != ':'))
			die(EXIT_USAGE, "%s: no address", where);
		colon = end[1] ? end + 1 : NULL;
	} else if (colon && colon != strchr(where, ':')) {
		colon = NULL;	/* of IPv6, without a port */
	}
	if (colon) {
		*port = colon + 1;
		if (*where != '[')
			end = colon;
	}
	n = parse_number(*port);
	if (n < 0 || n > 65535)
		die(EXIT_USAGE, "%s: no port at the end", where);
	*end = '\0';
	/* getaddrinfo would take 9222 for 0.0.36.6 */
	if (**host ? parse_number(*host) >= 0 : !colon)
		die(EXIT_USAGE, "-l wants ADDR:PORT, ADDR, :PORT or "
		    "unix:PATH");
}

/* Whether an earlier one of the list is the same: a name that stands twice in
 * hosts(5) has its address twice. */
static int
is_repeated(const struct addrinfo *list, const struct addrinfo *ai)
{
	for (; list != ai; list = list->ai_next)
		if (list->ai_addrlen == ai->ai_addrlen && memcmp(list->ai_addr,
		    ai->ai_addr, ai->ai_addrlen) == 0)
			return 1;
	return 0;
}

/* Opens a socket at every address of the list that this machine has. Returns
 * how many; dies where one that it has can't be listened on. */
static size_t
open_all(const struct addrinfo *list, int both, const char *where,
	void (*take)(int fd))
{
	const struct addrinfo *ai;
	size_t n = 0;
	int fd;

	for (ai = list; ai; ai = ai->ai_next) {
		if (is_repeated(list, ai))
			continue;
		fd = open_inet(ai, both);
		if (fd >= 0) {
			set_options(fd);
			take(fd);
			n++;
		} else if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
			die(EXIT_SYS, "-l %s:", where);
		}
	}
	return n;
}

/* Listens at host, "" for every address. Returns on how many. */
static size_t
open_host(const char *host, const char *port, const char *where,
	void (*take)(int fd))
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM }, *list;
	/* IPv4 comes in through IPv6, where there is that */
	int both = !*host, e;
	size_t n;

	hints.ai_family = both ? AF_INET6 : AF_UNSPEC;
	e = getaddrinfo(both ? NULL : host, port, &hints, &list);
	if (e)
		die(EXIT_USAGE, "-l %s: %s", where, gai_strerror(e));
	n = open_all(list, both, where, take);
	freeaddrinfo(list);
	return n > 0 || !both ? n : open_host("0.0.0.0", port, where, take);
}

void
listen_open(const char *where, void (*take)(int fd))
{
	const char *host, *port;
	char *copy;

	if (strncmp(where, "unix:", 5) == 0) {
		take(open_unix(where + 5));
		return;
	}
	copy = xstrdup(where);
	split(copy, &host, &port);
	if (open_host(host, port, where, take) == 0)
		die(EXIT_SYS, "-l %s:", where);
	free(copy);
}

static int
is_loopback(const union address *a)
{
	const unsigned char *p;

	if (a->any.sa_family == AF_INET)
		return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
	if (a->any.sa_family != AF_INET6)
		return 0;
	p = a->in6.sin6_addr.s6_addr;
	return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) ||
	    (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr) && p[12] == 127);
}

int
listen_is_public(int fd)
{
	union address a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.any, &len) < 0)
		return 1;
	return a.any.sa_family != AF_UNIX && !is_loopback(&a);
}

void
listen_origin(int fd, struct origin *origin)
{
	union address a;
	socklen_t len = sizeof(a), size = sizeof(struct ucred);
	struct ucred who;
	unsigned char *to = origin->bytes;

	memset(origin, 0, sizeof(*origin));
	memset(&a, 0, sizeof(a));
	if (getpeername(fd, &a.any, &len) < 0)
		return;
	if (a.any.sa_family == AF_INET) {
		to[10] = to[11] = 0xff;
		memcpy(to + 12, &a.in.sin_addr, 4);
	} else if (a.any.sa_family == AF_INET6) {
		memcpy(to, &a.in6.sin6_addr, IN6_IS_ADDR_V4MAPPED(
		    &a.in6.sin6_addr) ? 16 : 8);
	} else if (a.any.sa_family == AF_UNIX && getsockopt(fd, SOL_SOCKET,
	    SO_PEERCRED, &who, &size) == 0) {
		/* where no address begins like that (RFC 4291, 2.7) */
		to[0] = 0xff;
		memcpy(to + 1, &who.uid, sizeof(who.uid));
	}
}

/*
 * A pipe may lead to another machine: something that ends TLS between that and
 * us, say. Those who start programs for connections tell from where they are
 * (tcpserver(1), sslserver, systemd.socket(5), CGI).
 */
static enum peer
peer_told(void)
{
	static const char *const names[] = {
		"TCPREMOTEIP", "SSLREMOTEIP", "REMOTE_ADDR"
	};
	enum peer peer = PEER_LOCAL;
	const char *text;
	union address a;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		text = getenv(names[i]);
		if (!text || !*text)
			continue;
		memset(&a, 0, sizeof(a));
		a.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
		if (inet_pton(a.any.sa_family, text, a.any.sa_family ==
		    AF_INET ? (void *)&a.in.sin_addr :
		    (void *)&a.in6.sin6_addr) != 1 || !is_loopback(&a))
			return PEER_REMOTE;
		peer = PEER_LOOPBACK;
	}
	return peer;
}

enum peer
listen_peer(int fd)
{
	union address a;
	socklen_t len = sizeof(a);

	if (getpeername(fd, &a.any, &len) < 0)
		return errno == ENOTSOCK ? peer_told() : PEER_REMOTE;
	/* the name of a unix socket's end may be of no length */
	if (len < sizeof(a.any.sa_family) || a.any.sa_family == AF_UNIX)
		return peer_told();
	return is_loopback(&a) ? PEER_LOOPBACK : PEER_REMOTE;
}

int
listen_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t n = 0;
	int fd, flags;

	if (pid && fds && parse_number(pid) == getpid())
		n = parse_number(fds);
	/* what we fork is not meant */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (n < 0 || n > 1000)
		die(EXIT_USAGE, "LISTEN_FDS is no number of descriptors");
	for (fd = FIRST_INHERITED; fd < FIRST_INHERITED + n; fd++) {
		flags = fcntl(fd, F_GETFL);
		if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			die(EXIT_USAGE, "descriptor %d of LISTEN_FDS:", fd);
		set_options(fd);
	}
	return (int)n;
}
