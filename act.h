/* act.h - what the files of gitopper-act share */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "state.h"

enum { JOBS_MAX = 256 };	/* services held open: 2 descriptors each */

/* What this run of the program does for each service. */
struct step {
	enum { STEP_ACT, STEP_PACKAGE, STEP_CHECK, STEP_HEALTH, STEP_OTHER }
		kind;
	const char *name;	/* the KEY or NAME that was asked for */
	const char *stage;	/* as `error` and the log call it */
	int lookup;		/* name is a command, not a key of conf */
	int named;		/* the services are arguments */
};

enum result {
	RESULT_OK,
	RESULT_FAILED,	/* an exit status that is a verdict */
	RESULT_LATE,	/* it was killed for its time was up */
	RESULT_TROUBLE,	/* 111, or killed by something else */
	RESULT_CANT,	/* it could not be run */
};

/* One service that is worked on, and locked. */
struct job {
	struct service s;
	const struct step *step;
	char commit[41];	/* what it is about; "" where there is none */
	pid_t pid;		/* its command; 0 between two health checks */
	int cleaning;		/* that is no command, but removes its copy */
	int out, report;	/* what the child prints, and why it can't */
	int64_t deadline;	/* of the command, ms */
	int64_t until, again;	/* health: the last moment, the next try, ms */
	int timeout;		/* seconds the command was given */
	int signals;		/* how often it was told to end */
	int code, status;	/* how it ended, as waitid(2) says */
	int64_t left;		/* when its group must have gone, then; or 0 */
	size_t logged;		/* bytes that went to the log so far */
	char line[1000];	/* output without its end of line yet */
	size_t len;
	char last[200];		/* the last line that has a word in it */
	char before[200];	/* of a check: the one before that */
	enum result result;
	char why[450];		/* where that is not RESULT_OK */
};

/* run.c: one child at a time for each job */

/*
 * Starts a child that does body and has ms milliseconds for it.
 * Returns 0, or -1 and errno.
 */
int run_start(struct job *job, void (*body)(const struct job *), int64_t ms);
/* Takes what the child has printed so far. */
void run_read(struct job *job);
/* Tells the child and all of its group to end; the second time it must. */
void run_signal(struct job *job);
/* Whether the child and its group have ended: then result and why say how,
 * unless it was the one that cleans up. While `left` is set it is to be asked
 * again: no signal tells when the group goes. */
int run_ended(struct job *job);
/* In the child: it ends when we do; for a change of user undoes that. */
void run_follow(void);
/* In the child: why there is no command to run, as warn; and ends it. */
void run_cant(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* command.c: finds the command of the job's step, and becomes it */
void command_run(const struct job *job);
/* The text of the command, or NULL where the service has none. */
const char *command_text(const struct step *step, const struct service *s);

/* trust.c */
struct passwd;
/* Who runs the executable at path: conf's user where others than root could
 * change it, and for a check, unless conf says otherwise; else ourselves; NULL
 * where that has no name. */
struct passwd *command_user(const struct job *job, const char *path);

/* gather.c: the metrics that an action writes; nothing for other steps */

/* Removes what a killed command may have left. */
void gather_clear(struct job *job);
/* In the child, as root still: makes the file that GITOPPER_METRICS will
 * name, and writes its path to buf. Returns 0, or -1 where there is none. */
int gather_offer(const struct job *job, const struct passwd *pw, char *buf,
	size_t size);
/* The command has ended: takes over what it wrote. */
void gather_take(struct job *job);
/* The service has no action, so it has none of its metrics. */
void gather_none(struct job *job);

/* preview.c: what the tree would become, for a check; in its child */

/* Makes the complete copy at PLACE_CHECK. */
void preview_make(const struct service *s);
/* Removes it. */
void preview_remove(const struct job *job);
/* Shows it at each `local`, to this process and its children alone. */
void preview_mount(const struct service *s);

/* verdict.c: whether there is something to do, and what comes of it */

enum due { DUE_RUN, DUE_PASS, DUE_DROP, DUE_FAIL };

/*
 * Looks only at files, so it may be asked without the lock as well. Fills in
 * commit. DUE_PASS: nothing to do, the name goes on; DUE_DROP: it doesn't;
 * DUE_FAIL: it can't be done, which was said.
 */
enum due step_due(const struct step *step, const struct service *s,
	char commit[41]);
/* Whether status holds an error of this step that nothing stands behind. */
int step_stale(const struct step *step, const struct service *s);
/* Writes down what came of the job. Returns 1 where its name goes on. */
int step_done(struct job *job);
