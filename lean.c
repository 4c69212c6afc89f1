/* lean.c - a transport for libgit2 that leaves out what isn't needed */
/* SPDX-License-Identifier: ISC */
/*
 * Stands between libgit2's smart transport, which speaks the protocol, and
 * its subtransports, which carry the bytes by git, http or ssh: what passes
 * is rewritten by pktline.c.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include <git2.h>
#include <git2/sys/transport.h>

#include "lean.h"
#include "util.h"

struct stream;

struct subtransport {
	git_smart_subtransport base;	/* first, for the casts */
	git_smart_subtransport *inner;
	struct lean *lean;
	struct stream *stream;		/* the last one, or NULL */
	int rpc;			/* each request has a stream */
};

struct stream {
	git_smart_subtransport_stream base;
	git_smart_subtransport_stream *inner;
	struct subtransport *owner;
	struct advert advert;
	struct request request;
	struct pktline_out in, out;
	struct bands bands;
	size_t read;			/* of in, what libgit2 has seen */
	int reads;			/* since something was said */
	int asked;			/* nothing more is to be said */
};

enum {
	PROMPT_READS = 8,	/* until a pack comes, in large pieces */
	SOCKETS_MAX = 64,	/* mostly, more than a child has open */
	CHATTER_MAX = 64 << 20,	/* of refs, and reports of progress */
};

static int
malformed(void)
{
	git_error_set_str(GIT_ERROR_NET,
	    "the upstream doesn't speak git's protocol");
	return -1;
}

static int
unreadable(void)
{
	git_error_set_str(GIT_ERROR_NET, "the upstream's repository has "
	    "SHA-256 names, and only SHA-1 is understood here");
	return -1;
}

/*
 * Who says something in small pieces sends no second one until the first is
 * acknowledged, which the other side's kernel puts off for 40 ms. So ours must
 * not wait, and not let the server wait (tcp(7), TCP_NODELAY, TCP_QUICKACK).
 * libgit2 doesn't tell which socket it has; what isn't one is none the worse.
 */
static void
hurry(void)
{
	const int on = 1;
	int fd;

	for (fd = 4; fd < SOCKETS_MAX; fd++)
		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on)) == 0)
			setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on,
			    sizeof(on));
}

/* Who has nothing to say may talk for ever: that is no progress. */
static void
came(struct stream *s, const char *buf, size_t len)
{
	struct lean *lean = s->owner->lean;
	size_t pack = s->advert.done ? bands_count(&s->bands, buf, len) : 0;
	size_t chatter = CHATTER_MAX - lean->chatter;

	if (chatter > len - pack)
		chatter = len - pack;
	lean->chatter += chatter;
	if (lean->got)
		lean->got(lean->arg, pack + chatter);
}

static int
inner_read(struct stream *s, char *buf, size_t size, size_t *got)
{
	struct lean *lean = s->owner->lean;
	int e;

	if (s->reads++ < PROMPT_READS)
		hurry();
	e = s->inner->read(s->inner, buf, size, got);
	if (e == 0)
		came(s, buf, *got);
	if (e == 0 && s->asked && lean->coming)
		lean->coming(lean->arg);
	s->asked = s->asked && e;
	return e;
}

static int
stream_read(git_smart_subtransport_stream *base, char *buf, size_t size,
	size_t *got)
{
	struct stream *s = (struct stream *)base;
	struct lean *lean = s->owner->lean;
	char piece[65536];
	size_t n;
	int e;

	/* a list of refs may be nothing but refs that don't matter */
	while (s->read == s->in.len) {
		s->read = s->in.len = 0;
		if (s->advert.done)
			return inner_read(s, buf, size, got);
		if ((e = inner_read(s, piece, sizeof(piece), &n)))
			return e;
		if (n == 0) {
			*got = 0;
			return 0;
		}
		if (advert_take(&s->advert, piece, n, &s->in) < 0)
			return malformed();
		if (s->advert.sha256)
			return unreadable();
		lean->can_filter = s->advert.filter;
		lean->can_want = s->advert.wants;
		lean->can_quiet = s->advert.quiet;
	}
	n = s->in.len - s->read < size ? s->in.len - s->read : size;
	memcpy(buf, s->in.buf + s->read, n);
	s->read += n;
	*got = n;
	return 0;
}

static int
stream_write(git_smart_subtransport_stream *base, const char *buf, size_t len)
{
	static const char done[] = "0009done\n";
	struct stream *s = (struct stream *)base;
	const struct lean *lean = s->owner->lean;

	s->request.filter = lean->filter && lean->can_filter;
	s->request.forget = lean->forget;
	s->request.quiet = lean->can_quiet;
	s->out.len = 0;
	s->reads = 0;
	if (request_take(&s->request, buf, len, &s->out) < 0)
		return malformed();
	if (s->request.unasked) {
		request_answer(&s->request, &s->in);
		/* the wants will be said again, on another stream */
		if (s->owner->rpc)
			return 0;
	}
	if (s->out.len == 0)
		return 0;
	s->asked = s->out.len >= sizeof(done) - 1 && memcmp(s->out.buf +
	    s->out.len - (sizeof(done) - 1), done, sizeof(done) - 1) == 0;
	hurry();
	return s->inner->write(s->inner, s->out.buf, s->out.len);
}

static void
stream_free(git_smart_subtransport_stream *base)
{
	struct stream *s = (struct stream *)base;

	if (s->owner->stream == s)
		s->owner->stream = NULL;
	s->inner->free(s->inner);
	free(s->in.buf);
	free(s->out.buf);
	free(s);
}

static int
action(git_smart_subtransport_stream **out, git_smart_subtransport *base,
	const char *url, git_smart_service_t service)
{
	struct subtransport *t = (struct subtransport *)base;
	git_smart_subtransport_stream *inner;
	struct stream *s;
	int e = t->inner->action(&inner, t->inner, url, service);

	if (e)
		return e;
	/* where a connection lasts there is one stream for all of it */
	if (!t->stream || t->stream->inner != inner) {
		s = xmalloc(sizeof(*s));
		memset(s, 0, sizeof(*s));
		s->base.subtransport = base;
		s->base.read = stream_read;
		s->base.write = stream_write;
		s->base.free = stream_free;
		s->inner = inner;
		s->owner = t;
		s->advert.keep = t->lean->refs;
		s->advert.nkeep = t->lean->nrefs;
		s->advert.done = service != GIT_SERVICE_UPLOADPACK_LS;
		t->stream = s;
	}
	*out = &t->stream->base;
	return 0;
}

static int
close_inner(git_smart_subtransport *base)
{
	struct subtransport *t = (struct subtransport *)base;

	return t->inner->close(t->inner);
}

static void
free_both(git_smart_subtransport *base)
{
	struct subtransport *t = (struct subtransport *)base;

	t->inner->free(t->inner);
	free(t);
}

/* What carries the bytes to this URL; NULL: nothing that has a server. */
static git_smart_subtransport_cb
carrier(const char *url)
{
	if (strncmp(url, "git://", 6) == 0)
		return git_smart_subtransport_git;
	if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
		return git_smart_subtransport_http;
	if (strncmp(url, "ssh://", 6) == 0 ||
	    strncmp(url, "git+ssh://", 10) == 0 ||
	    strncmp(url, "ssh+git://", 10) == 0)
		return git_smart_subtransport_ssh;
	/* user@host:path */
	if (*url != '/' && !strstr(url, "://") && strchr(url, ':'))
		return git_smart_subtransport_ssh;
	return NULL;
}

struct carriage {
	git_smart_subtransport_cb carrier;
	struct lean *lean;
};

static int
subtransport(git_smart_subtransport **out, git_transport *owner, void *arg)
{
	struct carriage *carriage = arg;
	struct subtransport *t = xmalloc(sizeof(*t));
	int e;

	memset(t, 0, sizeof(*t));
	t->base.action = action;
	t->base.close = close_inner;
	t->base.free = free_both;
	t->lean = carriage->lean;
	t->rpc = carriage->carrier == git_smart_subtransport_http;
	e = carriage->carrier(&t->inner, owner, NULL);
	if (e) {
		free(t);
		return e;
	}
	*out = &t->base;
	return 0;
}

int
lean_transport(git_transport **out, git_remote *remote, void *lean)
{
	struct carriage carriage = { carrier(git_remote_url(remote)), lean };
	git_smart_subtransport_definition definition = {
		subtransport, 0, &carriage
	};

	*out = NULL;
	if (!carriage.carrier)
		return 0;
	definition.rpc = carriage.carrier == git_smart_subtransport_http;
	/* it makes the subtransport before it returns */
	return git_transport_smart(out, remote, &definition);
}
