/* stage.h - what a service's next/ and plan are made with; after pull.h */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdio.h>

/*
 * The reader may have been taken over by what it read. So its stream is held
 * to its form: a path is checked here, once, and all are in order, so that
 * none is there twice and none lies beneath a file. Nor may it fill our
 * memory or the log.
 */
struct stage {
	struct job *job;
	FILE *in;
	int next;		/* descriptor of next/, or -1 before a file */
	uint64_t room;		/* bytes that may still go there */
	uint64_t inodes;	/* and files and directories */
	size_t written;		/* the last one: so many of plan came by then */
	uid_t uid;
	gid_t gid;
	struct plan plan;
	int since;		/* the index stays, with the plan for news, */
	struct plan drop;	/* but for these paths; */
	size_t stay;		/* so many of its files */
	char *changes;		/* text of plan.changes */
	size_t nchanges;
	FILE *change;		/* writes it */
	size_t heard, skipped;	/* bytes of quoted paths, and paths, so far */
	int rewritten;		/* it said so */
	int trusted;		/* the commit's signature is good, or unasked */
};

/* stage.c: says what is wrong with path. Returns STAGED_NOT. */
int stage_fail(struct stage *stage, const char *what, const char *path);

/* path.c: why the path may not come next in the plan; NULL: it may. Writes to
 * it meanwhile. */
const char *path_refused(const struct stage *stage, char *path);

/*
 * next.c: writes the file e, whose bytes come next, to next/, which is made
 * with the first one, and adds it to the plan. Returns 0, or an enum staged.
 */
int file_stage(struct stage *stage, struct entry *e);
