/* toml-json - what toml.c makes of standard input, for tests */
/* SPDX-License-Identifier: ISC */

/*
 * Prints the tagged JSON of toml-test (github.com/toml-lang/toml-test); or,
 * with -l, a line for each value: where its key and the value itself are, its
 * type, its path, and what it is. Exits with 1 and `line:column: text` on
 * standard error where the input is not TOML.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../toml.h"

static const char *const tags[] = {
	NULL, NULL, "string", "integer", "float", "bool",
	"datetime", "datetime-local", "date-local", "time-local",
};

static void
text_print(const char *s, size_t len)
{
	putchar('"');
	for (; len; len--, s++) {
		if ((unsigned char)*s < ' ')
			printf("\\u%04x", (unsigned)*s);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void
value_print(const struct toml *n)
{
	switch (n->type) {
	case TOML_INTEGER:
		printf("\"%" PRId64 "\"", n->i);
		break;
	case TOML_FLOAT:
		if (isnan(n->f))
			printf("\"nan\"");
		else
			printf("\"%.17g\"", n->f);
		break;
	case TOML_BOOL:
		printf(n->b ? "\"true\"" : "\"false\"");
		break;
	default:
		text_print(n->s, n->len);
	}
}

static void
json_print(const struct toml *n)
{
	const struct toml *c;

	if (n->type > TOML_ARRAY) {
		printf("{\"type\":\"%s\",\"value\":", tags[n->type]);
		value_print(n);
		putchar('}');
		return;
	}
	putchar(n->type == TOML_TABLE ? '{' : '[');
	for (c = n->child; c; c = c->next) {
		if (c->key) {
			text_print(c->key, c->keylen);
			putchar(':');
		}
		json_print(c);
		if (c->next)
			putchar(',');
	}
	putchar(n->type == TOML_TABLE ? '}' : ']');
}

static void
lines_print(const struct toml *n, const char *path)
{
	const struct toml *c;
	char sub[1024];
	int i = 0;

	for (c = n->child; c; c = c->next) {
		if (c->key)
			snprintf(sub, sizeof(sub), "%s%s%s", path,
				*path ? "." : "", c->key);
		else
			snprintf(sub, sizeof(sub), "%s[%d]", path, i++);
		printf("%zu:%zu:%zu %s %s", c->line, c->keycolumn, c->column,
			toml_type_names[c->type], sub);
		if (c->type > TOML_ARRAY) {
			putchar(' ');
			value_print(c);
		}
		putchar('\n');
		lines_print(c, sub);
	}
}

static char *
input_read(size_t *len)
{
	size_t size = 1 << 16;
	char *buf = malloc(size);

	*len = 0;
	while (buf) {
		*len += fread(buf + *len, 1, size - *len, stdin);
		if (*len < size)
			break;
		buf = realloc(buf, size *= 2);
	}
	if (!buf || ferror(stdin)) {
		perror("toml-json");
		exit(111);
	}
	return buf;
}

int
main(int argc, char *argv[])
{
	struct toml_error err;
	struct toml *root;
	char *buf;
	size_t len;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "-l") != 0)) {
		fprintf(stderr, "usage: toml-json [-l] <file.toml\n");
		return 100;
	}
	buf = input_read(&len);
	root = toml_parse(buf, len, &err);
	free(buf);
	if (!root) {
		fprintf(stderr, "%zu:%zu: %s\n", err.line, err.column,
			err.text);
		return 1;
	}
	if (argc == 2) {
		lines_print(root, "");
	} else {
		json_print(root);
		putchar('\n');
	}
	toml_free(root);
	return 0;
}
