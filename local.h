/* local.h - the services of this machine; after state.h and steer.h */
/* SPDX-License-Identifier: ISC */

/* They print to standard output, a table unless said otherwise, and return
 * 0, or EXIT_SOME where a service is missing or something went wrong. */

extern int local_json;	/* JSON instead */

/* What is asked of a service: a function of steer.h, or one like those. */
typedef int local_ask(const struct service *s, char why[WHY_MAX]);

/* Asks it of each, nothing where ask is NULL, and shows what became of them;
 * lines: as `key: value` lines, all about each. */
int local_each(char **names, local_ask *ask, int lines);
/* Shows every service. */
int local_services(void);
/* Shows the machines of the config, and by which host they answer here. */
int local_machines(void);
/* Prints a file of each service, and behind it another, unless it is NULL;
 * key is what their lines are called in JSON. */
int local_texts(char **names, const char *key, const char *first,
	const char *second);
