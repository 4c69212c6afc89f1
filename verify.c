/* verify.c - whether a password is right, and what its user may do */
/* SPDX-License-Identifier: ISC */
/* All but verify_file runs in a child for one check: it may take its
 * time, it is killed when that is over, and it dies of what goes wrong. */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "httpd.h"
#include "users.h"
#include "util.h"

enum {
	CHECKER_WRONG = 1,
	CHECKER_NEVER = 100,	/* cvm's way to say the same */
	CHECKER_FD = 3,
	KINDS_MAX = 16,		/* methods and costs of hashes in the file */
	GROUPS_MAX = 65536
};

/* One line of the users' file. */
struct user {
	const char *name, *hash;
	enum rights rights;
};

/* The users' file, if nobody else may read or write it; says why not.
 * To be wiped and freed. */
static char *
file_get(size_t *len)
{
	const char *path = options.users;
	struct stat st;
	char *text;

	/* read first: what is looked at then is as new, or newer */
	text = file_read(AT_FDCWD, path, STATE_FILE_MAX, len);
	if (!text || lstat(path, &st) < 0) {
		warn("%s:", path);
	} else if (st.st_uid != 0 && st.st_uid != geteuid()) {
		warn("%s: it belongs to another user", path);
	} else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		warn("%s: others can read or write it; chmod 600 it", path);
	} else {
		return text;
	}
	if (text)
		explicit_bzero(text, *len);
	free(text);
	return NULL;
}

/* Takes `name:hash:ro` or `name:hash:rw` apart. Returns 0, or -1. */
static int
user_parse(struct user *user, char *line)
{
	char *hash = strchr(line, ':'), *rights = strrchr(line, ':');

	if (!hash || hash == line || rights == hash)
		return -1;
	*hash++ = '\0';
	*rights++ = '\0';
	user->name = line;
	user->hash = hash;
	user->rights = strcmp(rights, "rw") == 0 ? RIGHTS_WRITE : RIGHTS_READ;
	return user->rights == RIGHTS_WRITE || strcmp(rights, "ro") == 0 ?
	    0 : -1;
}

/* Takes as long wherever they differ. */
static int
is_same(const char *a, const char *b)
{
	size_t i, n = strlen(a), m = strlen(b);
	volatile unsigned char differ = n != m;

	for (i = 0; i < n && i < m; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return !differ;
}

/* Whether the password is that of hash (crypt(3)). */
static int
hash_matches(const char *password, const char *hash, const char *name)
{
	static struct crypt_data data;
	const char *made;

	made = *hash ? crypt_r(password, hash, &data) : NULL;
	if (!made || *made == '*') {
		/* a locked user may have one that nothing matches */
		if (*hash && *hash != '!' && *hash != '*')
			warn("%s: the hash of %.64s is none that crypt(3) "
			    "knows", options.users, name);
		return 0;
	}
	return is_same(made, hash);
}

int
verify_file(void)
{
	struct user user;
	size_t len, n;
	char *text = file_get(&len), *rest = text, *line;

	for (n = 1; (line = strsep(&rest, "\n")); n++)
		if (*line && *line != '#' && user_parse(&user, line) < 0)
			warn("%s:%zu: not name:hash:ro or name:hash:rw",
			    options.users, n);
	if (!text)
		return -1;
	explicit_bzero(text, len);
	free(text);
	return 0;
}

/* How much of a hash tells the method, and what it costs (crypt(5)); 0 for one
 * that costs next to nothing. */
static size_t
cost_length(const char *hash)
{
	size_t n = strlen(hash), first;

	if (*hash != '$')
		return 0;
	first = 1 + strcspn(hash + 1, "$") + 1;
	if (first > n)
		return 0;
	/* bcrypt has the cost between two more, scrypt its own 11 digits */
	if (hash[1] == '2')
		return n < 7 ? n : 7;
	if (hash[1] == '7' && hash[2] == '$')
		return n < 14 ? n : 14;
	/* these say it with the method, or needn't say it; all others have one
	 * part more before the salt */
	if (strncmp(hash, "$md5", 4) == 0 || (strchr("156", hash[1]) &&
	    hash[2] == '$' && strncmp(hash + first, "rounds=", 7) != 0))
		return first;
	return first + strcspn(hash + first, "$");
}

static int
same_cost(const char *a, const char *b)
{
	size_t n = cost_length(a);

	return n == cost_length(b) && strncmp(a, b, n) == 0;
}

/*
 * Takes as long as a hash of each kind but one's own: with that, a wrong
 * password takes as long for each user, and for a name that is none.
 */
static void
others_pass(const char *password, const struct user *kinds, size_t n,
	const char *own)
{
	static struct crypt_data data;
	size_t i;

	for (i = 0; i < n; i++)
		if (!own || !same_cost(kinds[i].hash, own))
			(void)crypt_r(password, kinds[i].hash, &data);
}

/* Returns 1 where the file has that name, else 0. */
static int
file_verify(const char *name, const char *password, enum rights *rights)
{
	struct user user, found = { NULL, NULL, RIGHTS_NONE };
	struct user kinds[KINDS_MAX];
	size_t len, n = 0, i;
	char *text = file_get(&len), *line;

	if (!text)
		_exit(EXIT_SYS);
	while ((line = strsep(&text, "\n"))) {
		if (*line == '#' || user_parse(&user, line) < 0)
			continue;
		if (!found.name && strcmp(user.name, name) == 0)
			found = user;
		for (i = 0; i < n; i++)
			if (same_cost(user.hash, kinds[i].hash))
				break;
		if (i == n && n < KINDS_MAX && cost_length(user.hash))
			kinds[n++] = user;
	}
	others_pass(password, kinds, n, found.hash);
	if (found.name && hash_matches(password, found.hash, name))
		*rights = found.rights;
	return found.name != NULL;
}

/* Whether that user may change things, by the group. */
static int
is_member(const char *name)
{
	const char *group = options.group ? options.group : group_name;
	struct group *gr = getgrnam(group);
	struct passwd *pw;
	gid_t *list, gid = gr ? gr->gr_gid : 0;
	int n = GROUPS_MAX, i, member = 0;

	pw = getpwnam(name);
	if (pw && pw->pw_uid == 0)
		return 1;
	if (!gr)
		return 0;
	list = xreallocarray(NULL, GROUPS_MAX, sizeof(*list));
	/* a user that only the program knows has no group of its own */
	if (getgrouplist(name, pw ? pw->pw_gid : (gid_t)-1, list, &n) < 0)
		die(EXIT_SYS, "%.64s is in too many groups", name);
	for (i = 0; i < n; i++)
		member |= list[i] == gid;
	free(list);
	return member;
}

/* The program and its arguments, split at blanks, and what it is to run. */
static char **
checker_words(void)
{
	static const char *const nothing[] = { "/bin/true", "/usr/bin/true" };
	char **v = NULL, *copy = xstrdup(options.checker), *word;
	size_t n = 0;

	while ((word = strsep(&copy, " \t"))) {
		if (!*word)
			continue;
		v = xreallocarray(v, n + 3, sizeof(*v));
		v[n++] = word;
	}
	if (!v)
		die(EXIT_USAGE, "-c: no program");
	v[n++] = xstrdup(nothing[access(nothing[0], X_OK) < 0]);
	v[n] = NULL;
	return v;
}

static void
checker_run(pid_t parent, int fd)
{
	char *env[] = { xasprintf("PATH=%s", action_path),
	    xstrdup("LANG=C.UTF-8"), NULL };
	char **argv = checker_words();

	end_with(parent, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(fd, CHECKER_FD) < 0)
		die(EXIT_SYS, "dup2:");
	execve(argv[0], argv, env);
	die(EXIT_SYS, "%s:", argv[0]);
}

/* Asks the program (cr.yp.to/checkpwd/interface.html). */
static enum rights
checker_verify(const char *name, const char *password)
{
	char text[AUTH_TEXT_MAX + 1];
	size_t n = strlen(name) + 1, m = strlen(password) + 1;
	int fds[2], status;
	pid_t pid, parent = getpid();

	memcpy(text, name, n);
	memcpy(text + n, password, m);
	text[n + m] = '\0';
	/* a pipe takes that much before anyone reads */
	if (pipe2(fds, O_CLOEXEC) < 0 ||
	    write_all(fds[1], text, n + m + 1) < 0 || (pid = fork()) < 0)
		die(EXIT_SYS, "%s:", options.checker);
	explicit_bzero(text, sizeof(text));
	close(fds[1]);
	if (pid == 0)
		checker_run(parent, fds[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die(EXIT_SYS, "wait:");
	if (WIFEXITED(status) && (WEXITSTATUS(status) == CHECKER_WRONG ||
	    WEXITSTATUS(status) == CHECKER_NEVER))
		return RIGHTS_NONE;
	if (!WIFEXITED(status))
		die(EXIT_SYS, "%s: killed by signal %d", options.checker,
		    WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		die(EXIT_SYS, "%s: exit status %d", options.checker,
		    WEXITSTATUS(status));
	return is_member(name) ? RIGHTS_WRITE : RIGHTS_READ;
}

enum rights
verify(const char *name, const char *password)
{
	enum rights rights = RIGHTS_NONE;

	if (options.users && file_verify(name, password, &rights))
		return rights;
	if (options.checker)
		return checker_verify(name, password);
	return rights;
}
