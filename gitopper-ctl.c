/* gitopper-ctl - watch and steer services */
/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state.h"
#include "steer.h"
#include "local.h"
#include "util.h"

static int64_t thaw;		/* of freeze: Unix seconds; 0: never */
static const char *pin;		/* of rollback */

static void
usage(void)
{
	fputs("usage: gitopper-ctl [-dm] COMMAND [NAME ...]\n"
	    "  list [services]            the services of this machine\n"
	    "  list service NAME ...      just these\n"
	    "  list machines              the machines of the config\n"
	    "  status NAME ...            all about a service\n"
	    "  freeze NAME ... [DUR]      stay at this commit (for 5m, 1h30m)\n"
	    "  unfreeze NAME ...          follow the branch again\n"
	    "  rollback NAME HASH         go to that commit, and stay there\n"
	    "  pull NAME ...              look for new commits now\n"
	    "  redo NAME ...              deploy the commit once more\n"
	    "  log NAME ...               what happened\n"
	    "  changes NAME ...           files of the last deployment\n",
	    stderr);
	exit(EXIT_USAGE);
}

static int
list_command(char **args)
{
	const char *what = *args ? *args : "services";

	if (!strcmp(what, "machines") || !strcmp(what, "machine")) {
		if (args[1])
			usage();
		return local_machines();
	}
	if (*args && (!strcmp(what, "services") || !strcmp(what, "service")))
		args++;
	return *args ? local_each(args, NULL, 0) : local_services();
}

static int
status_command(char **args)
{
	return local_each(args, NULL, 1);
}

/* These ask something of one service, for local_each(). */
static int
freeze(const struct service *s, char why[WHY_MAX])
{
	return steer_freeze(s, thaw, why);
}

static int
rollback(const struct service *s, char why[WHY_MAX])
{
	return steer_rollback(s, pin, why);
}

static int
pull(const struct service *s, char why[WHY_MAX])
{
	return steer_pull(s, 0, why);
}

static int
redo(const struct service *s, char why[WHY_MAX])
{
	return steer_pull(s, 1, why);
}

static int
freeze_command(char **args)
{
	struct service s;
	int64_t seconds;
	size_t n = 0;
	char *last;

	while (args[n])
		n++;
	/* the last may be a duration, if it isn't a service's name */
	last = args[n - 1];
	if (n < 2 || !isdigit((unsigned char)*last))
		return local_each(args, freeze, 0);
	if (service_name_ok(last) && service_load(&s, last) == 0) {
		service_close(&s);
		return local_each(args, freeze, 0);
	}
	/* before anything is frozen for longer than was meant */
	seconds = parse_duration(last);
	if (seconds <= 0)
		die(EXIT_USAGE, "%s: neither a service nor a duration, such "
		    "as 5m, 1h30m or 50 (seconds)", last);
	thaw = time(NULL) + seconds;
	args[n - 1] = NULL;
	return local_each(args, freeze, 0);
}

static int
rollback_command(char **args)
{
	char *p;

	pin = args[1];
	for (p = args[1]; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!is_hash(pin, 7))
		die(EXIT_USAGE, "%s: not a commit: 7 to 40 hex digits", pin);
	args[1] = NULL;
	return local_each(args, rollback, 0);
}

static int
log_command(char **args)
{
	return local_texts(args, "log", "log.old", "log");
}

static int
changes_command(char **args)
{
	return local_texts(args, "changes", "changes", NULL);
}

static const struct command {
	const char *name;
	size_t min, max;	/* how many arguments it takes; 0: no limit */
	int (*run)(char **args);
	local_ask *ask;		/* without run: of each service named */
} commands[] = {
	{ "list", 0, 0, list_command, NULL },
	{ "ls", 0, 0, list_command, NULL },
	{ "l", 0, 0, list_command, NULL },
	{ "status", 1, 0, status_command, NULL },
	{ "freeze", 1, 0, freeze_command, NULL },
	{ "unfreeze", 1, 0, NULL, steer_unfreeze },
	{ "rollback", 2, 2, rollback_command, NULL },
	{ "pull", 1, 0, NULL, pull },
	{ "redo", 1, 0, NULL, redo },
	{ "log", 1, 0, log_command, NULL },
	{ "changes", 1, 0, changes_command, NULL },
};

static int
run(char **args, size_t n)
{
	const struct command *c = commands;
	const struct command *end = c + sizeof(commands) / sizeof(*commands);

	/* `do freeze NAME` was the word once */
	if (*args && (!strcmp(*args, "do") || !strcmp(*args, "d"))) {
		args++;
		n--;
	}
	if (!*args)
		usage();
	while (c < end && strcmp(c->name, *args) != 0)
		c++;
	if (c == end) {
		warn("%s: no such command", *args);
		usage();
	}
	if (n - 1 < c->min || (c->max && n - 1 > c->max)) {
		warn("%s: %s", *args, n - 1 < c->min ?
		    "something is missing" : "too many arguments");
		usage();
	}
	state_open();
	note("state directory %s", state_path);
	args++;
	return c->run ? c->run(args) : local_each(args, c->ask, 0);
}

int
main(int argc, char *argv[])
{
	char **args = xreallocarray(NULL, (size_t)argc + 1, sizeof(*args));
	size_t n = 0;
	int c, status;

	setup(argv[0]);
	signal(SIGPIPE, SIG_DFL);	/* `gitopper-ctl log x | head` */
	/* options count wherever they stand, in any libc */
	while (optind < argc) {
		c = getopt(argc, argv, "+dm");
		if (c == 'd')
			debug = 1;
		else if (c == 'm')
			local_json = 1;
		else if (c != -1)
			usage();
		else if (optind < argc)
			args[n++] = argv[optind++];
	}
	args[n] = NULL;
	for (c = 0; args[c]; c++)
		if (args[c][0] == '@')
			die(EXIT_USAGE, "%s: another machine; this program "
			    "knows only the one that it runs on", args[c]);
	status = run(args, n);
	if (fflush(stdout) == EOF || ferror(stdout))
		die(EXIT_SYS, "standard output:");
	free(args);
	return status;
}
