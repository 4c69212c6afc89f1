/* http-value.h - what http.c asks of the parts of a request */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

/* The value of a hexadecimal digit, or -1. */
int hex_value(int c);
/* The length of the token at s (RFC 9110, 5.6.2). */
size_t token_length(const char *s);
/* The next element of a list (RFC 9110, 5.6.1), *n bytes long, or NULL. */
const char *list_next(const char **list, size_t *n);
/* Whether these n bytes are name, in any case. */
int element_is(const char *s, size_t n, const char *name);
/* Whether s is a name of DNS or an address, with or without a port, or "". */
int host_valid(const char *s);
/* Decodes a path in place. Returns 0, or -1 where it can't be one of ours. */
int path_decode(char *path);
