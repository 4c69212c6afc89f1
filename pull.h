/* pull.h - the parts of gitopper-pull */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>
#include <stdio.h>

#include "contact.h"
#include "plan.h"
#include "state.h"

/* One service, under its lock, on its way through gitopper-pull -f. */
struct job {
	struct service s;
	struct plan index;	/* what is published */
	char tip[41];		/* of its branch, "" where that isn't known */
	char wanted[41];	/* the commit to read, maybe a prefix */
	int follows;		/* which is wanted because it is the tip */
	int offline;		/* a failure is no error yet */
	int fresh;		/* nothing of the index is there */
	int restage;		/* files are to be staged in any case */
	int failed;		/* an error of this cycle is in status */
	int damaged;		/* the object store may be */
	int unreached;		/* the upstream can't be reached just now, */
	int missing;		/* and hence the commit is not here */
	int ask;		/* the reader has to look */
	int idle;		/* nothing is staged, nor has to be */
	char (*lack)[41];	/* objects it needs that the store left out */
	size_t nlacks;
	int lacking;		/* they are to be fetched */
};

/* reader.c: the child that reads the object store */

struct reading {
	const char *repo;
	struct job *job;	/* those with `ask` */
	size_t n;
};

/*
 * Runs in the child. For each job in turn it writes to descriptor 3:
 *
 *	commit HASH		that wanted means
 *	object LEN		then LEN bytes: the commit itself, where the
 *				service has `verify`
 *	verdict			the tip's content is that of `bad`: no more
 *	same			the content is that at `hash`: no more
 *	lack ID			an object that isn't here yet, and is needed
 *	lacking			these were all of them: no more
 *	rewritten		it has no history with stage_followed in it
 *	skip LEN		then LEN bytes: a path that isn't written out
 *	pointer LEN		then a path: of the next file only its LFS
 *				pointer is here
 *	change A|M|D LEN	then a path: what differs from `applied`
 *	since HASH		all that is published, from that commit, stays
 *				but for what follows
 *	drop LEN		then a path: one that doesn't, though a file
 *				may come in its place
 *	keep MODE ID LEN	then a path: a file that is published already
 *	file MODE ID LEN SIZE	then a path, and its bytes
 *	error TEXT		it can't be done: no more
 *	damaged TEXT		the same, and the store may be damaged
 *	missing TEXT		the same, for want of the commit
 *	end
 *
 * keep and file come sorted by path, and so does drop. arg is a struct reading.
 */
void reader_work(void *arg);

/* path.c */

/*
 * What is wrong with a path that came out of a repository, or NULL. Refused
 * are empty, `.` and `..` components, `.git` in any case (gitfaq(7) and
 * git-fsck(1) have why), names that a program could take for an option, and
 * what a file system can't hold.
 */
const char *path_fault(const char *path);

/* stage.c */

enum staged {
	STAGED_NOT = -1,	/* failed, and said so in the job's status */
	STAGED_SAME,		/* there is nothing to write */
	STAGED_FILES,		/* plan and next/ are complete */
	STAGED_VERDICT,		/* the tip's content is bad */
	STAGED_LACKING,		/* the job's lack is to be fetched first */
	STAGED_LOST,		/* the child is gone, or speaks nonsense */
};

/* Reads what the reader says of a job, stages it, and puts the full name of
 * the commit into wanted. */
enum staged stage_read(FILE *in, struct job *job);
/* Whether the service refuses a branch that was rewritten. */
int stage_goes_forward(const struct job *job);
/* The commit that must be in the history of its branch, or else that was
 * rewritten: where the service goes forward only, the last tip that it took,
 * whatever a pin or a verdict led it back to; or what it is at, or NULL. */
const char *stage_followed(const struct job *job);
/* Takes away what is staged. Returns 0, or -1 and errno. */
int stage_clear(struct service *s);

/* signed.c */

/*
 * Whether the commit of that id, object being its len bytes, is signed by one
 * of those whom the service's `verify` names (gitopper-verify(1)). Leaves the
 * object in NAME/object for others who want to know. Returns 0, or -1 and why.
 */
int signed_check(const struct service *s, const char *id, const char *object,
	size_t len, char why[400]);
/* Whether the last one that was found signed is that one. */
int signed_before(const struct service *s, const char *id);

/* publish.c */

/* Moves what is staged into the tree. Returns 0, or -1 with the error in
 * the service's status. */
int publish(struct service *s, struct plan *plan);
/* What is left of a publish whose plan is the index already. */
void publish_finish(struct service *s, const char *commit);

/* Takes away all that was published, edits to saved/. Returns 0, -1, errno. */
int publish_nothing(struct service *s);

/* saved.c */

/*
 * The name in dir is what lay at e's (or path's) place. If it is what we
 * published, it goes; if somebody edited it, it is kept in saved/TIME/path.
 * e may be NULL. Returns 0, or -1 and errno.
 */
int saved_dispose(struct service *s, const struct entry *e, const char *path,
	int dir, const char *name);
/* Keeps it, whatever it is. */
int saved_keep(struct service *s, const char *path, int dir,
	const char *name);

/* job.c */

/* Lifts a freeze that another member of the group wants lifted; s is locked. */
void job_unfreeze(struct service *s);
/*
 * Decides what is to be done for the service, whose lock is held: sets ask
 * where the reader has to look.
 */
void job_prepare(struct job *job, const struct upstream *up);
/* Takes what the reader's answer came to; may ask for more. */
void job_take(struct job *job, enum staged staged);
/* What the job lacks can't be had: says why. */
void job_lacks(struct job *job, const char *why);
/* Last words: takes a poke away, notes the upstream's error, lets go of the
 * lock. Returns 1 if the name is to be printed, 0 if not, -1 if it failed. */
int job_finish(struct job *job, const struct upstream *up);

/* tree.c */

/* Whether the plan, or index, is of the tree, and for the user, that conf
 * says; and whether it is of the links. */
int plan_place_fits(const struct service *s, const struct plan *plan);
int plan_links_fit(const struct service *s, const struct plan *plan);
/* Whether there is no file in the tree, or no tree. */
int tree_is_empty(const struct service *s);
/* Whether it is time to look for local edits. */
int drift_due(const struct service *s);
/* Counts edited files of the index into status, and notes the time of the
 * look as that of index. With drop, edited ones are taken out of index in
 * memory. Returns the count, or -1 and errno. */
int64_t drift_look(struct service *s, struct plan *index, int drop);
/* Takes a service that left the config apart: its tree and its files go;
 * edits, and files that we didn't publish, to saved/. Returns 0 or -1. */
int service_dismantle(struct service *s);
