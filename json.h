/* json.h - writing JSON (RFC 8259) */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Writes len bytes as a string, quoted and escaped. Bytes that are not UTF-8
 * (RFC 3629) come out as U+FFFD, one for each; what isn't to be shown
 * (utf8.h) is escaped.
 */
void json_bytes(FILE *f, const char *s, size_t len);
void json_text(FILE *f, const char *s);
/* Writes `,"key":` and the value, NULL being the empty string. */
void json_pair(FILE *f, const char *key, const char *value);
void json_number(FILE *f, const char *key, int64_t value);
