/* route.h - what the files behind route() share; after httpd.h */
/* SPDX-License-Identifier: ISC */

/* A request that got as far as its route. */
struct call {
	const struct http *http;
	char name[129];		/* the service in its path, or "" */
	char more[64];		/* and what comes after that, or "" */
	uint64_t number;	/* what mirror_update said */
	int late;		/* as in route() */
	struct reply *reply;
};

/* A body on its way, as a stream. */
struct draft {
	FILE *f;
	char *buf;
	size_t len;
};

/* Starts a body; where there is no memory, answers that and returns NULL. */
FILE *draft_open(struct draft *draft, struct call *call);
/* Makes it the answer; NULL: of JSON. */
void draft_reply(struct draft *draft, struct call *call, const char *type);
/* Makes it no answer: an error with errno in it. */
void draft_fail(struct draft *draft, struct call *call, const char *what);

/* Answers 404: there is no such service. */
void no_service(struct call *call);

/*
 * Finds a parameter in the query or in a form. Returns 1, 0 where it isn't
 * there, or -1 with the 400 for one that can't be right.
 */
int param(struct call *call, const char *key, char *buf, size_t size);

/* views.c */
enum route view_page(struct call *call);
enum route view_metrics(struct call *call);
enum route view_measured(struct call *call);
enum route view_machines(struct call *call);
enum route view_services(struct call *call);
enum route view_service(struct call *call);
enum route view_log(struct call *call);
enum route view_changes(struct call *call);
enum route view_watch(struct call *call);
enum route view_health(struct call *call);

/* orders.c */
enum route order_freeze(struct call *call);
enum route order_unfreeze(struct call *call);
enum route order_rollback(struct call *call);
enum route order_pull(struct call *call);
enum route order_redo(struct call *call);
enum route order_accept(struct call *call);
enum route order_wipe(struct call *call);
