/* pktline.h - what passes between libgit2 and an upstream, made less */
/* SPDX-License-Identifier: ISC */
#include <stddef.h>

/*
 * Both directions of a fetch (gitprotocol-pack(5)), as pkt-lines
 * (gitprotocol-common(5)) that come in pieces of any size. Nothing here does
 * I/O. All zeros at first, but what is asked for.
 */

enum { PKTLINE_MAX = 65520 };

/* Bytes that wait to be handed on. */
struct pktline_out {
	char *buf;
	size_t len, size;
};

/* The upstream's list of refs, on its way to us. */
struct advert {
	char **keep;		/* full names of refs; NULL: all of them */
	size_t nkeep;

	int filter, wants;	/* the server knows `filter`, and gives out
				 * objects by their ids */
	int quiet;		/* it knows `no-progress` */
	int sha256;		/* its objects' names are such hashes */
	int seen;		/* lines of refs so far */
	int done;		/* what comes now is not ours to change */
	char line[PKTLINE_MAX];
	size_t len;
};

/*
 * Takes what the upstream says; puts into out what libgit2 is to see of it:
 * the first ref, which carries the capabilities, and those to be kept.
 * Returns 0, or -1 where it isn't what the protocol allows.
 */
int advert_take(struct advert *a, const char *buf, size_t len,
	struct pktline_out *out);

/* What we ask for, on its way to the upstream. */
struct request {
	int filter;		/* ask for no blobs */
	int forget;		/* don't tell what we have */
	int quiet;		/* ask for no reports of progress */

	int wanted;		/* a want has passed */
	char had[41];		/* the last commit that was not told of */
	int unasked;		/* what comes next would be the answer to
				 * nothing but such commits */
	char line[PKTLINE_MAX];
	size_t len;
};

/*
 * Takes what libgit2 says; puts into out what the upstream is to hear.
 * Returns as advert_take. A flush after commits that are not told of goes no
 * further, and sets unasked: request_answer has the answer.
 */
int request_take(struct request *r, const char *buf, size_t len,
	struct pktline_out *out);

/* Says in the upstream's place that it knows one of these commits: so libgit2
 * asks about no more. Clears unasked. */
void request_answer(struct request *r, struct pktline_out *out);

/* An upstream's answers, after its list of refs. */
struct bands {
	char head[4];		/* a line's length, and */
	size_t have;		/* so much of it */
	size_t left;		/* of the line */
	int band;		/* its first byte, or 0 before that came */
	int raw;		/* the rest is a pack */
};

/* How many of those bytes are of a pack: of band 1 (gitprotocol-pack(5),
 * "Packfile Data"), or all from `PACK` on. What makes no sense is none. */
size_t bands_count(struct bands *b, const char *buf, size_t len);
