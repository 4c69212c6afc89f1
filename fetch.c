/* fetch.c - the child that talks to an upstream and owns its object store */
/* SPDX-License-Identifier: ISC */
#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>

#include "state.h"
#include "blobs.h"
#include "config.h"
#include "contact.h"
#include "fetch.h"
#include "localrepo.h"
#include "store.h"
#include "sweep.h"
#include "util.h"

enum {
	REFS_ROOM = 1 << 20,
	TELL_EVERY = 500,	/* ms, or */
	TELL_BYTES = 1 << 20,	/* that came */
};

void
answer(const char *fmt, ...)
{
	char line[1024];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	if (write_all(3, line, n) < 0)
		_exit(EXIT_SYS);
}

/* No file may become larger than that, if it was allowed to be before; yet
 * refs and the like have to be written in any case. */
static int
limit_files(uint64_t room)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_FSIZE, &most) < 0)
		return -1;
	if (room < REFS_ROOM)
		room = REFS_ROOM;
	if (room < most.rlim_max)
		most.rlim_max = (rlim_t)room;
	most.rlim_cur = most.rlim_max;
	return setrlimit(RLIMIT_FSIZE, &most);
}

/* Opens our repository, or makes it. Local branches of its own it has none:
 * its refs are what the upstream had. */
static int
repo_open(struct session *session)
{
	const char *path = session->fetch->repo;
	uint64_t bytes = 0;
	int e;

	session->sum = store_sweep(path, &bytes);
	session->full = bytes >= STORE_MAX;
	if (limit_files(session->full ? 0 : STORE_MAX - bytes) < 0) {
		git_error_set_str(GIT_ERROR_OS, "setrlimit failed");
		return -1;
	}
	e = store_open(&session->repo, path);
	if (e != GIT_ENOTFOUND)
		return e;
	answer("fresh");
	session->fresh = 1;
	if ((e = git_repository_init(&session->repo, path, 1)))
		return e;
	git_repository_free(session->repo);
	return store_open(&session->repo, path);
}

static int
transport(git_transport **out, git_remote *remote, void *arg)
{
	struct session *session = arg;

	return lean_transport(out, remote, &session->lean);
}

/* The refs that matter; all, where a commit by its name may be anywhere. */
static void
refs_choose(struct session *session)
{
	const struct upstream *up = session->fetch->up;
	struct lean *lean = &session->lean;
	size_t i;

	lean->refs = xreallocarray(NULL, 2 * up->nbranches + 1,
	    sizeof(*lean->refs));
	for (i = 0; i < up->nbranches; i++) {
		if (strlen(up->branch[i]) == 40 && is_hash(up->branch[i], 40) &&
		    !have_commit(session, up->branch[i])) {
			lean->refs = NULL;
			return;
		}
		lean->refs[lean->nrefs++] =
		    xasprintf("refs/heads/%s", up->branch[i]);
		lean->refs[lean->nrefs++] =
		    xasprintf("refs/tags/%s", up->branch[i]);
	}
}

/* Nothing that comes now takes a password. */
static void
coming(void *arg)
{
	struct session *session = arg;

	secrets_scrub(session->fetch->secrets, session->fetch->up->url);
}

/* Tells the parent, now and then, that it goes on. */
static void
progress_tell(struct session *session)
{
	int64_t now = now_ms();

	if (now < session->told + TELL_EVERY &&
	    session->bytes < session->told_bytes + TELL_BYTES)
		return;
	session->told = now;
	session->told_bytes = session->bytes;
	answer("got %llu %u", (unsigned long long)session->bytes,
	    session->steps);
}

void
bytes_came(void *arg, size_t len)
{
	struct session *session = arg;

	session->bytes += len;
	progress_tell(session);
}

/* Once a pack is here its deltas are resolved. */
static int
pack_grows(const git_indexer_progress *stats, void *arg)
{
	struct session *session = arg;

	session->steps = stats->indexed_deltas;
	progress_tell(session);
	return 0;
}

static int
session_connect(struct session *session)
{
	struct secrets *secrets = session->fetch->secrets;
	int e;

	if (session->local)
		return 0;
	session->logins = 0;
	secrets_guard(1);
	/* a second connection needs what was overwritten after the first */
	if (session->connections++ && !secrets->password && !secrets->key)
		secrets_receive(secrets, 3);
	e = git_remote_connect(session->remote, GIT_DIRECTION_FETCH,
	    &session->options.callbacks, &session->options.proxy_opts, NULL);
	secrets_guard(0);
	return e;
}

/* The commit of that branch whose blobs are known to be here; or NULL. */
static const git_oid *
branch_kept(const struct session *session, const char *branch, git_oid *id)
{
	const char *hex = session->fresh ? NULL :
	    kept_tip(session->fetch->up, branch);

	return hex && git_oid_fromstr(id, hex) == 0 ? id : NULL;
}

/* What the services here need of the tips. */
static void
tips_lacking(const struct session *session, struct ids *ids)
{
	const struct upstream *up = session->fetch->up;
	const git_remote_head *head;
	const char *branch;
	git_object *object, *commit;
	git_oid kept;
	size_t i;

	for (i = 0; i < up->nservices; i++) {
		branch = kv_get(&up->service[i].conf, "branch");
		if (!branch)
			branch = "main";
		head = branch_head(session, branch);
		if (!head || git_object_lookup(&object, session->repo,
		    &head->oid, GIT_OBJECT_ANY))
			continue;
		if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) == 0) {
			blobs_lacking(ids, session->repo, &up->service[i],
			    git_object_id(commit),
			    branch_kept(session, branch, &kept));
			git_object_free(commit);
		}
		git_object_free(object);
	}
}

/* What they would need to go back. */
static void
older_lacking(const struct session *session, struct ids *ids)
{
	const struct upstream *up = session->fetch->up;
	const char *branch, *tip;
	git_oid id, kept;
	size_t i;

	for (i = 0; i < up->nservices; i++) {
		branch = kv_get(&up->service[i].conf, "branch");
		if (!branch)
			branch = "main";
		tip = upstream_tip(&up->status, branch);
		if (tip && git_oid_fromstr(&id, tip) == 0)
			blobs_lacking_before(ids, session->repo,
			    &up->service[i], &id, KEEP,
			    branch_kept(session, branch, &kept));
	}
}

/* Nothing goes into a store that is full. */
static int
store_full(const struct session *session)
{
	char text[200];

	if (!session->full)
		return 0;
	snprintf(text, sizeof(text), "its object store has %llu MiB or more, "
	    "and nothing new is fetched: gitopper-ctl wipe makes it anew",
	    (unsigned long long)(STORE_MAX >> 20));
	git_error_set_str(GIT_ERROR_OS, text);
	return -1;
}

/* Fetches just those objects. A server that heard what commits we have would
 * take it that their blobs are here as well, and send nothing. */
static int
objects_fetch(struct session *session, struct ids *ids)
{
	git_strarray specs;
	size_t i;
	int e;

	ids_sort(ids);
	if (ids->n == 0)
		return 0;
	if (store_full(session) < 0)
		return -1;
	session->fetched = 1;
	if (session->local)
		return localcopy_objects(session, ids);
	specs.count = ids->n;
	specs.strings = xreallocarray(NULL, ids->n, sizeof(*specs.strings));
	for (i = 0; i < ids->n; i++)
		specs.strings[i] = xstrdup(git_oid_tostr_s(&ids->id[i]));
	session->lean.filter = 0;
	session->lean.forget = 1;
	if ((e = session_connect(session)))
		return e;
	e = git_remote_download(session->remote, &specs, &session->options);
	answer(!e ? "given" : !session->lean.can_want ||
	    strstr(git_message(), "remote error") ? "refused" : "cut");
	return e;
}

/* The refs that changed with all that belongs to them, but for blobs where
 * the server can give these out one by one. */
static int
history_fetch(struct session *session, const git_strarray *specs)
{
	const struct kv *status = &session->fetch->up->status;
	int e;

	if (store_full(session) < 0)
		return -1;
	session->fetched = 1;
	if (session->local)
		return (e = localcopy_history(session)) ? e :
		    refs_update(session);
	session->lean.filter = session->lean.can_want &&
	    !kv_get(status, "plain");
	if (!session->lean.filter || !session->lean.can_filter)
		answer("plain");
	if ((e = git_remote_download(session->remote, specs,
	    &session->options)) || (e = refs_update(session)))
		return e;
	/* a connection is good for one request */
	return git_remote_disconnect(session->remote);
}

/* Looks what there is, and fetches what is new of it. */
static int
news_fetch(struct session *session)
{
	git_strarray specs;
	struct ids ids = { 0 };
	int e;

	if ((e = session_connect(session)) || (e = heads_take(session)))
		return e;
	if (refspecs_missing(session, &specs) == 0)
		return 0;
	if ((e = history_fetch(session, &specs)))
		return e;
	tips_lacking(session, &ids);
	return objects_fetch(session, &ids);
}

static int
session_start(struct session *session)
{
	const char *url = session->fetch->up->url;
	git_remote_create_options remote;
	git_fetch_options *options = &session->options;
	int e;

	git_fetch_options_init(options, GIT_FETCH_OPTIONS_VERSION);
	options->callbacks.credentials = login_credential;
	options->callbacks.certificate_check = login_certificate;
	options->callbacks.transport = transport;
	options->callbacks.transfer_progress = pack_grows;
	options->callbacks.payload = session;
	session->lean.coming = coming;
	session->lean.got = bytes_came;
	session->lean.arg = session;
	/* http_proxy, https_proxy and no_proxy, of the environment */
	options->proxy_opts.type = GIT_PROXY_AUTO;
	options->download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options->update_fetchhead = 0;
	if ((url_is_local(url) && (e = localrepo_open(session))) ||
	    (e = repo_open(session)) || session->local)
		return e;
	refs_choose(session);
	git_remote_create_options_init(&remote,
	    GIT_REMOTE_CREATE_OPTIONS_VERSION);
	remote.repository = session->repo;
	remote.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF |
	    GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	return git_remote_create_with_opts(&session->remote, url, &remote);
}

static int
session_run(struct session *session)
{
	const struct upstream *up = session->fetch->up;
	struct ids ids = { 0 };
	git_oid id;
	size_t i;
	int e = session_start(session);

	if (e)
		return e;
	if (!up->keeping && !up->nlacks)
		return news_fetch(session);
	for (i = 0; i < up->nlacks; i++)
		if (git_oid_fromstr(&id, up->lack[i]) == 0)
			ids_add(&ids, &id);
	if (up->keeping)
		older_lacking(session, &ids);
	return objects_fetch(session, &ids);
}

/* Our user may have no way to the store. */
static int
way_is_closed(const struct fetch *fetch)
{
	char path[4096], *p;

	snprintf(path, sizeof(path), "%s", fetch->repo);
	for (p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (access(path, X_OK) < 0 && errno == EACCES) {
			answer("error the user %s can't get to %s: %s is "
			    "closed to it", fetch->user, fetch->repo, path);
			return 1;
		}
		*p = '/';
	}
	return 0;
}

static void
error_answer(const struct fetch *fetch)
{
	const char *text = git_message();

	if (strstr(text, "No space left") ||
	    (strstr(text, "File too large") && fetch->room < PACK_MAX))
		answer("error not enough room in %s: %llu MB are free, and a "
		    "file may have half of that", fetch->repo,
		    (unsigned long long)fetch->room / 500000);
	else
		answer("error %s%s", text, login_hint(fetch));
}

void
fetch_work(void *arg)
{
	struct session session = { .fetch = arg };
	const struct rlimit most = { session.fetch->room, session.fetch->room };
	uint64_t bytes = 0;
	int e;

	/* to be told of, instead of killed */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
	    setrlimit(RLIMIT_FSIZE, &most) < 0)
		return;
	if (login_start(arg) < 0) {
		answer("error %s", git_message());
		return;
	}
	if (way_is_closed(arg))
		return;
	e = session_run(&session);
	if (e && git_damage())
		answer("suspect");
	if (e)
		error_answer(arg);
	else if (session.head)
		tips_answer(&session);
	if (!e && session.fetched)
		session.sum = store_sweep(session.fetch->repo, &bytes);
	if (!e)
		answer("store %016llx", (unsigned long long)session.sum);
	answer("done");
}
