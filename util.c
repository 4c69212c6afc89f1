/* util.c - messages, memory and paths */
/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"
#include "util.h"

const char *argv0 = "gitopper";
int debug;

/* what systemd's journal knows them by, as syslog(3) */
enum level { LEVEL_ERROR = 3, LEVEL_INFO = 6, LEVEL_DEBUG = 7 };
static int journal;

/* Whether standard error is what JOURNAL_STREAM says that the journal reads;
 * systemd.exec(5). */
static int
is_journal(void)
{
	const char *told = getenv("JOURNAL_STREAM");
	struct stat st;
	char here[64];

	if (!told || fstat(STDERR_FILENO, &st) < 0)
		return 0;
	snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(here, told) == 0;
}

void
setup(const char *arg)
{
	const char *slash = strrchr(arg, '/');
	int fd;

	argv0 = slash ? slash + 1 : arg;
	/* else a file of ours would be taken for what is missing */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		die(EXIT_SYS, "/dev/null:");
	close(fd);
	journal = is_journal();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

void
end_with(pid_t parent, int sig)
{
	if (prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0) < 0 || getppid() != parent)
		_exit(EXIT_SYS);
}

static void
say(enum level level, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[1024];
	size_t n = 0, len = strlen(fmt);

	if (journal)
		n = (size_t)snprintf(line, sizeof(line) - 1, "<%d>", level);
	n += (size_t)snprintf(line + n, sizeof(line) - 1 - n, "%s: ", argv0);
	vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
	n = strlen(line);
	if (len && fmt[len - 1] == ':')
		snprintf(line + n, sizeof(line) - 1 - n, " %s",
		    strerror(saved));
	plain(line);
	n = strlen(line);
	line[n++] = '\n';
	/* where standard error is gone, there is nobody left to tell */
	(void)write_all(STDERR_FILENO, line, n);
	errno = saved;
}

void
warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void
inform(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void
note(const char *fmt, ...)
{
	va_list ap;

	if (!debug)
		return;
	va_start(ap, fmt);
	say(LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

void
die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LEVEL_ERROR, fmt, ap);
	va_end(ap);
	exit(status);
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		die(EXIT_SYS, "malloc:");
	return p;
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size);
	if (!p)
		die(EXIT_SYS, "realloc:");
	return p;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t n)
{
	char *p = strndup(s, n);

	if (!p)
		die(EXIT_SYS, "strdup:");
	return p;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		die(EXIT_SYS, "asprintf:");
	return p;
}

int
path_join(char *buf, size_t size, const char *dir, const char *name)
{
	int n = snprintf(buf, size, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int64_t
parse_number(const char *s)
{
	int64_t n = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > (INT64_MAX - 9) / 10)
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

/* The digits at *s, at most max of them, or -1; *s comes to their end. */
static int64_t
digits_take(const char **s, size_t max)
{
	size_t digits = strspn(*s, "0123456789");
	int64_t n = 0;

	if (digits < 1 || digits > max)
		return -1;
	while (digits--)
		n = n * 10 + (*(*s)++ - '0');
	return n;
}

/* What a dot and digits at *s are of ms milliseconds, rounded up, 0 where there
 * is no dot; or -1. */
static int64_t
fraction_take(const char **s, int64_t ms)
{
	const char *start;
	int64_t n, scale = 1;

	if (**s != '.')
		return 0;
	start = ++*s;
	/* so that a day's still fit */
	n = digits_take(s, 9);
	if (n < 0)
		return -1;
	while (start++ < *s)
		scale *= 10;
	return (n * ms + scale - 1) / scale;
}

int64_t
parse_duration(const char *s)
{
	static const struct { const char *name; int64_t ms; } units[] = {
		{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
		{ "s", 1000 }, { "ms", 1 },
	};
	const size_t nunits = sizeof(units) / sizeof(*units);
	const int64_t most = INT64_C(100) * 365 * 86400;
	int64_t n = parse_number(s), sum = 0, part;
	const char *number;
	size_t i = 0, len;

	if (n >= 0)
		return n <= most ? n : -1;
	if (!*s)
		return -1;
	while (*s) {
		number = s + strspn(s, "0123456789.");
		len = strcspn(number, "0123456789.");
		while (i < nunits && (strlen(units[i].name) != len ||
		    strncmp(units[i].name, number, len) != 0))
			i++;
		/* ten digits are more than a hundred years of seconds */
		if (i == nunits || (n = digits_take(&s, 10)) < 0 ||
		    (part = fraction_take(&s, units[i].ms)) < 0 || s != number)
			return -1;
		sum += n * units[i++].ms + part;
		s += len;
	}
	sum = (sum + 999) / 1000;
	return sum <= most ? sum : -1;
}

int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
is_hash(const char *s, size_t min)
{
	size_t n = strspn(s, "0123456789abcdef");

	return !s[n] && n >= min && n <= 40;
}

char *
plain(char *s)
{
	return text_plain(s, strlen(s), "");
}

/* the letters of C's escapes, each before the byte it stands for */
static const char escapes[] = "a\ab\bf\fn\nr\rt\tv\v\"\"\\\\";

static char
escape_of(char c)
{
	const char *p;

	for (p = escapes; *p; p += 2)
		if (p[1] == c)
			return p[0];
	return 0;
}

char *
path_quote(const char *path)
{
	char *out = xmalloc(strlen(path) * 4 + 3), *o = out;
	const unsigned char *p;
	int odd = 0;

	*o++ = '"';
	for (p = (const unsigned char *)path; *p; p++) {
		char c = escape_of((char)*p);

		if (c) {
			*o++ = '\\';
			*o++ = c;
		} else if (*p < 32 || *p >= 127) {
			*o++ = '\\';
			*o++ = (char)('0' + (*p >> 6));
			*o++ = (char)('0' + (*p >> 3 & 7));
			*o++ = (char)('0' + (*p & 7));
		} else {
			*o++ = (char)*p;
			continue;
		}
		odd = 1;
	}
	if (!odd) {
		*o = '\0';
		memmove(out, out + 1, (size_t)(o - out));
		return out;
	}
	*o++ = '"';
	*o = '\0';
	return out;
}

size_t
path_quoted_max(const char *path)
{
	const unsigned char *p;
	size_t n = 2;

	for (p = (const unsigned char *)path; *p; p++)
		n += escape_of((char)*p) || *p < 32 || *p >= 127 ? 4 : 1;
	return n;
}

/* One escape at *s, past the backslash; -1 where it is none. */
static int
unescape(const char **s)
{
	const char *p = *s, *e;
	int i, c = 0;

	if (*p >= '0' && *p <= '3') {
		for (i = 0; i < 3; i++, p++) {
			if (*p < '0' || *p > '7')
				return -1;
			c = c * 8 + (*p - '0');
		}
		*s = p;
		return c ? c : -1;
	}
	for (e = escapes; *e; e += 2)
		if (*e == *p) {
			*s = p + 1;
			return (unsigned char)e[1];
		}
	return -1;
}

char *
path_unquote(char *s)
{
	const char *p = s + 1;
	char *o = s;
	int c;

	if (*s != '"')
		return s;
	while (*p && *p != '"') {
		c = (unsigned char)*p++;
		if (c == '\\' && (c = unescape(&p)) < 0)
			return NULL;
		*o++ = (char)c;
	}
	if (p[0] != '"' || p[1])
		return NULL;
	*o = '\0';
	return s;
}
