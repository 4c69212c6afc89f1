/* samples.h - metrics in Prometheus' text format, as an action wrote them */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

enum { SAMPLES_WHY = 200 };

/* A family of metrics: its name, what is said of it, and its samples. */
struct family {
	char *name, *help, *type;	/* help and type: "" where unsaid */
	char **sample;			/* `name{labels} value [timestamp]` */
	size_t nsamples;
};

struct samples {
	struct family *family;
	size_t n;
};

/*
 * Takes apart len bytes of the text format (prometheus.io, "Exposition
 * formats", 0.0.4), and gives each sample a first label `service`, whose
 * value is service, in place of one that it may have. A fault is anything
 * that a scrape would choke on: bytes that are not UTF-8, names and labels
 * that are none, a value that is no number, a family in two places, two
 * samples of the same name and labels, a type that isn't one. So are names
 * that begin with `gitopper_` or `process_`, and `up`, which are not an
 * action's; and more than SAMPLES_MAX samples.
 * Returns 0; or -1, and why holds `line N: what is wrong`.
 */
int samples_parse(struct samples *samples, const char *text, size_t len,
	const char *service, char why[SAMPLES_WHY]);
void samples_free(struct samples *samples);

/* Whether families of that type have samples of their name and suffix as
 * well: `_sum`, `_count`, `_bucket`. */
int samples_part(const char *type, const char *suffix);
