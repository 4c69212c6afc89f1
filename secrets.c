/* secrets.c - keys and passwords, read by the parent for the fetching child */
/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "contact.h"
#include "util.h"

/* A file that only its owner can read. NULL, and why in up->error. */
static char *
secret_file(struct upstream *up, const char *path)
{
	struct stat st;
	char *text = NULL;
	size_t len;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		snprintf(up->error, sizeof(up->error), "%s: %s", path,
		    strerror(errno));
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(up->error, sizeof(up->error), "%s: it belongs to "
		    "somebody else, who can read it", path);
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		snprintf(up->error, sizeof(up->error), "%s: others can read "
		    "it; chmod 600 it", path);
	else if (!(text = fd_read(fd, SECRET_MAX, &len)))
		snprintf(up->error, sizeof(up->error), "%s: %s", path,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return text;
}

/* Undoes %XX in s, in place. */
static void
percent_decode(char *s)
{
	char *o = s, hex[3] = "";

	for (; *s; s++, o++) {
		*o = *s;
		if (*s != '%' || strspn(s + 1,
		    "0123456789abcdefABCDEF") < 2)
			continue;
		memcpy(hex, s + 1, 2);
		*o = (char)strtoul(hex, NULL, 16);
		s += 2;
	}
	*o = '\0';
}

/* The length of `scheme://host[:port]` in url, user and password aside,
 * *host being where the host starts; 0 where it has none. */
static size_t
url_origin(const char *url, const char **host, size_t *scheme)
{
	const char *p = strstr(url, "://"), *at;
	size_t n;

	if (!p)
		return 0;
	*scheme = (size_t)(p - url) + 3;
	p += 3;
	n = strcspn(p, "/\r\n");
	at = memrchr(p, '@', n);
	*host = at ? at + 1 : p;
	return n - (size_t)(*host - p);
}

/* A line `https://user:password@host` that speaks of url's host
 * (git-credential-store(1), STORAGE FORMAT). */
static int
line_matches(const char *line, const char *url)
{
	const char *host, *host2;
	size_t scheme, scheme2, n = url_origin(line, &host, &scheme);

	return n && n == url_origin(url, &host2, &scheme2) &&
	    scheme == scheme2 && strncmp(line, url, scheme) == 0 &&
	    strncasecmp(host, host2, n) == 0 && host > line + scheme;
}

static void
credentials_find(struct secrets *secrets, char *text, const char *url)
{
	const char *host;
	char *line, *colon;
	size_t scheme;

	while ((line = strsep(&text, "\n"))) {
		if (!line_matches(line, url))
			continue;
		url_origin(line, &host, &scheme);
		colon = strchr(line + scheme, ':');
		if (!colon || colon >= host)
			continue;
		secrets->user = xstrndup(line + scheme,
		    (size_t)(colon - line) - scheme);
		secrets->password = xstrndup(colon + 1,
		    (size_t)(host - colon) - 2);
		percent_decode(secrets->user);
		percent_decode(secrets->password);
		return;
	}
}

/* The first of root's own keys that is there. Returns 0, also where there is
 * none, or -1 with why in up->error. */
static int
key_default(struct secrets *secrets, struct upstream *up)
{
	static const char *const name[] = {
		"id_ed25519", "id_ecdsa", "id_rsa"
	};
	const char *home = getenv("HOME");
	char path[4096];
	size_t i;

	for (i = 0; home && i < sizeof(name) / sizeof(*name); i++) {
		snprintf(path, sizeof(path), "%s/.ssh/%s", home, name[i]);
		if (access(path, F_OK) < 0)
			continue;
		secrets->key = secret_file(up, path);
		secrets->key_path = xstrdup(path);
		return secrets->key ? 0 : -1;
	}
	return 0;
}

/* What ssh(1) would read: the user's and the system's known hosts. */
static char *
known_hosts_default(void)
{
	const char *home = getenv("HOME");
	char path[4096], *user = NULL, *all, *text;
	size_t len;

	snprintf(path, sizeof(path), "%s/.ssh/known_hosts", home ? home : "");
	if (home)
		user = file_read(AT_FDCWD, path, SECRET_MAX, &len);
	all = file_read(AT_FDCWD, "/etc/ssh/ssh_known_hosts", SECRET_MAX, &len);
	text = xasprintf("%s\n%s", user ? user : "", all ? all : "");
	free(user);
	free(all);
	return text;
}

static int
is_ssh(const char *url)
{
	return strncmp(url, "ssh://", 6) == 0 ||
	    strncmp(url, "git+ssh://", 10) == 0 ||
	    strncmp(url, "ssh+git://", 10) == 0 ||
	    (!strstr(url, "://") && *url != '/');
}

/* What is wrong with a private key, as far as it can be seen from outside;
 * NULL: nothing. */
static const char *
key_fault(const char *key, const char *passphrase)
{
	/* in base64, how one begins (openssh's PROTOCOL.key), and how one
	 * that is not locked does */
	static const char magic[] = "b3BlbnNzaC1rZXktdjEA";
	static const char unlocked[] = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";
	int openssh = strstr(key, "BEGIN OPENSSH ") != NULL;

	if (!strstr(key, "-----BEGIN ") || !strstr(key, "PRIVATE KEY-----") ||
	    (openssh && !strstr(key, magic)))
		return "it is no private key";
	if (!passphrase && (openssh ? !strstr(key, unlocked) :
	    strstr(key, "ENCRYPTED") != NULL))
		return "it is locked, and no `passphrase` is given";
	return NULL;
}

static int
ssh_read(struct secrets *secrets, struct upstream *up)
{
	const char *wrong;
	size_t len;

	if (up->key) {
		secrets->key = secret_file(up, up->key);
		secrets->key_path = xstrdup(up->key);
	}
	if (up->key ? !secrets->key : key_default(secrets, up) < 0)
		return -1;
	if (up->passphrase) {
		secrets->passphrase = secret_file(up, up->passphrase);
		if (!secrets->passphrase)
			return -1;
		secrets->passphrase[strcspn(secrets->passphrase, "\r\n")] =
		    '\0';
	}
	wrong = secrets->key ? key_fault(secrets->key, secrets->passphrase) :
	    NULL;
	if (wrong) {
		snprintf(up->error, sizeof(up->error), "%s: %s",
		    secrets->key_path, wrong);
		return -1;
	}
	if (!up->known_hosts)
		secrets->known_hosts = known_hosts_default();
	else if (!(secrets->known_hosts = file_read(AT_FDCWD, up->known_hosts,
	    SECRET_MAX, &len))) {
		snprintf(up->error, sizeof(up->error), "%s: %s",
		    up->known_hosts, strerror(errno));
		return -1;
	}
	return 0;
}

/* The credentials file, of which the child gets one line. */
static int
credentials_read(struct secrets *secrets, struct upstream *up)
{
	char *text = secret_file(up, up->credentials);
	size_t len;

	if (!text)
		return -1;
	len = strlen(text);
	credentials_find(secrets, text, up->url);
	/* it is in pieces now; other hosts' are not for the child */
	explicit_bzero(text, len);
	free(text);
	return 0;
}

int
secrets_read(struct secrets *secrets, struct upstream *up)
{
	int result = 0;

	/* until secrets_wipe: no core file, which may go to a program that
	 * heeds no limit (core(5)) */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		note("prctl:");
	secrets_guard(1);
	if (is_ssh(up->url))
		result = ssh_read(secrets, up);
	else if (up->credentials)
		result = credentials_read(secrets, up);
	if (result == 0 && up->credential_command && !secrets->password &&
	    strncmp(up->url, "http", 4) == 0)
		result = credential_ask(secrets, up, up->timeout);
	secrets_guard(0);
	if (up->ca)
		secrets->ca = xstrdup(up->ca);
	if (result < 0)
		secrets_wipe(secrets, up->url);
	return result;
}
