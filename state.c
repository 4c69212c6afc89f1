/* state.c - the state directory: services and their files */
/* SPDX-License-Identifier: ISC */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "util.h"

const char *const state_names[] = {
	"OK", "FREEZE", "ROLLBACK", "BROKEN", "DIFF"
};

int state_dir = -1;
const char *state_path;

const char *
state_where(void)
{
	const char *path = getenv("GITOPPER_STATE");

	return path && *path ? path : state_default;
}

void
state_open(void)
{
	const char *path = state_where();
	char *end;
	int root;

	/* those who fetch and show run as others, whatever our umask is */
	if (mkdir(path, 0755) == 0) {
		if (chmod(path, 0755) < 0)
			die(EXIT_SYS, "%s:", path);
	} else if (errno != EEXIST) {
		root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (*path != '/' || root < 0 || (state_dir = dir_make(root,
		    path, (uid_t)-1, (gid_t)-1, (uid_t)-1, (gid_t)-1)) < 0)
			die(EXIT_SYS, "%s:", path);
		close(root);
		close(state_dir);
	}
	state_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_dir < 0)
		die(EXIT_SYS, "%s:", path);
	end = realpath(path, NULL);
	if (!end)
		die(EXIT_SYS, "%s:", path);
	state_path = end;
}

int
service_name_ok(const char *s)
{
	/* the last five may not come first */
	static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_" "@.:+-";
	size_t n = strspn(s, ok);

	return n >= 1 && n <= 128 && !s[n] && !strchr("@.:+-", s[0]);
}

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
service_names(void)
{
	char **names = xreallocarray(NULL, 1, sizeof(*names)), path[256 + 8];
	size_t n = 0;
	struct dirent *e;
	DIR *d;
	int fd = openat(state_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !(d = fdopendir(fd)))
		die(EXIT_SYS, "%s:", state_path);
	while ((errno = 0, e = readdir(d))) {
		if (!service_name_ok(e->d_name) ||
		    path_join(path, sizeof(path), e->d_name, "conf") < 0 ||
		    faccessat(state_dir, path, F_OK, 0) < 0)
			continue;
		names = xreallocarray(names, n + 2, sizeof(*names));
		names[n++] = xstrdup(e->d_name);
	}
	if (errno)
		die(EXIT_SYS, "%s:", state_path);
	closedir(d);
	names[n] = NULL;
	qsort(names, n, sizeof(*names), name_compare);
	return names;
}

void
names_free(char **names)
{
	size_t i;

	for (i = 0; names[i]; i++)
		free(names[i]);
	free(names);
}

/* Whether root placed a file in ctl/ while nobody else could. */
static int
roots_own(int ctl, const struct stat *above, const char *name)
{
	struct stat st;

	return above->st_uid == 0 && !(above->st_mode & 022) &&
	    fstatat(ctl, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_uid == 0;
}

static int
ctl_share(int ctl)
{
	static const char *const files[] = { "frozen", "pin" };
	static int asked;	/* it takes long, and there may be many */
	static struct group *group;
	static gid_t gid;
	struct stat st;
	size_t i;

	if (!asked) {
		group = geteuid() == 0 ? getgrnam(group_name) : NULL;
		gid = group ? group->gr_gid : 0;
		asked = 1;
	}
	if (!group)
		return 0;
	if (fstat(ctl, &st) < 0)
		return -1;
	if (st.st_uid == 0 && st.st_gid == gid &&
	    (st.st_mode & 07777) == 03775)
		return 0;
	for (i = 0; i < 2; i++)
		if (roots_own(ctl, &st, files[i]) && fchownat(ctl, files[i],
		    (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
	/* sticky: who may place a file may not take away another's */
	if (fchown(ctl, 0, gid) < 0)
		return -1;
	return fchmod(ctl, 03775);
}

int
service_make(const char *name)
{
	int dir, ctl;

	dir = dir_make(state_dir, name, (uid_t)-1, (gid_t)-1, (uid_t)-1,
	    (gid_t)-1);
	if (dir < 0)
		return -1;
	ctl = dir_make(dir, "ctl", (uid_t)-1, (gid_t)-1, (uid_t)-1,
	    (gid_t)-1);
	if (ctl < 0) {
		close(dir);
		return -1;
	}
	if (ctl_share(ctl) < 0) {
		close(ctl);
		close(dir);
		return -1;
	}
	close(ctl);
	return dir;
}

int
service_share(const char *name)
{
	int dir = service_make(name);

	if (dir < 0) {
		warn("%s:", name);
		return -1;
	}
	close(dir);
	return 0;
}

/* They are lines of conf, `dir=LINK<TAB>LOCAL<TAB>dir|file`. */
void
service_dirs(struct service *s)
{
	const char *value, *local, *kind;
	size_t i = 0;

	while ((value = kv_next(&s->conf, "dir", &i))) {
		struct dir *d;

		local = strchr(value, '\t');
		kind = local ? strchr(local + 1, '\t') : NULL;
		if (!kind)
			continue;
		s->dirs = xreallocarray(s->dirs, s->ndirs + 1,
		    sizeof(*s->dirs));
		d = &s->dirs[s->ndirs++];
		d->link = xstrndup(value, (size_t)(local - value));
		d->local = xstrndup(local + 1, (size_t)(kind - local - 1));
		d->file = strcmp(kind + 1, "file") == 0;
	}
}

static void
service_free(struct service *s)
{
	size_t i;

	for (i = 0; i < s->ndirs; i++) {
		free(s->dirs[i].link);
		free(s->dirs[i].local);
	}
	free(s->dirs);
	kv_free(&s->conf);
	kv_free(&s->status);
	if (s->dir >= 0)
		close(s->dir);
	if (s->lock >= 0)
		close(s->lock);		/* which lets go of it */
	s->dir = s->lock = -1;
}

static int
service_read(struct service *s)
{
	if (kv_read(&s->conf, s->dir, "conf") < 0 ||
	    kv_read(&s->status, s->dir, "status") < 0 ||
	    ctl_read(&s->ctl, s->dir) < 0)
		return -1;
	if (!s->conf.n) {
		errno = ENOENT;
		return -1;
	}
	service_dirs(s);
	s->mount = kv_get(&s->conf, "mount");
	return 0;
}

static int
service_start(struct service *s, const char *name)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->lock = -1;
	s->dir = openat(state_dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return s->dir < 0 ? -1 : 0;
}

int
service_load(struct service *s, const char *name)
{
	int saved;

	if (service_start(s, name) == 0 && service_read(s) == 0)
		return 0;
	saved = errno;
	service_free(s);
	errno = saved;
	return -1;
}

/* Takes the lock. gitopper-wait holds it for an instant, to look; hence the
 * tries. 0, 1: another has it, or -1 and errno. */
static int
service_lock(struct service *s)
{
	int i;

	s->lock = openat(s->dir, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return -1;
	for (i = 0; i < 10; i++) {
		if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		usleep(2000);
	}
	return 1;
}

int
service_open(struct service *s, const char *name)
{
	int busy;

	if (service_start(s, name) < 0)
		goto fail;
	busy = service_lock(s);
	if (busy < 0)
		goto fail;
	if (busy) {
		note("%s: locked, left alone", name);
		if (ctl_write(s->dir, "poke", "") < 0)
			warn("%s: ctl/poke:", name);
		service_free(s);
		return 1;
	}
	if (service_read(s) == 0)
		return 0;
fail:
	if (errno == ENOENT)
		warn("%s: no such service", name);
	else
		warn("%s:", name);
	service_free(s);
	return -1;
}

int
service_save(struct service *s)
{
	if (kv_write(&s->status, s->dir, "status", 0644) == 0)
		return 0;
	warn("%s: status:", s->name);
	return -1;
}

int
service_close(struct service *s)
{
	int result = service_save(s);

	service_free(s);
	return result;
}

int
service_owner(const struct service *s, uid_t *uid, gid_t *gid)
{
	const char *user = kv_get(&s->conf, "user");
	struct passwd *pw;

	*uid = geteuid();
	*gid = getegid();
	if (!user || *uid != 0)
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return -1;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}
