/* pack.c - one pack out of the many that an object store gathers */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <git2.h>

#include "child.h"
#include "config.h"
#include "contact.h"
#include "util.h"

static int
object_add(const git_oid *id, void *builder)
{
	return git_packbuilder_insert(builder, id, NULL);
}

/* Removes all packs but the new one, which holds all of theirs. */
static int
others_remove(const char *dir, const char *new)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int result = 0;

	if (!d)
		return -1;
	while ((e = readdir(d)))
		if (strncmp(e->d_name, "pack-", 5) == 0 &&
		    strncmp(e->d_name + 5, new, strlen(new)) &&
		    unlinkat(dirfd(d), e->d_name, 0) < 0)
			result = -1;
	closedir(d);
	return result;
}

/*
 * Runs in the child. What can't be read is not left out but an error: then
 * all stays as it is. Objects that nothing leads to are kept as well, since a
 * commit of a branch that was rewritten may have to be gone back to.
 */
static void
pack_work(void *arg)
{
	const char *repo = arg;
	git_repository *r;
	git_odb *odb;
	git_packbuilder *builder;
	char dir[4096];

	if (path_join(dir, sizeof(dir), repo, "objects/pack") < 0 ||
	    git_start() < 0 || git_repository_open_bare(&r, repo) ||
	    git_repository_odb(&odb, r) || git_packbuilder_new(&builder, r))
		return;
	git_packbuilder_set_threads(builder, 1);
	if (git_odb_foreach(odb, object_add, builder) ||
	    git_packbuilder_write(builder, dir, 0444, NULL, NULL)) {
		note("%s: %s", repo, git_message());
		return;
	}
	sync();
	if (others_remove(dir, git_oid_tostr_s(
	    git_packbuilder_hash(builder))) < 0)
		note("%s: old packs:", dir);
	else if (write_all(3, "packed\n", 7) < 0)
		note("%s:", repo);
}

/* How many packs there are, and their bytes. */
static size_t
packs_count(const char *repo, int64_t *bytes)
{
	char path[4096];
	struct dirent *e;
	struct stat st;
	size_t n = 0, len;
	DIR *d = NULL;

	*bytes = 0;
	if (path_join(path, sizeof(path), repo, "objects/pack") == 0)
		d = opendir(path);
	while (d && (e = readdir(d))) {
		len = strlen(e->d_name);
		if (len < 5 || strcmp(e->d_name + len - 5, ".pack") ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		*bytes += st.st_size;
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

int
packs_lock(const struct upstream *up, int operation)
{
	int fd = openat(up->dir, "packs", O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, operation) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Waits for the child to say that it is done. */
static int
pack(const char *repo)
{
	static const char *const nothing[] = { NULL };
	const struct child_rights rights = {
		.writable = repo, .readable = nothing
	};
	struct child child;
	char word[7];
	int done;

	if (child_start(&child, pack_work, (void *)repo, &rights) < 0)
		return -1;
	done = read_all(child.fd, word, sizeof(word)) == 0;
	child_end(&child);
	return done ? 0 : -1;
}

void
upstream_pack(struct upstream *up)
{
	char repo[4096];
	int64_t bytes, packed = kv_number(&up->status, "packed", 0);
	int64_t tried = kv_number(&up->status, "unpacked", 0), now = time(NULL);
	size_t n;
	int lock;

	upstream_repo(up, repo, sizeof(repo));
	n = packs_count(repo, &bytes);
	/* a fresh one is as good as one that we packed; one that can't be,
	 * for want of memory, say, would cost that much at each contact */
	if ((packed && n <= PACKS_MAX && bytes < 2 * packed) ||
	    (tried <= now && now < tried + RENEW_EVERY))
		return;
	/* whoever reads from a pack must not lose it */
	lock = packs_lock(up, LOCK_EX | LOCK_NB);
	if (lock < 0)
		return;
	if (packed || n > PACKS_MAX) {
		note("%s: %zu packs become one", repo, n);
		kv_set(&up->status, "unpacked", NULL);
		if (pack(repo) < 0) {
			warn("%s: packing failed", repo);
			kv_set_number(&up->status, "unpacked", now);
		}
		packs_count(repo, &bytes);
	}
	kv_set_number(&up->status, "packed", bytes);
	if (kv_write(&up->status, up->dir, "status", 0644) < 0)
		note("%s: status:", repo);
	close(lock);
}
