/* config.c - the config file: what it says of this host's services */
/* SPDX-License-Identifier: ISC */

/*
 * From a TOML tree to the lines of each conf. What is wrong is noted, with its
 * place, and reading goes on, so that all of it is told at once; a bad value
 * is taken as "?" meanwhile, so that it doesn't count as missing as well.
 *
 * A service's own keys go before those of [global], also where they are
 * empty: then the service goes without.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config-read.h"
#include "config-value.h"
#include "config.h"
#include "util.h"

/* Machines */

static int
machine_compare(const void *a, const void *b)
{
	const struct machine *ma = a, *mb = b;

	return strcasecmp(ma->name, mb->name);
}

/* The machine of that name, new or not; name is its to keep. */
static const struct machine *
machine_add(struct reader *r, char *name)
{
	struct config *c = r->c;
	struct machine *m = xmalloc(sizeof(*m)), **known;
	size_t i;

	m->name = name;
	m->mine = 0;
	known = tsearch(m, &c->index, machine_compare);
	if (!known)
		die(EXIT_SYS, "tsearch:");
	if (*known != m) {
		free(name);
		free(m);
		return *known;
	}
	for (i = 0; r->host->names[i]; i++)
		m->mine |= strcasecmp(name, r->host->names[i]) == 0;
	c->machines = xreallocarray(c->machines, c->nmachines + 1,
	    sizeof(*c->machines));
	c->machines[c->nmachines++] = m;
	return m;
}

/* One name of a machine; returns it if this host answers to it. */
static const char *
machine_read(struct reader *r, const struct toml *v)
{
	char *name = text_read(r, v, "machine", NULL);
	const struct machine *m;

	if (!name)
		return NULL;
	/* -h couldn't name one with a comma */
	if (!*name || name[strcspn(name, " ,")]) {
		fault(r, AT(v), *name ? "machine has a blank or comma in it" :
		    "machine is empty");
		free(name);
		return NULL;
	}
	m = machine_add(r, name);
	return m->mine ? m->name : NULL;
}

/* The first of a service's machines that is this host, or NULL. */
static const char *
machines_read(struct reader *r, const struct toml *table)
{
	const struct toml *v = toml_get(table, "machine");
	const char *mine = NULL, *name;

	if (!v) {
		fault(r, AT(table), "a service without a machine");
		return NULL;
	}
	if (v->type != TOML_ARRAY)
		return machine_read(r, v);
	if (!v->child)
		fault(r, AT(v), "machine is empty");
	for (v = v->child; v; v = v->next) {
		name = machine_read(r, v);
		if (!mine)
			mine = name;
	}
	return mine;
}

/* Services */

static void
dir_read(struct reader *r, const struct toml *table, struct config_dir *d)
{
	const struct toml *v;
	int known = 0;

	if (!type_ok(r, table, "a dir", TOML_TABLE))
		return;
	for (v = table->child; v; v = v->next) {
		if (key_is(v, "local")) {
			d->local = text_read(r, v, "local", place_check);
			d->line = v->line;
			d->column = v->column;
		} else if (key_is(v, "link")) {
			d->link = text_read(r, v, "link", link_check);
			known = 1;
		} else if (key_is(v, "file") || key_is(v, "single")) {
			if (type_ok(r, v, v->key, TOML_BOOL))
				d->file |= v->b;
		} else {
			key_fault(r, v);
		}
	}
	if (!known)
		fault(r, AT(table), "a dir without a link");
	else if (d->file && d->link && !*d->link)
		fault(r, AT(table), "the whole repository is no file");
}

static void
dirs_read(struct reader *r, const struct toml *table, struct config_service *s)
{
	const struct toml *v = toml_get(table, "dirs");
	struct config_dir *d;

	if (!v || !type_ok(r, v, "dirs", TOML_ARRAY))
		return;
	for (v = v->child; v; v = v->next) {
		s->dirs = xreallocarray(s->dirs, s->ndirs + 1,
		    sizeof(*s->dirs));
		d = &s->dirs[s->ndirs++];
		memset(d, 0, sizeof(*d));
		dir_read(r, v, d);
		if (!d->link)
			d->link = xstrdup("");
		if (!d->local)
			d->local = xstrdup("");
	}
}

/* All lines of conf, in an order that stays, as conf is compared. */
static void
conf_fill(const struct reader *r, struct config_service *s, const char *machine,
	const struct settings *own)
{
	static const struct config_dir all = { "", "", 0, 0, 0 };
	const struct config_dir *d;
	struct kv env = { 0 };
	const char *value;
	char *line;
	size_t i;

	kv_add(&s->conf, "machine", machine);
	kv_add(&s->conf, "service", s->name);
	for (i = 0; i < NKEYS; i++)
		if (*(value = setting(r, own, i)))
			kv_add(&s->conf, key_name(i), value);
	for (i = 0; i < s->ndirs || i == 0; i++) {
		d = s->ndirs ? &s->dirs[i] : &all;
		line = xasprintf("%s\t%s\t%s", d->link, d->local,
		    d->file ? "file" : "dir");
		kv_add(&s->conf, "dir", line);
		free(line);
	}
	env_merge(&env, &r->global.env);
	env_merge(&env, &own->env);
	for (i = 0; i < env.n; i++)
		kv_add(&s->conf, "env", env.line[i]);
	kv_free(&env);
}

static void
service_free(struct config_service *s)
{
	size_t i;

	for (i = 0; i < s->ndirs; i++) {
		free(s->dirs[i].link);
		free(s->dirs[i].local);
	}
	free(s->dirs);
	free(s->name);
	free(s->tree);
	free(s->work);
	kv_free(&s->conf);
}

/* A fault where an earlier service on the upstream of s says something else for
 * the key k. */
static void
secret_fault(struct reader *r, const struct config_service *s, size_t k)
{
	const char *url = kv_get(&s->conf, "upstream"), *other, *value;
	const struct config_service *o;
	size_t i;

	for (i = 0; i < r->c->nservices; i++) {
		o = &r->c->services[i];
		other = kv_get(&o->conf, "upstream");
		value = kv_get(&o->conf, key_name(k));
		if (!other || !value || strcmp(url, other) ||
		    !strcmp(value, kv_get(&s->conf, key_name(k))))
			continue;
		fault(r, AT(s), "service %s has another %s than %s, for the "
		    "same upstream", s->name, key_name(k), o->name);
		return;
	}
}

/* Services on one upstream share a contact, and so whatever it takes to get
 * in: a fault where an earlier one says that it takes something else. */
static void
secrets_check(struct reader *r, const struct config_service *s)
{
	const char *url = kv_get(&s->conf, "upstream"), *value;
	char *key;
	size_t k;

	for (k = K_KEY; url && k <= K_CA; k++) {
		value = kv_get(&s->conf, key_name(k));
		if (!value)
			continue;
		key = xasprintf("%s %s", key_name(k), url);
		if (taken_otherwise(&r->c->taken, key, value))
			secret_fault(r, s, k);
		free(key);
	}
}

/* Takes s, whose name and dirs are known, over; machine is NULL where it is
 * for others. */
static void
service_add(struct reader *r, struct config_service *s, const char *machine,
	const struct settings *own)
{
	struct config *c = r->c;
	const char *mount = setting(r, own, K_MOUNT);
	size_t i, size = 0;

	if (*mount) {
		s->tree = xasprintf("%s/%s", mount, s->name);
		s->work = xasprintf("%s/.gitopper", mount);
	}
	conf_fill(r, s, machine ? machine : "", own);
	for (i = 0; i < s->conf.n; i++)
		size += strlen(s->conf.line[i]) + 1;
	if (size > STATE_FILE_MAX)
		fault(r, AT(s), "service %s has too much in it", s->name);
	places_check(r, s);
	if (!machine) {
		service_free(s);
		return;
	}
	places_check_host(r, s);
	secrets_check(r, s);
	c->services = xreallocarray(c->services, c->nservices + 1,
	    sizeof(*c->services));
	c->services[c->nservices++] = *s;
}

static void
service_read(struct reader *r, const struct toml *table)
{
	static const char *const others[] = {
		"machine", "service", "dirs", NULL
	};
	struct config_service s = { .line = table->line,
	    .column = table->column };
	struct settings own = { 0 };
	const struct toml *v = toml_get(table, "service");
	const char *machine;

	settings_read(r, table, &own, others);
	machine = machines_read(r, table);
	if (v)
		s.name = text_read(r, v, "service", NULL);
	else
		fault(r, AT(table), "a service without a name");
	if (s.name && !service_name_ok(s.name))
		fault(r, AT(v), "\"%.140s\" can't be the name of a service",
		    s.name);
	if (!s.name || !service_name_ok(s.name))
		machine = NULL;		/* not to be found twice as well */
	if (!s.name)
		s.name = xstrdup("?");
	if (!*setting(r, &own, K_UPSTREAM))
		fault(r, AT(table), "a service without an upstream");
	dirs_read(r, table, &s);
	service_add(r, &s, machine, &own);
	settings_free(&own);
}

/* The file */

/* keys of [global]: who may do what over ssh; here they need only be right */
static void
keys_read(struct reader *r, const struct toml *array)
{
	const struct toml *table, *v;

	if (!type_ok(r, array, "keys", TOML_ARRAY))
		return;
	for (table = array->child; table; table = table->next) {
		if (!type_ok(r, table, "a key", TOML_TABLE))
			continue;
		v = toml_get(table, "path");
		if (!v || (v->type == TOML_STRING && !v->len))
			fault(r, AT(v ? v : table), "a key without a path");
		for (v = table->child; v; v = v->next) {
			if (key_is(v, "path"))
				free(text_read(r, v, "path", NULL));
			else if (key_is(v, "ro"))
				type_ok(r, v, "ro", TOML_BOOL);
			else
				key_fault(r, v);
		}
	}
}

static void
global_read(struct reader *r, const struct toml *table)
{
	static const char *const others[] = { "keys", NULL };
	const struct toml *v;

	if (!type_ok(r, table, "global", TOML_TABLE))
		return;
	settings_read(r, table, &r->global, others);
	v = toml_get(table, "keys");
	if (v)
		keys_read(r, v);
}

void
config_read(struct config *c, const struct toml *root,
	const struct config_host *host)
{
	struct reader r = { .c = c, .host = host };
	const struct toml *v, *s;

	/* wherever it stands, [global] counts for all services */
	v = toml_get(root, "global");
	if (v)
		global_read(&r, v);
	for (v = root->child; v; v = v->next) {
		if (key_is(v, "services")) {
			if (!type_ok(&r, v, "services", TOML_ARRAY))
				continue;
			for (s = v->child; s; s = s->next)
				if (type_ok(&r, s, "a service", TOML_TABLE))
					service_read(&r, s);
		} else if (!key_is(v, "global")) {
			key_fault(&r, v);
		}
	}
	settings_free(&r.global);
}

/* A copy of an option's value as check leaves it. */
static char *
option_read(struct reader *r, const char *name, const char *text,
	const char *(*check)(char *))
{
	char *s = xstrdup(text), *seen = plain(xstrdup(text));
	const char *wrong = strcmp(seen, text) ?
	    "has a control character in it" : check(s);

	free(seen);
	if (wrong)
		fault(r, 0, 0, "%s %s", name, wrong);
	return s;
}

void
config_bootstrap(struct config *c, const struct config_host *host,
	const char *machine, const char *url, const char *branch,
	const char *link, const char *mount)
{
	struct reader r = { .c = c, .host = host };
	struct config_service s = { .name = xstrdup("gitopper"), .ndirs = 1 };
	struct settings own = { 0 };

	own.value[K_UPSTREAM] = option_read(&r, "-U", url, upstream_check);
	if (branch)
		own.value[K_BRANCH] = option_read(&r, "-B", branch,
		    branch_check);
	if (mount)
		own.value[K_MOUNT] = option_read(&r, "-M", mount, place_check);
	s.dirs = xmalloc(sizeof(*s.dirs));
	memset(s.dirs, 0, sizeof(*s.dirs));
	s.dirs->link = option_read(&r, "-D", link, link_check);
	s.dirs->local = xstrdup("");
	machine = machine_add(&r, xstrdup(machine))->name;
	service_add(&r, &s, machine, &own);
	settings_free(&own);
}

void
config_free(struct config *c)
{
	size_t i;

	while (c->nservices)
		service_free(&c->services[--c->nservices]);
	for (i = 0; i < c->nmachines; i++) {
		tdelete(c->machines[i], &c->index, machine_compare);
		free(c->machines[i]->name);
		free(c->machines[i]);
	}
	free(c->services);
	free(c->machines);
	free(c->taken.slot);
	memset(c, 0, sizeof(*c));
}
