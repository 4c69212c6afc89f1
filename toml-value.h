/* toml-value.h - what toml.c needs of toml-value.c */
/* SPDX-License-Identifier: ISC */

/*
 * Makes n the value that s is, a word with a NUL behind it and without blanks
 * around it, and changes s: a date or time becomes what RFC 3339 calls it,
 * with T and Z. n->s is the caller's to set. Returns NULL, or what is wrong
 * with s, as the end of a sentence that begins with it.
 * (Integer, Float, Boolean, Offset Date-Time to Local Time)
 */
const char *toml_value(char *s, struct toml *n);
