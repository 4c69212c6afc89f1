/* utf8.h - characters, and those that are not to be shown */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

/* The length of the UTF-8 character (RFC 3629) at s, of which len bytes are
 * there; 0 where it is none. */
size_t utf8_length(const char *s, size_t len);

/*
 * The character of n bytes at s, if it could move a terminal's cursor, or
 * change the order in which what stands around it is shown; else -1.
 */
int utf8_control(const char *s, size_t n);

/* Bytes of such characters, and those that are no UTF-8, become `?`, all len
 * of them but those that are in stay; returns s. */
char *text_plain(char *s, size_t len, const char *stay);
