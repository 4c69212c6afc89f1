/* users.h - the helper that knows users and their passwords; after httpd.h */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>

/*
 * What the server and its helper say to each other, a packet each. A question
 * has text that holds name NUL password NUL, and is no longer than that.
 */
struct question {
	uint32_t id;
	char text[AUTH_TEXT_MAX];
};
struct verdict {
	uint32_t id;		/* 0: what was known of users isn't true now */
	int32_t rights;		/* enum rights */
	int32_t keep;		/* whether it may be remembered */
};

/* Dies where the command line names users that can't be asked. */
void users_open(void);
/* Answers what comes to fd until that ends; with the rights we have now. */
void users_serve(int fd) __attribute__((noreturn));

/* verify.c */

/*
 * What that user may do, by the file or the program; may take long. Dies
 * instead where it can't be told.
 */
enum rights verify(const char *name, const char *password);
/* Reads the users' file, and says what is wrong with it. Returns 0, or -1
 * where it can't be used at all. */
int verify_file(void);
