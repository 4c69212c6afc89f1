/* show.h - a service as people and other machines see it; after state.h */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <stdio.h>

/* What is shown of a service, gathered from its files. */
struct show {
	const struct service *s;
	const char *state;
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

enum { TIME_TEXT = 40 };
/* The time as RFC 1123 has it, in UTC; "" for 0. Returns buf. */
char *time_text(int64_t t, char buf[TIME_TEXT]);
/* The same, as far as it is away: `3 minutes ago`, `in 1 hour`. */
char *time_away(int64_t t, char buf[TIME_TEXT]);
