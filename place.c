/* place.c - where a service's files lie: places that others have no hand in */
/* SPDX-License-Identifier: ISC */
/*
 * Where another user may make names, they may have made ours first; where
 * they may take one away, they may put a link in its place between two looks
 * of ours. So a path that the config gives is opened a component at a time,
 * and each has to be root's (without root, ours), and nobody else's to write
 * to. In a sticky directory, as /tmp is, others make names, but can't move
 * what isn't theirs: what is root's there stays there. From then on we have a
 * descriptor, and names below it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "util.h"

enum { LINKS_MAX = 40 };	/* on one way, as the kernel has it */

/* How far we got on the way to a directory. */
struct way {
	char at[PATH_MAX], rest[PATH_MAX];	/* behind us, ahead of us */
	int dir;	/* descriptor of at, or -1 */
	int flags;
	int sticky;	/* others may make names in it */
	int others;	/* they have a hand in it, or in what is above it */
	int links;	/* followed so far */
};

static char why[PATH_MAX + 128];

const char *
place_why(void)
{
	return why;
}

/* Notes why path can't be had, and that it is no trouble with the system. */
static int __attribute__((format(printf, 2, 3)))
refuse(const char *path, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	snprintf(why, sizeof(why), "%s: ", path);
	n = strlen(why);
	va_start(ap, fmt);
	vsnprintf(why + n, sizeof(why) - n, fmt, ap);
	va_end(ap);
	errno = EPERM;
	return -1;
}

/* Notes what errno says of path. */
static int
trouble(const char *path)
{
	int saved = errno;

	snprintf(why, sizeof(why), "%s: %s", path, strerror(saved));
	errno = saved;
	return -1;
}

static int
close_after(int fd, int result)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return result;
}

int
user_is_alone(void)
{
	unsigned long in, out, count = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");
	int alone;

	if (!f)
		return 0;
	alone = fscanf(f, "%lu %lu %lu", &in, &out, &count) == 3 &&
	    count == 1 && fgetc(f) == '\n' && fgetc(f) == EOF;
	fclose(f);
	return alone;
}

/* Whether the user is root, or who we are. In a user namespace of one user
 * all others look alike, root too. */
static int
is_ours(uid_t uid)
{
	return uid == 0 || uid == geteuid() || user_is_alone();
}

static int
refuse_owner(const char *path, uid_t uid)
{
	return refuse(path, "belongs to user %lu, %s", (unsigned long)uid,
	    geteuid() ? "neither to root nor to us" : "not to root");
}

/* fd, the directory way->at, is where we are now, if it can be relied on. */
static int
way_take(struct way *way, int fd)
{
	const char *at = *way->at ? way->at : "/";
	struct stat st;
	int result = 0;

	if (fstat(fd, &st) < 0)
		return close_after(fd, trouble(at));
	if (!is_ours(st.st_uid))
		result = refuse_owner(at, st.st_uid);
	else if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
		result = refuse(at, "others may write to it");
	if (result < 0 && !(way->flags & DIR_ANY))
		return close_after(fd, -1);
	way->others |= result < 0;
	way->sticky = (st.st_mode & 022) != 0;
	if (way->dir >= 0)
		close(way->dir);
	way->dir = fd;
	return 0;
}

static int
way_root(struct way *way)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	*way->at = '\0';
	return fd < 0 ? trouble("/") : way_take(way, fd);
}

/* name, which way->at ends in, is a link: what it says lies ahead now. */
static int
way_link(struct way *way, const char *name)
{
	char target[PATH_MAX], ahead[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd = openat(way->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return trouble(way->at);
	errno = ENOTDIR;
	if (fstat(fd, &st) < 0 || !S_ISLNK(st.st_mode))
		return close_after(fd, trouble(way->at));
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	close(fd);
	if (n < 0)
		return trouble(way->at);
	target[n] = '\0';
	errno = ELOOP;
	if (way->links++ == LINKS_MAX || ((way->flags & DIR_ANY) &&
	    (way->others || way->sticky || !is_ours(st.st_uid))))
		return trouble(way->at);
	if (!is_ours(st.st_uid))
		return refuse_owner(way->at, st.st_uid);
	/* there a link of root's may be another one, by link(2) */
	if (way->sticky)
		return refuse(way->at, "is a symbolic link where others may "
		    "make some");
	errno = ENAMETOOLONG;
	if ((size_t)snprintf(ahead, sizeof(ahead), "%s/%s", target,
	    way->rest) >= sizeof(ahead))
		return trouble(way->at);
	memcpy(way->rest, ahead, sizeof(ahead));
	*strrchr(way->at, '/') = '\0';
	return *target == '/' ? way_root(way) : 0;
}

static int
way_up(struct way *way)
{
	int fd = openat(way->dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (*way->at)
		*strrchr(way->at, '/') = '\0';
	return fd < 0 ? trouble(way->at) : way_take(way, fd);
}

static int
way_step(struct way *way, const char *name)
{
	const uid_t keep = (uid_t)-1;
	char self[NAME_MAX + 3];
	size_t n = strlen(way->at);
	int fd;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return way_up(way);
	if (path_join(way->at + n, sizeof(way->at) - n, "", name) < 0)
		return trouble(name);
	/* the dot is for automounts: O_PATH alone doesn't trigger them */
	snprintf(self, sizeof(self), "%s/.", name);
	fd = open_beneath(way->dir, self, O_PATH | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENOENT && (way->flags & DIR_MAKE))
		fd = dir_make(way->dir, name, keep, keep, keep, keep);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return way_link(way, name);
	return fd < 0 ? trouble(way->at) : way_take(way, fd);
}

int
dir_open(const char *path, int flags)
{
	struct way way = { .dir = -1, .flags = flags };
	char name[NAME_MAX + 1];
	size_t n, skip;
	int result;

	errno = *path == '/' ? ENAMETOOLONG : EINVAL;
	n = (size_t)snprintf(way.rest, sizeof(way.rest), "%s", path);
	if (*path != '/' || n >= sizeof(way.rest))
		return trouble(path);
	result = way_root(&way);
	while (result == 0 && way.rest[skip = strspn(way.rest, "/")]) {
		n = strcspn(way.rest + skip, "/");
		errno = ENAMETOOLONG;
		if (n >= sizeof(name)) {
			result = trouble(path);
			break;
		}
		memcpy(name, way.rest + skip, n);
		name[n] = '\0';
		memmove(way.rest, way.rest + skip + n,
		    strlen(way.rest + skip + n) + 1);
		result = way_step(&way, name);
	}
	if (result == 0)
		return way.dir;
	return way.dir < 0 ? -1 : close_after(way.dir, -1);
}

/* names of the places in STATE/NAME and MOUNT/.gitopper/NAME */
static const char *const names[] = { "tree", "next", "saved", "check" };

int
service_path(const struct service *s, enum place place, char *buf, size_t size)
{
	int n;

	if (!s->mount)
		n = snprintf(buf, size, "%s/%s/%s", state_path, s->name,
		    names[place]);
	else if (place == PLACE_TREE)
		n = snprintf(buf, size, "%s/%s", s->mount, s->name);
	else
		n = snprintf(buf, size, "%s/.gitopper/%s/%s", s->mount,
		    s->name, names[place]);
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int
place_above(const struct service *s, enum place place, int flags,
	const char **name)
{
	char path[PATH_MAX];
	int fd;

	*name = s->mount && place == PLACE_TREE ? s->name : names[place];
	if (service_path(s, place, path, sizeof(path)) < 0)
		return trouble(s->name);
	if (s->mount) {
		*strrchr(path, '/') = '\0';
		return dir_open(path, flags);
	}
	fd = fcntl(s->dir, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? trouble(path) : fd;
}

int
place_published(const struct service *s, const char *path, uid_t *owner)
{
	int fd = openat(s->dir, "index",
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[PATH_MAX + 8];
	int same = 0;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	*owner = 0;
	/* the first lines are about the whole, the tree comes before owner */
	while (fgets(line, sizeof(line), f) && strchr("cto", *line)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "tree ", 5) == 0)
			same = strcmp(line + 5, path) == 0;
		else if (strncmp(line, "owner ", 6) == 0)
			*owner = (uid_t)parse_number(line + 6);
	}
	fclose(f);
	return same;
}

/* A tree may be its user's; and, where the config has another one now, that
 * of whom we gave it to. Below it we follow nothing. */
static int
tree_check(const struct service *s, const char *path, int fd)
{
	const char *user = kv_get(&s->conf, "user");
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (fstat(fd, &st) < 0)
		return trouble(path);
	if (!s->mount || is_ours(st.st_uid) ||
	    (service_owner(s, &uid, &gid) == 0 && uid == st.st_uid) ||
	    (place_published(s, path, &uid) && uid == st.st_uid))
		return 0;
	if (!user || geteuid())
		return refuse_owner(path, st.st_uid);
	return refuse(path, "belongs to user %lu, neither to root nor to %s",
	    (unsigned long)st.st_uid, user);
}

/* What was opened, or not, at the place. */
static int
place_take(const struct service *s, enum place place, int above,
	const char *name, int fd)
{
	char path[PATH_MAX];
	struct stat st;
	int saved = errno;

	if (service_path(s, place, path, sizeof(path)) < 0)
		return trouble(s->name);
	if (fd < 0 && fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return refuse(path, "is a symbolic link");
	errno = saved;
	if (fd < 0)
		return trouble(path);
	if (place == PLACE_TREE && tree_check(s, path, fd) < 0)
		return close_after(fd, -1);
	return fd;
}

int
place_open(const struct service *s, enum place place)
{
	const char *name;
	int fd, above = place_above(s, place, 0, &name);

	if (above < 0)
		return -1;
	fd = openat(above, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return close_after(above, place_take(s, place, above, name, fd));
}

int
place_make(const struct service *s, enum place place)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	const char *name;
	int fd, above;

	if (place == PLACE_TREE && service_owner(s, &uid, &gid) < 0)
		return refuse(s->name, "unknown user %s",
		    kv_get(&s->conf, "user"));
	above = place_above(s, place, DIR_MAKE, &name);
	if (above < 0)
		return -1;
	fd = dir_make(above, name, uid, gid, uid, gid);
	return close_after(above, place_take(s, place, above, name, fd));
}

int
place_is_there(const struct service *s, enum place place)
{
	const char *name;
	int result, above = place_above(s, place, 0, &name);

	if (above < 0)
		return errno == ENOENT ? 0 : -1;
	result = faccessat(above, name, F_OK, AT_SYMLINK_NOFOLLOW);
	if (result < 0)
		trouble(name);
	return close_after(above, result == 0 ? 1 : errno == ENOENT ? 0 : -1);
}

int
place_remove(const struct service *s, enum place place)
{
	const char *name;
	int result, above = place_above(s, place, 0, &name);

	if (above < 0)
		return errno == ENOENT ? 0 : -1;
	result = remove_tree(above, name);
	if (result < 0)
		trouble(name);
	return close_after(above, result);
}

int
places_trusted(const struct service *s)
{
	const char *name;
	int fd;

	/* all else lies in the state directory, where nobody else can */
	if (!s->mount)
		return 0;
	fd = place_open(s, PLACE_TREE);
	if (fd < 0 && errno != ENOENT)
		return -1;
	if (fd >= 0)
		close(fd);
	fd = place_above(s, PLACE_NEXT, 0, &name);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	close(fd);
	return 0;
}
