/* fuzz-toml - throws bytes at toml.c */
/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "../toml.h"
#include "fuzz.h"

/* Every node has its place in the input, and is found by its key. */
static void
tree_check(const struct toml *n, int depth, size_t size)
{
	const struct toml *c, *last = NULL;

	CHECK(depth <= TOML_DEPTH);
	CHECK(n->line >= 1 && n->line <= size + 1);
	CHECK(n->column >= 1 && n->column <= size + 1);
	CHECK(!n->child || n->type <= TOML_ARRAY);
	CHECK(!n->s == (n->type < TOML_OFFSET_DATETIME &&
		n->type != TOML_STRING));
	CHECK(!n->s || n->s[n->len] == '\0');
	for (c = n->child; c; last = c, c = c->next) {
		CHECK(!c->key == (n->type == TOML_ARRAY));
		CHECK(!c->key == !c->keycolumn);
		if (c->key && strlen(c->key) == c->keylen)
			CHECK(toml_get(n, c->key) == c);
		tree_check(c, depth + 1, size);
	}
	CHECK(last == n->last);
}

int
LLVMFuzzerTestOneInput(const unsigned char *buf, size_t len)
{
	struct toml_error err = { 0, 0, "" };
	struct toml *root;

	root = toml_parse((const char *)buf, len, &err);
	if (root) {
		CHECK(root->type == TOML_TABLE);
		tree_check(root, 0, len);
	} else {
		CHECK(err.line >= 1 && err.line <= len + 1);
		CHECK(err.column >= 1 && err.column <= len + 1);
		CHECK(err.text[0]);
		CHECK(strcmp(err.text, "out of memory") != 0);
	}
	toml_free(root);
	return 0;
}
