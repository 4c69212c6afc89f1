/* zone.c - the time zones that the C library knows */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "util.h"
#include "zone.h"

/* This one needs no file: small systems have none. */
static int
is_utc(const char *name)
{
	return strcmp(name, "UTC") == 0;
}

/* There are other files beside the zones; see tzfile(5). */
int
zone_known(const char *name)
{
	char path[256], magic[4];
	struct stat st;
	int fd, known;

	if (is_utc(name))
		return 1;
	if (path_join(path, sizeof(path), zone_dir, name) < 0)
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	known = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    read_all(fd, magic, sizeof(magic)) == 0 &&
	    memcmp(magic, "TZif", sizeof(magic)) == 0;
	close(fd);
	return known;
}

int
zone_enter(const char *name)
{
	static char *own;	/* TZ as we found it */
	static int seen;
	const char *tz = getenv("TZ");
	char *path = NULL;
	int failed;

	if (!seen && tz)
		own = xstrdup(tz);
	seen = 1;
	if (*name && !zone_known(name))
		return -1;
	/* by its path: by name the library looks where it likes, and takes
	 * what it doesn't find for UTC */
	if (is_utc(name))
		path = xstrdup("UTC0");
	else if (*name)
		path = xasprintf(":%s/%s", zone_dir, name);
	if (path || own)
		failed = setenv("TZ", path ? path : own, 1);
	else
		failed = unsetenv("TZ");
	free(path);
	if (failed)
		die(EXIT_SYS, "TZ:");
	tzset();
	return 0;
}
