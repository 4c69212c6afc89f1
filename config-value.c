/* config-value.c - what may stand in the config file as a value */
/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config-value.h"
#include "window.h"
#include "zone.h"

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

/* The n bytes at s: HOST, HOST:PORT or USER@HOST. A host that looks like an
 * option must never become an argument of ssh. */
static int
host_ok(const char *s, size_t n)
{
	const char *at = memrchr(s, '@', n);
	const char *host = at ? at + 1 : s;

	return host < s + n && *host != '-' && *host != ':' && *s != '-' &&
	    strcspn(s, " ") >= n;
}

const char *
upstream_check(char *s)
{
	static const char *const schemes[] = {
		"https://", "http://", "ssh://", "git://"
	};
	static const char wrong[] = "is neither a URL of a known kind, "
	    "nor user@host:path, nor an absolute path";
	const char *p;
	size_t i, n;

	if (*s == '/')
		return NULL;
	if (strncmp(s, "file://", 7) == 0)
		return s[7] == '/' ? NULL : "has no absolute path";
	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		n = strlen(schemes[i]);
		if (strncmp(s, schemes[i], n))
			continue;
		p = s + n;
		return host_ok(p, strcspn(p, "/")) ? NULL : "has no host";
	}
	/* as git takes it: a colon before the first slash */
	n = strcspn(s, ":/");
	if (s[n] != ':' || !memchr(s, '@', n) || !host_ok(s, n))
		return wrong;
	return s[n + 1] && s[n + 1] != '-' && strncmp(s + n, "://", 3) ?
	    NULL : wrong;
}

const char *
branch_check(char *s)
{
	static const char *const never[] = { "..", "@{", "//", "/.", ".lock/" };
	static const char wrong[] = "is no name of a branch, tag or commit";
	size_t i, n = strlen(s);

	if (n == 0)
		return "is empty";
	if (s[strcspn(s, " ~^:?*[\\")] || strchr("-/.", s[0]) ||
	    strchr("/.", s[n - 1]) || strcmp(s, "@") == 0 ||
	    (n >= 5 && strcmp(s + n - 5, ".lock") == 0))
		return wrong;
	for (i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (strstr(s, never[i]))
			return wrong;
	return NULL;
}

/* Takes needless slashes out, and from an absolute path "." as well. */
static const char *
path_check(char *s)
{
	int absolute = *s == '/';
	char *out = s, *p;
	size_t n;

	if (strlen(s) >= PATH_MAX)
		return "is too long";
	for (p = s + strspn(s, "/"); *p; p += strspn(p, "/")) {
		n = strcspn(p, "/");
		if (n > NAME_MAX)
			return "has too long a name in it";
		if (n == 2 && memcmp(p, "..", 2) == 0)
			return "has .. in it";
		if (n == 1 && *p == '.' && !absolute)
			return "has . in it";
		if (n == 1 && *p == '.') {
			p += n;
			continue;
		}
		if (absolute || out != s)
			*out++ = '/';
		memmove(out, p, n);
		out += n;
		p += n;
	}
	*out = '\0';
	return NULL;
}

const char *
link_check(char *s)
{
	const char *wrong, *p;

	if (*s == '/')
		return "is not relative to the repository";
	if (*s == '.' && !s[1 + strspn(s + 1, "/")])
		*s = '\0';
	wrong = path_check(s);
	if (wrong)
		return wrong;
	for (p = s; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		/* in any case, as some file systems would have it */
		if (n == 4 && strncasecmp(p, ".git", n) == 0)
			return "has .git in it";
		p += n;
	}
	return NULL;
}

const char *
place_check(char *s)
{
	const char *wrong;

	if (*s != '/')
		return "is not an absolute path";
	wrong = path_check(s);
	if (wrong)
		return wrong;
	return *s ? NULL : "is the root directory";
}

const char *
name_check(char *s)
{
	if (*s == '-' || strstr(s, " -"))
		return "looks like an option";
	return NULL;
}

const char *
package_check(char *s)
{
	size_t n;

	for (; *s; s += n) {
		s += strspn(s, " ");
		n = strcspn(s, " ");
		if (n && strchr("-+", *s))
			return "looks like an option";
		if (strspn(s, LETTERS DIGITS ".+:-") < n ||
		    (n && (!strchr(LETTERS DIGITS, *s) || s[n - 1] == '-')))
			return "is neither the name of a package nor several";
	}
	return NULL;
}

const char *
command_check(char *s)
{
	if (!s[strspn(s, " ")])
		*s = '\0';
	return NULL;
}

const char *
program_check(char *s)
{
	return *s == '/' ? NULL : "doesn't begin with an absolute path";
}

const char *
follow_check(char *s)
{
	if (strcmp(s, "any") == 0)
		*s = '\0';
	return !*s || strcmp(s, "forward") == 0 ? NULL :
	    "is neither \"forward\" nor \"any\"";
}

const char *
root_check(char *s)
{
	return strcmp(s, "root") == 0 ? NULL : "can only be \"root\"";
}

const char *
drift_check(char *s)
{
	if (strcmp(s, "count") == 0)
		*s = '\0';
	return !*s || strcmp(s, "fix") == 0 ? NULL :
	    "is neither \"fix\" nor \"count\"";
}

const char *
window_check(char *s)
{
	static char why[WINDOW_WHY];
	struct window w;

	if (window_parse(&w, s, why) < 0)
		return why;
	if (!*w.zone || zone_known(w.zone))
		return NULL;
	snprintf(why, sizeof(why), "has \"%s\", a time zone that is not known "
	    "here", w.zone);
	return why;
}

int
variable_ok(const char *s)
{
	return *s && !strchr(DIGITS, *s) && !s[strspn(s, LETTERS DIGITS)];
}

int
path_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/');
}
