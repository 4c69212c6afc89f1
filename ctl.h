/* ctl.h - what the files of gitopper-ctl share */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the command line asked for. */
struct options {
	int json;		/* -m */
	int netrc;		/* -n: ~/.netrc counts by plain HTTP as well */
	const char *user;	/* -u: its name, for HTTP */
	const char *password;	/* -p: the file that holds its password */
	const char *program;	/* -e: instead of ssh, with its arguments */
	const char *key;	/* -i: for ssh to log in with */
};
extern struct options options;

/* machine.c: who is asked */

enum how {
	HOW_LOCAL,		/* the state directory here */
	HOW_HTTP,
	HOW_UNIX,		/* HTTP on a unix socket */
	HOW_PROGRAM		/* HTTP through a program: ssh */
};

struct machine {
	const char *name;	/* as it was named, without the @ */
	enum how how;
	char *url;		/* what its routes begin with, up to a slash */
	const char *place;	/* path of the socket; host for the program */
	int failed;		/* it didn't answer: no use to ask on */
	struct link *link;	/* remote.c's own */
};

enum { WHY = 200 };

/*
 * Takes what was behind the @, which must live on. key: a host without a
 * scheme is for ssh. Returns 0; or -1, and why says what is wrong with it.
 */
int machine_read(struct machine *m, const char *name, int key,
	char why[WHY]);
/*
 * Whether what is said to it can't be read on the way: by TLS, on a unix
 * socket, through a program, or to a loopback address.
 */
int machine_is_private(const struct machine *m);
/* Adds the machines of the config to a list of n. Dies. */
struct machine *machines_all(struct machine *list, size_t *n);

/* What is asked of a machine. */
enum verb {
	ASK_MACHINES, ASK_SERVICES, ASK_SERVICE, ASK_FREEZE, ASK_UNFREEZE,
	ASK_ROLLBACK, ASK_PULL, ASK_ACCEPT, ASK_WIPE, ASK_REDO, ASK_LOG,
	ASK_CHANGES, ASK_DIFF, ASK_WATCH
};

struct ask {
	struct machine *machine;
	enum verb verb;
	const char *name;	/* the service, or NULL */
	const char *hash;	/* of rollback */
	int64_t seconds;	/* of freeze; 0: until unfrozen */
	uint64_t since;		/* of watch */

	/* what came of it, once it was answered */
	int status;		/* of HTTP; 0: no answer, and text says why */
	int partial;		/* something is missing in it, which was said */
	char *text;		/* of malloc, a NUL behind its len bytes */
	size_t len;
};

/* local.c: this machine's state directory says what gitopper-httpd would */
void local_answer(struct ask *a);

/*
 * diff.c: writes what differs between a tree and its commit:
 * {"service":NAME,"diff":[...]}. Returns 0, or -1 where it couldn't look at all
 * of it, which it has said.
 */
struct service;
int diff_write(const struct service *s, FILE *f);

/* remote.c: other machines, by HTTP */

/* Before any of them is asked: asks for a password where one is needed. */
void remote_start(struct machine *machines, size_t n);
/* Asks, for at most that many seconds; hold: more will be asked of it. */
void remote_ask(struct ask *a, int64_t seconds, int hold);
/*
 * Waits until an ask is answered, and returns it. NULL: none was within ms
 * milliseconds (-1: for ever), or fd (-1: none) became readable.
 */
struct ask *remote_next(int fd, int ms);
/* Answers n asks, sorted by machine, of many machines at once. */
void remote_answer(struct ask *asks, size_t n);

/* through.c: a program that speaks HTTP */

enum { THROUGH_PATH = 108 };	/* what a socket's may have (unix(7)) */
/* Runs it for that host. Returns its id, and the path of the socket to connect
 * to, once, for its standard input and output; or -1 and errno. */
pid_t through_open(const char *host, char path[THROUGH_PATH]);
/* Ends it. failed: it may have ended by itself, and how it did is returned, as
 * waitpid(2) has it; else 0. */
int through_end(pid_t pid, int failed);

/* print.c: answers, for people and for programs */

/* several: machines, so that each has to be named. */
void print_start(enum verb verb, int lines, int several);
/* There can be no service of that name. */
void print_missing(const char *name);
/* Takes what a machine answered; what went wrong is said at once. */
void print_answer(const struct ask *a);
/* Prints what isn't yet. Returns the exit status. */
int print_end(void);

/* lines.c: a change of a service, as watch prints it. */
struct change {
	int64_t time;
	const char *machine, *service, *from, *to, *hash, *info;
};
void change_print(const struct change *c);
/* Says on standard error, once for m, that no runner runs there, and what is
 * wrong with its config, if that isn't "". */
void here_print(const struct machine *m, int runs, const char *fault);

/* What a machine says of what went wrong, for people. To be freed. */
char *answer_why(const struct ask *a);

/* follow.c: the command watch. Returns the exit status. */
int follow(struct machine *machines, size_t n);

/* passwd.c: the command passwd */
int passwd(const char *name, const char *rights);

/* prompt.c */

enum { SECRET_TEXT = 512 };	/* crypt(3) takes no more */
/* Asks for a secret on the terminal, without an echo. Returns 0, or -1 and
 * errno where there is no terminal, or EINVAL where it is too long. */
int secret_ask(const char *prompt, char buf[SECRET_TEXT]);
/* Reads the first line of a file. Returns as secret_ask. */
int secret_read(int fd, char buf[SECRET_TEXT]);
