/* lean.h - a transport for libgit2 that leaves out what isn't needed */
/* SPDX-License-Identifier: ISC */
#include <git2.h>

#include "pktline.h"

/*
 * How a remote is to be spoken to. refs: the full names of those that matter,
 * nrefs of them; NULL is all. What the server can do is known when connected.
 */
struct lean {
	char **refs;
	size_t nrefs;
	int filter;	/* ask for no blobs; where the server knows how to */
	int forget;	/* don't say what we have */
	void (*coming)(void *arg); /* called when the answer to the last
			 * request of a connection begins */
	void (*got)(void *arg, size_t len); /* so many bytes came that were of
			 * a pack, or of the first CHATTER_MAX of all else */
	size_t chatter;	/* so many of all else */
	void *arg;

	int can_filter;	/* it can leave blobs out, */
	int can_want;	/* and give them out by their ids */
	int can_quiet;	/* it need not report its progress */
};

/* For git_remote_callbacks.transport; its payload is a struct lean. Leaves
 * the transports that copy files, without a server, to libgit2. */
int lean_transport(git_transport **out, git_remote *remote, void *lean);
