/* claims.c - what was named already: STATE/.claims */
/* SPDX-License-Identifier: ISC */
/*
 * The lines `config STAMP`, `named TIME` and `hurries N`, and then one for each
 * service: its name, when it was named, the stamps of its frozen, pin and poke,
 * the commit that was wanted, and the stamp of its unfreeze, parted by tabs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claims.h"
#include "util.h"

enum { CLAIMS_MAX = 64 << 20 };

/* Takes the field at *p, up to a tab or the end; -1 where it doesn't fit. */
static int
field(const char **p, char *buf, size_t size)
{
	size_t n = strcspn(*p, "\t");

	if (n >= size)
		return -1;
	memcpy(buf, *p, n);
	buf[n] = '\0';
	*p += n + ((*p)[n] == '\t');
	return 0;
}

static int
claim_parse(struct claim *claim, const char *line)
{
	char number[24];
	int i;

	memset(claim, 0, sizeof(*claim));
	if (field(&line, claim->name, sizeof(claim->name)) < 0 ||
	    !service_name_ok(claim->name) ||
	    field(&line, number, sizeof(number)) < 0 ||
	    (claim->time = parse_number(number)) < 0)
		return -1;
	for (i = 0; i < UNFREEZE; i++)
		if (field(&line, claim->stamp[i], sizeof(claim->stamp[i])) < 0)
			return -1;
	claim->known = 1;
	return field(&line, claim->wanted, sizeof(claim->wanted)) |
	    field(&line, claim->stamp[UNFREEZE], sizeof(*claim->stamp));
}

static void
line_read(struct claims *c, const char *line)
{
	struct claim claim;

	if (strncmp(line, "config ", 7) == 0) {
		snprintf(c->config, sizeof(c->config), "%s", line + 7);
	} else if (strncmp(line, "named ", 6) == 0) {
		c->named = parse_number(line + 6);
	} else if (strncmp(line, "hurries ", 8) == 0) {
		c->hurries = parse_number(line + 8);
	} else if (claim_parse(&claim, line) == 0) {
		c->list = xreallocarray(c->list, c->n + 1, sizeof(*c->list));
		c->list[c->n++] = claim;
	}
}

void
claims_read(struct claims *c)
{
	char *text, *line, *end;
	size_t len;

	memset(c, 0, sizeof(*c));
	text = file_read(state_dir, ".claims", CLAIMS_MAX, &len);
	if (!text && errno != ENOENT)
		warn("%s/.claims:", state_path);
	for (line = text; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		line_read(c, line);
	}
	free(text);
}

static int
claims_store(const char *text, size_t len)
{
	char tmp[64];
	int fd, result;

	/* no fsync: a crash only makes us name some once more */
	snprintf(tmp, sizeof(tmp), ".%ld.tmp", (long)getpid());
	fd = openat(state_dir, tmp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	result = write_all(fd, text, len);
	if (close(fd) < 0 || result < 0 ||
	    renameat(state_dir, tmp, state_dir, ".claims") < 0) {
		unlinkat(state_dir, tmp, 0);
		return -1;
	}
	return 0;
}

int
claims_write(const struct claims *c)
{
	size_t i, len;
	char *text;
	FILE *f = open_memstream(&text, &len);
	int result;

	if (!f)
		return -1;
	fprintf(f, "config %s\nnamed %lld\nhurries %lld\n", c->config,
	    (long long)c->named, (long long)c->hurries);
	for (i = 0; i < c->n; i++)
		fprintf(f, "%s\t%lld\t%s\t%s\t%s\t%s\t%s\n", c->list[i].name,
		    (long long)c->list[i].time, c->list[i].stamp[FROZEN],
		    c->list[i].stamp[PIN], c->list[i].stamp[POKE],
		    c->list[i].wanted, c->list[i].stamp[UNFREEZE]);
	result = ferror(f);
	if (fclose(f) == EOF || result) {
		free(text);
		return -1;
	}
	result = claims_store(text, len);
	free(text);
	return result;
}
