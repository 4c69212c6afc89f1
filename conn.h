/* conn.h - connections, and the loop that turns them; after httpd.h */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

/* What a connection waits for. Each has its time (crowd.c). */
enum phase {
	PHASE_IDLE,	/* the first byte of a request */
	PHASE_REQUEST,	/* the rest of it */
	PHASE_AUTH,	/* a verdict on a password */
	PHASE_WATCH,	/* something new */
	PHASE_ANSWER,	/* the client, to read its answer */
	PHASE_LINGER,	/* the client, to close as well */
	PHASES,
	PHASE_CLOSED = PHASES
};

/* A place in a list of connections; conn is NULL in the head of a list. */
struct link {
	struct link *prev, *next;
	struct conn *conn;
};

/* What epoll(7) tells of. */
struct source {
	enum { FROM_IN, FROM_OUT, FROM_LISTENER, FROM_AUTH, FROM_MIRROR } kind;
	int fd;
	struct conn *conn;
	int added;		/* it is in the epoll set */
	uint32_t events;	/* that were asked for */
};

struct conn {
	struct source in, out;	/* of the same descriptor, on a socket */
	enum phase phase;
	int64_t began;		/* its phase, or its last progress; ms */
	struct link phase_link;	/* connections in that phase, oldest first */
	struct link ready_link;	/* those that needn't wait for anything */
	struct link memory_link; /* those with more than a little memory */

	int readable, writable;	/* as far as we know (epoll(7), EPOLLET) */
	int eof;		/* nothing more will come */
	int keep;		/* it goes on after this answer */
	int continued;		/* 100 (Continue) was said */
	enum peer peer;
	enum rights rights;	/* of who sent the request */
	size_t lingered;	/* bytes that were thrown away */

	char *buf;		/* size bytes, or NULL */
	size_t size, start, len; /* len bytes from start on are to be read */
	struct http http;

	char *head;		/* head_len bytes, or NULL */
	size_t head_len, sent;	/* of head and body together */
	struct body *body;	/* its own reference, or NULL */
};

/* conn.c */

extern size_t conn_bytes;	/* in buffers of connections */

/* A connection of in and out, which may be the same; NULL: no memory. */
struct conn *conn_new(int in, int out);
/* Does what can be done for it without waiting. */
void conn_run(struct conn *c);
/* Its phase took too long. */
void conn_late(struct conn *c);
/* Closes it. */
void conn_close(struct conn *c);
/* The same, and what the kernel has of the answer is thrown away. */
void conn_reset(struct conn *c);

/* serve.c */

/* A request is complete: answers it, or has it wait. */
void serve(struct conn *c);
/* A verdict came: who sent the request has those rights. */
void serve_verdict(struct conn *c, enum rights rights);
/* In PHASE_WATCH: asks once more. */
void serve_again(struct conn *c, int late);
/* Answers with an error, after which nothing more is understood. */
void serve_refuse(struct conn *c, int status, const char *why);

/* crowd.c */

extern size_t crowd_size;	/* connections */
extern int64_t crowd_now;	/* ms, as of the last crowd_look */

void crowd_start(void);
/* There will be one connection alone: it may not be idle for long, as so many
 * processes are all that inetd or systemd start. */
void crowd_alone(void);
void crowd_look(void);
/* The connection that is in that phase for longest, or NULL. */
struct conn *crowd_first(enum phase phase);
void crowd_join(struct conn *c);
/* It is closed; crowd_bury frees it. */
void crowd_leave(struct conn *c);
void crowd_bury(void);
/* It is in that phase, from now on. */
void crowd_enter(struct conn *c, enum phase phase);
/* It has more to do, after the others had their turn. */
void crowd_again(struct conn *c);
/* It has more memory than a little, from now on; or has not. */
void crowd_hold(struct conn *c, int holds);
/* Lets those that have more to do go on. */
void crowd_run(void);
/* Asks again for those in PHASE_WATCH, if there may be news. */
void crowd_watch(void);
/* Ends the phases that took too long. */
void crowd_expire(void);
/* Who has held memory for longest goes, while there is too much of that. */
void crowd_relieve(void);
/* Closes one where there are too many. Returns 0 where there is none. */
int crowd_evict(void);
/* When there is something to do here, in ms as crowd_now. */
int64_t crowd_next(void);

/* loop.c */

/* Wants to know when out can be written to. */
void loop_want_out(struct conn *c);
/* Wants to know nothing more; its descriptors are still open. */
void loop_remove(struct conn *c);
