/* due.h - the decision when a service is due */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

#include "state.h"

/* Times here are milliseconds since 1970, unless they say otherwise. */
#define NEVER INT64_MAX

/*
 * What gitopper-wait remembers of a service in STATE/.claims: that it named
 * it, and how things were. A claim with time 0 only says how things were
 * when the service was first seen, and not due.
 */
struct claim {
	char name[129];
	int64_t time;		/* when it was named, 0: not yet */
	int known;		/* whether what follows was ever noted */
	char stamp[CONTROLS][48]; /* as struct ctl's */
	char wanted[48];	/* as due_wanted */
};

/* What else the decision hangs on. */
struct facts {
	int64_t now;
	const char *tip;	/* of the service's branch, or NULL */
	int64_t look;		/* when its upstream is to be looked at */
	int64_t drift;		/* when its files are to be looked at */
};

/* Seconds as milliseconds; NEVER where those don't fit. */
int64_t due_ms(int64_t seconds);

/*
 * When an upstream that was last tried at tried (seconds, 0: never) is to be
 * looked at: after interval seconds and up to half of that again, which hangs
 * on the machine, the upstream's id and tried alone.
 */
int64_t due_look(const char *machine, const char *id, int64_t tried,
	int64_t interval, int64_t now);

/* What s should be: a commit, a prefix of one, "gone", or "", not known. */
const char *due_wanted(const struct service *s, const char *tip);

/* When s is due: a time that is not after now, if it is due already. */
int64_t due_at(const struct service *s, const struct claim *claim,
	const struct facts *facts);

/* When a service whose files can't be read is due: a stage says why. */
int64_t due_unreadable(const struct claim *claim, int64_t now);

/* Whether somebody poked, froze, pinned or freed s since it was named. */
int due_control(const struct service *s, const struct claim *claim);

/* Notes in claim how things are with s. */
void claim_take(struct claim *claim, const struct service *s, const char *tip);
