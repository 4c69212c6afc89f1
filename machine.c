/* machine.c - the machines that are asked: @host, @ssh:host, @all ... */
/* SPDX-License-Identifier: ISC */
#include <sys/un.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "ctl.h"
#include "state.h"
#include "util.h"

static int
starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static int
unix_read(struct machine *m, const char *path, char why[WHY])
{
	struct sockaddr_un addr;

	if (!*path || strlen(path) >= sizeof(addr.sun_path)) {
		snprintf(why, WHY, "a socket's path has 1 to %zu bytes",
		    sizeof(addr.sun_path) - 1);
		return -1;
	}
	m->how = HOW_UNIX;
	m->place = path;
	m->url = xstrdup("http://localhost");
	return 0;
}

/* A host for a program such as ssh, which must not take it for an option. */
static int
program_read(struct machine *m, const char *host, char why[WHY])
{
	const char *bare = starts(host, "ssh://") ? host + 6 : host;
	const char *at = strrchr(bare, '@');

	if (!*bare || *bare == '-' || (at && (!at[1] || at[1] == '-'))) {
		snprintf(why, WHY, "not a host");
		return -1;
	}
	m->how = HOW_PROGRAM;
	m->place = host;
	m->url = xstrdup("http://localhost");
	return 0;
}

static int
url_read(struct machine *m, const char *url, char why[WHY])
{
	const char *host = strstr(url, "://") + 3;
	size_t len = strlen(url), n = strcspn(host, "/");

	if (n == 0 || strpbrk(url, "?#")) {
		snprintf(why, WHY, "not a URL of a machine");
		return -1;
	}
	if (memchr(host, '@', n)) {
		snprintf(why, WHY, "who asks is said by -u, not in the URL");
		return -1;
	}
	while (url[len - 1] == '/')
		len--;
	m->how = HOW_HTTP;
	m->url = xstrndup(url, len);
	return 0;
}

/* host, host:port, [address]:port, or a bare address of IPv6 */
static int
host_read(struct machine *m, const char *host, int key, char why[WHY])
{
	struct in6_addr addr;
	const char *port = strrchr(host, ':');
	int bare = inet_pton(AF_INET6, host, &addr) == 1;
	int64_t n;

	if (strchr(host, '/') || (strchr(host, '@') && !key)) {
		snprintf(why, WHY, "not a host; is it a URL, "
		    "@https://host/path?");
		return -1;
	}
	if (bare || (port && strchr(port, ']')))
		port = NULL;
	n = port ? parse_number(port + 1) : 1;
	if (port == host || n < 1 || n > 65535) {
		snprintf(why, WHY, "not a host and its port");
		return -1;
	}
	if (key)	/* ssh takes a port in a URL alone */
		return program_read(m, port ? xasprintf("ssh://%s", host) :
		    host, why);
	m->how = HOW_HTTP;
	m->url = xasprintf("http://%s%s%s%s%s", bare ? "[" : "", host,
	    bare ? "]" : "", port ? "" : ":", port ? "" : port_default);
	return 0;
}

int
machine_read(struct machine *m, const char *name, int key, char why[WHY])
{
	const char *p;

	memset(m, 0, sizeof(*m));
	m->name = name;
	for (p = name; *p; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
			break;
	if (*p || !*name) {
		snprintf(why, WHY, "not a machine");
		return -1;
	}
	if (starts(name, "unix:"))
		return unix_read(m, name + 5, why);
	if (starts(name, "ssh://"))
		return program_read(m, name, why);
	if (starts(name, "ssh:"))
		return program_read(m, name + 4, why);
	if (starts(name, "http://") || starts(name, "https://"))
		return url_read(m, name, why);
	return host_read(m, name, key, why);
}

/* A literal, or the one name that libcurl asks nobody about. */
static int
is_loopback(const char *host, size_t n)
{
	struct in_addr addr;
	char text[INET_ADDRSTRLEN];

	if ((n == 9 && strncmp(host, "localhost", n) == 0) ||
	    (n == 5 && strncmp(host, "[::1]", n) == 0))
		return 1;
	if (n >= sizeof(text))
		return 0;
	memcpy(text, host, n);
	text[n] = '\0';
	return inet_pton(AF_INET, text, &addr) == 1 &&
	    ntohl(addr.s_addr) >> 24 == 127;
}

int
machine_is_private(const struct machine *m)
{
	const char *host;

	if (m->how != HOW_HTTP || starts(m->url, "https://"))
		return 1;
	host = m->url + strlen("http://");
	return is_loopback(host, *host == '[' ? strcspn(host, "]") + 1 :
	    strcspn(host, ":/"));
}

/* .machines has a line for each machine of the config: its name, and
 * <TAB>mine where this host answers to it. */
struct machine *
machines_all(struct machine *list, size_t *n)
{
	char *text, *line, *tab, why[WHY];
	size_t len;

	text = file_read(state_dir, ".machines", STATE_FILE_MAX, &len);
	if (!text && errno != ENOENT)
		die(EXIT_SYS, "%s/.machines:", state_path);
	/* its lines are the machines' names from now on */
	line = text ? strtok(text, "\n") : NULL;
	for (; line; line = strtok(NULL, "\n")) {
		tab = strchr(line, '\t');
		if (tab)
			*tab++ = '\0';
		list = xreallocarray(list, *n + 1, sizeof(*list));
		if (machine_read(&list[*n], line, options.key != NULL, why) < 0)
			die(EXIT_SYS, "%s/.machines: %s: %s", state_path,
			    line, why);
		/* what it would say is at hand */
		if (tab && strcmp(tab, "mine") == 0)
			list[*n].how = HOW_LOCAL;
		++*n;
	}
	return list;
}
