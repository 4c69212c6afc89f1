/* doubt.c - is an object store damaged, or was it something else? */
/* SPDX-License-Identifier: ISC */
/*
 * A fetch fails in the same words whether a byte was flipped on the wire, the
 * upstream is no repository just now, or our own store is damaged. So a child
 * that has no network reads all that is in the store: an object that doesn't
 * fit its name, a ref that can't be read, or a commit or directory that is
 * missing under one that is here, is damage, and so is what makes it crash. A
 * file's content may be missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <git2.h>

#include "child.h"
#include "config.h"
#include "contact.h"
#include "state.h"
#include "store.h"
#include "util.h"

static git_odb *odb;

/* 0, or -1 where id isn't here. */
static int
object_needed(const git_oid *id)
{
	if (git_odb_exists_ext(odb, id, GIT_ODB_LOOKUP_NO_REFRESH))
		return 0;
	git_error_set_str(GIT_ERROR_ODB, "an object is missing");
	return -1;
}

static int
commit_look(git_repository *repo, const git_oid *id)
{
	git_commit *commit;
	unsigned i;
	int e = git_commit_lookup(&commit, repo, id);

	if (e)
		return e;
	e = object_needed(git_commit_tree_id(commit));
	for (i = 0; !e && i < git_commit_parentcount(commit); i++)
		e = object_needed(git_commit_parent_id(commit, i));
	git_commit_free(commit);
	return e;
}

static int
tree_look(git_repository *repo, const git_oid *id)
{
	const git_tree_entry *entry;
	git_tree *tree;
	size_t i;
	int e = git_tree_lookup(&tree, repo, id);

	if (e)
		return e;
	for (i = 0; !e && (entry = git_tree_entry_byindex(tree, i)); i++)
		if (git_tree_entry_type(entry) == GIT_OBJECT_TREE)
			e = object_needed(git_tree_entry_id(entry));
	git_tree_free(tree);
	return e;
}

static int
object_look(const git_oid *id, void *repo)
{
	git_odb_object *object;
	git_object_t type;
	int e = git_odb_read(&object, odb, id);

	if (e)
		return e;
	type = git_odb_object_type(object);
	git_odb_object_free(object);
	return type == GIT_OBJECT_COMMIT ? commit_look(repo, id) :
	    type == GIT_OBJECT_TREE ? tree_look(repo, id) : 0;
}

/* A ref that isn't there is as good as one that is. */
static int
ref_look(git_repository *repo, const char *fmt, const char *branch)
{
	char name[1024];
	git_oid id;
	int e;

	snprintf(name, sizeof(name), fmt, branch);
	e = git_reference_name_to_id(&id, repo, name);
	return e == GIT_ENOTFOUND ? 0 : e ? e : object_needed(&id);
}

/* HEAD, and what is followed; libgit2 passes over others that make no sense. */
static int
refs_look(git_repository *repo, const struct upstream *up)
{
	git_reference *head;
	size_t i;
	int e = git_reference_lookup(&head, repo, "HEAD");

	if (!e)
		git_reference_free(head);
	for (i = 0; !e && i < up->nbranches; i++)
		if (!(e = ref_look(repo, "refs/heads/%s", up->branch[i])))
			e = ref_look(repo, "refs/tags/%s", up->branch[i]);
	return e;
}

/* Runs in the child: says `sound`, or `damaged` and why. */
static void
doubt_work(void *arg)
{
	const struct upstream *up = arg;
	git_repository *repo;
	char line[4096];
	int e;

	upstream_repo(up, line, sizeof(line));
	if (git_start() < 0)
		return;
	if (!(e = store_open(&repo, line)) &&
	    !(e = git_repository_odb(&odb, repo)) &&
	    !(e = refs_look(repo, up)))
		e = git_odb_foreach(odb, object_look, repo);
	/* memory that runs out, say, is no verdict */
	if (e && !git_damage())
		return;
	snprintf(line, sizeof(line), "%s%s\n", e ? "damaged " : "sound",
	    e ? git_message() : "");
	if (write_all(3, line, strlen(line)) < 0)
		note("doubt:");
}

void
upstream_doubt(struct upstream *up)
{
	int64_t again = kv_number(&up->status, "sound", 0), began = now_ms();
	int64_t now = time(NULL), took;
	char repo[4096], id[128], *text;
	const char *const readable[] = { repo, NULL };
	const struct child_rights rights = { .readable = readable };
	struct child child;
	size_t n = strlen(up->error);
	int status;

	if (now < again && again <= now + DOUBT_EVERY)
		return;
	upstream_repo(up, repo, sizeof(repo));
	upstream_id(up->url, id, sizeof(id));
	if (child_start(&child, id, doubt_work, up, &rights) < 0) {
		warn("%s: not looked at:", repo);
		return;
	}
	text = upstream_listen(up, &child, "repo",
	    now_ms() + PACK_TIME * 1000);
	status = child_end(&child);
	if (text && (strncmp(text, "damaged ", 8) == 0 ||
	    child_crashed(status))) {
		note("%s: %s", repo, *text ? text : "who reads it crashes");
		upstream_damaged(up);
		snprintf(up->error + n, sizeof(up->error) - n, " (%s is "
		    "damaged: gitopper-ctl wipe makes it anew)", repo);
	} else if (text && strcmp(text, "sound\n") == 0) {
		/* a large one costs that again and again, in vain */
		took = (now_ms() - began) / 1000 * DOUBT_SHARE;
		kv_set_number(&up->status, "sound", now +
		    (took < DOUBT_EVERY ? took : DOUBT_EVERY));
	}
	free(text);
}
