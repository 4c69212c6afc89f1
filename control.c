/* control.c - ctl/, where people say what they want of a service */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "state.h"
#include "util.h"

/* Unix seconds, in 2001: what is less, with words behind it, is no time */
enum { TIME_MIN = 1000000000 };

static const char *const names[] = { "frozen", "pin", "poke", "unfreeze" };

/* Why a file that is there can't be read. */
static void
fault_note(struct control *f, const char *name, const struct stat *st)
{
	int saved = errno;

	if (st->st_mode && !S_ISREG(st->st_mode))
		snprintf(f->fault, sizeof(f->fault), "ctl/%s: is no file",
		    name);
	else if (saved == EFBIG)
		snprintf(f->fault, sizeof(f->fault),
		    "ctl/%s: longer than %d bytes", name, CTL_FILE_MAX);
	else
		snprintf(f->fault, sizeof(f->fault), "ctl/%s: %s", name,
		    strerror(saved));
}

/*
 * The group can write to ctl/, and move there what it finds elsewhere. What
 * was made in ctl/ has its group; what came from elsewhere has another, and
 * what is a link to something that root wrote has more than one name.
 */
static int
is_roots(const struct stat *st, const struct stat *ctl, int i)
{
	if (st->st_uid != 0 || st->st_gid != ctl->st_gid || st->st_mode & 022)
		return 0;
	/* where links to it are allowed, a freeze stays root's all the same:
	 * the other way it would be a way to be rid of it */
	return i == FROZEN || st->st_nlink == 1;
}

/*
 * Any of these may be somebody's trap: only a small regular file counts, and a
 * link is not followed. Returns what it says, to be freed; or NULL where it
 * is missing or can't be read: that holds the service, and is said.
 */
static char *
control_read(struct ctl *c, int ctl, int i)
{
	struct control *f = &c->file[i];
	struct stat st, above;
	char *text = NULL;
	size_t len;
	/* O_NONBLOCK: a FIFO in the place of a file must not hold us up */
	int fd = openat(ctl, names[i],
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), saved = errno;

	if ((fd < 0 ? fstatat(ctl, names[i], &st, AT_SYMLINK_NOFOLLOW) :
	    fstat(fd, &st)) < 0 || fstat(ctl, &above) < 0) {
		f->there = errno != ENOENT;
		memset(&st, 0, sizeof(st));
		fault_note(f, names[i], &st);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	f->there = 1;
	f->owner = st.st_uid;
	f->placed = st.st_ctim;
	f->root = is_roots(&st, &above, i);
	snprintf(c->stamp[i], sizeof(c->stamp[i]), "%llx.%llx.%lx",
	    (unsigned long long)st.st_ino,
	    (unsigned long long)st.st_mtim.tv_sec,
	    (unsigned long)st.st_mtim.tv_nsec);
	if (i == POKE)
		c->poked = st.st_mtim;
	errno = saved;
	if (fd >= 0)
		text = fd_read(fd, CTL_FILE_MAX, &len);
	if (!text)
		fault_note(f, names[i], &st);
	if (fd >= 0)
		close(fd);
	return text;
}

/* Ends the first line; returns what comes after it. */
static char *
line_end(char *text)
{
	char *end = text + strcspn(text, "\r\n");

	if (!*end)
		return end;
	*end++ = '\0';
	return end + strspn(end, "\r\n");
}

/* What stands there for people: the rest of a line, or the next one. */
static void
text_take(struct control *f, char *rest, char *next)
{
	rest += strspn(rest, " \t");
	if (!*rest) {
		line_end(next);
		rest = next;
	}
	snprintf(f->text, sizeof(f->text), "%s", rest);
	plain(f->text);
}

/* The time at which it thaws; 0: it doesn't. */
static int64_t
thaw_read(struct control *f, char *text)
{
	char *next = line_end(text), *rest = text + strspn(text, "0123456789");
	int64_t thaw;
	char c = *rest;

	*rest = '\0';
	thaw = rest > text ? parse_number(text) : 0;
	*rest = c;
	/* more digits than a time has; `2026-11-21`; `20 minutes` */
	if (thaw < 0 || !strchr(" \t", c) || (thaw && thaw < TIME_MIN &&
	    rest[strspn(rest, " \t")])) {
		thaw = 0;
		rest = text;
	}
	text_take(f, rest, next);
	return thaw;
}

/* The commit that is pinned, "" where that can't be one. */
static void
pin_read(struct ctl *c, char *text)
{
	char *next = line_end(text), *p;

	for (p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (is_hash(text, 7))
		snprintf(c->pin, sizeof(c->pin), "%s", text);
	text_take(&c->file[PIN], "", next);
}

static int
has_word(const char *text, const char *word)
{
	size_t n = strlen(word), len;

	for (; *text; text += len) {
		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (len == n && strncmp(text, word, n) == 0)
			return 1;
	}
	return 0;
}

/* What a poke wishes, beside what others do. */
static void
wishes_add(struct ctl *c, const char *poke)
{
	c->asked |= has_word(poke, "redo");
	c->redo |= c->asked || has_word(poke, "config");
	c->accept |= has_word(poke, "accept");
	c->wipe |= has_word(poke, "wipe");
}

/* Of most services nobody wants anything. */
static int
is_empty(int dir)
{
	static const char *const path[] = {
		"ctl/frozen", "ctl/pin", "ctl/poke", "ctl/unfreeze"
	};
	size_t i;

	for (i = 0; i < CONTROLS; i++)
		if (faccessat(dir, path[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		    errno != ENOENT)
			return 0;
	return 1;
}

/* Which of what is there counts. */
static void
ctl_weigh(struct ctl *c)
{
	const struct control *frozen = &c->file[FROZEN], *pin = &c->file[PIN];

	c->thawed = frozen->there && c->thaw && c->thaw <= time(NULL);
	c->frozen = frozen->there && !c->thawed;
	/* a pin goes with the freeze, and what root froze only root moves */
	c->pinned = pin->there && !c->thawed &&
	    !(c->frozen && frozen->root && !pin->root);
	if (!c->frozen)
		c->stamp[FROZEN][0] = '\0';
	if (!c->pinned)
		c->stamp[PIN][0] = c->pin[0] = '\0';
	/* one that can't be read is one that says nothing, as after touch(1):
	 * where it counted as none it would stay, in the way of others */
	c->poke = c->file[POKE].there;
	c->unfreeze = c->file[UNFREEZE].there;
}

int
ctl_read(struct ctl *c, int dir)
{
	char *text[CONTROLS];
	size_t i;
	int ctl;

	memset(c, 0, sizeof(*c));
	if (is_empty(dir))
		return 0;
	ctl = openat(dir, "ctl", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (ctl < 0)
		return errno == ENOENT ? 0 : -1;
	for (i = 0; i < CONTROLS; i++)
		text[i] = control_read(c, ctl, (int)i);
	close(ctl);
	if (text[FROZEN])
		c->thaw = thaw_read(&c->file[FROZEN], text[FROZEN]);
	if (text[PIN])
		pin_read(c, text[PIN]);
	if (text[POKE]) {
		line_end(text[POKE]);
		wishes_add(c, text[POKE]);
	}
	ctl_weigh(c);
	for (i = 0; i < CONTROLS; i++)
		free(text[i]);
	return 0;
}

const char *
ctl_poke(const struct ctl *c)
{
	static const char *const words[][4] = {
		{ "", "accept", "wipe", "accept wipe" },
		{ "config", "config accept", "config wipe",
		    "config accept wipe" },
		{ "redo", "redo accept", "redo wipe", "redo accept wipe" },
	};

	return words[c->redo + c->asked][c->accept | c->wipe << 1];
}

int
ctl_write(int dir, const char *name, const char *text)
{
	char line[CTL_FILE_MAX];
	struct ctl c;
	int fd, n, result;

	if (!strcmp(name, "poke") && ctl_read(&c, dir) == 0) {
		wishes_add(&c, text);
		text = ctl_poke(&c);
	}
	n = snprintf(line, sizeof(line), "%s%s", text, *text ? "\n" : "");
	if (n < 0 || (size_t)n >= sizeof(line)) {
		errno = EMSGSIZE;
		return -1;
	}
	fd = openat(dir, "ctl", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = file_write(fd, name, line, (size_t)n, 0644);
	/* a directory of that name, which says nothing, but was in the way */
	if (result < 0 && errno == EISDIR && name_free(fd, name) == 0)
		result = file_write(fd, name, line, (size_t)n, 0644);
	close(fd);
	return result;
}

int
ctl_remove(int dir, const char *name)
{
	int fd, result;

	fd = openat(dir, "ctl", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	result = name_free(fd, name);
	close(fd);
	return result;
}

int
ctl_serve(const struct ctl *ctl, int dir)
{
	struct ctl now;

	if (ctl_read(&now, dir) < 0)
		return -1;
	if (strcmp(now.stamp[POKE], ctl->stamp[POKE]))
		return 0;
	return ctl_remove(dir, "poke");
}

int
ctl_lifts(const struct ctl *c, int i)
{
	const struct control *f = &c->file[i], *wish = &c->file[UNFREEZE];

	if (!f->there || !c->unfreeze || (f->root && !wish->root))
		return 0;
	return f->placed.tv_sec < wish->placed.tv_sec ||
	    (f->placed.tv_sec == wish->placed.tv_sec &&
	    f->placed.tv_nsec <= wish->placed.tv_nsec);
}

int
ctl_lift(const struct ctl *c, int dir)
{
	struct ctl now;

	/* in this order: a pin that a freeze outvoted must not come to count */
	if ((ctl_lifts(c, PIN) && ctl_remove(dir, "pin") < 0) ||
	    (ctl_lifts(c, FROZEN) && ctl_remove(dir, "frozen") < 0) ||
	    ctl_read(&now, dir) < 0)
		return -1;
	/* another one may have come since */
	if (strcmp(now.stamp[UNFREEZE], c->stamp[UNFREEZE]))
		return 0;
	return ctl_remove(dir, "unfreeze");
}
