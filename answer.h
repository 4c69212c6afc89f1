/* answer.h - reading what another machine says (RFC 8259) */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/* An answer: an object, and the list in it. */
struct answer {
	json_t *root;
	json_t *list;		/* an array, or NULL where none was wanted */
};

enum { ANSWER_WHY = 200 };

/*
 * Reads len bytes of text, an object in which key is a list; key NULL: just an
 * object. Returns 0; or -1, and why says what is wrong.
 */
int answer_read(struct answer *answer, const char *text, size_t len,
	const char *key, char why[ANSWER_WHY]);
void answer_end(struct answer *answer);

/* The value of a key, "" where it is missing or is no string. */
const char *answer_text(const json_t *object, const char *key);
/* The value of a key, 0 where it is missing, no whole number, or negative. */
int64_t answer_number(const json_t *object, const char *key);
int answer_true(const json_t *object, const char *key);
/* Whether it is there, and false. */
int answer_false(const json_t *object, const char *key);

/* Writes a value as it came, but for its blanks. An object gets key and value
 * before all others, unless key is NULL. */
void answer_write(FILE *f, const json_t *object, const char *key,
	const char *value);
