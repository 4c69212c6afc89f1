/* kept.c - the commits whose blobs an object store is known to have */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "contact.h"
#include "state.h"
#include "util.h"

/*
 * status has a `kept_tip` for each branch: all blobs that the services here
 * need of that commit, and to go back from there, were seen to be here. So of
 * what comes later, only what differs from it has to be looked at. `kept`
 * tells which links that was for.
 */

static void
links_mark(const struct upstream *up, char mark[17])
{
	const struct service *s;
	const char *branch;
	uint64_t sum = 0;
	size_t i, k;

	for (i = 0; i < up->nservices; i++) {
		s = &up->service[i];
		branch = kv_get(&s->conf, "branch");
		sum = sum * 31 + text_hash(branch ? branch : "main");
		for (k = 0; k < s->ndirs; k++)
			sum = sum * 31 + text_hash(s->dirs[k].link);
	}
	snprintf(mark, 17, "%016llx", (unsigned long long)sum);
}

void
kept_check(struct upstream *up)
{
	const char *kept = kv_get(&up->status, "kept");
	char mark[17];

	links_mark(up, mark);
	if (kept && strcmp(kept, mark))
		kv_set(&up->status, "kept", NULL);
}

const char *
kept_tip(const struct upstream *up, const char *branch)
{
	const char *tip;
	size_t i = 0, n = strlen(branch);

	if (!kv_get(&up->status, "kept"))
		return NULL;
	while ((tip = kv_next(&up->status, "kept_tip", &i)))
		if (strncmp(tip, branch, n) == 0 && tip[n] == '\t')
			return tip + n + 1;
	return NULL;
}

int
kept_is_due(const struct upstream *up)
{
	const char *tip, *kept;
	size_t i;

	for (i = 0; i < up->nbranches; i++) {
		tip = upstream_tip(&up->status, up->branch[i]);
		kept = kept_tip(up, up->branch[i]);
		if (tip && (!kept || strcmp(tip, kept)))
			return 1;
	}
	return 0;
}

void
kept_note(struct upstream *up)
{
	const char *tip;
	char mark[17];
	size_t i = 0;

	links_mark(up, mark);
	kv_set(&up->status, "kept", mark);
	kv_set(&up->status, "kept_tip", NULL);
	while ((tip = kv_next(&up->status, "tip", &i)))
		kv_add(&up->status, "kept_tip", tip);
}
