/* config-places.c - no two places of the config file in one another */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "config-read.h"
#include "config-value.h"

/* A fault where path, of s, and other, of whose, lie one in the other. */
static void
apart(struct reader *r, size_t line, size_t column, const char *what,
	const char *path, const char *other, const char *whose)
{
	const char *how;

	if (!path || !other || !*path || !*other)
		return;
	if (strcmp(path, other) == 0)
		how = "is also";
	else if (path_inside(path, other))
		how = "lies in";
	else if (path_inside(other, path))
		how = "holds";
	else
		return;
	fault(r, line, column, "%s %.100s %s %.100s, %.100s", what, path, how,
	    other, whose);
}

/* The places of s are none of those that o, s itself or an earlier service,
 * has taken: what is mounted on one would hide the other. */
static void
service_apart(struct reader *r, const struct config_service *s,
	const struct config_service *o)
{
	const struct config_dir *d;
	char local[160], tree[160];
	size_t i, j;

	snprintf(local, sizeof(local), "a local of %s", o->name);
	snprintf(tree, sizeof(tree), "the tree of %s", o->name);
	for (i = 0; i < s->ndirs; i++) {
		d = &s->dirs[i];
		for (j = 0; j < o->ndirs && &o->dirs[j] != d; j++)
			apart(r, AT(d), "local", d->local, o->dirs[j].local,
			    local);
		apart(r, AT(d), "local", d->local, o->tree, tree);
		apart(r, AT(d), "local", d->local, o->work, "which is ours");
	}
	if (s == o)
		return;
	for (i = 0; i < o->ndirs; i++) {
		apart(r, AT(s), "the tree", s->tree, o->dirs[i].local, local);
		apart(r, AT(s), "mount's", s->work, o->dirs[i].local, local);
	}
	apart(r, AT(s), "the tree", s->tree, o->tree, tree);
}

void
places_check_host(struct reader *r, const struct config_service *s)
{
	const struct config_service *o;
	const char *const *state;
	size_t i;

	for (state = r->host->state; *state; state++) {
		static const char whose[] = "the state directory";

		for (i = 0; i < s->ndirs; i++)
			apart(r, AT(&s->dirs[i]), "local", s->dirs[i].local,
			    *state, whose);
		apart(r, AT(s), "the tree", s->tree, *state, whose);
	}
	for (i = 0; i < r->c->nservices; i++) {
		o = &r->c->services[i];
		if (strcmp(o->name, s->name))
			service_apart(r, s, o);
		else if (o->line)
			fault(r, AT(s), "service %s is already defined at "
			    "%zu:%zu for this host", s->name, AT(o));
		else
			fault(r, AT(s), "service %s is what -U brings",
			    s->name);
	}
}

void
places_check(struct reader *r, const struct config_service *s)
{
	service_apart(r, s, s);
}
