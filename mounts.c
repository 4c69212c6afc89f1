/* mounts.c - NAME/mounts, what a service has mounted */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "mounts.h"
#include "util.h"

static void
mounts_add(struct mounts *m, const char *source, const char *target,
	const char *id, uint64_t mount)
{
	struct entry *e;

	m->entry = xreallocarray(m->entry, m->n + 1, sizeof(*e));
	e = &m->entry[m->n++];
	e->source = xstrdup(source);
	e->target = xstrdup(target);
	e->id = xstrdup(id);
	e->mount = mount;
	m->changed = 1;
}

static void
entry_free(struct entry *e)
{
	free(e->source);
	free(e->target);
	free(e->id);
}

void
mounts_note(struct mounts *m, const char *source, const char *target,
	const char *id, uint64_t mount)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->entry[i].mount == mount &&
		    strcmp(m->entry[i].target, target) == 0 &&
		    strcmp(m->entry[i].id, id) == 0 &&
		    strcmp(m->entry[i].source, source) == 0)
			return;
	mounts_add(m, source, target, id, mount);
}

int
mounts_have(const struct mounts *m, const char *target, const char *id)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->entry[i].target, target) == 0 &&
		    strcmp(m->entry[i].id, id) == 0)
			return 1;
	return 0;
}

void
mounts_keep(struct mounts *m, const char *source, const char *target,
	const char *id, uint64_t mount)
{
	size_t i, n = 0;

	for (i = 0; i < m->n; i++) {
		struct entry *e = &m->entry[i];

		if (strcmp(e->target, target) == 0 && (!source ||
		    strcmp(e->source, source) || strcmp(e->id, id) ||
		    e->mount != mount))
			entry_free(e);
		else
			m->entry[n++] = *e;
	}
	if (n != m->n)
		m->changed = 1;
	m->n = n;
}

/* Takes a line apart, in place. Returns 0, or -1 where it is none of ours. */
static int
entry_parse(struct entry *e, char *line)
{
	char *mount;

	e->source = line;
	e->target = strchr(line, '\t');
	if (!e->target)
		return -1;
	*e->target++ = '\0';
	e->id = strchr(e->target, '\t');
	if (!e->id)
		return -1;
	*e->id++ = '\0';
	/* not in what the first version wrote */
	mount = strchr(e->id, '\t');
	if (mount)
		*mount++ = '\0';
	e->mount = mount ? (uint64_t)parse_number(mount) : 0;
	e->source = path_unquote(e->source);
	e->target = path_unquote(e->target);
	if (!e->source || *e->source != '/' || !e->target || *e->target != '/')
		return -1;
	return *e->id && !e->id[strspn(e->id, "0123456789:")] ? 0 : -1;
}

int
mounts_read(struct mounts *m, int dir, size_t *odd)
{
	struct entry e;
	char *text, *p, *end;
	size_t len;

	memset(m, 0, sizeof(*m));
	*odd = 0;
	text = file_read(dir, "mounts", STATE_FILE_MAX, &len);
	if (!text)
		return errno == ENOENT ? 0 : -1;
	for (p = text; p < text + len; p = end + 1) {
		end = memchr(p, '\n', len - (size_t)(p - text));
		if (!end)
			end = text + len;
		*end = '\0';
		if (strlen(p) == (size_t)(end - p) && entry_parse(&e, p) == 0)
			mounts_add(m, e.source, e.target, e.id, e.mount);
		else
			++*odd;
	}
	free(text);
	m->changed = *odd > 0;
	return 0;
}

static char *
entry_line(const struct entry *e)
{
	char *source = path_quote(e->source), *target = path_quote(e->target);
	char *line = xasprintf("%s\t%s\t%s\t%llu\n", source, target, e->id,
	    (unsigned long long)e->mount);

	free(source);
	free(target);
	return line;
}

int
mounts_write(struct mounts *m, int dir)
{
	char *text = NULL, *line;
	size_t i, n, len = 0;
	int result;

	if (!m->changed)
		return 0;
	for (i = 0; i < m->n; i++) {
		line = entry_line(&m->entry[i]);
		n = strlen(line);
		text = xreallocarray(text, len + n, 1);
		memcpy(text + len, line, n);
		len += n;
		free(line);
	}
	if (m->n)
		result = file_write(dir, "mounts", text, len, 0644);
	else if ((result = unlinkat(dir, "mounts", 0)) < 0 && errno == ENOENT)
		result = 0;
	free(text);
	if (result == 0)
		m->changed = 0;
	return result;
}

void
mounts_free(struct mounts *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		entry_free(&m->entry[i]);
	free(m->entry);
	memset(m, 0, sizeof(*m));
}
