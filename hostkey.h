/* hostkey.h - is an ssh server the one that known_hosts speaks of? */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

#include <git2.h>

/*
 * Takes the key that host showed, the upstream's URL (for its port), and the
 * text of known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; lines with a
 * marker don't count). Returns 0 where it is the known one; else -1, and
 * says in why what is wrong, with the line that would make it known.
 */
int hostkey_check(const git_cert_hostkey *cert, const char *host,
	const char *url, const char *known_hosts, char *why, size_t size);
