/* localrepo.c - an upstream that is a directory here: where it has what */
/* SPDX-License-Identifier: ISC */
/*
 * Whoever owns the repository decides what its links and alternates lead to,
 * and this child's user may read more than that person: the stores of all
 * other upstreams. So before the first object is read, the child gives up the
 * right to read anything but the directories that the repository consists of;
 * and ours are none of these.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>

#include "state.h"
#include "confine.h"
#include "contact.h"
#include "fetch.h"
#include "localrepo.h"
#include "util.h"

enum {
	REF_MAX = 4096,			/* bytes of a ref or a link to one */
	PACKED_REFS_MAX = 256 << 20,
	SYMREFS_MAX = 5,		/* refs that name each other, as git */
	ALTERNATES_MAX = 5,		/* the same of repositories */
	ALTERNATES_SIZE = 1 << 16,	/* of the file that says which */
};

int
url_is_local(const char *url)
{
	return *url == '/' || strncmp(url, "file://", 7) == 0;
}

/* What is wrong there is no damage of ours. */
static int
fail(const struct localrepo *r, const char *name, const char *why)
{
	char text[400];

	snprintf(text, sizeof(text), "%s%s%s: %s", r->path, *name ? ": " : "",
	    name, why);
	git_error_set_str(GIT_ERROR_NET, text);
	return -1;
}

static int
fail_errno(const struct localrepo *r, const char *name)
{
	char why[200];

	if (errno != EACCES)
		return fail(r, name, strerror(errno));
	snprintf(why, sizeof(why), "Permission denied: the user with the id "
	    "%lu, who fetches, has to be able to read it",
	    (unsigned long)geteuid());
	return fail(r, name, why);
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* The path that a URL means, without %20 and the like; to be freed. */
static char *
url_path(const char *url)
{
	char *path = xstrdup(url), *from, *to;

	if (*url == '/')
		return path;
	for (from = path + 7, to = path; *from; from++, to++) {
		*to = *from;
		if (*from != '%' || hex_digit(from[1]) < 0 ||
		    hex_digit(from[2]) < 0)
			continue;
		*to = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
		from += 2;
	}
	*to = '\0';
	return path;
}

/* The path that name, a file in dir, has in it after prefix, relative ones
 * counting from dir. NULL: there is no such file. To be freed. */
static char *
link_read(const char *dir, const char *name, const char *prefix)
{
	char *path = xasprintf("%s/%s", dir, name), *text, *to = NULL;
	size_t len, n = strlen(prefix);

	text = file_read(AT_FDCWD, path, REF_MAX, &len);
	free(path);
	if (text && strncmp(text, prefix, n) == 0) {
		text[strcspn(text, "\r\n")] = '\0';
		to = text[n] == '/' ? xstrdup(text + n) :
		    xasprintf("%s/%s", dir, text + n);
	}
	free(text);
	return to;
}

static int
has(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	int there = access(path, F_OK) == 0, saved = errno;

	free(path);
	errno = saved;
	return there;
}

/* The directory that has HEAD: path/.git, what a file of that name leads to
 * (of a work tree beside the first, gitrepository-layout(5)), or path. */
static char *
git_dir(const char *path)
{
	char *dir = xasprintf("%s/.git", path), *to;

	to = link_read(path, ".git", "gitdir: ");
	if (to || (!has(dir, "HEAD") && errno != EACCES)) {
		free(dir);
		dir = to ? to : xstrdup(path);
	}
	return dir;
}

static int
find(struct localrepo *r)
{
	char *dir;
	struct stat st;

	if (stat(r->path, &st) < 0)
		return fail_errno(r, "");
	if (!S_ISDIR(st.st_mode))
		return fail(r, "", "it is no directory");
	if (access(r->path, R_OK | X_OK) < 0)
		return fail_errno(r, "");
	dir = git_dir(r->path);
	r->common = link_read(dir, "commondir", "");
	if (!r->common)
		r->common = xstrdup(dir);
	errno = 0;
	if (!has(dir, "HEAD") || !has(r->common, "objects/.")) {
		free(dir);
		return errno == EACCES ? fail_errno(r, "") :
		    fail(r, "", "it is no git repository");
	}
	free(dir);
	if (has(r->common, "reftable"))
		return fail(r, "", "its refs are a reftable, which can't be "
		    "read: git refs migrate --ref-format=files makes it one "
		    "that can");
	return 0;
}

/* Whether a directory is that one, or lies below it: 1, 0, or -1 where it can't
 * be known. By their inodes, since a mount may give a place a second path.
 * What we may not enter is none of ours, nor above it. */
static int
is_below(int dir, const struct stat *that)
{
	struct stat st, above = { 0 };
	int fd = dup(dir), next, result = -1;

	while (fd >= 0 && fstat(fd, &st) == 0) {
		result = st.st_dev == that->st_dev && st.st_ino == that->st_ino;
		if (result || (st.st_dev == above.st_dev &&
		    st.st_ino == above.st_ino))
			break;	/* that, or the root */
		result = -1;
		above = st;
		next = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (next < 0 && errno == EACCES)
			result = 0;
		close(fd);
		fd = next;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

/* Whether what may be read below that directory is ours, or part of it is. */
static int
is_ours(int fd)
{
	char *path = xasprintf("%s/.upstream", state_path);
	int ours = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st, all;
	int result = ours < 0 || fstat(ours, &all) < 0 || fstat(fd, &st) < 0 ||
	    is_below(fd, &all) || is_below(ours, &st);

	if (ours >= 0)
		close(ours);
	free(path);
	return result;
}

/* Notes a directory that has to be read. What can't be is as good as missing,
 * until an object is. */
static int
place_add(struct localrepo *r, const char *path)
{
	int fd;

	if (r->nplaces == LOCAL_PLACES)
		return fail(r, "", "it leans on too many others");
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	r->place[r->nplaces++] = fd;
	return is_ours(fd) ? fail(r, "", "it leans on an object store of "
	    "gitopper's, which is nobody else's") : 0;
}

/* Notes a directory of objects, and those that it says have more of them. */
static int
objects_add(struct localrepo *r, const char *dir, int depth)
{
	char *path = xasprintf("%s/info/alternates", dir), *text, *rest, *line;
	size_t len;
	int e = place_add(r, dir);

	rest = text = e || depth > ALTERNATES_MAX ? NULL :
	    file_read(AT_FDCWD, path, ALTERNATES_SIZE, &len);
	free(path);
	while (!e && (line = strsep(&rest, "\n"))) {
		if (!*line || *line == '#')
			continue;
		path = *line == '/' ? xstrdup(line) :
		    xasprintf("%s/%s", dir, line);
		e = objects_add(r, path, depth + 1);
		free(path);
	}
	free(text);
	return e;
}

/* From here on nothing else can be read; and written, what could be before. */
static int
confine(struct localrepo *r, const char *store)
{
	struct confine_path paths[LOCAL_PLACES + 2] = {
		{ store, 1 }, { "/dev/urandom", 0 }
	};
	char names[LOCAL_PLACES][40];
	size_t i;
	int e;

	for (i = 0; i < r->nplaces; i++) {
		snprintf(names[i], sizeof(names[i]), "/proc/self/fd/%d",
		    r->place[i]);
		paths[i + 2] = (struct confine_path){ names[i], 0 };
	}
	e = confine_paths(paths, r->nplaces + 2, 0, 0, 0);
	for (i = 0; i < r->nplaces; i++)
		close(r->place[i]);
	/* a kernel without Landlock has been told of */
	return e < 0 ? fail_errno(r, "Landlock") : 0;
}

int
localrepo_refresh(struct localrepo *r)
{
	char *path = xasprintf("%s/objects", r->common);
	git_odb *odb;
	int e = git_odb_open(&odb, path);

	free(path);
	if (e)
		return fail(r, "objects", git_message());
	git_odb_free(r->odb);
	r->odb = odb;
	return 0;
}

int
localrepo_is_shallow(const struct localrepo *r)
{
	return has(r->common, "shallow");
}

int
localrepo_open(struct session *session)
{
	struct localrepo *r = xmalloc(sizeof(*r));
	char *objects;
	int e;

	memset(r, 0, sizeof(*r));
	r->path = url_path(session->fetch->up->url);
	session->local = r;
	/* who reads what is copied checks it */
	if (git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0) < 0)
		return -1;
	if (find(r) || place_add(r, r->common))
		return -1;
	objects = xasprintf("%s/objects", r->common);
	e = objects_add(r, objects, 0);
	free(objects);
	return e || confine(r, session->fetch->repo) ? -1 :
	    localrepo_refresh(r);
}

/* Takes the id that a ref has. */
static int
id_take(const struct localrepo *r, git_oid *id, const char *name,
	const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	if (n == 64)
		return fail(r, "", "it is a SHA-256 repository, and only SHA-1 "
		    "is known here");
	if (n != 40 || (text[n] && !strchr(" \r\n", text[n])))
		return fail(r, name, "that is no ref");
	return git_oid_fromstrn(id, text, n);
}

/* Reads a ref that is a file of its own. Returns GIT_ENOTFOUND where it is
 * none; *to is then the name of the one to look for. To be freed. */
static int
loose_read(const struct localrepo *r, git_oid *id, const char *name, char **to)
{
	char *path, *text;
	size_t len;
	int e, links;

	*to = xstrdup(name);
	for (links = 0; links <= SYMREFS_MAX; links++) {
		path = xasprintf("%s/%s", r->common, *to);
		text = file_read(AT_FDCWD, path, REF_MAX, &len);
		e = text || errno == ENOENT || errno == ENOTDIR ||
		    errno == EINVAL ? GIT_ENOTFOUND : fail_errno(r, *to);
		free(path);
		if (!text)
			return e;
		if (strncmp(text, "ref: refs/", 10)) {
			e = id_take(r, id, *to, text);
			free(text);
			return e;
		}
		text[strcspn(text, "\r\n")] = '\0';
		free(*to);
		*to = xstrdup(text + 5);
		free(text);
		if (strstr(*to, "/.."))
			break;
	}
	return fail(r, name, "it leads nowhere");
}

/* A ref that a branch may mean. */
struct ref {
	char *name;
	char *to;		/* what to look for among the packed ones */
	git_oid id;
	int found;
};

static int
ref_compare(const void *a, const void *b)
{
	return strcmp(((const struct ref *)a)->to, ((const struct ref *)b)->to);
}

/* Takes a line `ID NAME` of packed-refs, for all that look for it. */
static int
packed_take(const struct localrepo *r, char *line, struct ref *refs, size_t n)
{
	struct ref key = { .to = strchr(line, ' ') }, *ref;
	int e;

	if (!key.to || strchr("#^", *line))
		return 0;
	*key.to++ = '\0';
	ref = bsearch(&key, refs, n, sizeof(*refs), ref_compare);
	while (ref && ref > refs && ref_compare(ref - 1, &key) == 0)
		ref--;
	for (; ref && ref < refs + n && ref_compare(ref, &key) == 0; ref++) {
		if (!ref->found && (e = id_take(r, &ref->id, key.to, line)))
			return e;
		ref->found = 1;
	}
	return 0;
}

static int
packed_read(const struct localrepo *r, struct ref *refs, size_t n)
{
	char *path = xasprintf("%s/packed-refs", r->common), *text, *rest,
	    *line;
	size_t len;
	int e = 0;

	rest = text = file_read(AT_FDCWD, path, PACKED_REFS_MAX, &len);
	free(path);
	if (!text)
		return errno == ENOENT ? 0 : fail_errno(r, "packed-refs");
	qsort(refs, n, sizeof(*refs), ref_compare);
	while (!e && (line = strsep(&rest, "\n")))
		e = packed_take(r, line, refs, n);
	free(text);
	return e;
}

/* Those that have no file of their own are looked for among the packed ones,
 * in this order, as git removes the file when it has packed it. */
static int
refs_read(const struct localrepo *r, struct ref *refs, size_t n)
{
	size_t i;
	int e;

	for (i = 0; i < n; i++) {
		e = loose_read(r, &refs[i].id, refs[i].name, &refs[i].to);
		if (e && e != GIT_ENOTFOUND)
			return e;
		refs[i].found = e == 0;
	}
	return packed_read(r, refs, n);
}

int
localrepo_heads(struct session *session)
{
	const struct upstream *up = session->fetch->up;
	struct ref *refs = xreallocarray(NULL, 2 * up->nbranches + 1,
	    sizeof(*refs));
	git_remote_head *heads = xreallocarray(NULL, 2 * up->nbranches + 1,
	    sizeof(*heads));
	size_t i, n = 0;

	memset(refs, 0, 2 * up->nbranches * sizeof(*refs));
	memset(heads, 0, 2 * up->nbranches * sizeof(*heads));
	for (i = 0; i < up->nbranches; i++) {
		refs[n++].name = xasprintf("refs/heads/%s", up->branch[i]);
		refs[n++].name = xasprintf("refs/tags/%s", up->branch[i]);
	}
	if (refs_read(session->local, refs, n))
		return -1;
	session->head = xreallocarray(NULL, n + 1, sizeof(*session->head));
	for (i = 0; i < n; i++) {
		if (!refs[i].found)
			continue;
		heads[i].name = refs[i].name;
		heads[i].oid = refs[i].id;
		session->head[session->nheads++] = &heads[i];
	}
	free(refs);
	return 0;
}
