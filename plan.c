/* plan.c - what a service's tree holds (index), or is to hold (plan) */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sha1.h>

#include "config.h"
#include "plan.h"
#include "util.h"

/* Adds the entry, and takes over its path. */
static struct entry *
plan_push(struct plan *plan, const struct entry *e)
{
	/* room for 64 at first, then twice as many each time */
	if ((plan->n & (plan->n - 1)) == 0 && (plan->n == 0 || plan->n >= 64))
		plan->entry = xreallocarray(plan->entry,
		    plan->n ? plan->n * 2 : 64, sizeof(*plan->entry));
	plan->entry[plan->n] = *e;
	return &plan->entry[plan->n++];
}

struct entry *
plan_add(struct plan *plan, const struct entry *e)
{
	struct entry copy = *e;

	copy.path = xstrdup(e->path);
	return plan_push(plan, &copy);
}

void
plan_link(struct plan *plan, const char *link)
{
	plan->link = xreallocarray(plan->link, plan->nlinks + 1,
	    sizeof(*plan->link));
	plan->link[plan->nlinks++] = xstrdup(link);
}

void
plan_free(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		free(plan->entry[i].path);
	for (i = 0; i < plan->nlinks; i++)
		free(plan->link[i]);
	free(plan->entry);
	free(plan->link);
	free(plan->tree);
	memset(plan, 0, sizeof(*plan));
}

/* Takes a number and the byte that follows it off *s. There are some for each
 * file, at each look: sscanf(3) would take five times as long. */
static int
number_take(char **s, int base, char after, uint64_t *n)
{
	char *end;

	if (!isxdigit((unsigned char)**s))
		return -1;
	errno = 0;
	*n = strtoull(*s, &end, base);
	if (errno || end == *s || *end != after)
		return -1;
	*s = end + 1;
	return 0;
}

static int
entry_parse(struct plan *plan, char *line)
{
	struct entry e = { 0 };
	uint64_t mode, sec, nsec;
	int before_1970;

	if (number_take(&line, 8, ' ', &mode) < 0 || mode > 0177777 ||
	    strlen(line) < 41 || line[40] != ' ')
		return -1;
	line[40] = '\0';
	if (!is_hash(line, 40))
		return -1;
	memcpy(e.id, line, sizeof(e.id));
	line += 41;
	if (number_take(&line, 10, ' ', &e.size) < 0 ||
	    number_take(&line, 10, ' ', &e.ino) < 0)
		return -1;
	before_1970 = *line == '-';
	line += before_1970;
	if (number_take(&line, 10, '.', &sec) < 0 ||
	    number_take(&line, 10, '\t', &nsec) < 0 ||
	    !(e.path = path_unquote(line)))
		return -1;
	e.mode = (unsigned)mode;
	e.mtime.tv_sec = before_1970 ? -(time_t)sec : (time_t)sec;
	e.mtime.tv_nsec = (long)nsec;
	if (plan->n && strcmp(plan->entry[plan->n - 1].path, e.path) >= 0)
		return -1;
	plan_add(plan, &e);
	return 0;
}

static int
line_parse(struct plan *plan, char *line)
{
	if (strncmp(line, "commit ", 7) == 0 && is_hash(line + 7, 40))
		snprintf(plan->commit, sizeof(plan->commit), "%s", line + 7);
	else if (strncmp(line, "tree ", 5) == 0 && !plan->tree)
		plan->tree = xstrdup(line + 5);
	else if (strncmp(line, "owner ", 6) == 0)
		plan->owner = (uid_t)parse_number(line + 6);
	else if (strncmp(line, "link ", 5) == 0)
		plan_link(plan, line + 5);
	else
		return entry_parse(plan, line);
	return 0;
}

int
plan_read(struct plan *plan, int dir, const char *file)
{
	char *text, *line, *end;
	size_t len;

	memset(plan, 0, sizeof(*plan));
	text = file_read(dir, file, PLAN_MAX, &len);
	if (!text)
		return errno == ENOENT ? 0 : -1;
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (line_parse(plan, line) < 0)
			break;
	}
	if (line != text + len || !*plan->commit || !plan->tree) {
		free(text);
		plan_free(plan);
		errno = EINVAL;
		return -1;
	}
	free(text);
	return 0;
}

static void
entry_print(FILE *f, const struct entry *e)
{
	char *path = path_quote(e->path);

	fprintf(f, "%06o %s %llu %llu %lld.%09ld\t%s\n", e->mode, e->id,
	    (unsigned long long)e->size, (unsigned long long)e->ino,
	    (long long)e->mtime.tv_sec, (long)e->mtime.tv_nsec, path);
	free(path);
}

int
plan_write(const struct plan *plan, int dir, const char *file)
{
	char *text = NULL;
	size_t i, len;
	FILE *f = open_memstream(&text, &len);
	int result;

	if (!f)
		return -1;
	fprintf(f, "commit %s\ntree %s\nowner %lu\n", plan->commit, plan->tree,
	    (unsigned long)plan->owner);
	for (i = 0; i < plan->nlinks; i++)
		fprintf(f, "link %s\n", plan->link[i]);
	for (i = 0; i < plan->n; i++)
		entry_print(f, &plan->entry[i]);
	if (ferror(f) | fclose(f)) {
		free(text);
		errno = ENOMEM;
		return -1;
	}
	result = file_write(dir, file, text, len, 0644);
	free(text);
	return result;
}

size_t
plan_position(const struct plan *plan, const char *path)
{
	size_t low = 0, high = plan->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(plan->entry[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct entry *
plan_find(const struct plan *plan, const char *path)
{
	size_t i = plan_position(plan, path);

	if (i < plan->n && strcmp(plan->entry[i].path, path) == 0)
		return &plan->entry[i];
	return NULL;
}

void
plan_merge(struct plan *plan, const struct plan *old, const struct plan *drop)
{
	struct plan all = { 0 };
	size_t i = 0, j = 0, k = 0;
	int order;

	while (i < old->n || j < plan->n) {
		order = i == old->n ? 1 : j == plan->n ? -1 :
		    strcmp(old->entry[i].path, plan->entry[j].path);
		if (order >= 0) {
			i += order == 0;
			plan_push(&all, &plan->entry[j++]);
			continue;
		}
		while (k < drop->n &&
		    strcmp(drop->entry[k].path, old->entry[i].path) < 0)
			k++;
		if (k == drop->n ||
		    strcmp(drop->entry[k].path, old->entry[i].path))
			plan_add(&all, &old->entry[i]);
		i++;
	}
	free(plan->entry);
	plan->entry = all.entry;
	plan->n = all.n;
}

int
entry_stat(struct entry *e, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	e->size = (uint64_t)st.st_size;
	e->ino = st.st_ino;
	e->mtime = st.st_mtim;
	return 0;
}

/* The bytes of a link or of a regular file, size of them, into the hash. */
static int
hash_file(SHA1_CTX *ctx, int dir, const char *name, mode_t mode, uint64_t size)
{
	unsigned char buf[16384];
	ssize_t n;
	int fd;

	if (S_ISLNK(mode)) {
		n = readlinkat(dir, name, (char *)buf, sizeof(buf));
		if (n > 0)
			SHA1Update(ctx, buf, (size_t)n);
		return n >= 0 && (uint64_t)n == size ? 0 : -1;
	}
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (size && (n = read(fd, buf, sizeof(buf))) > 0) {
		SHA1Update(ctx, buf, (size_t)n);
		size -= (uint64_t)n < size ? (uint64_t)n : size;
	}
	close(fd);
	return size ? -1 : 0;
}

static int
content_is(const struct entry *e, int dir, const char *name, mode_t mode)
{
	SHA1_CTX ctx;
	char head[40], id[SHA1_DIGEST_STRING_LENGTH];
	int n = snprintf(head, sizeof(head), "blob %llu",
	    (unsigned long long)e->size);

	SHA1Init(&ctx);
	SHA1Update(&ctx, (unsigned char *)head, (size_t)n + 1);
	if (hash_file(&ctx, dir, name, mode, e->size) < 0)
		return 0;
	SHA1End(&ctx, id);
	return strcmp(id, e->id) == 0;
}

int
entry_intact(const struct entry *e, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (st.st_mode & S_IFMT) != (e->mode & S_IFMT) ||
	    (uint64_t)st.st_size != e->size)
		return 0;
	if (S_ISREG(st.st_mode) && (st.st_mode & 07777) != (e->mode & 07777))
		return 0;
	if (st.st_ino == e->ino && st.st_mtim.tv_sec == e->mtime.tv_sec &&
	    st.st_mtim.tv_nsec == e->mtime.tv_nsec)
		return 1;
	return content_is(e, dir, name, st.st_mode);
}

int
entry_intact_in(const struct entry *e, struct walk *walk)
{
	const char *slash = strrchr(e->path, '/');
	size_t n = slash ? (size_t)(slash - e->path) : 0;

	if (!walk->above || strlen(walk->above) != n ||
	    strncmp(walk->above, e->path, n)) {
		walk_end(walk);
		walk->above = xstrndup(e->path, n);
		walk->dir = open_beneath(walk->root, walk->above,
		    O_PATH | O_DIRECTORY, 0);
	}
	return walk->dir >= 0 &&
	    entry_intact(e, walk->dir, slash ? slash + 1 : e->path);
}

void
walk_end(struct walk *walk)
{
	if (walk->above && walk->dir >= 0)
		close(walk->dir);
	free(walk->above);
	walk->above = NULL;
}
