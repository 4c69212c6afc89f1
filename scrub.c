/* scrub.c - what becomes of secrets when they have been used */
/* SPDX-License-Identifier: ISC */
/*
 * libgit2, libssh2 and what these lean on make copies: credentials, requests,
 * keys as they decode them, registers that were saved on the stack. Some they
 * overwrite when they are done. For the rest, all that this process can write
 * to is searched for each secret's text, and overwritten; what was decoded is
 * overwritten as it is freed.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "contact.h"
#include "util.h"

enum {
	TEXT_MIN = 8,		/* less could be a part of anything */
	TEXTS_MAX = 200,	/* lines of a key, and others */
	SENT_MAX = 64 << 10,	/* what a socket holds in any case */
	MASK = 0xa5,		/* what is looked for must not be found */
};

/* What to look for, masked. */
struct text {
	unsigned char *masked;
	size_t len;
};

static struct text text[TEXTS_MAX];
static size_t ntexts;
static int frees_wipe;

#if defined(__GLIBC__) && !defined(SANITIZED)
void __libc_free(void *);

/* The one that all libraries here call. */
void
free(void *p)
{
	if (frees_wipe && p)
		explicit_bzero(p, malloc_usable_size(p));
	__libc_free(p);
}
#endif

void
secrets_guard(int on)
{
	frees_wipe = on;
}

static void
wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void
forget(struct secrets *secrets)
{
	wipe(secrets->user);
	wipe(secrets->password);
	wipe(secrets->key);
	wipe(secrets->passphrase);
	secrets->user = secrets->password = NULL;
	secrets->key = secrets->passphrase = NULL;
}

/* Adds one, unless it is of the URL, which is no secret and still needed. */
static void
text_add(const char *s, size_t len, const char *url)
{
	struct text *t = &text[ntexts];
	size_t i;

	if (len < TEXT_MIN || ntexts == TEXTS_MAX ||
	    memmem(url, strlen(url), s, len))
		return;
	t->masked = xmalloc(len);
	t->len = len;
	for (i = 0; i < len; i++)
		t->masked[i] = (unsigned char)s[i] ^ MASK;
	ntexts++;
}

/* `user:password` as HTTP's basic authentication has it (RFC 7617). */
static void
basic_add(const struct secrets *secrets, const char *url)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *both = xasprintf("%s:%s", secrets->user, secrets->password);
	size_t i, k, len = strlen(both), n = 0;
	char *code = xmalloc(len / 3 * 4 + 5);
	unsigned long three;

	for (i = 0; i < len; i += 3) {
		three = 0;
		for (k = 0; k < 3; k++)
			three = three << 8 | (i + k < len ?
			    (unsigned char)both[i + k] : 0);
		for (k = 0; k < 4; k++)
			code[n++] = i + k <= len ?
			    digit[three >> (18 - 6 * k) & 63] : '=';
	}
	text_add(code, n, url);
	explicit_bzero(code, n);
	free(code);
	wipe(both);
}

/* The lines of a file: it may be there in part. */
static void
lines_add(const char *s, const char *url)
{
	size_t n;

	for (; *s; s += n + (s[n] != '\0')) {
		n = strcspn(s, "\r\n");
		if (strncmp(s, "-----", 5) != 0)
			text_add(s, n, url);
	}
}

#ifndef SANITIZED	/* its memory is without an end */
/* Overwrites texts that lie in these bytes of ours. */
static void
range_scrub(volatile unsigned char *p, volatile unsigned char *end,
	const unsigned char first[256])
{
	size_t i, k;

	for (; p < end; p++) {
		if (!first[*p ^ MASK])
			continue;
		for (i = 0; i < ntexts; i++) {
			if (text[i].len > (size_t)(end - p))
				continue;
			for (k = 0; k < text[i].len &&
			    (p[k] ^ MASK) == text[i].masked[k]; k++)
				continue;
			if (k < text[i].len)
				continue;
			for (k = 0; k < text[i].len; k++)
				p[k] = 0;
		}
	}
}

/* Through all that is ours alone and can be written to, as proc(5) has it in
 * /proc/PID/maps. */
static void
memory_scrub(void)
{
	unsigned char first[256] = { 0 };
	unsigned long long from, to;
	char line[4400], how[5];
	size_t i;
	FILE *maps = fopen("/proc/self/maps", "re");

	for (i = 0; i < ntexts; i++)
		first[text[i].masked[0]] = 1;
	if (!maps)
		note("/proc/self/maps:");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %4s", &from, &to, how) == 3 &&
		    strcmp(how, "rw-p") == 0)
			range_scrub((void *)(uintptr_t)from,
			    (void *)(uintptr_t)to, first);
	if (maps)
		fclose(maps);
}
#else
static void
memory_scrub(void)
{
}
#endif

void
secrets_scrub(struct secrets *secrets, const char *url)
{
	if (secrets->password)
		text_add(secrets->password, strlen(secrets->password), url);
	if (secrets->password && secrets->user)
		basic_add(secrets, url);
	if (secrets->passphrase)
		text_add(secrets->passphrase, strlen(secrets->passphrase),
		    url);
	if (secrets->key)
		lines_add(secrets->key, url);
	forget(secrets);
	if (ntexts)
		memory_scrub();
	while (ntexts)
		free(text[--ntexts].masked);
}

void
secrets_wipe(struct secrets *secrets, const char *url)
{
	secrets_scrub(secrets, url);
	free(secrets->key_path);
	free(secrets->known_hosts);
	free(secrets->ca);
	memset(secrets, 0, sizeof(*secrets));
	/* children want to write to /proc/self */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* Those that are sent, in this order: as a string each, or a lone '-'. */
static char **
parts(struct secrets *secrets, size_t i)
{
	return i == 0 ? &secrets->user : i == 1 ? &secrets->password :
	    i == 2 ? &secrets->key : &secrets->passphrase;
}

int
secrets_send(struct secrets *secrets, int fd)
{
	char *buf = xmalloc(SENT_MAX), *part;
	size_t i, n, len = 0;
	int result = -1;

	for (i = 0; i < 4; i++) {
		part = *parts(secrets, i);
		n = part ? strlen(part) + 2 : 1;
		if (n > SENT_MAX - len) {
			errno = EMSGSIZE;
			goto out;
		}
		buf[len] = part ? '+' : '-';
		if (part)
			memcpy(buf + len + 1, part, n - 1);
		len += n;
	}
	if (send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len &&
	    shutdown(fd, SHUT_WR) == 0)
		result = 0;
out:
	explicit_bzero(buf, len);
	free(buf);
	return result;
}

int
secrets_receive(struct secrets *secrets, int fd)
{
	char *buf = xmalloc(SENT_MAX + 1), *p = buf;
	size_t i, len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, SENT_MAX - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	for (i = 0; i < 4 && p < buf + len; i++)
		if (*p++ == '+') {
			*parts(secrets, i) = xstrdup(p);
			p += strlen(p) + 1;
		}
	explicit_bzero(buf, len);
	free(buf);
	return i == 4 ? 0 : -1;
}
