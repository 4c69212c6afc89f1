/* login.c - who we are for a server, and whether it is the right one */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <git2.h>

#include "contact.h"
#include "fetch.h"
#include "hostkey.h"
#include "util.h"

enum { RSA_LENGTH = 850 };	/* of a private key's file, at least */

/* A URL's host and port, of n bytes; its scheme is of *scheme bytes. */
static const char *
origin(const char *url, size_t *scheme, size_t *n)
{
	const char *host = strstr(url, "://"), *at;

	if (!host)
		return NULL;
	*scheme = (size_t)(host - url);
	host += 3;
	*n = strcspn(host, "/?#");
	at = memrchr(host, '@', *n);
	if (at) {
		*n -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	/* the usual port goes without saying */
	if (*scheme == 5 && *n > 4 && strncmp(host + *n - 4, ":443", 4) == 0)
		*n -= 4;
	if (*scheme == 4 && *n > 3 && strncmp(host + *n - 3, ":80", 3) == 0)
		*n -= 3;
	return host;
}

/* A redirection must not carry a password to another host, nor to another
 * port, nor in clear where it was meant for https. */
static int
same_host(const char *a, const char *b)
{
	size_t s, t, n, m;
	const char *p = origin(a, &s, &n), *q = origin(b, &t, &m);

	if (!p || !q)
		return !p && !q;
	return s == t && strncasecmp(a, b, s) == 0 &&
	    n == m && strncasecmp(p, q, n) == 0;
}

static void
refused(const struct secrets *secrets, const char *user)
{
	char why[400] = "authentication was refused";

	if (secrets->key)
		snprintf(why, sizeof(why), "authentication was refused: user "
		    "%s, key %s", user ? user : "git", secrets->key_path);
	git_error_set_str(GIT_ERROR_NET, why);
}

int
login_credential(git_credential **out, const char *url, const char *user,
	unsigned types, void *arg)
{
	struct session *session = arg;
	struct secrets *secrets = session->fetch->secrets;
	int e;

	if (types & GIT_CREDENTIAL_USERNAME)
		return git_credential_username_new(out, user ? user : "git");
	if (session->logins++) {
		refused(secrets, user);
		return GIT_EAUTH;
	}
	if (types & GIT_CREDENTIAL_SSH_MEMORY && secrets->key) {
		e = git_credential_ssh_key_memory_new(out,
		    user ? user : "git", NULL, secrets->key,
		    secrets->passphrase);
	} else if (types & GIT_CREDENTIAL_USERPASS_PLAINTEXT &&
	    secrets->password && same_host(url, session->fetch->up->url)) {
		e = git_credential_userpass_plaintext_new(out,
		    secrets->user, secrets->password);
	} else {
		git_error_set_str(GIT_ERROR_NET,
		    "authentication is asked for, and there is none to give");
		return GIT_EAUTH;
	}
	return e;
}

int
login_certificate(git_cert *cert, int valid, const char *host, void *arg)
{
	const struct session *session = arg;
	char why[700];

	if (cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2) {
		if (hostkey_check((git_cert_hostkey *)cert, host,
		    session->fetch->up->url,
		    session->fetch->secrets->known_hosts, why,
		    sizeof(why)) == 0)
			return 0;
	} else if (valid) {
		return 0;
	} else {
		snprintf(why, sizeof(why),
		    "the certificate of %s is not to be trusted", host);
	}
	git_error_set_str(GIT_ERROR_NET, why);
	return GIT_ECERTIFICATE;
}

/* libgit2, with what this upstream needs of the machine and nothing else. */
int
login_start(const struct fetch *fetch)
{
	const char *ca = fetch->secrets->ca;
	char home[4096];

	/* beside repo lies .ssh/known_hosts */
	snprintf(home, sizeof(home), "%s", fetch->repo);
	*strrchr(home, '/') = '\0';
	if (setenv("HOME", home, 1) < 0 || git_start() < 0)
		return -1;
	if (fetch->secrets->known_hosts && git_libgit2_opts(
	    GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, home) < 0)
		return -1;
	return ca ? git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, ca,
	    NULL) : 0;
}

/* What of this libgit2 and libssh2 may lie behind its last message. */
const char *
login_hint(const struct fetch *fetch)
{
	const char *text = git_message(), *key = fetch->secrets->key;
	static char buf[400];

	if (strstr(text, "SSL") && strstr(text, "fatal alert"))
		return " (does the server want TLS 1.3? libgit2 may have "
		    "1.2 at most)";
	/* no key of another kind is as long */
	if (strstr(text, "authentication was refused") && key &&
	    strlen(key) > RSA_LENGTH)
		return " (is it an RSA key? libssh2 may sign in a way that "
		    "sshd refuses: use Ed25519)";
	if (strstr(text, "Failed to authenticate SSH session") && key) {
		snprintf(buf, sizeof(buf), " (is the key %s whole, and the "
		    "passphrase right?)", fetch->secrets->key_path);
		return buf;
	}
	if (strstr(text, "Unable to exchange encryption keys"))
		return " (known_hosts should have an ed25519 or ecdsa line)";
	if (strstr(text, "ut of memory"))
		return " (what is unpacked is larger than a child may be)";
	if (strstr(text, "File too large"))
		return " (what an object store, or what is sent at once, may "
		    "have is in config.h)";
	return "";
}
