/* heads.c - the refs of an upstream, and those of ours */
/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <git2.h>

#include "state.h"
#include "contact.h"
#include "fetch.h"
#include "localrepo.h"
#include "util.h"

/* libgit2's own list goes with the connection. */
int
heads_take(struct session *session)
{
	const git_remote_head **list;
	git_remote_head *copy;
	size_t i;
	int e;

	if (session->local)
		return localrepo_heads(session);
	e = git_remote_ls(&list, &session->nheads, session->remote);
	if (e)
		return e;
	session->head = xreallocarray(NULL, session->nheads + 1,
	    sizeof(*session->head));
	copy = xreallocarray(NULL, session->nheads + 1, sizeof(*copy));
	for (i = 0; i < session->nheads; i++) {
		copy[i] = *list[i];
		copy[i].name = xstrdup(list[i]->name);
		session->head[i] = &copy[i];
	}
	return 0;
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
const git_remote_head *
branch_head(const struct session *session, const char *branch)
{
	const git_remote_head *head;

	head = head_find(session, "refs/heads/%s", branch);
	return head ? head : head_find(session, "refs/tags/%s", branch);
}

/*
 * The commit that branch was at when the last contact came to its end. NULL:
 * none, or the store's files are not those of then. While they are, there is
 * no need to open a pack.
 */
static const char *
tip_known(const struct session *session, const char *branch)
{
	const struct kv *status = &session->fetch->up->status;
	const char *store = kv_get(status, "store");
	char sum[17];

	snprintf(sum, sizeof(sum), "%016llx", (unsigned long long)session->sum);
	return store && strcmp(store, sum) == 0 ? upstream_tip(status, branch) :
	    NULL;
}

/* Whether the upstream has branch where it was; a tag's own id is another. */
static int
is_known(const struct session *session, const char *branch,
	const git_remote_head *head)
{
	const char *tip = tip_known(session, branch);
	git_oid id;

	return tip && git_oid_fromstr(&id, tip) == 0 &&
	    git_oid_equal(&id, &head->oid);
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
	if (!there)
		answer("fresh");
	return there;
}

int
have_commit(const struct session *session, const char *hex)
{
	git_commit *commit;
	git_oid id;

	if (tip_known(session, hex))
		return 1;
	if (git_oid_fromstr(&id, hex) ||
	    git_commit_lookup(&commit, session->repo, &id))
		return 0;
	git_commit_free(commit);
	return 1;
}

/* The refspecs of all that is there and not here. Returns how many. */
size_t
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
		if (head && !is_known(session, up->branch[i], head) &&
		    !have(session, head))
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

void
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
		if (is_known(session, up->branch[i], head)) {
			answer("tip %s\t%s", up->branch[i],
			    tip_known(session, up->branch[i]));
			continue;
		}
		if (git_object_lookup(&object, session->repo, &head->oid,
		    GIT_OBJECT_ANY)) {
			answer("suspect");
			answer("error %s", git_message());
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

/* Whether it is the ref that a branch which is followed names. */
static int
is_followed(const struct session *session, const char *name)
{
	const struct upstream *up = session->fetch->up;
	const git_remote_head *head;
	size_t i;

	for (i = 0; i < up->nbranches; i++) {
		head = branch_head(session, up->branch[i]);
		if (head && strcmp(head->name, name) == 0)
			return 1;
	}
	return 0;
}

/* A ref that is of no use any more may stand where another one has to be
 * made: `env` and `env/prod` can't both be. */
static int
refs_drop(const struct session *session)
{
	git_strarray names;
	size_t i;
	int e = git_reference_list(&names, session->repo);

	if (e)
		return e;
	for (i = 0; i < names.count && !e; i++)
		if (!is_followed(session, names.strings[i]))
			e = git_reference_remove(session->repo,
			    names.strings[i]);
	git_strarray_dispose(&names);
	return e;
}

/* Our refs are where the upstream's are; only those that are followed, since
 * there may be very many others. */
int
refs_update(const struct session *session)
{
	const struct upstream *up = session->fetch->up;
	const git_remote_head *head;
	git_reference *ref;
	size_t i;
	int e = refs_drop(session);

	if (e)
		return e;
	for (i = 0; i < up->nbranches; i++) {
		head = branch_head(session, up->branch[i]);
		if (!head)
			continue;
		if ((e = git_reference_create(&ref, session->repo, head->name,
		    &head->oid, 1, NULL)))
			return e;
		git_reference_free(ref);
	}
	return 0;
}
