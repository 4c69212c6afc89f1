/* command.c - the command of a step: which, as whom, with what around it */
/* SPDX-License-Identifier: ISC */
/* All of this runs in the child: it may take its time, and it dies of what
 * goes wrong. What it says by run_cant becomes the service's error. */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "config.h"
#include "util.h"

/* Keys that are not for commands, or that come in another way. */
static const char *const private_keys[] = {
	"ca", "credential_command", "credentials", "env", "gone", "key",
	"known_hosts", "passphrase"
};

/* What a command gets of our own environment. */
static const char *const kept[] = {
	"TZ", "GITOPPER_INIT", "SVDIR", "S6_SCANDIR"
};

struct env {
	char **v;		/* NULL after the last */
	size_t n;
};

const char *
command_text(const struct step *step, const struct service *s)
{
	if (step->lookup)
		return step->name;
	return kv_get(&s->conf, step->name);
}

/* Adds a variable; a later one takes the place of an earlier. */
static void
env_set(struct env *env, const char *key, size_t n, const char *value)
{
	size_t i;

	for (i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], key, n) && env->v[i][n] == '=')
			break;
	if (i == env->n) {
		env->v = xreallocarray(env->v, env->n + 2, sizeof(*env->v));
		env->v[++env->n] = NULL;
	}
	env->v[i] = xasprintf("%.*s=%s", (int)n, key, value);
}

static void
env_add(struct env *env, const char *key, const char *value)
{
	if (value)
		env_set(env, key, strlen(key), value);
}

/* All values of a key, a line each. */
static char *
values_of(const struct kv *kv, const char *key)
{
	char *all = NULL, *more;
	const char *value;
	size_t i = 0;

	while ((value = kv_next(kv, key, &i))) {
		more = all ? xasprintf("%s\n%s", all, value) : xstrdup(value);
		free(all);
		all = more;
	}
	return all;
}

/* GITOPPER_ and the key in capitals, for every key that is for commands. */
static void
env_conf(struct env *env, const struct kv *conf)
{
	char key[64], name[80], *p, *value;
	size_t i, j, n;

	for (i = 0; i < conf->n; i++) {
		n = strcspn(conf->line[i], "=");
		if (n == 0 || n >= sizeof(key))
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)n, conf->line[i]);
		for (j = 0; j < sizeof(private_keys) / sizeof(char *); j++)
			if (strcmp(key, private_keys[j]) == 0)
				break;
		if (j < sizeof(private_keys) / sizeof(char *))
			continue;
		value = strcmp(key, "upstream") == 0 ?
		    upstream_public(kv_get(conf, key)) : values_of(conf, key);
		for (p = key; *p; p++)
			*p = isalnum((unsigned char)*p) ?
			    (char)toupper((unsigned char)*p) : '_';
		snprintf(name, sizeof(name), "GITOPPER_%s", key);
		env_add(env, name, value);
		free(value);
	}
}

static char **
env_make(const struct job *job, const struct passwd *pw)
{
	const struct service *s = &job->s;
	struct env env = { 0 };
	char path[PATH_MAX];
	const char *var;
	size_t i, n;

	env_add(&env, "PATH", action_path);
	env_add(&env, "LANG", "C.UTF-8");
	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		env_add(&env, kept[i], getenv(kept[i]));
	env_add(&env, "HOME", pw ? pw->pw_dir : "/");
	env_add(&env, "USER", pw ? pw->pw_name : NULL);
	env_add(&env, "LOGNAME", pw ? pw->pw_name : NULL);
	i = 0;
	while ((var = kv_next(&s->conf, "env", &i)))
		if ((n = strcspn(var, "=")) && var[n])
			env_set(&env, var, n, var + n + 1);
	env_conf(&env, &s->conf);
	env_add(&env, "GITOPPER_SERVICE", s->name);
	env_add(&env, "GITOPPER_STAGE", job->step->name);
	env_add(&env, "GITOPPER_HASH", *job->commit ? job->commit : NULL);
	env_add(&env, "GITOPPER_OLD", kv_get(&s->status, "applied"));
	env_add(&env, "GITOPPER_MOUNTED", kv_get(&s->status, "mounted"));
	env_add(&env, "GITOPPER_STATE", state_path);
	if (service_path(s, PLACE_TREE, path, sizeof(path)) < 0)
		run_cant("tree:");
	env_add(&env, "GITOPPER_TREE", path);
	if (gather_offer(job, pw, path, sizeof(path)) == 0)
		env_add(&env, "GITOPPER_METRICS", path);
	if (job->step->kind != STEP_CHECK)
		return env.v;
	if (service_path(s, PLACE_CHECK, path, sizeof(path)) < 0)
		run_cant("check:");
	env_add(&env, "GITOPPER_NEXT", path);
	return env.v;
}

/* The words of text, without quoting of any kind; NULL after the last. */
static char **
words(const char *text)
{
	char **v = NULL, *copy = xstrdup(text), *word;
	size_t n = 0;

	while ((word = strsep(&copy, " \t"))) {
		if (!*word)
			continue;
		v = xreallocarray(v, n + 2, sizeof(*v));
		v[n++] = word;
		v[n] = NULL;
	}
	if (!v)
		run_cant("the command is empty");
	return v;
}

static int
action_in(const char *dir, const char *name, char *path, size_t size)
{
	struct stat st;

	return path_join(path, size, dir, name) == 0 &&
	    stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & 0111);
}

/* Looks a name without a slash up in the action directories. */
static void
action_find(const char *name, char *path, size_t size)
{
	char self[PATH_MAX];
	ssize_t n;
	size_t i;

	for (i = 0; i < sizeof(action_dirs) / sizeof(*action_dirs); i++)
		if (action_in(action_dirs[i], name, path, size))
			return;
	/* in the build tree nothing is installed yet */
	n = readlink("/proc/self/exe", self, sizeof(self) - 8);
	while (n > 0 && self[n - 1] != '/')
		n--;
	if (n > 0) {
		memcpy(self + n, "action", 7);
		if (action_in(self, name, path, size))
			return;
	}
	run_cant("%s: no such action", name);
}

static int
has_dotdot(const char *path)
{
	size_t n;

	for (; *path; path += n, path += strspn(path, "/")) {
		n = strcspn(path, "/");
		if (n == 2 && memcmp(path, "..", 2) == 0)
			return 1;
	}
	return 0;
}

/* The absolute path of what is to be run. */
static void
command_path(const struct job *job, const char *name, char *path, size_t size)
{
	char base[PATH_MAX];
	/* a check comes with the commit that it is to judge */
	enum place place = job->step->kind == STEP_CHECK ? PLACE_CHECK :
	    PLACE_TREE;

	if (!strchr(name, '/')) {
		action_find(name, path, size);
	} else if (*name == '/') {
		if ((size_t)snprintf(path, size, "%s", name) >= size)
			run_cant("%s: too long", name);
	} else {
		if (has_dotdot(name))
			run_cant("%s: leaves the tree", name);
		if (service_path(&job->s, place, base, sizeof(base)) < 0 ||
		    path_join(path, size, base, name) < 0)
			run_cant("%s:", name);
	}
}

static void
become(const struct passwd *pw, const struct job *job)
{
	if (pw && pw->pw_uid != geteuid()) {
		/* or it could not open /dev/stderr */
		if (fchown(STDOUT_FILENO, pw->pw_uid, pw->pw_gid) < 0 ||
		    initgroups(pw->pw_name, pw->pw_gid) < 0 ||
		    setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
			run_cant("can't become %s:", pw->pw_name);
	}
	/* what changes packages had better not be killed half way */
	if (job->step->kind == STEP_PACKAGE)
		prctl(PR_SET_PDEATHSIG, 0);
	else
		run_follow();
}

/* Goes to the tree, and makes it where there is none yet. */
static void
tree_enter(const struct job *job)
{
	uid_t uid;
	gid_t gid;
	int fd = place_open(&job->s, PLACE_TREE);

	if (fd < 0 && errno == ENOENT) {
		if (service_owner(&job->s, &uid, &gid) < 0) {
			/* whom this package may bring: no tree until then */
			if (job->step->kind == STEP_PACKAGE && chdir("/") == 0)
				return;
			run_cant("unknown user %s",
			    kv_get(&job->s.conf, "user"));
		}
		fd = place_make(&job->s, PLACE_TREE);
	}
	if (fd < 0)
		run_cant("%s", place_why());
	if (fchdir(fd) < 0)
		run_cant("tree:");
}

static void
stdin_open(const struct job *job)
{
	const char *applied = kv_get(&job->s.status, "applied");
	int check = job->step->kind == STEP_CHECK, fd;

	/* where there are none, /dev/null is there already; a file that says
	 * otherwise is what a crash left */
	if (!check && applied && strcmp(applied, job->commit) == 0)
		return;
	fd = openat(job->s.dir, check ? "plan.changes" : "changes",
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if ((fd < 0 && errno != ENOENT) ||
	    (fd >= 0 && dup2(fd, STDIN_FILENO) < 0))
		run_cant("changes:");
}

void
command_run(const struct job *job)
{
	char path[PATH_MAX], **argv, **env;
	const char *text = command_text(job->step, &job->s);
	struct passwd *pw;

	argv = words(text ? text : "");
	umask(022);
	tree_enter(job);
	if (job->step->kind == STEP_CHECK)
		preview_make(&job->s);
	command_path(job, argv[0], path, sizeof(path));
	stdin_open(job);
	if (job->step->kind == STEP_CHECK)
		preview_mount(&job->s);
	/* only now: a mount may have put another file at the path */
	pw = command_user(job, path);
	env = env_make(job, pw);
	become(pw, job);
	argv[0] = path;
	/* nor what we were started with; before Linux 5.11 it stays */
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	execve(path, argv, env);
	run_cant("can't run %s:", path);
}
