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

enum { FROZEN, PIN, POKE };

/*
 * The group can write to ctl/, and any of these may be somebody's trap: only
 * a small regular file counts, and a link is not followed. Returns its first
 * line, to be freed; NULL where it is missing or no such file.
 */
static char *
control_read(int ctl, const char *name, char stamp[48], struct stat *st)
{
	char *text;
	size_t len;

	if (fstatat(ctl, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	text = file_read(ctl, name, CTL_FILE_MAX, &len);
	if (!text)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	snprintf(stamp, 48, "%llx.%llx.%lx",
	    (unsigned long long)st->st_ino,
	    (unsigned long long)st->st_mtim.tv_sec,
	    (unsigned long)st->st_mtim.tv_nsec);
	return text;
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
		"ctl/frozen", "ctl/pin", "ctl/poke"
	};
	size_t i;

	for (i = 0; i < 3; i++)
		if (faccessat(dir, path[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		    errno != ENOENT)
			return 0;
	return 1;
}

int
ctl_read(struct ctl *c, int dir)
{
	struct stat freezer, pinner, poker;
	char *frozen, *pin, *poke;
	size_t i;
	int ctl;

	memset(c, 0, sizeof(*c));
	if (is_empty(dir))
		return 0;
	ctl = openat(dir, "ctl", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (ctl < 0)
		return errno == ENOENT ? 0 : -1;
	frozen = control_read(ctl, "frozen", c->stamp[FROZEN], &freezer);
	pin = control_read(ctl, "pin", c->stamp[PIN], &pinner);
	poke = control_read(ctl, "poke", c->stamp[POKE], &poker);
	close(ctl);
	if (frozen) {
		c->thaw = parse_number(frozen);
		if (c->thaw < 0)	/* empty, or not a time: for ever */
			c->thaw = 0;
		c->thawed = c->thaw && c->thaw <= time(NULL);
		c->frozen = !c->thawed;
	}
	/* a pin goes with the freeze, and what root froze only root moves */
	c->pinned = pin && !c->thawed && !(c->frozen &&
	    freezer.st_uid == 0 && pinner.st_uid != 0);
	for (i = 0; c->pinned && pin[i]; i++)
		pin[i] = (char)tolower((unsigned char)pin[i]);
	if (c->pinned && is_hash(pin, 7))
		snprintf(c->pin, sizeof(c->pin), "%s", pin);
	if (!c->frozen)
		c->stamp[FROZEN][0] = '\0';
	if (!c->pinned)
		c->stamp[PIN][0] = '\0';
	c->poke = poke != NULL;
	if (poke)
		c->poked = poker.st_mtim;
	if (poke)
		wishes_add(c, poke);
	free(frozen);
	free(pin);
	free(poke);
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
	if (result < 0 && errno == EISDIR && remove_tree(fd, name) == 0)
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
	result = unlinkat(fd, name, 0);
	if (result < 0 && errno == ENOENT)
		result = 0;
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
