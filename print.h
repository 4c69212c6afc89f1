/* print.h - what print.c and lines.c share; after answer.h */
/* SPDX-License-Identifier: ISC */

/* Each begins with the machine, unless that is NULL. */

/* Prints a service as lines of `key: value`; what has no value is left out. */
void service_print(const json_t *service, const char *machine);
/* Prints text line by line. */
void text_print(char *text, const char *machine);
/* Writes its lines as a list in JSON. */
void text_json(FILE *f, char *text);
/* Prints changed files, a line each: A, M or D, a tab, and the path. */
void changes_print(const json_t *list, const char *machine);
