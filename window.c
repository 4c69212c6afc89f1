/* window.c - windows: the times of the week at which new commits may come */
/* SPDX-License-Identifier: ISC */
/*
 *	window	= part { "," part } [ zone ]
 *	part	= days | times | days times
 *	days	= day [ "-" day ]
 *	times	= time "-" time
 *
 * Words are parted by blanks. What a part leaves out is found to its right or
 * to its left, and always so that less is open rather than more: days without
 * times take those of the next part, so that `Sat,Sun 10:00-12:00` is what it
 * looks like, and are open all day only if there is none; times without days
 * are for the days before them, and for every day only if there are none.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "window.h"

enum {
	DAY     = 24 * 60,	/* minutes */
	ALL     = 0x7f,		/* days */
	STEP    = 12 * 3600,	/* seconds in which a zone's offset changes
				 * once at most */
	STEPS   = 2 * 370,	/* that are tried: a year */
	SHOWN   = 40,		/* bytes of a word in a message */
};

struct word {
	const char *s;
	size_t n;
};

struct parse {
	struct window *w;
	const char *p;
	struct word word;	/* that is to be looked at next; n 0: none */
	unsigned days;
	int pending;		/* days have no times yet */
	char *why;
};

static int
fault(struct parse *x, const char *before, const char *after)
{
	int n = x->word.n < SHOWN ? (int)x->word.n : SHOWN;

	snprintf(x->why, WINDOW_WHY, "%s\"%.*s\"%s", before, n, x->word.s,
	    after);
	return -1;
}

/* The next word up to a comma or the end. */
static void
word_next(struct parse *x)
{
	x->p += strspn(x->p, " ");
	x->word.s = x->p;
	x->word.n = strcspn(x->p, " ,");
	x->p += x->word.n;
}

/* The day, 0 to 6; -1: none. */
static int
day_read(const char *s)
{
	static const char names[] = "SunMonTueWedThuFriSat";
	int i;

	for (i = 0; i < 7; i++)
		if (strncasecmp(s, names + 3 * i, 3) == 0)
			return i;
	return -1;
}

/* Whether the word is a day or a range of them: adds them to *days. */
static int
days_read(const struct word *word, unsigned *days)
{
	int day, last;

	if (word->n != 3 && !(word->n == 7 && word->s[3] == '-'))
		return 0;
	day = day_read(word->s);
	last = word->n == 3 ? day : day_read(word->s + 4);
	if (day < 0 || last < 0)
		return 0;
	for (; day != last; day = (day + 1) % 7)
		*days |= 1u << day;
	*days |= 1u << last;
	return 1;
}

/* Minutes of a time, HH:MM or H:MM, at the beginning of s; -1: none. */
static int
time_read(const char **s, const char *end)
{
	const char *p = *s;
	int hour = 0, minute;

	while (p < end && p < *s + 2 && isdigit((unsigned char)*p))
		hour = hour * 10 + *p++ - '0';
	if (p == *s || end - p < 3 || *p != ':' ||
	    !isdigit((unsigned char)p[1]) || !isdigit((unsigned char)p[2]))
		return -1;
	minute = (p[1] - '0') * 10 + p[2] - '0';
	*s = p + 3;
	if (minute > 59 || hour * 60 + minute > DAY)
		return -1;
	return hour * 60 + minute;
}

static int
range_add(struct parse *x, int begin, int end)
{
	struct window_range *r;

	if (x->w->n == WINDOW_RANGES) {
		snprintf(x->why, WINDOW_WHY, "has more than %d ranges of "
		    "times", WINDOW_RANGES);
		return -1;
	}
	r = &x->w->range[x->w->n++];
	r->days = x->days ? x->days : ALL;
	r->begin = begin;
	r->end = end;
	x->pending = 0;
	return 0;
}

static int
times_parse(struct parse *x)
{
	const char *p = x->word.s, *last = p + x->word.n;
	int begin = time_read(&p, last), end = -1;

	if (begin >= 0 && p < last && *p == '-') {
		p++;
		end = time_read(&p, last);
	}
	if (end < 0 || p != last || begin == DAY)
		return fault(x, "has ", ", which is no range of times such as "
		    "09:00-17:00");
	if (begin == end)
		return fault(x, "has ", ", which ends when it begins; "
		    "00:00-24:00 is all day");
	return range_add(x, begin, end);
}

/* One part; leaves the word after it. */
static int
part_parse(struct parse *x)
{
	unsigned days = 0;
	int has_days;

	word_next(x);
	if (!x->word.n) {
		snprintf(x->why, WINDOW_WHY, "lacks days or times %s",
		    x->w->n || x->pending ? "after a comma" :
		    *x->p ? "before a comma" : "such as Mon-Fri 09:00-17:00");
		return -1;
	}
	has_days = days_read(&x->word, &days);
	if (has_days) {
		x->days = x->pending ? x->days | days : days;
		x->pending = 1;
		word_next(x);
	}
	if (memchr(x->word.s, ':', x->word.n)) {
		if (times_parse(x) < 0)
			return -1;
		word_next(x);
	} else if (!has_days) {
		return fault(x, "has ", ", which is neither days such as "
		    "Mon-Fri nor times such as 09:00-17:00");
	}
	return 0;
}

/* A name in the directory of zones: no dots are in it, so no way out. */
static int
zone_parse(struct parse *x)
{
	static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_+-/";
	const struct word *word = &x->word;
	unsigned days = 0;

	if (x->p[strspn(x->p, " ")] || days_read(word, &days) ||
	    memchr(word->s, ':', word->n))
		return fault(x, "has ", " out of place: it is days and then "
		    "times, more of these after commas, and a zone at the "
		    "very end");
	if (strspn(word->s, ok) < word->n || word->n >= WINDOW_ZONE ||
	    !isalpha((unsigned char)*word->s) ||
	    word->s[word->n - 1] == '/' ||
	    memmem(word->s, word->n, "//", 2))
		return fault(x, "has ", ", which can't be a time zone");
	memcpy(x->w->zone, word->s, word->n);
	x->w->zone[word->n] = '\0';
	return 0;
}

int
window_parse(struct window *w, const char *text, char why[WINDOW_WHY])
{
	struct parse x = { .w = w, .p = text, .why = why };

	memset(w, 0, sizeof(*w));
	for (;;) {
		if (part_parse(&x) < 0)
			return -1;
		x.p += x.word.n ? 0 : strspn(x.p, " ");
		if (x.word.n || *x.p != ',')
			break;
		x.p++;
	}
	if (x.word.n && zone_parse(&x) < 0)
		return -1;
	return x.pending ? range_add(&x, 0, DAY) : 0;
}

static int
is_on(const struct window_range *r, int wday)
{
	return r->days >> wday % 7 & 1;
}

static int
is_open(const struct window *w, const struct tm *tm)
{
	int now = tm->tm_hour * 60 + tm->tm_min;
	const struct window_range *r;

	for (r = w->range; r < w->range + w->n; r++) {
		if (r->begin < r->end) {
			if (is_on(r, tm->tm_wday) && now >= r->begin &&
			    now < r->end)
				return 1;
		} else if ((is_on(r, tm->tm_wday) && now >= r->begin) ||
		    (is_on(r, tm->tm_wday + 6) && now < r->end)) {
			return 1;
		}
	}
	return 0;
}

int
window_open(const struct window *w, time_t t)
{
	struct tm tm;

	return localtime_r(&t, &tm) && is_open(w, &tm);
}

/* Seconds until a range begins, as long as no clock is changed; at most
 * STEP. */
static time_t
step(const struct window *w, const struct tm *tm)
{
	time_t now = (tm->tm_hour * 60 + tm->tm_min) * 60 + tm->tm_sec, t;
	time_t least = STEP;
	const struct window_range *r;
	int day;

	for (r = w->range; r < w->range + w->n; r++)
		for (day = 0; day < 2; day++) {
			if (!is_on(r, tm->tm_wday + day))
				continue;
			t = (day * DAY + r->begin) * 60 - now;
			if (t > 0 && t < least)
				least = t;
		}
	return least;
}

/* The first second after t, and no later than last, at which the offset is
 * another than at t. */
static time_t
change(time_t t, time_t last, long offset)
{
	struct tm tm;
	time_t middle;

	while (last - t > 1) {
		middle = t + (last - t) / 2;
		if (!localtime_r(&middle, &tm) || tm.tm_gmtoff != offset)
			last = middle;
		else
			t = middle;
	}
	return last;
}

/*
 * From one beginning on the wall's clock to the next; but where the clock is
 * changed on the way, it may come to stand within a range, in spring by
 * leaving out where that begins, in autumn by going back into it.
 */
time_t
window_next(const struct window *w, time_t t)
{
	struct tm tm, then;
	time_t next;
	int i;

	for (i = 0; i < STEPS && localtime_r(&t, &tm); i++) {
		if (is_open(w, &tm))
			return t;
		next = t + step(w, &tm);
		if (!localtime_r(&next, &then))
			break;
		if (then.tm_gmtoff != tm.tm_gmtoff)
			next = change(t, next, tm.tm_gmtoff);
		t = next;
	}
	return -1;
}

char *
window_text(time_t t, char buf[WINDOW_TEXT])
{
	struct tm tm;

	if (!localtime_r(&t, &tm) ||
	    !strftime(buf, WINDOW_TEXT, "%a %Y-%m-%d %H:%M %Z", &tm))
		snprintf(buf, WINDOW_TEXT, "second %lld", (long long)t);
	return buf;
}
