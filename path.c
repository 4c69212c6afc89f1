/* path.c - which paths of a repository may become files */
/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "pull.h"
#include "stage.h"
#include "util.h"

/* Whether one component of a path may be made; what is wrong with it. */
static const char *
component_fault(const char *name, size_t n)
{
	if (n == 0 || n > NAME_MAX)
		return "a name is empty or too long";
	if (name[0] == '-')
		return "a name that starts with - is refused";
	if ((n == 1 && name[0] == '.') ||
	    (n == 2 && name[0] == '.' && name[1] == '.'))
		return "a path that leaves its place is refused";
	if (n == 4 && strncasecmp(name, ".git", 4) == 0)
		return "a name that git keeps for itself is refused";
	return NULL;
}

const char *
path_fault(const char *path)
{
	const char *fault, *p = path;
	size_t n, depth;

	for (depth = 0; depth <= DEPTH_MAX; depth++) {
		n = strcspn(p, "/");
		if ((fault = component_fault(p, n)))
			return fault;
		if (!p[n])
			return NULL;
		p += n + 1;
	}
	return "too many directories";
}

/* Whether path lies under one of the service's links. */
static int
path_wanted(const struct service *s, const char *path)
{
	const char *link;
	size_t i, n;

	for (i = 0; i < s->ndirs; i++) {
		link = s->dirs[i].link;
		n = strlen(link);
		if (n == 0 || (strncmp(path, link, n) == 0 &&
		    (path[n] == '/' || path[n] == '\0')))
			return 1;
	}
	return 0;
}

/* Whether the path is one of the index that stays. */
static int
path_stays(const struct stage *stage, const char *path)
{
	return stage->since && plan_find(&stage->job->index, path) &&
	    !plan_find(&stage->drop, path);
}

/* Whether something that path lies beneath is, or stays, a file. */
static int
path_beneath_file(const struct stage *stage, char *path)
{
	char *slash;
	int found = 0;

	for (slash = strchr(path, '/'); slash && !found;
	    slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		found = plan_find(&stage->plan, path) ||
		    path_stays(stage, path);
		*slash = '/';
	}
	return found;
}

/* Whether something beneath path stays. What is new there comes later. */
static int
path_above_file(const struct stage *stage, const char *path)
{
	const struct plan *index = &stage->job->index;
	char *below = xasprintf("%s/", path);
	size_t i, n = strlen(below);
	int found = 0;

	for (i = plan_position(index, below); !found && i < index->n &&
	    strncmp(index->entry[i].path, below, n) == 0; i++)
		found = path_stays(stage, index->entry[i].path);
	free(below);
	return found;
}

const char *
path_refused(const struct stage *stage, char *path)
{
	const struct plan *plan = &stage->plan;
	const char *fault = path_fault(path);

	if (fault)
		return fault;
	if (!path_wanted(&stage->job->s, path))
		return "not asked for";
	if (plan->n && strcmp(plan->entry[plan->n - 1].path, path) >= 0)
		return "out of order";
	if (path_beneath_file(stage, path))
		return "lies beneath a file";
	if (stage->since && path_above_file(stage, path))
		return "lies above a file";
	if (plan->n + stage->stay >= FILES_MAX)
		return "too many files";
	return NULL;
}
