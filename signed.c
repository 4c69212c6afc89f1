/* signed.c - is a commit signed by one of those who may? */
/* SPDX-License-Identifier: ISC */
/*
 * gitopper-verify finds out, in a child that has the rights of one that reads,
 * but may run programs. It gets the commit, whose id we have reckoned, and the
 * signers' file, which only root may be able to read, in memory.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sha1.h>

#include "child.h"
#include "config.h"
#include "pull.h"
#include "util.h"

/* Whether the id is that of a commit with those bytes. */
static int
id_is(const char *id, const char *object, size_t len)
{
	char head[32], hex[SHA1_DIGEST_STRING_LENGTH];
	SHA1_CTX sum;
	int n = snprintf(head, sizeof(head), "commit %zu", len);

	SHA1Init(&sum);
	SHA1Update(&sum, (const uint8_t *)head, (size_t)n + 1);
	SHA1Update(&sum, (const uint8_t *)object, len);
	SHA1End(&sum, hex);
	return strcmp(hex, id) == 0;
}

/* Whether path is dir, or below it. */
static int
lies_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || !path[n]);
}

/* The same where links lead to dir. */
static int
lies_behind(const char *path, const char *dir)
{
	char *real = realpath(dir, NULL);
	int found = lies_in(path, real ? real : dir);

	free(real);
	return found;
}

/* Whether a service, of this upstream or another, puts it there. */
static int
lies_with(const char *path, const struct service *s)
{
	char tree[PATH_MAX];
	size_t i;
	int found = service_path(s, PLACE_TREE, tree, sizeof(tree)) < 0 ||
	    lies_behind(path, tree);

	for (i = 0; i < s->ndirs && !found; i++)
		found = *s->dirs[i].local &&
		    lies_behind(path, s->dirs[i].local);
	return found;
}

static int
lies_with_someone(const char *path)
{
	char **names = service_names();
	struct service s;
	size_t i;
	int found = 0;

	for (i = 0; names[i] && !found; i++)
		if (service_load(&s, names[i]) == 0) {
			found = lies_with(path, &s);
			service_close(&s);
		}
	names_free(names);
	return found;
}

/* The file that says whom to trust must not be one that a commit changes. It
 * is open, so that it is the same one that is read then. */
static const char *
signers_fault(int fd)
{
	char name[32], real[PATH_MAX];
	struct stat st;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, real, sizeof(real) - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	real[n] = '\0';
	if (lies_in(real, state_path) || lies_with_someone(real))
		return "it comes from the repository itself, or another";
	if (!S_ISREG(st.st_mode))
		return "it is not a file";
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    st.st_mode & (S_IWGRP | S_IWOTH))
		return "others than its owner, who is to be root, can change "
		    "it";
	return NULL;
}

/* A file in memory with that content, that begins where it begins. */
static int
memory(const char *text, size_t len)
{
	int fd = memfd_create("verify", 0);

	if (fd >= 0 && (write_all(fd, text, len) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

struct check {
	char *signers;
	size_t nsigners;
	const char *object;
	size_t len;
};

/* In the child. */
static void
check_work(void *arg)
{
	const struct check *check = arg;
	int signers = memory(check->signers, check->nsigners);
	int object = memory(check->object, check->len);
	char name[32];

	if (signers < 0 || object < 0 || dup2(object, STDIN_FILENO) < 0 ||
	    dup2(3, STDOUT_FILENO) < 0)
		_exit(EXIT_SYS);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", signers);
	execlp("gitopper-verify", "gitopper-verify", debug ? "-d" : "--", name,
	    (char *)NULL);
	warn("gitopper-verify:");
	_exit(EXIT_SYS);
}

/* Returns the exit status of gitopper-verify; -1: none, in time. */
static int
check_run(struct check *check, const char *name)
{
	static const struct child_rights rights = { .exec = 1 };
	int64_t deadline = now_ms() + VERIFY_TIME * 1000;
	struct child child;
	char buf[1024];
	ssize_t n;
	int status;

	if (child_start(&child, name, check_work, check, &rights) < 0)
		return -1;
	/* it says who signed, and ends */
	while ((n = child_read(&child, buf, sizeof(buf), deadline)) > 0)
		continue;
	/* what holds the descriptor may have closed it, and go on */
	status = n < 0 ? child_end(&child) : child_wait(&child, deadline);
	return n == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
signed_check(const struct service *s, const char *id, const char *object,
	size_t len, char why[400])
{
	const char *path = kv_get(&s->conf, "verify");
	const char *fault;
	struct check check = { NULL, 0, object, len };
	int status, fd;

	if (!id_is(id, object, len)) {
		snprintf(why, 400, "it is not what its name says");
		return -1;
	}
	/* a FIFO in its place must not hold us up */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fault = fd < 0 ? strerror(errno) : signers_fault(fd);
	if (!fault && !(check.signers = fd_read(fd, SECRET_MAX,
	    &check.nsigners)))
		fault = strerror(errno);
	if (fd >= 0)
		close(fd);
	if (fault) {
		snprintf(why, 400, "verify: %s: %s", path, fault);
		return -1;
	}
	status = check_run(&check, s->name);
	free(check.signers);
	if (status == 0 && file_write(s->dir, "object", object, len,
	    0644) < 0)
		note("%s: object:", s->name);
	if (status == EXIT_SOME)
		snprintf(why, 400, "not signed by an allowed signer");
	else if (status)
		snprintf(why, 400, "its signature could not be checked");
	return status ? -1 : 0;
}

int
signed_before(const struct service *s, const char *id)
{
	size_t len;
	char *object = file_read(s->dir, "object", COMMIT_MAX, &len);
	int is = object && id_is(id, object, len);

	free(object);
	return is;
}
