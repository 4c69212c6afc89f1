/* fuzz-window - throws bytes at window.c */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <string.h>

#include "../window.h"
#include "../zone.h"
#include "fuzz.h"

/* When it is open next is open, and nothing before that is. */
static void
next_check(const struct window *w, time_t t)
{
	time_t next = window_next(w, t), i;

	CHECK(next >= t && next < t + 16 * 86400);
	CHECK(window_open(w, next));
	if (next == t)
		return;
	CHECK(!window_open(w, t) && !window_open(w, next - 1));
	for (i = t; i < next; i += 997 + (next - t) / 64)
		CHECK(!window_open(w, i));
}

static void
range_check(const struct window_range *r)
{
	CHECK(r->days && r->days < 0x80);
	CHECK(r->begin >= 0 && r->begin < 24 * 60);
	CHECK(r->end >= 0 && r->end <= 24 * 60 && r->begin != r->end);
}

int
LLVMFuzzerTestOneInput(const unsigned char *buf, size_t len)
{
	/* before the clocks of Berlin change, in 2026 */
	static const time_t times[] = { 1774400000, 1792800000, 1767225599 };
	char *text = malloc(len + 1), why[WINDOW_WHY] = "";
	struct window w;
	size_t i;

	CHECK(text);
	memcpy(text, buf, len);
	text[len] = '\0';
	if (window_parse(&w, text, why) < 0) {
		CHECK(*why && strlen(why) < WINDOW_WHY);
		free(text);
		return 0;
	}
	CHECK(w.n > 0 && w.n <= WINDOW_RANGES && !*why);
	CHECK(*w.zone != '/' && !strchr(w.zone, '.'));
	for (i = 0; i < w.n; i++)
		range_check(&w.range[i]);
	/* the fuzzer shall not spend its time on reading zones */
	CHECK(zone_enter("Europe/Berlin") == 0);
	for (i = 0; i < sizeof(times) / sizeof(*times); i++)
		next_check(&w, times[i]);
	free(text);
	return 0;
}
