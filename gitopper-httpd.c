/* gitopper-httpd - show the services to others, and let them steer */
/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "util.h"

enum { FIRST_INHERITED = 3 };

struct options options;

static const char **wheres;	/* of -l */
static size_t nwheres;
static int *sockets;
static size_t nsockets;

static void
usage(void)
{
	fprintf(stderr, "usage: %s [-Adrw] [-l ADDR:PORT | -l unix:PATH] "
	    "[-a FILE] [-c PROGRAM [-g GROUP]] [-n NAME]\n", argv0);
	exit(EXIT_USAGE);
}

static void
add(const char ***list, size_t *n, const char *s)
{
	*list = xreallocarray(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = s;
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "Aa:c:dg:l:n:rw")) != -1) {
		switch (c) {
		case 'A': options.closed = 1; break;
		case 'a': options.users = optarg; break;
		case 'c': options.checker = optarg; break;
		case 'd': debug = 1; break;
		case 'g': options.group = optarg; break;
		case 'l': add(&wheres, &nwheres, optarg); break;
		case 'n': add(&options.names, &options.nnames, optarg); break;
		case 'r': options.readonly = 1; break;
		case 'w': options.loopback = 1; break;
		default: usage();
		}
	}
	if (argc > optind)
		usage();
	if (options.group && !options.checker)
		die(EXIT_USAGE, "-g is about those whom -c knows");
	if (options.closed && !guard_has_users())
		die(EXIT_USAGE, "-A wants users: -a or -c");
	if (options.readonly && options.loopback)
		die(EXIT_USAGE, "-r and -w contradict each other");
}

/* Adds a listening socket, if anyone who can reach it may look. */
static void
add_socket(int fd)
{
	char name[LISTEN_NAME];

	if (listen_is_public(fd) && !guard_has_users() && !options.readonly) {
		listen_name(fd, name);
		die(EXIT_USAGE, "%s: that is no loopback address, and there "
		    "are no users: name some with -a or -c, or let nobody "
		    "change anything with -r", name);
	}
	sockets = xreallocarray(sockets, nsockets + 1, sizeof(*sockets));
	sockets[nsockets++] = fd;
}

/*
 * inetd(8) has standard error lead to the client, as the others do: what is
 * said there would be read as part of an answer.
 */
static void
part_stderr(void)
{
	struct stat in, err;
	int null;

	if (fstat(STDIN_FILENO, &in) < 0 || fstat(STDERR_FILENO, &err) < 0 ||
	    !S_ISSOCK(in.st_mode) || in.st_dev != err.st_dev ||
	    in.st_ino != err.st_ino)
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDERR_FILENO) < 0)
		exit(EXIT_SYS);
	close(null);
}

static int
is_listening(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 &&
	    yes;
}

/* Opens what it listens to. Returns the connection that was handed down, or
 * -1 where there is none. */
static int
open_sockets(void)
{
	int i, n = listen_inherited(), connection = -1;
	size_t k;

	/* what else somebody forgot to close is none of our clients' */
	if (syscall(SYS_close_range, FIRST_INHERITED + n, ~0U, 0) < 0)
		note("close_range: %s", strerror(errno));
	for (i = FIRST_INHERITED; i < FIRST_INHERITED + n; i++)
		if (is_listening(i))
			add_socket(i);
		else
			connection = i;
	for (k = 0; k < nwheres; k++)
		listen_open(wheres[k], add_socket);
	if (connection >= 0 && (nsockets || n > 1))
		die(EXIT_USAGE, "descriptor %d is a connection, and there is "
		    "more than that", connection);
	return connection;
}

/* When nothing can stop it any more. */
static void
announce(void)
{
	char name[LISTEN_NAME];
	size_t i;

	for (i = 0; i < nsockets; i++) {
		listen_name(sockets[i], name);
		inform("listening on %s", name);
	}
}

int
main(int argc, char **argv)
{
	int auth, connection;

	setup(argv[0]);
	part_stderr();
	parse_options(argc, argv);
	connection = open_sockets();
	state_open();
	auth = auth_start();
	guard_start();
	conn_start(auth, mirror_start());
	/* after conn_start, which asks for more descriptors */
	metrics_start();
	drop_rights();
	announce();
	if (nsockets)
		conn_listen(sockets, nsockets);
	else if (connection >= 0)
		conn_serve(connection, connection);
	else
		conn_serve(STDIN_FILENO, STDOUT_FILENO);
	return 0;
}
