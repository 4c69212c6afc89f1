/* gitopper-verify - find out whether a commit is signed by one who may */
/* SPDX-License-Identifier: ISC */
/*
 * A signed commit has a header `gpgsig`, whose value goes on in lines that
 * begin with a blank; what was signed is the commit without that header
 * (git-commit(1), gitformat-signature(5)), and without `gpgsig-sha256`, which
 * is about the same commit under another name. ssh-keygen or gpgv do the work:
 * each is given files in memory, by their names in /proc/self/fd.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "util.h"

enum {
	SAID_MAX = 16 << 10,	/* bytes that a checker says, and that count */
	FD_NAME = 32,
};

/* A file in memory, and a name by which a program can open it. */
struct memory {
	int fd;
	char name[FD_NAME];
};

static void
memory_open(struct memory *m, const char *what)
{
	m->fd = memfd_create(what, 0);
	if (m->fd < 0)
		die(EXIT_SYS, "memfd_create:");
	snprintf(m->name, sizeof(m->name), "/proc/self/fd/%d", m->fd);
}

static void
memory_add(struct memory *m, const char *s, size_t len)
{
	if (write_all(m->fd, s, len) < 0)
		die(EXIT_SYS, "memory:");
}

/* All of standard input. */
static char *
commit_read(size_t *len)
{
	char *text = xmalloc(COMMIT_MAX + 1);
	ssize_t n;

	*len = 0;
	while ((n = read(STDIN_FILENO, text + *len, COMMIT_MAX + 1 - *len))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(EXIT_SYS, "standard input:");
		*len += (size_t)n;
		if (*len > COMMIT_MAX)
			die(EXIT_SOME, "the commit is too long");
	}
	return text;
}

/* Parts text into what was signed and the signature. Returns whether there
 * is one, and just one. */
static int
commit_part(const char *text, size_t len, struct memory *payload,
	struct memory *signature)
{
	const char *p = text, *end = text + len, *next;
	int found = 0, inside = 0, other = 0;

	for (; p < end && *p != '\n'; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next + 1 : end;
		if (inside && *p == ' ') {
			memory_add(signature, p + 1, (size_t)(next - p - 1));
			continue;
		}
		other = (other && *p == ' ') || (next - p > 14 &&
		    memcmp(p, "gpgsig-sha256 ", 14) == 0);
		inside = next - p > 7 && memcmp(p, "gpgsig ", 7) == 0;
		found += inside;
		if (inside)
			memory_add(signature, p + 7, (size_t)(next - p - 7));
		else if (!other)
			memory_add(payload, p, (size_t)(next - p));
	}
	memory_add(payload, p, (size_t)(end - p));
	return found == 1;
}

/* The committer's time, as ssh-keygen(1) wants it: a key may be good for some
 * time only. */
static void
commit_time(const char *text, size_t len, char *buf, size_t size)
{
	const char *p = memmem(text, len, "\ncommitter ", 11), *end;
	time_t t = 0;
	struct tm tm;

	end = p ? memchr(p + 1, '\n', (size_t)(text + len - p - 1)) : NULL;
	if (end)
		p = memrchr(p, '>', (size_t)(end - p));
	if (end && p)
		t = (time_t)strtoll(p + 1, NULL, 10);
	if (!localtime_r(&t, &tm) ||
	    !strftime(buf, size, "-Overify-time=%Y%m%d%H%M%S", &tm))
		die(EXIT_SOME, "the commit has no time");
}

/* Runs a program; in is its standard input, and up to size - 1 bytes of what
 * it prints go to out. Returns its exit status. */
static int
run(char *const argv[], int in, char *out, size_t size)
{
	int fds[2], status, null;
	char more[4096];
	size_t len = 0;
	ssize_t n;
	pid_t pid, parent = getpid();

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die(EXIT_SYS, "%s:", argv[0]);
	if (pid == 0) {
		end_with(parent, SIGKILL);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (lseek(in, 0, SEEK_SET) < 0 ||
		    dup2(in, STDIN_FILENO) < 0 ||
		    dup2(fds[1], STDOUT_FILENO) < 0 ||
		    (!debug && dup2(null, STDERR_FILENO) < 0))
			_exit(EXIT_SYS);
		execvp(argv[0], argv);
		die(EXIT_SYS, "%s:", argv[0]);
	}
	close(fds[1]);
	/* what is too much is read, too: it must not die of a closed pipe */
	while ((n = len + 1 < size ? read(fds[0], out + len, size - 1 - len) :
	    read(fds[0], more, sizeof(more))) != 0) {
		if (n < 0 && errno != EINTR)
			die(EXIT_SYS, "%s:", argv[0]);
		len += n > 0 && len + 1 < size ? (size_t)n : 0;
	}
	out[len] = '\0';
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die(EXIT_SYS, "%s:", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SYS;
}

static int
ssh_verify(const char *signers, struct memory *payload,
	struct memory *signature, char *when)
{
	char *find[] = { "ssh-keygen", "-Y", "find-principals", "-f",
	    (char *)signers, "-s", signature->name, when, NULL };
	char who[SAID_MAX], said[SAID_MAX], *name, *rest = who;
	int status = run(find, payload->fd, who, sizeof(who));

	if (status == EXIT_SYS)
		return EXIT_SYS;
	if (status)
		return EXIT_SOME;
	while ((name = strsep(&rest, "\n"))) {
		char *verify[] = { "ssh-keygen", "-Y", "verify", "-f",
		    (char *)signers, "-I", name, "-n", "git", "-s",
		    signature->name, when, NULL };

		if (*name && run(verify, payload->fd, said,
		    sizeof(said)) == 0) {
			puts(plain(name));
			return 0;
		}
	}
	return EXIT_SOME;
}

/* gpgv(1) is content with keys that were revoked, or whose time is over: what
 * it says of them isn't GOODSIG. */
static int
pgp_verify(const char *signers, struct memory *payload,
	struct memory *signature)
{
	static const char good[] = "[GNUPG:] GOODSIG ";
	char *verify[] = { "gpgv", "--status-fd", "1", "--homedir",
	    "/nonexistent", "--keyring", (char *)signers, signature->name,
	    payload->name, NULL };
	char said[SAID_MAX], *line, *rest = said;
	int status = run(verify, payload->fd, said, sizeof(said));

	if (status)
		return status == EXIT_SYS ? EXIT_SYS : EXIT_SOME;
	while ((line = strsep(&rest, "\n")))
		if (strncmp(line, good, sizeof(good) - 1) == 0)
			return 0;
	return EXIT_SOME;
}

int
main(int argc, char *argv[])
{
	static const char ssh[] = "-----BEGIN SSH SIGNATURE-----";
	struct memory payload, signature;
	char *text, when[40], head[sizeof(ssh)] = "";
	size_t len;
	int c, status = EXIT_SOME;

	setup(argv[0]);
	while ((c = getopt(argc, argv, "d")) != -1) {
		if (c != 'd')
			die(EXIT_USAGE, "usage: %s [-d] SIGNERS <COMMIT",
			    argv0);
		debug = 1;
	}
	if (argc - optind != 1)
		die(EXIT_USAGE, "usage: %s [-d] SIGNERS <COMMIT", argv0);
	text = commit_read(&len);
	memory_open(&payload, "commit");
	memory_open(&signature, "signature");
	if (commit_part(text, len, &payload, &signature)) {
		if (pread(signature.fd, head, sizeof(head) - 1, 0) < 0)
			die(EXIT_SYS, "memory:");
		if (strcmp(head, ssh) == 0) {
			commit_time(text, len, when, sizeof(when));
			status = ssh_verify(argv[optind], &payload, &signature,
			    when);
		} else {
			status = pgp_verify(argv[optind], &payload, &signature);
		}
	}
	free(text);
	return status;
}
