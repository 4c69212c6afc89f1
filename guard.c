/* guard.c - whom a request is meant for, whence it comes, what it may do */
/* SPDX-License-Identifier: ISC */
/*
 * A browser sends what any page on the web tells it to. Where that page's own
 * name leads to our address (DNS rebinding), Host tells; where it is another
 * site's, Origin and Sec-Fetch-Site do. Other clients send neither of those,
 * or what they like: they are no danger to whom they serve.
 */
#include <sys/stat.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config.h"
#include "httpd.h"
#include "util.h"

/* A host and its port, as they stand in Host or Origin. */
struct place_name {
	const char *name;	/* not ended by a NUL; brackets taken off */
	size_t len;
	int64_t port;		/* 0: none given */
	int bracketed;
};

static char hostname[256];
/* That, a dot, and more, as /etc/hosts has it; or "". */
static char longname[256];

/* STATE/.machines as it was when it was last read. */
static struct {
	struct stat st;
	char *text;		/* the names that are ours, a line each */
} machines;

/* Of a line of hosts(5) that has our name: the first that is longer by a
 * domain. Returns it, or NULL. */
static const char *
longname_find(char *line)
{
	size_t n = strlen(hostname);
	const char *name, *found = NULL;
	int ours = 0;

	line[strcspn(line, "#\n")] = '\0';
	/* the address first */
	if (!strtok(line, " \t"))
		return NULL;
	while ((name = strtok(NULL, " \t"))) {
		if (strncasecmp(name, hostname, n) != 0)
			continue;
		ours |= !name[n];
		if (!found && name[n] == '.' && name[n + 1])
			found = name;
	}
	return ours ? found : NULL;
}

/*
 * Where the machine is called by the first label alone, hosts(5) tells the
 * whole name, as hostname(1) would find it. Not DNS: it may be somebody
 * else's, who could make us answer to any name.
 */
static void
longname_read(void)
{
	FILE *f = fopen("/etc/hosts", "re");
	const char *name = NULL;
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return;
	while (!name && getline(&line, &size, f) > 0)
		name = longname_find(line);
	if (name && strlen(name) < sizeof(longname))
		snprintf(longname, sizeof(longname), "%s", name);
	free(line);
	fclose(f);
}

void
guard_start(void)
{
	if (gethostname(hostname, sizeof(hostname) - 1) < 0) {
		warn("the name of this machine:");
		*hostname = '\0';
	}
	if (*hostname && !strchr(hostname, '.'))
		longname_read();
}

/* Takes NAME, NAME:PORT, [V6] and [V6]:PORT. Returns 0, or -1. */
static int
place_parse(struct place_name *p, const char *text)
{
	const char *end;
	size_t n;

	memset(p, 0, sizeof(*p));
	p->bracketed = *text == '[';
	p->name = text + p->bracketed;
	p->len = strcspn(p->name, p->bracketed ? "]" : ":");
	end = p->name + p->len;
	if (p->bracketed && *end++ != ']')
		return -1;
	if (!p->bracketed && p->len && p->name[p->len - 1] == '.')
		p->len--;
	if (!p->len || (*end && *end != ':'))
		return -1;
	if (!*end || !end[1])
		return 0;
	n = strspn(++end, "0123456789");
	if (end[n] || n > 5)
		return -1;
	p->port = parse_number(end);
	return p->port >= 1 && p->port <= 65535 ? 0 : -1;
}

static int
name_is(const struct place_name *p, const char *name, size_t len)
{
	if (len && name[len - 1] == '.')
		len--;
	return len && len == p->len && strncasecmp(p->name, name, len) == 0;
}

/* An address can't be made to lead elsewhere. */
static int
is_address(const struct place_name *p)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	/* a zone, as in fe80::1%25eth0 (RFC 6874), is not part of it */
	const char *zone = p->bracketed ? memchr(p->name, '%', p->len) : NULL;
	size_t len = zone ? (size_t)(zone - p->name) : p->len;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, p->name, len);
	text[len] = '\0';
	return inet_pton(p->bracketed ? AF_INET6 : AF_INET, text, &addr) == 1;
}

/* Keeps the names that are ours, a line each. */
static void
machines_filter(char *text)
{
	char *line, *rest = text, *out = text;
	size_t n;

	while ((line = strsep(&rest, "\n"))) {
		n = strcspn(line, "\t");
		if (strcmp(line + n, "\tmine") != 0)
			continue;
		memmove(out, line, n);
		out += n;
		*out++ = '\n';
	}
	*out = '\0';
}

static void
machines_read(void)
{
	struct stat st = { 0 };
	size_t len;

	if (fstatat(state_dir, ".machines", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ino == machines.st.st_ino &&
	    st.st_size == machines.st.st_size &&
	    st.st_mtim.tv_sec == machines.st.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == machines.st.st_mtim.tv_nsec)
		return;
	free(machines.text);
	machines.text = st.st_ino ? file_read(state_dir, ".machines",
	    CONFIG_MAX, &len) : NULL;
	machines.st = st;
	if (machines.text)
		machines_filter(machines.text);
}

/* Whether the config gives this machine that name. */
static int
is_machine(const struct place_name *p)
{
	const char *line;
	size_t n;

	machines_read();
	for (line = machines.text; line && *line; line += n + 1) {
		n = strcspn(line, "\n");
		if (name_is(p, line, n))
			return 1;
	}
	return 0;
}

/* Whether we are meant by that name. */
static int
is_ours(const struct place_name *p)
{
	size_t i;

	if (is_address(p))
		return 1;
	if (p->bracketed)
		return 0;
	if (name_is(p, "localhost", 9) ||
	    name_is(p, hostname, strlen(hostname)) ||
	    name_is(p, hostname, strcspn(hostname, ".")) ||
	    name_is(p, longname, strlen(longname)))
		return 1;
	for (i = 0; i < options.nnames; i++)
		if (name_is(p, options.names[i], strlen(options.names[i])))
			return 1;
	return is_machine(p);
}

/* Whether Origin (RFC 6454) is of the host and port that Host names. */
static int
is_same_origin(const char *origin, const char *host)
{
	static const struct { const char *scheme; int64_t port; } schemes[] = {
		{ "http://", 80 }, { "https://", 443 },
	};
	const size_t n = sizeof(schemes) / sizeof(*schemes);
	struct place_name from, to;
	int64_t port;
	size_t i;

	for (i = 0; i < n; i++)
		if (strncasecmp(origin, schemes[i].scheme,
		    strlen(schemes[i].scheme)) == 0)
			break;
	if (i == n || !host || place_parse(&to, host) < 0 ||
	    place_parse(&from, origin + strlen(schemes[i].scheme)) < 0)
		return 0;
	/* TLS may end before us: Host then leaves out that scheme's port */
	port = schemes[i].port;
	return from.bracketed == to.bracketed &&
	    name_is(&from, to.name, to.len) &&
	    (from.port ? from.port : port) == (to.port ? to.port : port);
}

int
guard_request(const struct http *h, enum peer peer, struct reply *reply)
{
	const char *origin = http_field(h, "Origin");
	const char *site = http_field(h, "Sec-Fetch-Site");
	struct place_name host;

	(void)peer;	/* a browser can be led to a unix socket's proxy, too */
	if (h->host && (place_parse(&host, h->host) < 0 || !is_ours(&host))) {
		reply_error(reply, 403, "this is not the host %.100s; if "
		    "it is one of its names, start gitopper-httpd with -n and "
		    "that name", h->host);
		return -1;
	}
	if (h->method == HTTP_GET || h->method == HTTP_HEAD ||
	    h->method == HTTP_OPTIONS)
		return 0;
	if (origin && !is_same_origin(origin, h->host)) {
		reply_error(reply, 403, "a page of %.100s may not change "
		    "anything here (Origin)", origin);
		return -1;
	}
	if (site && strcasecmp(site, "same-origin") != 0 &&
	    strcasecmp(site, "none") != 0) {
		reply_error(reply, 403, "a page of another site may not "
		    "change anything here (Sec-Fetch-Site: %.20s)", site);
		return -1;
	}
	return 0;
}

int
guard_has_users(void)
{
	return options.users || options.checker;
}

enum rights
guard_rights(const struct http *h, enum peer peer)
{
	enum rights most = options.readonly ? RIGHTS_READ : RIGHTS_WRITE;

	if (peer == PEER_LOOPBACK && options.loopback)
		return most;
	if (!guard_has_users())
		return peer == PEER_LOCAL ? most : RIGHTS_READ;
	if (!options.closed && (strcmp(h->path, "/metrics") == 0 ||
	    strncmp(h->path, "/metrics/", 9) == 0 ||
	    strcmp(h->path, "/health") == 0))
		return RIGHTS_READ;
	return RIGHTS_NONE;
}

void
guard_refuse(const struct http *h, enum peer peer, struct reply *reply)
{
	(void)h;
	if (options.readonly)
		reply_error(reply, 403, "this server shows and changes "
		    "nothing (gitopper-httpd -r)");
	else if (options.users && options.checker)
		reply_error(reply, 403, "you may look, and change nothing: "
		    "that is for users marked rw, and for members of the "
		    "group %s", options.group ? options.group : group_name);
	else if (options.users)
		reply_error(reply, 403, "you may look, and change nothing: "
		    "that is for users marked rw");
	else if (options.checker)
		reply_error(reply, 403, "you may look, and change nothing: "
		    "that is for members of the group %s",
		    options.group ? options.group : group_name);
	else if (peer == PEER_LOOPBACK)
		reply_error(reply, 403, "there are no users here, so changes "
		    "are taken from unix sockets and pipes alone: use "
		    "gitopper-ctl on the machine or through ssh, or start "
		    "gitopper-httpd with -a or -c, or with -w to take them "
		    "from loopback addresses");
	else
		reply_error(reply, 403, "there are no users here, so changes "
		    "are taken from unix sockets and pipes alone: use "
		    "gitopper-ctl on the machine or through ssh, or start "
		    "gitopper-httpd with -a or -c");
}
