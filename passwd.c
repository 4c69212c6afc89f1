/* passwd.c - lines for the file of users that gitopper-httpd reads */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <crypt.h>

#include "ctl.h"
#include "util.h"

/* On a terminal twice, since it isn't seen; else a line of standard input. */
static void
password_get(char password[SECRET_TEXT])
{
	char again[SECRET_TEXT];

	if (!isatty(STDIN_FILENO)) {
		if (secret_read(STDIN_FILENO, password) < 0)
			die(EXIT_SYS, "standard input:");
	} else {
		if (secret_ask("New password: ", password) < 0 ||
		    secret_ask("Once more: ", again) < 0)
			die(EXIT_SYS, "no password:");
		if (strcmp(password, again) != 0)
			die(EXIT_SOME, "these are two passwords");
		explicit_bzero(again, sizeof(again));
	}
	if (!*password)
		die(EXIT_SOME, "an empty password is none");
}

int
passwd(const char *name, const char *rights)
{
	char password[SECRET_TEXT], salt[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data data;
	const char *p, *hash;

	for (p = name; *p; p++)
		if (*p == ':' || (unsigned char)*p < 32 || *p == 127)
			break;
	if (*p || !*name || *name == '#')
		die(EXIT_USAGE, "%s: no user can be called like that", name);
	if (strcmp(rights, "ro") != 0 && strcmp(rights, "rw") != 0)
		die(EXIT_USAGE, "%s: rights are ro or rw", rights);
	password_get(password);
	memset(&data, 0, sizeof(data));
	/* the method that libcrypt likes best, and salt of the kernel */
	if (!crypt_gensalt_rn(NULL, 0, NULL, 0, salt, sizeof(salt)))
		die(EXIT_SYS, "crypt_gensalt:");
	hash = crypt_r(password, salt, &data);
	explicit_bzero(password, sizeof(password));
	if (!hash || *hash == '*')
		die(EXIT_SYS, "crypt:");
	printf("%s:%s:%s\n", name, hash, rights);
	return 0;
}
