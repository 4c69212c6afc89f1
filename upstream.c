/* upstream.c - what is kept once for all services on one repository */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "state.h"
#include "util.h"

/* FNV-1a (draft-eastlake-fnv) */
uint64_t
text_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h;
}

/* The path in a URL, so that no password gets into a name. */
static const char *
url_path(const char *url)
{
	const char *p = strstr(url, "://");
	size_t n;

	if (p) {
		p += 3;
		return p + strcspn(p, "/");
	}
	n = strcspn(url, ":/");
	return url[n] == ':' ? url + n + 1 : url;	/* git@host:path */
}

void
upstream_id(const char *url, char *buf, size_t size)
{
	const char *path = url_path(url), *end = path + strlen(path), *p;
	int slashes = 0, n;
	char *q;

	while (end > path && end[-1] == '/')
		end--;
	for (p = end; p > path && slashes < 2; p--)
		slashes += p[-1] == '/';
	if (*p == '/')
		p++;
	n = (int)(end - p) > 80 ? 80 : (int)(end - p);
	snprintf(buf, size, "%.*s-%012llx", n, p,
	    (unsigned long long)(text_hash(url) & 0xffffffffffff));
	for (q = buf; *q; q++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "abcdefghijklmnopqrstuvwxyz0123456789_.+-", *q) ||
		    (q == buf && *q == '.'))
			*q = '_';
}

int
upstream_open(const char *url)
{
	char id[128], path[160];

	upstream_id(url, id, sizeof(id));
	if (path_join(path, sizeof(path), ".upstream", id) < 0)
		return -1;
	return dir_make(state_dir, path, (uid_t)-1, (gid_t)-1, (uid_t)-1,
	    (gid_t)-1);
}

int
upstream_read(struct kv *kv, const char *url)
{
	char id[128], path[160];

	upstream_id(url, id, sizeof(id));
	snprintf(path, sizeof(path), ".upstream/%s/status", id);
	return kv_read(kv, state_dir, path);
}

const char *
upstream_tip(const struct kv *kv, const char *branch)
{
	const char *tip;
	size_t i = 0, n = strlen(branch);

	while ((tip = kv_next(kv, "tip", &i)))
		if (strncmp(tip, branch, n) == 0 && tip[n] == '\t' &&
		    strlen(tip + n + 1) == 40 && is_hash(tip + n + 1, 40))
			return tip + n + 1;
	return NULL;
}

char *
upstream_public(const char *url)
{
	const char *host = strstr(url, "://"), *at = NULL, *p;
	size_t user = 0;

	/* git@host:path is for ssh, and has no room for a password */
	if (!host)
		return xstrdup(url);
	host += 3;
	for (p = host; *p && !strchr("/?#", *p); p++)
		if (*p == '@')
			at = p;
	if (!at)
		return xstrdup(url);
	if (strncmp(url, "ssh://", 6) == 0 ||
	    strncmp(url, "git+ssh://", 10) == 0 ||
	    strncmp(url, "ssh+git://", 10) == 0)
		user = strcspn(host, ":@");
	return xasprintf("%.*s%.*s%s", (int)(host - url), url, (int)user,
	    host, user ? at : at + 1);
}
