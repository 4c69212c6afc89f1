/* toml.h - a parser for TOML 1.0: bytes in, a tree or an error out */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>

/*
 * Rules are those of https://toml.io/en/v1.0.0; section names in parentheses
 * are its. Lines and columns count from 1, columns in bytes, a tab being one
 * and a byte order mark at the start of the file none.
 */

enum {
	TOML_DEPTH = 64,	/* levels of tables and arrays below the root */
};

enum toml_type {
	TOML_TABLE,
	TOML_ARRAY,
	TOML_STRING,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOL,
	TOML_OFFSET_DATETIME,
	TOML_LOCAL_DATETIME,
	TOML_LOCAL_DATE,
	TOML_LOCAL_TIME,
};

/* "table", "array", "string" and so on, by type; for messages. */
extern const char *const toml_type_names[];

/*
 * A value and the key that it has in its table. A key stands on the line
 * where its value begins. A table or array that no value spells out, that is
 * [a], [[a]] or the a of a.b, has the place of the key that made it.
 */
struct toml {
	enum toml_type type;
	size_t line, column;	/* of the value; the root's is 1:1 */
	size_t keycolumn;	/* of the key; 0 in arrays */
	char *key;		/* NUL behind it; NULL in arrays */
	size_t keylen;		/* past strlen(key) if it holds a NUL */
	char *s;		/* string, or date and time (RFC 3339) */
	size_t len;		/* of s, without the NUL behind it */
	int64_t i;		/* integer */
	double f;		/* float */
	int b;			/* boolean, 0 or 1 */
	struct toml *child;	/* of a table or array, in order */
	struct toml *next;	/* in the same table or array */

	/* the parser's own */
	struct toml *last;	/* child */
	void *index;		/* of a table's children, for tsearch(3) */
	unsigned char depth;
	unsigned char from;
};

struct toml_error {
	size_t line, column;
	char text[128];		/* what is wrong, in printable ASCII */
};

/*
 * Parses len bytes, which need no NUL behind them and may be freed afterwards.
 * Returns the root table, to be freed with toml_free; or NULL, and in *err
 * the first error and its place. Errors are: what is not UTF-8, or a control
 * character (Spec, Comment); bad syntax; a key or table defined twice or
 * extended where it may not be (Keys, Table, Inline Table, Array of Tables);
 * an integer past 64 bits (Integer); a date or time that can't be (Offset
 * Date-Time, RFC 3339); nesting past TOML_DEPTH; memory that ran out.
 * Line ends in multi-line strings become a single \n (String); floats are
 * strtod(3)'s, in the C locale's notation, too large ones infinite (Float);
 * fractions of a second keep all their digits.
 */
struct toml *toml_parse(const char *buf, size_t len, struct toml_error *err);

/* Frees a root and all below it; NULL is allowed. */
void toml_free(struct toml *root);

/*
 * Returns the value that key, one part and not a dotted one, has in table;
 * NULL if there is none, or if table is of another type. (Keys)
 */
struct toml *toml_get(const struct toml *table, const char *key);
