/* merge.c - the metrics that actions wrote, put together */
/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "state.h"
#include "show.h"
#include "mirror.h"
#include "samples.h"
#include "text.h"
#include "metrics.h"
#include "util.h"

/* A family of one service. */
struct part {
	const struct family *family;
	const char *service;
};

struct parts {
	struct part *v;
	size_t n;
};

/* A comment, whose words come from names that can't break it. */
static void
put_comment(struct text *t, const char *service, const char *what,
	const char *why)
{
	text_puts(t, "# left out: ");
	text_puts(t, what);
	text_puts(t, " of service ");
	text_puts(t, service);
	text_puts(t, ": ");
	text_puts(t, why);
	text_puts(t, "\n");
}

static int
part_compare(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int order = strcmp(x->family->name, y->family->name);

	return order ? order : strcmp(x->service, y->service);
}

static const char *
type_of(const struct part *part)
{
	return *part->family->type ? part->family->type : "untyped";
}

/* Whether the family called name is also part of another one: there is no
 * telling whose samples would be whose. */
static int
is_part(const struct parts *parts, const char *name)
{
	const char *suffix = strrchr(name, '_');
	struct family base = { 0 };
	struct part key = { &base, "" };
	size_t low = 0, high = parts->n, mid;
	int result;

	if (!suffix)
		return 0;
	base.name = xstrndup(name, (size_t)(suffix - name));
	while (low < high) {
		mid = low + (high - low) / 2;
		if (part_compare(&parts->v[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	result = low < parts->n &&
	    strcmp(parts->v[low].family->name, base.name) == 0 &&
	    samples_part(type_of(&parts->v[low]), suffix);
	free(base.name);
	return result;
}

static void
put_samples(struct text *t, const struct family *f)
{
	size_t i;

	for (i = 0; i < f->nsamples; i++) {
		text_puts(t, f->sample[i]);
		text_add(t, "\n", 1);
	}
}

/* The n parts of one name: the first one's type is what counts. */
static void
put_parts(struct text *t, const struct parts *all, const struct part *part,
	size_t n)
{
	const char *name = part->family->name, *type = type_of(part);
	const char *help = "";
	int whole = !is_part(all, name);
	size_t i;

	for (i = 0; i < n && !*help; i++)
		help = part[i].family->help;
	if (whole)
		text_family(t, name, type, help);
	for (i = 0; i < n; i++)
		if (whole && strcmp(type_of(&part[i]), type) == 0)
			put_samples(t, part[i].family);
	for (i = 0; i < n; i++)
		if (!whole)
			put_comment(t, part[i].service, name,
			    "it is part of a family of another service");
		else if (strcmp(type_of(&part[i]), type))
			put_comment(t, part[i].service, name,
			    "it is of another type elsewhere");
}

/* The bytes that a service adds. */
static size_t
size_of(const struct samples *s)
{
	size_t i, k, n = 0;

	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->family[i].nsamples; k++)
			n += strlen(s->family[i].sample[k]);
	return n;
}

/* Parses what one service has, and adds its families. */
static void
image_take(struct text *t, const struct image *image, struct samples *s,
	struct parts *parts, size_t *total)
{
	char why[SAMPLES_WHY];
	size_t i, n;

	if (samples_parse(s, image->metrics, strlen(image->metrics),
	    image->s.name, why) < 0) {
		put_comment(t, image->s.name, "all", why);
		return;
	}
	n = size_of(s);
	if (n > METRICS_ALL_MAX - *total) {
		put_comment(t, image->s.name, "all", "there are too many");
		samples_free(s);
		return;
	}
	*total += n;
	parts->v = xreallocarray(parts->v, parts->n + s->n, sizeof(*parts->v));
	for (i = 0; i < s->n; i++)
		parts->v[parts->n++] = (struct part){ &s->family[i],
		    image->s.name };
}

static void
merge(struct text *t)
{
	struct samples *all = xreallocarray(NULL, nimages, sizeof(*all));
	struct parts parts = { NULL, 0 };
	size_t i, n, total = 0;

	memset(all, 0, nimages * sizeof(*all));
	for (i = 0; i < nimages; i++)
		if (images[i].metrics)
			image_take(t, &images[i], &all[i], &parts, &total);
	if (parts.n)
		qsort(parts.v, parts.n, sizeof(*parts.v), part_compare);
	for (i = 0; i < parts.n; i += n) {
		for (n = 1; i + n < parts.n && strcmp(
		    parts.v[i].family->name, parts.v[i + n].family->name) == 0;)
			n++;
		put_parts(t, &parts, &parts.v[i], n);
	}
	for (i = 0; i < nimages; i++)
		samples_free(&all[i]);
	free(all);
	free(parts.v);
}

/* Services change more often than what their actions say. */
void
merge_metrics(struct text *t)
{
	static struct text merged;
	static uint64_t last;
	uint64_t h = 0;
	size_t i;

	for (i = 0; i < nimages; i++)
		if (images[i].metrics)
			h = (h * 31 ^ text_hash(images[i].s.name)) * 31 ^
			    text_hash(images[i].metrics);
	if (h != last) {
		text_free(&merged);
		merge(&merged);
		last = h;
	}
	text_add(t, merged.s, merged.len);
}
