/* show.h - a service as people and other machines see it; after state.h */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdio.h>

/* What is shown of a service, gathered from its files. */
struct show {
	const struct service *s;
	int code;		/* enum state */
	const char *state;	/* its name */
	char hash[9];		/* 8 digits, "" before the first commit */
	char *info;		/* why it is in that state, "" if unsaid */
	const char *tip;	/* of its branch upstream, or NULL */
	const char *branch;
	char *url;		/* of upstream, no credentials in it */
	int64_t since;		/* Unix seconds, 0: nothing happened yet */
	struct kv upstream;	/* status of its upstream */
};

/* Fills in show, which leans on s until show_end. */
void show_start(struct show *show, const struct service *s);
void show_end(struct show *show);
/* Writes it as one JSON object. */
void show_json(const struct show *show, FILE *f);

/*
 * here.c: whether a runner is at work on this state directory, or a
 * `gitopper -1` was within three intervals of a service. Asking hinders
 * nobody.
 */
int here_runs(void);
enum { FAULT_MAX = 8192 };	/* what STATE/.config has at most */
/* What is wrong with the config that was read last, to be freed; or NULL. */
char *here_fault(void);
/* Both, as members of a JSON object that has some: `"runner":false` where none
 * runs, and `"config"` where fault isn't NULL. */
void here_json(int runs, const char *fault, FILE *f);

enum { TIME_TEXT = 40 };
/* The time as RFC 1123 has it, in UTC; "" for 0. Returns buf. */
char *time_text(int64_t t, char buf[TIME_TEXT]);
/* The same, as far as it is away: `3 minutes ago`, `in 1 hour`. */
char *time_away(int64_t t, char buf[TIME_TEXT]);
