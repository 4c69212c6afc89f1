/* gitopper-ctl - watch and steer services, here and on other machines */
/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "state.h"
#include "util.h"

struct options options;

static struct machine *machines;
static size_t nmachines;
static int local;		/* no machine was named */

static void
usage(void)
{
	fputs("usage: gitopper-ctl [-dmn] [-u user [-p file]] [-e program] "
	    "[-i key]\n"
	    "                    COMMAND [@machine ...] [NAME ...]\n"
	    "  list [services]            the services of this machine\n"
	    "  list service NAME ...      just these\n"
	    "  list machines              the machines of the config\n"
	    "  status NAME ...            all about a service\n"
	    "  freeze NAME ... [DUR]      stay at this commit (for 5m, 1h30m)\n"
	    "  unfreeze NAME ...          follow the branch again\n"
	    "  rollback NAME HASH         go to that commit, and stay there\n"
	    "  pull NAME ...              look for new commits now\n"
	    "  redo NAME ...              deploy the commit once more\n"
	    "  accept NAME ...            take a branch that was rewritten\n"
	    "  wipe NAME ...|--all        fetch everything anew\n"
	    "  log NAME ...               what happened\n"
	    "  changes NAME ...           files that are not applied yet\n"
	    "  diff NAME ...              files that were edited here\n"
	    "  watch                      what happens, as it happens\n"
	    "  passwd USER [ro|rw]        a line for the users of httpd\n"
	    "  @machine: host[:port], URL, unix:PATH, ssh:HOST, or all\n",
	    stderr);
	exit(EXIT_USAGE);
}

/* Asks each machine about each name, and prints what they say. */
static int
ask_all(const struct ask *model, char **names, int lines)
{
	struct ask *asks, *a;
	size_t each = 0, i, n = 0;

	print_start(model->verb, lines, nmachines > 1);
	for (i = 0; names && names[i]; i++)
		if (service_name_ok(names[i]))
			names[each++] = names[i];
		else
			print_missing(names[i]);
	if (!names)
		each = 1;
	asks = xreallocarray(NULL, nmachines * each + 1, sizeof(*asks));
	for (i = 0; i < nmachines * each; i++) {
		a = &asks[n++];
		*a = *model;
		a->machine = &machines[i / each];
		a->name = names ? names[i % each] : NULL;
		if (a->machine->how == HOW_LOCAL)
			local_answer(a);
	}
	remote_answer(asks, n);
	for (i = 0; i < n; i++) {
		print_answer(&asks[i]);
		free(asks[i].text);
	}
	free(asks);
	return print_end();
}

static int
list_command(struct ask *ask, char **args)
{
	const char *what = *args ? *args : "services";

	if (!strcmp(what, "machines") || !strcmp(what, "machine")) {
		if (args[1])
			usage();
		ask->verb = ASK_MACHINES;
		return ask_all(ask, NULL, 0);
	}
	if (*args && (!strcmp(what, "services") || !strcmp(what, "service")))
		args++;
	ask->verb = *args ? ASK_SERVICE : ASK_SERVICES;
	return ask_all(ask, *args ? args : NULL, 0);
}

static int
status_command(struct ask *ask, char **args)
{
	return ask_all(ask, args, 1);
}

static int
names_command(struct ask *ask, char **args)
{
	return ask_all(ask, args, 0);
}

/* Whether there is a service here that is called like that. */
static int
is_service(const char *name)
{
	struct service s;

	if (!local || !service_name_ok(name) || service_load(&s, name) < 0)
		return 0;
	service_close(&s);
	return 1;
}

static int
freeze_command(struct ask *ask, char **args)
{
	size_t n = 0;
	char *last;

	while (args[n])
		n++;
	/* the last may be a duration, if it isn't a service's name */
	last = args[n - 1];
	if (n >= 2 && isdigit((unsigned char)*last) && !is_service(last)) {
		/* before anything is frozen for longer than was meant */
		ask->seconds = parse_duration(last);
		if (ask->seconds <= 0)
			die(EXIT_USAGE, "%s: neither a service nor a duration, "
			    "such as 5m, 1h30m or 50 (seconds)", last);
		args[n - 1] = NULL;
	}
	return ask_all(ask, args, 0);
}

static int
rollback_command(struct ask *ask, char **args)
{
	char *hash = xstrdup(args[1]), *p;
	int status;

	for (p = hash; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!is_hash(hash, 7))
		die(EXIT_USAGE, "%s: not a commit: 7 to 40 hex digits",
		    args[1]);
	ask->hash = hash;
	args[1] = NULL;
	status = ask_all(ask, args, 0);
	free(hash);
	return status;
}

static int
wipe_command(struct ask *ask, char **args)
{
	if (strcmp(args[0], "--all") != 0)
		return ask_all(ask, args, 0);
	if (!local || args[1])
		usage();
	return ask_all(ask, service_names(), 0);
}

static int
diff_command(struct ask *ask, char **args)
{
	size_t i;

	for (i = 0; i < nmachines; i++)
		if (machines[i].how != HOW_LOCAL)
			die(EXIT_USAGE, "@%s: diff reads the files themselves, "
			    "so it works on the machine alone that has them",
			    machines[i].name);
	return ask_all(ask, args, 0);
}

static int
watch_command(struct ask *ask, char **args)
{
	(void)ask;
	(void)args;
	return follow(machines, nmachines);
}

static int
passwd_command(struct ask *ask, char **args)
{
	(void)ask;
	if (!local)
		usage();
	return passwd(args[0], args[1] ? args[1] : "rw");
}

enum { ANY = 1000000 };

static const struct command {
	const char *name;
	size_t min, max;	/* how many arguments it takes */
	enum verb verb;
	int (*run)(struct ask *ask, char **args);
} commands[] = {
	{ "list", 0, ANY, ASK_SERVICES, list_command },
	{ "ls", 0, ANY, ASK_SERVICES, list_command },
	{ "l", 0, ANY, ASK_SERVICES, list_command },
	{ "status", 1, ANY, ASK_SERVICE, status_command },
	{ "freeze", 1, ANY, ASK_FREEZE, freeze_command },
	{ "unfreeze", 1, ANY, ASK_UNFREEZE, names_command },
	{ "rollback", 2, 2, ASK_ROLLBACK, rollback_command },
	{ "pull", 1, ANY, ASK_PULL, names_command },
	{ "redo", 1, ANY, ASK_REDO, names_command },
	{ "accept", 1, ANY, ASK_ACCEPT, names_command },
	{ "wipe", 1, ANY, ASK_WIPE, wipe_command },
	{ "log", 1, ANY, ASK_LOG, names_command },
	{ "changes", 1, ANY, ASK_CHANGES, names_command },
	{ "diff", 1, ANY, ASK_DIFF, diff_command },
	{ "watch", 0, 0, ASK_WATCH, watch_command },
	{ "passwd", 1, 2, ASK_WATCH, passwd_command },
};

/* The command that args begins with; dies where n words don't make it. */
static const struct command *
command_find(char **args, size_t n)
{
	const struct command *c = commands;
	const struct command *end = c + sizeof(commands) / sizeof(*commands);

	if (n == 0)
		usage();
	while (c < end && strcmp(c->name, *args) != 0)
		c++;
	if (c == end) {
		warn("%s: no such command", *args);
		usage();
	}
	if (n - 1 < c->min || n - 1 > c->max) {
		warn("%s: %s", *args, n - 1 < c->min ?
		    "something is missing" : "too many arguments");
		usage();
	}
	return c;
}

/* Takes what was behind an @. */
static void
machine_add(const char *name)
{
	char why[WHY];

	if (strcmp(name, "all") == 0) {
		state_open();
		machines = machines_all(machines, &nmachines);
		if (nmachines == 0)
			die(EXIT_USAGE, "@all: no machines are known here");
		return;
	}
	machines = xreallocarray(machines, nmachines + 1, sizeof(*machines));
	if (machine_read(&machines[nmachines++], name, options.key != NULL,
	    why) < 0)
		die(EXIT_USAGE, "@%s: %s", name, why);
}

/* Without a machine it is this one, by its own name. */
static void
machine_here(void)
{
	static char host[256];

	state_open();
	note("state directory %s", state_path);
	if (gethostname(host, sizeof(host) - 1) < 0)
		die(EXIT_SYS, "gethostname:");
	machines = xreallocarray(NULL, 1, sizeof(*machines));
	memset(machines, 0, sizeof(*machines));
	machines->name = host;
	machines->how = HOW_LOCAL;
	nmachines = 1;
	local = 1;
}

static int
run(char **args, size_t n)
{
	const struct command *c;
	struct ask ask = { 0 };
	size_t i, words = 0;

	for (i = 0; i < n; i++)
		if (args[i][0] == '@')
			machine_add(args[i] + 1);
		else
			args[words++] = args[i];
	args[words] = NULL;
	/* `do freeze NAME` was the word once */
	if (words && (!strcmp(*args, "do") || !strcmp(*args, "d"))) {
		args++;
		words--;
	}
	c = command_find(args, words);
	if (nmachines == 0)
		machine_here();
	ask.verb = c->verb;
	remote_start(machines, nmachines);
	return c->run(&ask, args + 1);
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
		if (strcmp(argv[optind], "--all") == 0) {
			args[n++] = argv[optind++];
			continue;
		}
		c = getopt(argc, argv, "+de:i:mnp:u:");
		if (c == 'd')
			debug = 1;
		else if (c == 'e')
			options.program = optarg;
		else if (c == 'i')
			options.key = optarg;
		else if (c == 'm')
			options.json = 1;
		else if (c == 'n')
			options.netrc = 1;
		else if (c == 'p')
			options.password = optarg;
		else if (c == 'u')
			options.user = optarg;
		else if (c != -1)
			usage();
		else if (optind < argc)
			args[n++] = argv[optind++];
	}
	if (options.password && !options.user)
		die(EXIT_USAGE, "-p: whose password is that? -u USER says so");
	status = run(args, n);
	if (fflush(stdout) == EOF || ferror(stdout))
		die(EXIT_SYS, "standard output:");
	free(args);
	return status;
}
