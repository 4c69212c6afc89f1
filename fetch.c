/* fetch.c - the child that talks to an upstream and owns its object store */
/* SPDX-License-Identifier: ISC */
#include <sys/resource.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>

#include "config.h"
#include "contact.h"
#include "hostkey.h"
#include "util.h"

struct session {
	const struct fetch *fetch;
	git_repository *repo;
	git_remote *remote;
	const git_remote_head **head;
	size_t nheads;
	int logins;		/* credentials that were asked for */
};

static void
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

/* A redirection must not carry a password to another host. */
static int
same_host(const char *a, const char *b)
{
	const char *p = strstr(a, "://"), *q = strstr(b, "://");
	size_t n;

	if (!p || !q)
		return !p && !q;
	n = strcspn(p + 3, "/");
	if (memchr(p + 3, '@', n))
		p += strcspn(p, "@") - 2;
	if (memchr(q + 3, '@', strcspn(q + 3, "/")))
		q += strcspn(q, "@") - 2;
	n = strcspn(p + 3, "/");
	return n == strcspn(q + 3, "/") && strncmp(p, q, n + 3) == 0;
}

static int
credential(git_credential **out, const char *url, const char *user,
	unsigned types, void *arg)
{
	struct session *session = arg;
	const struct secrets *secrets = session->fetch->secrets;

	if (types & GIT_CREDENTIAL_USERNAME)
		return git_credential_username_new(out, user ? user : "git");
	if (session->logins++) {
		git_error_set_str(GIT_ERROR_NET, "authentication was refused");
		return GIT_EAUTH;
	}
	if (types & GIT_CREDENTIAL_SSH_MEMORY && secrets->key)
		return git_credential_ssh_key_memory_new(out,
		    user ? user : "git", NULL, secrets->key, NULL);
	if (types & GIT_CREDENTIAL_USERPASS_PLAINTEXT && secrets->password &&
	    (!strstr(url, "://") || same_host(url, session->fetch->up->url)))
		return git_credential_userpass_plaintext_new(out,
		    secrets->user, secrets->password);
	git_error_set_str(GIT_ERROR_NET,
	    "authentication is asked for, and there is none to give");
	return GIT_EAUTH;
}

static int
certificate(git_cert *cert, int valid, const char *host, void *arg)
{
	const struct session *session = arg;
	char why[700];

	if (cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2) {
		if (hostkey_check((git_cert_hostkey *)cert, host,
		    session->fetch->up->url,
		    session->fetch->secrets->known_hosts, why,
		    sizeof(why)) == 0)
			return 0;
	} else if (valid) {
		return 0;
	} else {
		snprintf(why, sizeof(why),
		    "the certificate of %s is not to be trusted", host);
	}
	git_error_set_str(GIT_ERROR_NET, why);
	return GIT_ECERTIFICATE;
}

/*
 * What a fetch that was killed left behind: locks, and packs without a name
 * yet; and files that a power cut left empty, which git stumbles over. Nobody
 * else writes here, as the caller holds the upstream's lock.
 */
static void
sweep(const char *dir)
{
	char path[4096];
	struct dirent *e;
	struct stat st;
	size_t n;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d))) {
		n = strlen(e->d_name);
		if (e->d_name[0] == '.' ||
		    path_join(path, sizeof(path), dir, e->d_name) < 0)
			continue;
		if (e->d_type == DT_DIR)
			sweep(path);
		else if ((stat(path, &st) == 0 && st.st_size == 0) ||
		    (n > 5 && !strcmp(e->d_name + n - 5, ".lock")) ||
		    strstr(e->d_name, "_git2_"))
			unlink(path);
	}
	closedir(d);
}

static const git_remote_head *
head_find(const struct session *session, const char *fmt, const char *branch)
{
	char name[1024];
	size_t i;

	snprintf(name, sizeof(name), fmt, branch);
	for (i = 0; i < session->nheads; i++)
		if (strcmp(session->head[i]->name, name) == 0)
			return session->head[i];
	return NULL;
}

/* The ref that branch names at the upstream: a branch before a tag. */
static const git_remote_head *
branch_head(const struct session *session, const char *branch)
{
	const git_remote_head *head;

	head = head_find(session, "refs/heads/%s", branch);
	return head ? head : head_find(session, "refs/tags/%s", branch);
}

/* Whether our ref of that name is at that object, and we have it. */
static int
have(const struct session *session, const git_remote_head *head)
{
	git_oid id;
	git_odb *odb;
	int there;

	if (git_reference_name_to_id(&id, session->repo, head->name) ||
	    !git_oid_equal(&id, &head->oid) ||
	    git_repository_odb(&odb, session->repo))
		return 0;
	there = git_odb_exists(odb, &id);
	git_odb_free(odb);
	return there;
}

static int
have_commit(const struct session *session, const char *hex)
{
	git_commit *commit;
	git_oid id;

	if (git_oid_fromstr(&id, hex) ||
	    git_commit_lookup(&commit, session->repo, &id))
		return 0;
	git_commit_free(commit);
	return 1;
}

/* The refspecs of all that is there and not here. Returns how many. */
static size_t
refspecs_missing(const struct session *session, git_strarray *specs)
{
	const struct upstream *up = session->fetch->up;
	const git_remote_head *head;
	size_t i;

	specs->strings = xreallocarray(NULL, up->nbranches + 2,
	    sizeof(*specs->strings));
	specs->count = 0;
	for (i = 0; i < up->nbranches; i++) {
		head = branch_head(session, up->branch[i]);
		if (head && !have(session, head))
			specs->strings[specs->count++] =
			    xasprintf("+%s:%s", head->name, head->name);
	}
	for (i = 0; i < up->nbranches; i++) {
		/* a commit by its name: it may be anywhere */
		if (branch_head(session, up->branch[i]) ||
		    strlen(up->branch[i]) != 40 ||
		    !is_hash(up->branch[i], 40) ||
		    have_commit(session, up->branch[i]))
			continue;
		specs->count = 0;
		specs->strings[specs->count++] =
		    xstrdup("+refs/heads/*:refs/heads/*");
		specs->strings[specs->count++] =
		    xstrdup("+refs/tags/*:refs/tags/*");
		break;
	}
	return specs->count;
}

static void
tips_answer(const struct session *session)
{
	const struct upstream *up = session->fetch->up;
	const git_remote_head *head;
	git_object *object, *commit;
	char hex[41];
	size_t i;

	for (i = 0; i < up->nbranches; i++) {
		head = branch_head(session, up->branch[i]);
		if (!head) {
			if (strlen(up->branch[i]) == 40 &&
			    have_commit(session, up->branch[i]))
				answer("tip %s\t%s", up->branch[i],
				    up->branch[i]);
			continue;
		}
		if (git_object_lookup(&object, session->repo, &head->oid,
		    GIT_OBJECT_ANY)) {
			answer("damaged");
			continue;
		}
		if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) == 0) {
			git_oid_tostr(hex, sizeof(hex), git_object_id(commit));
			answer("tip %s\t%s", up->branch[i], hex);
			git_object_free(commit);
		}
		git_object_free(object);
	}
}

/* Opens our repository, or makes it. Local branches of its own it has none:
 * its refs are what the upstream had. */
static int
repo_open(struct session *session)
{
	const char *path = session->fetch->repo;
	int e;

	sweep(path);
	e = git_repository_open_bare(&session->repo, path);
	if (e == GIT_ENOTFOUND)
		e = git_repository_init(&session->repo, path, 1);
	return e;
}

static int
session_run(struct session *session)
{
	const char *url = session->fetch->up->url;
	git_fetch_options options;
	git_strarray specs;
	char text[400];
	int e;

	git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	options.callbacks.credentials = credential;
	options.callbacks.certificate_check = certificate;
	options.callbacks.payload = session;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	/* libgit2 takes such a path for a protocol that it doesn't know */
	if (*url == '/' && access(url, F_OK) < 0) {
		snprintf(text, sizeof(text), "%s: %s", url, strerror(errno));
		git_error_set_str(GIT_ERROR_NET, text);
		return -1;
	}
	if ((e = repo_open(session)) ||
	    (e = git_remote_create_anonymous(&session->remote, session->repo,
	    url)) ||
	    (e = git_remote_connect(session->remote, GIT_DIRECTION_FETCH,
	    &options.callbacks, &options.proxy_opts, NULL)) ||
	    (e = git_remote_ls(&session->head, &session->nheads,
	    session->remote)))
		return e;
	if (refspecs_missing(session, &specs) == 0)
		return 0;
	if ((e = git_remote_download(session->remote, &specs, &options)))
		return e;
	return git_remote_update_tips(session->remote, &options.callbacks, 0,
	    GIT_REMOTE_DOWNLOAD_TAGS_NONE, NULL);
}

/* libgit2, with what this upstream needs of the machine and nothing else. */
static int
git_start_for(const struct fetch *fetch)
{
	const char *ca = fetch->secrets->ca;
	char home[4096];

	/* beside repo lies .ssh/known_hosts */
	snprintf(home, sizeof(home), "%s", fetch->repo);
	*strrchr(home, '/') = '\0';
	if (setenv("HOME", home, 1) < 0 || git_start() < 0)
		return -1;
	if (fetch->secrets->known_hosts && git_libgit2_opts(
	    GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, home) < 0)
		return -1;
	return ca ? git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, ca,
	    NULL) : 0;
}

/* What of this libgit2 and libssh2 may lie behind its last message. */
static const char *
hint(const struct fetch *fetch)
{
	const char *text = git_message();

	if (strstr(text, "SSL") && strstr(text, "fatal alert"))
		return " (does the server want TLS 1.3? libgit2 may have "
		    "1.2 at most)";
	if (strstr(text, "authentication was refused") && fetch->secrets->key)
		return " (is it an RSA key? libssh2 may sign in a way that "
		    "sshd refuses: use Ed25519)";
	return "";
}

void
fetch_work(void *arg)
{
	const struct rlimit most = { PACK_MAX, PACK_MAX }, none = { 0, 0 };
	struct session session = { .fetch = arg };
	const char *url = session.fetch->up->url;
	int e;

	setrlimit(RLIMIT_FSIZE, &most);
	/* nothing that a server takes over shall outlive us */
	if (*url != '/' && strncmp(url, "file://", 7) &&
	    setrlimit(RLIMIT_NPROC, &none) < 0)
		return;
	if (git_start_for(arg) < 0) {
		answer("error %s", git_message());
		return;
	}
	e = session_run(&session);
	if (e && git_damage())
		answer("damaged");
	if (e)
		answer("error %s%s", git_message(), hint(arg));
	else
		tips_answer(&session);
	answer("done");
}
