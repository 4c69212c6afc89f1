/* worker.h - what gitopper-pull does for one upstream, and for one name */
/* SPDX-License-Identifier: ISC */
struct upstream;

/* worker.c */

/*
 * Reads names of services on up from standard input; contacts the upstream
 * when the first has come, with one of tokens in hand, and stages what each
 * of them needs. Prints the names that came through, published as well
 * unless fflag. Returns an exit status.
 */
int worker_run(struct upstream *up, const int tokens[2], int fflag);

/* release.c */

/* Publishes what is staged for the service, if it is still wanted, and
 * prints its name if there is something to act upon. Returns 0 or -1. */
int name_publish(const char *name);
