/* config-settings.c - what the tables of the config file set */
/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-read.h"
#include "config-value.h"
#include "util.h"

static const struct key {
	const char *name;
	enum { TEXT, SECONDS, FLAG, PATH } kind;
	const char *(*check)(char *);	/* of a TEXT that isn't empty */
} keys[NKEYS] = {
	[K_UPSTREAM]	= { "upstream", TEXT, upstream_check },
	[K_BRANCH]	= { "branch", TEXT, branch_check },
	[K_USER]		= { "user", TEXT, name_check },
	[K_PACKAGE]	= { "package", TEXT, package_check },
	[K_ACTION]	= { "action", TEXT, command_check },
	[K_CHECK]		= { "check", TEXT, command_check },
	[K_CHECK_USER]	= { "check_user", TEXT, root_check },
	[K_HEALTH]	= { "health", TEXT, command_check },
	[K_HEALTH_TIMEOUT]	= { "health_timeout", SECONDS, NULL },
	[K_MOUNT]		= { "mount", TEXT, place_check },
	[K_INTERVAL]	= { "interval", SECONDS, NULL },
	[K_TIMEOUT]	= { "timeout", SECONDS, NULL },
	[K_ALWAYS]	= { "always", FLAG, NULL },
	[K_DRIFT]		= { "drift", TEXT, drift_check },
	[K_WINDOW]	= { "window", TEXT, window_check },
	[K_KEY]		= { "key", PATH, NULL },
	[K_PASSPHRASE]	= { "passphrase", PATH, NULL },
	[K_KNOWN_HOSTS]	= { "known_hosts", PATH, NULL },
	[K_CREDENTIALS]	= { "credentials", PATH, NULL },
	[K_CREDENTIAL_COMMAND] = { "credential_command", TEXT, program_check },
	[K_CA]		= { "ca", PATH, NULL },
	[K_VERIFY]	= { "verify", PATH, NULL },
	[K_FOLLOW]	= { "follow", TEXT, follow_check },
};

const char *
key_name(size_t i)
{
	return keys[i].name;
}

void
fault(struct reader *r, size_t line, size_t column, const char *fmt, ...)
{
	struct fault *f;
	va_list ap;

	if (r->c->nfaults++ >= FAULTS_MAX)
		return;
	f = &r->c->faults[r->c->nfaults - 1];
	f->line = line;
	f->column = column;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

int
key_is(const struct toml *v, const char *name)
{
	return v->keylen == strlen(name) &&
	    memcmp(v->key, name, v->keylen) == 0;
}

void
key_fault(struct reader *r, const struct toml *v)
{
	fault(r, v->line, v->keycolumn, "unknown key %.64s", v->key);
}

int
type_ok(struct reader *r, const struct toml *v, const char *name,
	enum toml_type type)
{
	static const char *const vowels = "aeiou";

	if (v->type == type)
		return 1;
	fault(r, AT(v), "%s is a%s %s, not %s %s", name,
	    strchr(vowels, toml_type_names[v->type][0]) ? "n" : "",
	    toml_type_names[v->type],
	    strchr(vowels, toml_type_names[type][0]) ? "an" : "a",
	    toml_type_names[type]);
	return 0;
}

static char *
string_read(struct reader *r, const struct toml *v, const char *name)
{
	size_t i;

	if (!type_ok(r, v, name, TOML_STRING))
		return NULL;
	for (i = 0; i < v->len; i++)
		if ((unsigned char)v->s[i] < 32 || v->s[i] == 127) {
			fault(r, AT(v), "%s has a control character in it",
			    name);
			return NULL;
		}
	return xstrndup(v->s, v->len);
}

char *
text_read(struct reader *r, const struct toml *v, const char *name,
	const char *(*check)(char *))
{
	char *s = string_read(r, v, name);
	const char *wrong;

	/* only branch says itself what to make of an empty one */
	if (!s || !check || (!*s && check != branch_check))
		return s;
	wrong = check(s);
	if (!wrong)
		return s;
	fault(r, AT(v), "%s %s", name, wrong);
	free(s);
	return NULL;
}

static char *
seconds_read(struct reader *r, const struct toml *v, const char *name)
{
	char *s;
	int64_t n;

	if (v->type == TOML_INTEGER)
		s = xasprintf("%lld", (long long)v->i);
	else
		s = string_read(r, v, name);
	if (!s || !*s)
		return s;
	n = parse_duration(s);
	free(s);
	if (n > 0)
		return xasprintf("%lld", (long long)n);
	fault(r, AT(v), "%s is no time such as 300, \"90s\" or \"1h30m\"",
	    name);
	return NULL;
}

static char *
value_read(struct reader *r, const struct toml *v, const struct key *key)
{
	char *s, *path;

	switch (key->kind) {
	case SECONDS:
		return seconds_read(r, v, key->name);
	case FLAG:
		if (!type_ok(r, v, key->name, TOML_BOOL))
			return NULL;
		return xstrdup(v->b ? "1" : "");
	case PATH:
		s = string_read(r, v, key->name);
		if (!s || !*s || *s == '/')
			return s;
		path = xasprintf("%s/%s", r->host->base, s);
		free(s);
		return path;
	default:
		return text_read(r, v, key->name, key->check);
	}
}

static void
env_read(struct reader *r, const struct toml *table, struct kv *env)
{
	const struct toml *v;
	char *s;

	if (!type_ok(r, table, "env", TOML_TABLE))
		return;
	for (v = table->child; v; v = v->next) {
		if (strlen(v->key) != v->keylen || !variable_ok(v->key)) {
			fault(r, v->line, v->keycolumn,
			    "%.64s can't be the name of a variable", v->key);
			continue;
		}
		if (v->type == TOML_INTEGER)
			s = xasprintf("%lld", (long long)v->i);
		else if (v->type == TOML_BOOL)
			s = xstrdup(v->b ? "true" : "false");
		else
			s = string_read(r, v, v->key);
		if (s)
			kv_set(env, v->key, s);
		free(s);
	}
}

void
settings_read(struct reader *r, const struct toml *table, struct settings *s,
	const char *const *others)
{
	const struct toml *v;
	size_t i;

	for (v = table->child; v; v = v->next) {
		for (i = 0; i < NKEYS && !key_is(v, keys[i].name); i++)
			;
		if (i < NKEYS) {
			s->value[i] = value_read(r, v, &keys[i]);
			if (!s->value[i])
				s->value[i] = xstrdup("?");
			continue;
		}
		if (key_is(v, "env")) {
			env_read(r, v, &s->env);
			continue;
		}
		for (i = 0; others[i] && !key_is(v, others[i]); i++)
			;
		if (!others[i])
			key_fault(r, v);
	}
}

void
settings_free(struct settings *s)
{
	size_t i;

	for (i = 0; i < NKEYS; i++)
		free(s->value[i]);
	kv_free(&s->env);
}

const char *
setting(const struct reader *r, const struct settings *own, size_t i)
{
	const char *s = own->value[i] ? own->value[i] : r->global.value[i];

	if (s && *s)
		return s;
	if (i == K_BRANCH)
		return "main";
	return i == K_INTERVAL && r->host->interval ? r->host->interval : "";
}

void
env_merge(struct kv *env, const struct kv *from)
{
	size_t i, n;
	char *name;

	for (i = 0; i < from->n; i++) {
		n = strcspn(from->line[i], "=");
		name = xstrndup(from->line[i], n);
		kv_set(env, name, from->line[i] + n + 1);
		free(name);
	}
}
