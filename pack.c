/* pack.c - one pack out of the many that an object store gathers */
/* SPDX-License-Identifier: ISC */
/*
 * It is made beside the store, in pack.new/, which may take minutes: meanwhile
 * who reads goes on, and so does a contact, which may bring new packs. Only to
 * put it in the place of those that there were takes the locks.
 */
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
#include "state.h"
#include "store.h"
#include "util.h"

struct packing {
	struct upstream *up;
	char repo[4096], out[4096];
	ino_t ino;		/* of repo */
	char **old;		/* names of files that the new pack replaces */
	size_t nold;
};

static int
object_add(const git_oid *id, void *builder)
{
	return git_packbuilder_insert(builder, id, NULL);
}

/*
 * Runs in the child. What can't be read is not left out but an error: then
 * all stays as it is. Objects that nothing leads to are kept as well, since a
 * commit of a branch that was rewritten may have to be gone back to.
 */
static void
pack_work(void *arg)
{
	const struct packing *packing = arg;
	git_repository *r;
	git_odb *odb;
	git_packbuilder *builder;
	char line[64];

	if (git_start() < 0 || store_open(&r, packing->repo) ||
	    git_repository_odb(&odb, r) || git_packbuilder_new(&builder, r))
		return;
	git_packbuilder_set_threads(builder, 1);
	if (git_odb_foreach(odb, object_add, builder) ||
	    git_packbuilder_write(builder, packing->out, 0444, NULL, NULL)) {
		note("%s: %s", packing->repo, git_message());
		return;
	}
	snprintf(line, sizeof(line), "packed %s\n",
	    git_oid_tostr_s(git_packbuilder_hash(builder)));
	if (write_all(3, line, strlen(line)) < 0)
		note("%s:", packing->repo);
}

/* Opens repo/objects/pack, which is the child's: no link in it is followed. */
static int
packs_open(const struct upstream *up)
{
	return open_beneath(up->dir, "repo/objects/pack",
	    O_RDONLY | O_DIRECTORY, 0);
}

/* How many packs there are, their bytes, and into packing, if there is one,
 * the names of all their files. */
static size_t
packs_count(const struct upstream *up, int64_t *bytes, struct packing *packing)
{
	struct dirent *e;
	struct stat st;
	size_t n = 0, len;
	int fd = packs_open(up);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	*bytes = 0;
	while (d && (e = readdir(d))) {
		len = strlen(e->d_name);
		if (strncmp(e->d_name, "pack-", 5) ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (packing) {
			packing->old = xreallocarray(packing->old,
			    packing->nold + 1, sizeof(*packing->old));
			packing->old[packing->nold++] = xstrdup(e->d_name);
		}
		if (strcmp(e->d_name + len - 5, ".pack") == 0) {
			*bytes += st.st_size;
			n++;
		}
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

/* Both locks, when nobody has either: so nobody waits for us. */
static int
locks_take(const struct upstream *up, int lock[2], int64_t deadline)
{
	do {
		lock[0] = upstream_lock(up, now_ms());
		lock[1] = lock[0] < 0 ? -1 : packs_lock(up, LOCK_EX | LOCK_NB);
		if (lock[1] >= 0)
			return 0;
		if (lock[0] >= 0)
			close(lock[0]);
		usleep(20000);
	} while (now_ms() < deadline);
	return -1;
}

static ino_t
repo_ino(const struct upstream *up)
{
	struct stat st;

	return fstatat(up->dir, "repo", &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 :
	    st.st_ino;
}

/* Puts the new pack in the place of the old ones; both locks are held. */
static int
packs_swap(const struct packing *packing, const char *hash)
{
	static const char *const ends[] = { ".pack", ".idx" };
	const struct upstream *up = packing->up;
	int from = openat(up->dir, "pack.new",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int to = packs_open(up), result = -1;
	char name[64];
	size_t i;

	/* another store has taken the place of that one */
	if (from < 0 || to < 0 || packing->ino != repo_ino(up) ||
	    syncfs(from) < 0)
		goto out;
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "pack-%s%s", hash, ends[i]);
		if (renameat(from, name, to, name) < 0)
			goto out;
	}
	result = fsync(to);
	for (i = 0; i < packing->nold && result == 0; i++)
		if (strncmp(packing->old[i] + 5, hash, 40) &&
		    unlinkat(to, packing->old[i], 0) < 0 && errno != ENOENT)
			result = -1;
out:
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return result;
}

/* Has a child make the pack. Returns 0 and the hash in its name, or -1. */
static int
pack(struct packing *packing, char hash[41])
{
	const char *const readable[] = { packing->repo, NULL };
	const struct child_rights rights = {
		.writable = packing->out, .readable = readable
	};
	struct child child;
	char *text, id[128];
	uid_t uid;
	gid_t gid;
	int dir, done;

	if (child_user(&uid, &gid) < 0 ||
	    remove_tree(packing->up->dir, "pack.new") < 0)
		return -1;
	dir = dir_make(packing->up->dir, "pack.new", (uid_t)-1, (gid_t)-1,
	    uid, gid);
	if (dir < 0)
		return -1;
	/* what is in it may be nobody else's business */
	done = fchmod(dir, 0700);
	close(dir);
	if (done < 0)
		return -1;
	upstream_id(packing->up->url, id, sizeof(id));
	if (child_start(&child, id, pack_work, packing, &rights) < 0)
		return -1;
	text = upstream_listen(packing->up, &child, "pack.new",
	    now_ms() + PACK_TIME * 1000);
	child_end(&child);
	done = text && sscanf(text, "packed %40[0-9a-f]", hash) == 1 &&
	    strlen(hash) == 40;
	free(text);
	return done ? 0 : -1;
}

/* Packs, and notes in the status, which others may have written meanwhile,
 * how that went. */
static void
pack_all(struct packing *packing, int wanted)
{
	struct upstream *up = packing->up;
	int result = 0, lock[2];
	char hash[41];
	int64_t bytes;

	if (wanted)
		result = pack(packing, hash);
	if (locks_take(up, lock, now_ms() + PACK_TIME * 1000) < 0)
		return;
	if (wanted && result == 0)
		result = packs_swap(packing, hash);
	kv_free(&up->status);
	if (kv_read(&up->status, up->dir, "status") < 0)
		note("%s: status:", packing->repo);
	if (packing->ino == repo_ino(up)) {
		packs_count(up, &bytes, NULL);
		kv_set_number(&up->status, "packed", bytes);
		kv_set(&up->status, "unpacked", NULL);
	}
	if (result < 0) {
		warn("%s: packing failed", packing->repo);
		kv_set_number(&up->status, "unpacked", time(NULL));
	}
	if (kv_write(&up->status, up->dir, "status", 0644) < 0)
		note("%s: status:", packing->repo);
	close(lock[1]);
	close(lock[0]);
}

void
upstream_pack(struct upstream *up)
{
	struct packing packing = { .up = up };
	int64_t bytes, packed = kv_number(&up->status, "packed", 0);
	int64_t tried = kv_number(&up->status, "unpacked", 0), now = time(NULL);
	size_t n = packs_count(up, &bytes, NULL);
	int lock;

	/* a fresh one is as good as one that we packed; one that can't be,
	 * for want of memory, say, would cost that much at each contact */
	if ((packed && n <= PACKS_MAX && bytes < 2 * packed) ||
	    (tried <= now && now < tried + PACK_AGAIN))
		return;
	/* one at a time */
	lock = openat(up->dir, "packing", O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) {
		upstream_repo(up, packing.repo, sizeof(packing.repo));
		snprintf(packing.out, sizeof(packing.out), "%.*s/pack.new",
		    (int)(strrchr(packing.repo, '/') - packing.repo),
		    packing.repo);
		packing.ino = repo_ino(up);
		n = packs_count(up, &bytes, &packing);
		if (packed || n > PACKS_MAX)
			note("%s: %zu packs become one", packing.repo, n);
		pack_all(&packing, packed || n > PACKS_MAX);
		remove_tree(up->dir, "pack.new");
		while (packing.nold)
			free(packing.old[--packing.nold]);
		free(packing.old);
	}
	if (lock >= 0)
		close(lock);
}
