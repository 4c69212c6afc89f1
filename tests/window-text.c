/* window-text - shows what window.c makes of a window, and of times */
/* SPDX-License-Identifier: ISC */

/*
 * usage: window-text WINDOW TIME...	when it is open next, for each
 *	  window-text -c WINDOW FROM TO	compares that, at each minute, with
 *					what looking at each minute finds
 * exit status 1: it is refused, and why; or the two differ
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../window.h"
#include "../zone.h"

/* From the end, so that the next opening is always known. */
static int
compare(const struct window *w, time_t from, time_t to)
{
	time_t t, next = 0, got;

	for (t = to; t >= from; t -= 60) {
		if (window_open(w, t))
			next = t;
		got = window_next(w, t);
		if (next && got != next) {
			printf("at %lld: %lld, not %lld\n", (long long)t,
			    (long long)got, (long long)next);
			return 1;
		}
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	int comparing = argc == 5 && strcmp(argv[1], "-c") == 0, i;
	char why[WINDOW_WHY], text[WINDOW_TEXT];
	struct window w;
	time_t t, next;

	argv += comparing;
	if (argc < 2)
		return 100;
	if (window_parse(&w, argv[1], why) < 0) {
		puts(why);
		return 1;
	}
	if (zone_enter(w.zone) < 0) {
		printf("no zone %s\n", w.zone);
		return 1;
	}
	if (comparing)
		return compare(&w, atoll(argv[2]), atoll(argv[3]));
	for (i = 2; i < argc; i++) {
		t = atoll(argv[i]);
		next = window_next(&w, t);
		if (next == t)
			puts("open");
		else if (next < 0)
			puts("never");
		else
			printf("%lld %s\n", (long long)next,
			    window_text(next, text));
	}
	return 0;
}
