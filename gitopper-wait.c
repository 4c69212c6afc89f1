/* gitopper-wait - sleep until some service is due, and name it */
/* SPDX-License-Identifier: ISC */
/*
 * It watches first and reads after that, so that no change falls in between.
 * What it named stands in .claims, with the stamps of the control files as
 * they were: whatever differs from that is news, whoever was running when it
 * happened. It reads everything when it starts, and then only what inotify
 * tells of. It ends when it has something to say.
 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "roster.h"
#include "util.h"
#include "watch.h"

enum {
	EXIT_CONFIG   = 2,	/* the config file changed, or SIGHUP */
	BREATH        = 1000,	/* ms between two times that it names some */
	HURRIES_MAX   = 10,	/* at once, before even they wait for that */
	CONFIG_SETTLE = 100,	/* ms: an editor may be at it still */
};

static const char *config;
static int config_wd[2] = { -1, -1 };	/* its directory; the same for what
					 * it is a link to */
static struct claims claims;

static void
usage(void)
{
	fprintf(stderr, "usage: %s [-d] [-c FILE] [-t MAX]\n", argv0);
	exit(EXIT_USAGE);
}

static int
event(const struct inotify_event *e)
{
	int matters = roster_event(e);

	/* a directory may be watched for more than one reason */
	return matters || e->wd == config_wd[0] || e->wd == config_wd[1];
}

static void
remember(void)
{
	size_t i;

	claims.list = xreallocarray(claims.list, nitems, sizeof(struct claim));
	claims.n = 0;
	for (i = 0; i < nitems; i++)
		if (items[i].loaded && items[i].claim.known)
			claims.list[claims.n++] = items[i].claim;
	if (claims_write(&claims) == 0)
		return;
	/* the next one will say the same again: let it not be at once */
	warn("%s/.claims:", state_path);
	sleep(RECLAIM);
}

static void
recall(void)
{
	struct item *x;
	size_t i;

	claims_read(&claims);
	for (i = 0; i < claims.n; i++)
		if ((x = item_find(claims.list[i].name)))
			x->claim = claims.list[i];
}

/* Watches the directory of path, or the nearest above it that there is. */
static int
watch_above(const char *path)
{
	char *dir = xstrdup(path), *slash;
	int wd = -1;

	while (wd < 0) {
		slash = strrchr(dir, '/');
		if (slash && slash != dir)
			*slash = '\0';
		wd = watch_add(!slash ? "." : slash == dir ? "/" : dir,
		    WATCH_FILES | IN_MASK_ADD);
		if (!slash || slash == dir)
			break;
	}
	free(dir);
	return wd;
}

/* Exits if the config is another than before; else when to look again. */
static int64_t
config_look(int64_t now)
{
	char stamp[sizeof(claims.config)] = "-", *real;
	int64_t changed = 0;
	struct stat st;

	config_wd[0] = watch_above(config);
	real = realpath(config, NULL);
	if (real)
		config_wd[1] = watch_above(real);
	free(real);
	if (stat(config, &st) == 0) {
		/* ctime: it changes whatever touch(1) and cp(1) do */
		snprintf(stamp, sizeof(stamp), "%llx.%llx.%llx.%lx",
		    (unsigned long long)st.st_ino,
		    (unsigned long long)st.st_size,
		    (unsigned long long)st.st_ctim.tv_sec,
		    (unsigned long)st.st_ctim.tv_nsec);
		changed = due_ms(st.st_ctim.tv_sec) +
		    st.st_ctim.tv_nsec / 1000000;
	}
	if (strcmp(stamp, claims.config) == 0)
		return NEVER;
	/* one never seen before can't wait: it may be as old as it looks */
	if (*claims.config && changed <= now && changed > now - CONFIG_SETTLE)
		return changed + CONFIG_SETTLE;
	note("%s: changed", config);
	memcpy(claims.config, stamp, sizeof(stamp));
	remember();
	exit(EXIT_CONFIG);
}

/* Whether somebody wants something of it: that hurries. */
static int
is_asked(const struct item *x)
{
	return x->loaded > 0 && due_control(&x->service, &x->claim);
}

/* How often it was in a hurry of late: one is forgotten with each breath. */
static int64_t
hurries(int64_t now)
{
	int64_t since = claims.named > now ? 0 : (now - claims.named) / BREATH;

	return since > claims.hurries ? 0 : claims.hurries - since;
}

/* Prints those that are due and not locked, remembers that, and exits. */
static void
name_due(int64_t now)
{
	struct item *x;
	int asked = 0;
	size_t i;

	for (i = 0; i < nitems; i++) {
		x = &items[i];
		if (x->at > now || item_busy(x, now))
			continue;
		asked |= is_asked(x);
		puts(x->claim.name);
		x->claim.time = now;
		x->claim.known = 1;
		if (x->loaded > 0)
			claim_take(&x->claim, &x->service, item_tip(x));
	}
	/* first said, then noted: to be named twice does no harm */
	if (fflush(stdout) == EOF)
		die(EXIT_SYS, "standard output:");
	claims.hurries = hurries(now) + asked;
	claims.named = now;
	remember();
	exit(0);
}

/* Looks whether some are due, and exits if so; else when to look again. */
static int64_t
look(void)
{
	int64_t now = watch_clock(), next = NEVER, at;
	int64_t breath = claims.named > now ? 0 : claims.named + BREATH;
	struct item *x;
	int go = 0;
	size_t i;

	if (config)
		next = config_look(now);
	roster_load(now);
	for (i = 0; i < nitems; i++) {
		x = &items[i];
		item_look(x, now);
		at = x->at;
		if (at <= now && now < breath &&
		    !(is_asked(x) && hurries(now) < HURRIES_MAX))
			at = breath;
		else if (at <= now && item_busy(x, now))
			at = x->held;
		else if (at <= now)
			go = 1;
		if (at < next)
			next = at;
	}
	if (go)
		name_due(now);
	return next;
}

/* Without whoever started us nobody reads what we say: we end with it. */
static void
parent_follow(void)
{
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
		die(EXIT_SYS, "prctl:");
	if (getppid() != parent)
		exit(EXIT_SYS);
}

int
main(int argc, char **argv)
{
	int64_t end = NEVER, next, max;
	int c;

	setup(argv[0]);
	while ((c = getopt(argc, argv, "c:dt:")) != -1) {
		switch (c) {
		case 'c': config = optarg; break;
		case 'd': debug = 1; break;
		case 't':
			if ((max = parse_number(optarg)) < 0)
				usage();
			end = due_ms(max);
			break;
		default: usage();
		}
	}
	if (argc > optind)
		usage();
	if (end < NEVER - watch_clock())
		end += watch_clock();
	parent_follow();
	state_open();
	watch_start();
	roster_scan();
	recall();
	for (;;) {
		next = look();
		if (watch_clock() >= end)
			return 0;
		if (watch_sleep(next < end ? next : end, event)) {
			remember();
			return EXIT_CONFIG;
		}
		if (watch_blind)
			roster_scan();
	}
}
