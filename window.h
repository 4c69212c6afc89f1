/* window.h - windows: the times of the week at which new commits may come */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <time.h>

enum {
	WINDOW_RANGES = 64,	/* in one window */
	WINDOW_ZONE   = 64,	/* bytes of a zone's name, with its NUL */
	WINDOW_WHY    = 160,
	WINDOW_TEXT   = 64,
};

struct window {
	struct window_range {
		unsigned days;	/* a bit each, as tm_wday: 1 is Sunday */
		int begin, end;	/* minutes of the day; an end that is not
				 * after the beginning is on the next day */
	} range[WINDOW_RANGES];
	size_t n;
	char zone[WINDOW_ZONE];	/* "": local time; never a way out of the
				 * directory with the zones */
};

/*
 * Takes the text of a window, gitopper.toml(5). Returns 0, or -1 and why: the
 * end of a sentence that begins with `window`. Whether there is such a zone
 * is another matter.
 */
int window_parse(struct window *w, const char *text, char why[WINDOW_WHY]);

/* These reckon in the time zone that the process is in, tzset(3). */

/* Whether it is open at t. What counts is the clock on the wall. */
int window_open(const struct window *w, time_t t);
/* When it is open next: t itself if it is then; -1: not for a year. */
time_t window_next(const struct window *w, time_t t);
/* A time for people: `Mon 2026-11-23 09:00 CET`. Returns buf. */
char *window_text(time_t t, char buf[WINDOW_TEXT]);
