/* httpd.h - what the files of gitopper-httpd share */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "state.h"
#include "http.h"
#include "show.h"
#include "mirror.h"

/* What the command line asked for. */
struct options {
	int readonly;		/* -r */
	int loopback;		/* -w: from loopback all may be changed */
	int closed;		/* -A: metrics and health want a user as well */
	const char *users;	/* -a FILE */
	const char *checker;	/* -c PROGRAM, with its arguments */
	const char *group;	/* -g GROUP */
	const char **names;	/* -n NAME: hosts that we answer to as well */
	size_t nnames;
};
extern struct options options;

/* Where a connection comes from. */
enum peer {
	PEER_LOCAL,	/* a unix socket, a pipe, a file */
	PEER_LOOPBACK,
	PEER_REMOTE
};

/* What somebody may do; RIGHTS_TROUBLE, of auth_next: it can't be told, 503. */
enum rights { RIGHTS_TROUBLE = -1, RIGHTS_NONE, RIGHTS_READ, RIGHTS_WRITE };

/* listen.c: sockets */

/*
 * Opens listening sockets at where: ADDR:PORT, [ADDR]:PORT, :PORT, ADDR,
 * or unix:PATH (left behind by another one: replaced; in use: refused). A name
 * stands for all addresses that it has here. Hands each to take; dies where it
 * can't, EXIT_USAGE where it makes no sense.
 */
void listen_open(const char *where, void (*take)(int fd));

enum { LISTEN_NAME = 128 };
/* Where it listens, for people. Dies. */
void listen_name(int fd, char name[LISTEN_NAME]);
/* Whether anyone but this machine could connect to it. */
int listen_is_public(int fd);
/* The descriptors that systemd hands down (sd_listen_fds(3)), 3 and on;
 * 0 where there are none. They are made close-on-exec. */
int listen_inherited(void);
/* Where fd is connected to (getpeername(2)); a pipe that leads elsewhere, as
 * the environment tells, is not local. */
enum peer listen_peer(int fd);

/* Whose connection it is, so that each can have a share: an address, a network
 * of IPv6 (a /64, as one customer has it), or a user on a unix socket. */
struct origin {
	unsigned char bytes[16];
};
void listen_origin(int fd, struct origin *origin);

/* drop.c: rights that are not needed any more */

/* Gives them up; what is lacking for it is said, once. Dies. */
void drop_rights(void);

/* reply.c: answers */

/* Text that many may be sending at once. */
struct body {
	unsigned refs;
	size_t len;
	char *text;	/* of malloc */
};

/* Bytes of all bodies that somebody holds. */
extern size_t body_bytes;

/* A body out of malloc'ed text, which it takes over in any case, with one
 * reference; NULL: no memory, or no text. */
struct body *body_new(char *text, size_t len);
struct body *body_hold(struct body *body);
void body_drop(struct body *body);	/* NULL is fine */

/* An answer. All zeros but the status means that there is nothing to say. */
struct reply {
	int status;
	const char *type;	/* media type of the body */
	const char *allow;	/* for 405: "GET, HEAD" */
	const char *extra;	/* further fields, CRLF after each, or NULL */
	char etag[24];		/* quoted, or "" */
	struct body *body;	/* the reply's own reference, or NULL */
};

/* Makes it an answer of that status, {"error":"..."}. */
void reply_error(struct reply *reply, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Makes it 200 with len bytes of malloc'ed text, which it takes over. */
void reply_text(struct reply *reply, const char *type, char *text, size_t len);
/* Writes status line and fields, all that goes before the body; returns how
 * many bytes. */
size_t reply_head(const struct reply *reply, int keep, char *buf, size_t size);
void reply_end(struct reply *reply);

/* conn.c, serve.c, crowd.c, loop.c: connections, and who gets served when */

/* Gets ready, while we still may: with the descriptors of auth_start and
 * mirror_start. Dies. */
void conn_start(int auth, int mirror);
/* Serves the connection on in and out, until it ends. */
void conn_serve(int in, int out);
/* Serves all that comes to those sockets, until SIGTERM or SIGINT. */
void conn_listen(const int *fds, size_t n);

/* guard.c: who may ask what */

/* Learns this machine's names; before confine_*. */
void guard_start(void);
/*
 * Whether a request can be meant for us, and comes from where it seems to:
 * Host and, where something would change, Origin and Sec-Fetch-Site.
 * Returns 0, or -1 with the reply that says why not.
 */
int guard_request(const struct http *h, enum peer peer, struct reply *reply);
/*
 * What someone at peer may do without being a user, at that path (all metrics
 * and health are open to all, unless closed).
 */
enum rights guard_rights(const struct http *h, enum peer peer);
/* Whether there are users at all. */
int guard_has_users(void);
/* The 403 for somebody whose rights don't suffice: it says why. */
void guard_refuse(const struct http *h, enum peer peer, struct reply *reply);

/* auth.c: users and their passwords */

/*
 * Forks the helper that checks passwords, with the rights that we have now.
 * Returns a descriptor that is readable when there is a verdict, or -1 where
 * there are no users. Dies where they can't be asked: no such file or program,
 * or others can read or write the file.
 */
int auth_start(void);

enum auth { AUTH_KNOWN, AUTH_ASKED, AUTH_BUSY, AUTH_MALFORMED };

/* Writes the name of the user in an Authorization field of HTTP Basic to buf,
 * cut to size. Returns it, or NULL where there is none. */
char *auth_name(const char *field, char *buf, size_t size);
/*
 * Asks for the rights of the user in an Authorization field of HTTP Basic
 * (RFC 7617). AUTH_KNOWN: *rights has them, as they were found less than a
 * minute ago; AUTH_ASKED: auth_next will, with who, in whose favour another
 * one, *pushed, may be as AUTH_BUSY now; AUTH_BUSY: too many wait;
 * AUTH_MALFORMED: the field is not of that kind.
 */
enum auth auth_ask(const char *field, void *who, const struct origin *origin,
	enum rights *rights, void **pushed);
/* Takes the next verdict: returns who, or NULL where there is none (yet).
 * Somebody who was forgotten is passed over. */
void *auth_next(enum rights *rights);
/* who doesn't wait any more. */
void auth_forget(const void *who);

/* route.c: what is to be had here */

enum route {
	ROUTE_DONE,	/* reply holds the answer */
	ROUTE_WAIT	/* /watch: there is nothing newer; ask once more when
			 * mirror_update says that something changed */
};

/*
 * Answers a request of somebody with those rights. late: it waited for as
 * long as it may, and is to be answered in any case.
 */
enum route route(const struct http *h, enum peer peer, enum rights rights,
	int late, struct reply *reply);

/* page.c */

/* The page, with the services in it for those without JavaScript. */
void page_reply(const struct http *h, struct reply *reply);

/* metrics.c */

/* What Prometheus' text format is called; what actions wrote is served as
 * that, whatever it is. */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Learns this machine's name; before confine_*. */
void metrics_start(void);
/* All metrics. */
void metrics_reply(struct reply *reply);
