/* hear.c - what the fetching child says of an upstream */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "contact.h"
#include "state.h"
#include "util.h"

/* A `tip BRANCH<TAB>COMMIT` that we asked for. The child may lie about the
 * commit, as the upstream may, but not about its form. */
static int
tip_ok(const struct upstream *up, const char *tip)
{
	const char *tab = strchr(tip, '\t');
	size_t i;

	if (!tab || strlen(tab + 1) != 40 || !is_hash(tab + 1, 40))
		return 0;
	for (i = 0; i < up->nbranches; i++)
		if (strlen(up->branch[i]) == (size_t)(tab - tip) &&
		    strncmp(up->branch[i], tip, (size_t)(tab - tip)) == 0)
			return 1;
	return 0;
}

/* libgit2 may quote the URL, and that may hold a password. */
static void
error_take(struct upstream *up, const char *text)
{
	char *public = upstream_public(up->url);
	const char *at;
	size_t n = 0;

	for (; n < sizeof(up->error) && (at = strstr(text, up->url));
	    text = at + strlen(up->url))
		n += (size_t)snprintf(up->error + n, sizeof(up->error) - n,
		    "%.*s%s", (int)(at - text), text, public);
	if (n < sizeof(up->error))
		snprintf(up->error + n, sizeof(up->error) - n, "%s", text);
	plain(up->error);
	free(public);
}

/* Said once, until the object store is made anew. */
static void
plain_note(struct upstream *up)
{
	char *public;

	if (kv_get(&up->status, "plain"))
		return;
	kv_set(&up->status, "plain", "1");
	public = upstream_public(up->url);
	warn("%s: it can't leave out what isn't needed: all is fetched "
	    "(on the server: git config uploadpack.allowFilter true)",
	    public);
	free(public);
}

/*
 * The server promised to give out objects by their ids, and doesn't. One that
 * just hung up may have had its reasons, but not every time. The store lacks
 * what an ordinary fetch would take for granted: hence another one.
 */
static void
refusal_take(struct upstream *up, int sure)
{
	int64_t n = kv_number(&up->status, "cut", 0) + 1;

	if (up->keeping)
		return;
	kv_set_number(&up->status, "cut", n);
	if (!sure && n < REFUSALS_MAX)
		return;
	kv_set(&up->status, "cut", NULL);
	if (kv_get(&up->status, "plain")) {
		upstream_damaged(up);	/* it should have been whole */
		return;
	}
	plain_note(up);
	kv_set(&up->status, "plain", "refused");
	up->refused = up->wipe = 1;
}

/* Nothing of what was noted of the store is true any more. */
static void
fresh_note(struct upstream *up)
{
	kv_set(&up->status, "packed", NULL);
	kv_set(&up->status, "kept", NULL);
}

int
upstream_hear(struct upstream *up, char *text)
{
	struct kv tips = { 0 };
	const char *tip, *store = NULL;
	char *line, *rest = text;
	int done = 0;
	size_t i = 0;

	up->suspect = 0;
	while ((line = strsep(&rest, "\n"))) {
		/* no more of them than status has room for */
		if (strncmp(line, "tip ", 4) == 0 && tip_ok(up, line + 4) &&
		    tips.n < up->nbranches)
			kv_add(&tips, "tip", line + 4);
		else if (strncmp(line, "error ", 6) == 0 && !*up->error)
			error_take(up, line + 6);
		else if (strncmp(line, "store ", 6) == 0 &&
		    strlen(line) == 22 && is_hash(line + 6, 16))
			store = line + 6;
		else if (strcmp(line, "suspect") == 0)
			up->suspect = 1;
		else if (strcmp(line, "plain") == 0 && !up->keeping)
			plain_note(up);
		else if (strcmp(line, "refused") == 0 ||
		    strcmp(line, "cut") == 0)
			refusal_take(up, *line == 'r');
		else if (strcmp(line, "given") == 0)
			kv_set(&up->status, "cut", NULL);
		else if (strcmp(line, "fresh") == 0)
			fresh_note(up);
		else if (strcmp(line, "done") == 0)
			done = 1;
	}
	kv_set(&up->status, "store", up->suspect ? NULL : store);
	if (!done && !*up->error)
		snprintf(up->error, sizeof(up->error),
		    "the fetching child ended early");
	if (!*up->error && !up->keeping && !up->nlacks) {
		kv_set(&up->status, "tip", NULL);
		while ((tip = kv_next(&tips, "tip", &i)))
			kv_add(&up->status, "tip", tip);
	}
	kv_free(&tips);
	return *up->error ? -1 : 0;
}
