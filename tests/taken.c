/* taken - gitopper-pull, whose children have been taken over */
/* SPDX-License-Identifier: ISC */
/*
 * In the place of fetch.c and reader.c: all else is the real thing. TAKEN in
 * the environment says what they do: `fill` or `crowd` the store, and for the
 * commit that the fetching child made up, flood with `changes`, `drip` byte by
 * byte, or `shout` on standard error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fetch.h"
#include "pull.h"
#include "util.h"

static const char id[] = "1111111111111111111111111111111111111111";

static int
told(const char *what)
{
	const char *how = getenv("TAKEN");

	return how && strcmp(how, what) == 0;
}

/* What the fetching child's other parts would call. */
void
answer(const char *fmt, ...)
{
	(void)fmt;
	_exit(EXIT_SYS);
}

/* Makes n files in dir, of so many bytes. */
static void
store_fill(const char *dir, int n, size_t size)
{
	char *bytes = xmalloc(size), path[4096];
	int i, fd;

	memset(bytes, 'x', size);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/file.%d", dir, i);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		if (fd < 0 || write_all(fd, bytes, size) < 0)
			break;
		close(fd);
	}
	free(bytes);
}

/* What copies a local repository tells fetch.c: there is none here. */
void
bytes_came(void *arg, size_t len)
{
	(void)arg;
	(void)len;
}

void
fetch_work(void *arg)
{
	const struct fetch *fetch = arg;
	char line[100];
	int n;

	if (told("fill")) {
		store_fill(fetch->repo, 100, 1 << 20);
		pause();
	}
	if (told("crowd"))
		store_fill(fetch->repo, 200, 0);
	n = snprintf(line, sizeof(line), "tip main\t%s\ndone\n", id);
	if (write_all(3, line, (size_t)n) < 0)
		_exit(EXIT_SYS);
}

/* A path that is long, and four times that when it is quoted. */
static void
changes_flood(FILE *out, int n)
{
	char path[4001];

	memset(path, 1, sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	while (n--)
		fprintf(out, "change M %zu\n%s", strlen(path), path);
}

void
reader_work(void *arg)
{
	FILE *out = fdopen(3, "w");
	int i;

	(void)arg;
	if (!out)
		return;
	for (i = 0; told("shout") && i < 20000; i++)
		fprintf(stderr, "\033[2J\233 shouts %d\n", i);
	fprintf(out, "commit %s\n", id);
	if (told("changes"))
		changes_flood(out, 60000);
	for (i = 0; told("drip"); i++) {
		fputs(i % 7 ? "x" : "skip 6\n", out);
		fflush(out);
		usleep(100000);
	}
	fputs("end\n", out);
	fflush(out);
}
