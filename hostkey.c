/* hostkey.c - is an ssh server the one that known_hosts speaks of? */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libssh2.h>

#include "hostkey.h"

/* by git_cert_ssh_raw_type_t */
static const int key_types[] = {
	LIBSSH2_KNOWNHOST_KEY_UNKNOWN, LIBSSH2_KNOWNHOST_KEY_SSHRSA,
	LIBSSH2_KNOWNHOST_KEY_SSHDSS, LIBSSH2_KNOWNHOST_KEY_ECDSA_256,
	LIBSSH2_KNOWNHOST_KEY_ECDSA_384, LIBSSH2_KNOWNHOST_KEY_ECDSA_521,
	LIBSSH2_KNOWNHOST_KEY_ED25519,
};

static int
url_port(const char *url)
{
	const char *p = strstr(url, "://");
	size_t n;

	if (!p)
		return 22;	/* git@host:path has no place for one */
	p += 3;
	n = strcspn(p, "/");
	while (n > 0 && p[n - 1] >= '0' && p[n - 1] <= '9')
		n--;
	return n > 0 && p[n - 1] == ':' ? (int)strtol(p + n, NULL, 10) : 22;
}

static void
lines_read(LIBSSH2_KNOWNHOSTS *hosts, const char *text)
{
	size_t n;

	for (; text && *text; text += n) {
		n = strcspn(text, "\n");
		/* libssh2 takes the end of the line off, from n as well */
		n += text[n] == '\n';
		if (*text != '@' && *text != '#')
			libssh2_knownhost_readline(hosts, text, n,
			    LIBSSH2_KNOWNHOST_FILE_OPENSSH);
	}
}

/* The line that would make the key known. */
static void
line_print(LIBSSH2_KNOWNHOSTS *hosts, const char *host, int port,
	const git_cert_hostkey *cert, int type, char *buf, size_t size)
{
	struct libssh2_knownhost *entry;
	char name[300];
	size_t n = 0;

	snprintf(name, sizeof(name), port == 22 ? "%s" : "[%s]:%d", host,
	    port);
	*buf = '\0';
	if (libssh2_knownhost_addc(hosts, name, NULL, cert->hostkey,
	    cert->hostkey_len, NULL, 0, type, &entry) == 0 &&
	    libssh2_knownhost_writeline(hosts, entry, buf, size - 1, &n,
	    LIBSSH2_KNOWNHOST_FILE_OPENSSH) == 0)
		buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

int
hostkey_check(const git_cert_hostkey *cert, const char *host,
	const char *url, const char *known_hosts, char *why, size_t size)
{
	LIBSSH2_SESSION *session = libssh2_session_init();
	LIBSSH2_KNOWNHOSTS *hosts;
	char line[600];
	int type, found, port = url_port(url);

	snprintf(why, size, "the host key of %s can't be checked", host);
	hosts = session ? libssh2_knownhost_init(session) : NULL;
	if (!hosts || !(cert->type & GIT_CERT_SSH_RAW))
		return -1;
	type = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW |
	    key_types[cert->raw_type];
	lines_read(hosts, known_hosts);
	found = libssh2_knownhost_checkp(hosts, host, port, cert->hostkey,
	    cert->hostkey_len, type, NULL);
	if (found != LIBSSH2_KNOWNHOST_CHECK_MATCH) {
		line_print(hosts, host, port, cert, type, line, sizeof(line));
		snprintf(why, size, "%s, its known_hosts line would be: %s",
		    found == LIBSSH2_KNOWNHOST_CHECK_MISMATCH ?
		    "the host key has changed" : "the host key is unknown",
		    line);
	}
	libssh2_knownhost_free(hosts);
	libssh2_session_free(session);
	return found == LIBSSH2_KNOWNHOST_CHECK_MATCH ? 0 : -1;
}
