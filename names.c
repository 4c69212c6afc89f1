/* names.c - the names of services that flow through the programs */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "state.h"
#include "util.h"

void
names_start(struct names *names, char **args, int all)
{
	memset(names, 0, sizeof(*names));
	if (all)
		names->list = service_names();
	else if (*args)
		names->list = args;
}

static void
name_refuse(struct names *names, const char *name)
{
	if (!*name)
		return;
	warn("%s: not a service's name", name);
	names->bad = 1;
}

/* Takes the first line off the buffer into line; 0 where none is whole. */
static int
line_take(struct names *names, char *line, size_t size)
{
	char *end = memchr(names->buf, '\n', names->len), *p;
	size_t n;

	if (!end && names->len == sizeof(names->buf)) {
		if (!names->skip)
			warn("a line of %zu bytes or more is no name",
			    names->len);
		names->bad = names->skip = 1;
		names->len = 0;
	}
	if (!end && !(names->eof && names->len))
		return 0;
	n = end ? (size_t)(end - names->buf) : names->len;
	/* what comes before a NUL isn't the name either */
	while ((p = memchr(names->buf, '\0', n)))
		*p = '?';
	snprintf(line, size, "%.*s", names->skip ? 0 : (int)n, names->buf);
	names->skip = 0;
	n += end != NULL;
	names->len -= n;
	memmove(names->buf, names->buf + n, names->len);
	return 1;
}

/* A service that left the config, and was taken apart while its name was on
 * its way to us. */
static int
is_apart(const char *name)
{
	char path[160];

	return path_join(path, sizeof(path), name, "conf") == 0 &&
	    faccessat(state_dir, path, F_OK, 0) < 0 && errno == ENOENT &&
	    faccessat(state_dir, name, F_OK, 0) == 0;
}

static const char *
line_next(struct names *names, int timeout)
{
	static char line[sizeof(names->buf)];
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	for (;;) {
		while (line_take(names, line, sizeof(line))) {
			if (!service_name_ok(line))
				name_refuse(names, line);
			else if (names->trusted || !is_apart(line))
				return line;
		}
		if (names->eof)
			return NULL;
		n = poll(&p, 1, timeout);
		if (n == 0 || (n < 0 && errno == EINTR && timeout >= 0))
			return NULL;
		if (n < 0)
			continue;
		n = read(STDIN_FILENO, names->buf + names->len,
		    sizeof(names->buf) - names->len);
		if (n > 0)
			names->len += (size_t)n;
		else if (n == 0)
			names->eof = 1;
		else if (errno != EINTR)
			die(EXIT_SYS, "standard input:");
	}
}

const char *
names_next(struct names *names, int timeout)
{
	const char *name;

	if (!names->list)
		return line_next(names, timeout);
	while ((name = names->list[names->i])) {
		names->i++;
		if (service_name_ok(name))
			return name;
		name_refuse(names, name);
	}
	names->eof = 1;
	return NULL;
}

void
names_print(const char *name)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "%s\n", name);

	/* one write: programs that run side by side share the pipe */
	if (write_all(STDOUT_FILENO, line, (size_t)n) < 0)
		die(EXIT_SYS, "standard output:");
}
