/* path.c - which paths of a repository may become files */
/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <string.h>

#include "config.h"
#include "pull.h"

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
