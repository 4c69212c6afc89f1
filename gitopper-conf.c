/* gitopper-conf - make the conf files equal to the config file */
/* SPDX-License-Identifier: ISC */

/*
 * All of the file is read and checked before anything is written. Then each
 * conf is compared with what it should hold, and written if that differs:
 *
 *	NAME/.changed is made, conf is written, ctl/poke as well,
 *	NAME/.changed is removed
 *
 * so that a poke that a crash took away is made up for by the next run. A new
 * service has its poke before it has a conf, and needs no more than that. If
 * they are many, all of them are synced at once before the first .changed is
 * removed.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config-file.h"
#include "config-value.h"
#include "config.h"
#include "toml.h"
#include "util.h"

static const char marker[] = ".changed", kept[] = ".config";

enum { SYNCED_EACH = 16 };	/* services, before they are many */

static char **written;		/* names of services whose conf was */
static size_t nwritten;

/* What -U and its company said. */
struct boot {
	const char *url, *branch, *link, *mount;
};

static void __attribute__((noreturn))
usage(void)
{
	fprintf(stderr, "usage: %s [-dn] [-c file] [-h host,...] [-t interval]"
	    " [-U url [-B branch] [-D dir] [-M mount]]\n", argv0);
	exit(EXIT_USAGE);
}

/* The file */

/* The directory of file, absolute; to be freed. */
static char *
base_of(const char *file)
{
	char *copy = xstrdup(file), *base = realpath(dirname(copy), NULL);

	free(copy);
	if (!base)
		die(EXIT_SYS, "%s:", file);
	return base;
}

/*
 * What is wrong with the config that was read last is kept in .config, for
 * those who look at the services that go on meanwhile; nothing, and there is
 * no such file. -n keeps nothing.
 */
static int keeps;

static void
fault_keep(const char *text)
{
	char *line, *old;
	size_t len, n = 0;

	if (!keeps || state_dir < 0)
		return;
	if (!text) {
		if (unlinkat(state_dir, kept, 0) < 0 && errno != ENOENT)
			warn("%s:", kept);
		return;
	}
	line = xasprintf("%.4000s\n", text);
	len = strlen(line);
	old = file_read(state_dir, kept, CONFIG_MAX, &n);
	if ((!old || n != len || memcmp(old, line, n)) &&
	    file_write(state_dir, kept, line, len, 0644) < 0)
		warn("%s:", kept);
	free(old);
	free(line);
}

/* Keeps what is wrong, and dies of it. */
static void __attribute__((noreturn, format(printf, 2, 3)))
fault_die(int status, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	plain(text);
	fault_keep(text);
	die(status, "%s", text);
}

/* The tree of file; NULL where it is missing and that is allowed. */
static struct toml *
file_parse(const char *file, int missing_ok)
{
	/* a config may be a symbolic link, and file_read follows none */
	char *path = realpath(file, NULL), *text = NULL;
	struct toml_error err;
	struct toml *root;
	size_t len;
	int saved;

	if (path)
		text = file_read(AT_FDCWD, path, CONFIG_MAX, &len);
	saved = errno;
	free(path);
	errno = saved;
	if (!text && errno == ENOENT && missing_ok)
		return NULL;
	if (!text && errno == EINVAL)
		fault_die(EXIT_USAGE, "%s: Not a regular file", file);
	if (!text)
		fault_die(errno == ENOENT || errno == ENOTDIR ||
		    errno == EFBIG ? EXIT_USAGE : EXIT_SYS, "%s: %s", file,
		    strerror(errno));
	root = toml_parse(text, len, &err);
	free(text);
	if (!root)
		fault_die(EXIT_USAGE, "%s:%zu:%zu: %s", file, err.line,
		    err.column, err.text);
	return root;
}

/* Whether path lies below dir, as far as names tell. */
static int
lies_below(const char *path, const char *dir)
{
	size_t n;

	for (;;) {
		dir += strspn(dir, "/");
		path += strspn(path, "/");
		if (!*dir)
			return 1;
		n = strcspn(path, "/");
		if (n == 1 && *path == '.') {
			path++;
			continue;
		}
		if (strcspn(dir, "/") != n || strncmp(path, dir, n))
			return 0;
		path += n;
		dir += n;
	}
}

/*
 * Whether file may be read: below -M, which may be /tmp, anybody may have
 * been first to write one, so there it must lie in the tree that was
 * published for s, and be in nobody else's hands. Dies where it is.
 */
static int
file_is_ours(const char *file, const struct config_service *s)
{
	struct service boot;
	uid_t owner;
	int fd = -1, published;

	if (!s->tree || !lies_below(file, s->tree))
		return 1;
	if (state_dir < 0 || service_load(&boot, s->name) < 0)
		return 0;
	boot.mount = kv_get(&s->conf, "mount");	/* it may be another now */
	published = place_published(&boot, s->tree, &owner);
	if (published && (fd = place_open(&boot, PLACE_TREE)) < 0 &&
	    errno != ENOENT)
		die(EXIT_SYS, "%s", place_why());
	if (fd >= 0)
		close(fd);
	service_close(&boot);
	return fd >= 0;
}

static void
faults_print(const struct config *c, const char *file)
{
	const struct fault *f;
	char *text;
	size_t i;

	for (i = 0; i < c->nfaults && i < FAULTS_MAX; i++) {
		f = &c->faults[i];
		text = f->line ? xasprintf("%s:%zu:%zu: %s", file, f->line,
		    f->column, f->text) : xstrdup(f->text);
		warn("%s", text);
		if (i == 0)
			fault_keep(text);
		free(text);
	}
	if (c->nfaults > FAULTS_MAX)
		warn("%s: and %zu more faults", file, c->nfaults - FAULTS_MAX);
}

/* The names that this host answers to, lists from -h among them; own, its
 * own one, is the last. To be freed; what it points at stays. */
static const char **
hosts_split(char **lists, size_t n, const char *own)
{
	const char **hosts = xreallocarray(NULL, 2, sizeof(*hosts));
	size_t i, nhosts = 0;
	char *list, *name;

	for (i = 0; i < n; i++)
		for (list = lists[i]; (name = strsep(&list, ",")); ) {
			if (!*name)
				continue;
			hosts[nhosts++] = name;
			hosts = xreallocarray(hosts, nhosts + 2,
			    sizeof(*hosts));
		}
	hosts[nhosts++] = own;
	hosts[nhosts] = NULL;
	return hosts;
}

/* The state directory */

/* Reads conf of the service name. Returns whether there is one. */
static int
conf_read(struct kv *conf, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/conf", name);
	/* what can't be read holds nothing, and is written anew */
	if (kv_read(conf, state_dir, path) < 0)
		note("%s: conf:", name);
	return conf->n > 0;
}

static int
service_compare(const void *a, const void *b)
{
	return strcmp((*(struct config_service *const *)a)->name,
	    (*(struct config_service *const *)b)->name);
}

/* c's services in the order of their names; to be freed. */
static const struct config_service **
services_sort(const struct config *c)
{
	const struct config_service **sorted = xreallocarray(NULL,
	    c->nservices + 1, sizeof(*sorted));
	size_t i;

	for (i = 0; i < c->nservices; i++)
		sorted[i] = &c->services[i];
	qsort(sorted, c->nservices, sizeof(*sorted), service_compare);
	return sorted;
}

/* The services that are there and that c doesn't name; to be freed with
 * names_free. */
static char **
orphans(const struct config *c)
{
	const struct config_service **sorted = services_sort(c);
	char **names = service_names();
	struct kv conf;
	size_t i, j = 0, n = 0;

	for (i = 0; names[i]; i++) {
		/* names are sorted as well */
		while (j < c->nservices && strcmp(sorted[j]->name,
		    names[i]) < 0)
			j++;
		if (j < c->nservices && !strcmp(sorted[j]->name, names[i])) {
			free(names[i]);
			continue;
		}
		if (conf_read(&conf, names[i]) && !kv_get(&conf, "gone"))
			names[n++] = names[i];
		else
			free(names[i]);
		kv_free(&conf);
	}
	names[n] = NULL;
	free(sorted);
	return names;
}

static int
kv_same(const struct kv *a, const struct kv *b, const char *key)
{
	size_t i = 0, j = 0;
	const char *u, *v;

	do {
		u = kv_next(a, key, &i);
		v = kv_next(b, key, &j);
		if (!u || !v)
			return u == v;
	} while (strcmp(u, v) == 0);
	return 0;
}

/* Whether what is mounted, or what the action says, differs. */
static int
redo_needed(const struct kv *old, const struct kv *new)
{
	static const char *const much[] = {
		"dir", "mount", "user", "upstream", "branch", "action", "env"
	};
	size_t i;

	for (i = 0; i < sizeof(much) / sizeof(*much); i++)
		if (!kv_same(old, new, much[i]))
			return 1;
	return 0;
}

static int
conf_equal(const struct kv *old, const struct kv *new)
{
	size_t i;

	for (i = 0; i < old->n && i < new->n; i++)
		if (strcmp(old->line[i], new->line[i]))
			return 0;
	return old->n == new->n;
}

static int
marker_make(int dir)
{
	int fd = openat(dir, marker, O_WRONLY | O_CREAT | O_NOFOLLOW |
	    O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

/* Writes conf and a poke; known: there was a conf before. Returns 0, or -1
 * and says so. */
static int
conf_write(const char *name, struct kv *conf, const char *poke, int known)
{
	int result = -1, dir = service_make(name);

	if (dir < 0) {
		warn("%s:", name);
		return -1;
	}
	file_lazy = nwritten >= SYNCED_EACH;
	if (known && marker_make(dir) < 0)
		warn("%s: %s:", name, marker);
	else if (!known && ctl_write(dir, "poke", poke) < 0)
		warn("%s: ctl/poke:", name);
	else if (kv_write(conf, dir, "conf", 0644) < 0)
		warn("%s: conf:", name);
	else if (known && ctl_write(dir, "poke", poke) < 0)
		warn("%s: ctl/poke:", name);
	else
		result = 0;
	close(dir);
	if (result < 0)
		return -1;
	/* grows at powers of two */
	if ((nwritten & (nwritten - 1)) == 0)
		written = xreallocarray(written, nwritten ? 2 * nwritten : 1,
		    sizeof(*written));
	written[nwritten++] = xstrdup(name);
	return 0;
}

/* Removes the markers of what was written, and prints its names. Returns 0,
 * or -1 and says so. */
static int
written_finish(void)
{
	char path[160];
	int result = 0;
	size_t i;

	if (nwritten > SYNCED_EACH && syncfs(state_dir) < 0) {
		warn("%s:", state_path);
		return -1;
	}
	for (i = 0; i < nwritten; i++) {
		snprintf(path, sizeof(path), "%s/%s", written[i], marker);
		if (unlinkat(state_dir, path, 0) < 0 && errno != ENOENT) {
			warn("%s:", path);
			result = -1;
		} else {
			puts(written[i]);
		}
		free(written[i]);
	}
	free(written);
	file_lazy = 0;
	return result;
}

/* Returns 0, or -1 and has said why. */
static int
service_apply(struct config_service *s)
{
	struct kv old;
	char path[160];
	int known = conf_read(&old, s->name), torn, result;

	snprintf(path, sizeof(path), "%s/%s", s->name, marker);
	torn = faccessat(state_dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	result = !torn && conf_equal(&old, &s->conf) ? service_share(s->name) :
	    conf_write(s->name, &s->conf, torn ||
	    (known && redo_needed(&old, &s->conf)) ? "config" : "",
	    known || torn);
	kv_free(&old);
	return result;
}

static int
service_leave(const char *name)
{
	struct kv conf;
	int result;

	conf_read(&conf, name);
	kv_set(&conf, "gone", "1");
	result = conf_write(name, &conf, "", 1);
	kv_free(&conf);
	return result;
}

static int
machines_write(const struct config *c)
{
	char *text, *old;
	size_t i, len, n = 0;
	FILE *f = open_memstream(&text, &len);
	int result = 0;

	if (!f)
		die(EXIT_SYS, ".machines:");
	for (i = 0; i < c->nmachines; i++)
		fprintf(f, "%s%s\n", c->machines[i]->name,
		    c->machines[i]->mine ? "\tmine" : "");
	if (fclose(f) == EOF)
		die(EXIT_SYS, ".machines:");
	old = file_read(state_dir, ".machines", CONFIG_MAX, &n);
	if (!old || n != len || memcmp(old, text, n))
		result = file_write(state_dir, ".machines", text, len, 0644);
	if (result < 0)
		warn(".machines:");
	free(old);
	free(text);
	return result;
}

/* A config that names nobody here is more likely wrong, or this host's name
 * is, than meant to take all down: then -1, after a message. nboot services
 * are not of the config. */
static int
nobody_check(const struct config *c, const char *file, const char **hosts,
	char **gone, size_t nboot)
{
	char *names, *more, *text;
	size_t i;

	if (c->nservices > nboot)
		return 0;
	names = xstrdup(hosts[0]);
	for (i = 1; hosts[i]; i++) {
		more = xasprintf("%s, %s", names, hosts[i]);
		free(names);
		names = more;
	}
	text = xasprintf("%s: names no service for this machine (%s)%s", file,
	    names, *gone ? ", and there are some: nothing is changed" : "");
	warn("%s", text);
	if (*gone)
		fault_keep(text);
	free(text);
	free(names);
	return *gone ? -1 : 0;
}

/* Makes the state directory what c says; services in gone leave it. */
static int
config_apply(struct config *c, char **gone, int machines)
{
	int fd, result = 0;
	size_t i;

	if (state_dir < 0)
		state_open();
	fd = dir_open(state_path, 0);
	if (fd < 0)
		warn("the state directory can't be relied on: %s",
		    place_why());
	else
		close(fd);
	for (i = 0; i < c->nservices; i++)
		result |= service_apply(&c->services[i]);
	for (i = 0; gone[i]; i++)
		result |= service_leave(gone[i]);
	result |= written_finish();
	if (machines)
		result |= machines_write(c);
	return result;
}

static void
config_print(const struct config *c)
{
	const struct config_service *s;
	size_t i, j;

	for (i = 0; i < c->nservices; i++) {
		s = &c->services[i];
		puts(s->name);
		for (j = 0; j < s->conf.n; j++)
			printf("\t%s\n", s->conf.line[j]);
	}
}

/* Reads file and makes the state directory equal to it; -n only looks.
 * Returns the exit status. */
static int
conf_run(const char *file, const char **hosts, struct config_host *host,
	const struct boot *boot, const char *own, int nflag)
{
	static char *none[] = { NULL };
	struct config c = { 0 };
	struct toml *root = NULL;
	char *base, **gone = none;
	int status = EXIT_USAGE;

	if (boot->url)
		config_bootstrap(&c, host, own, boot->url, boot->branch,
		    boot->link, boot->mount);
	if (!boot->url || file_is_ours(file, c.services))
		root = file_parse(file, boot->url != NULL);
	base = root ? base_of(file) : NULL;
	host->base = base;
	if (root)
		config_read(&c, root, host);
	toml_free(root);
	faults_print(&c, file);
	if (state_dir >= 0 && root && !c.nfaults)
		gone = orphans(&c);
	if (!c.nfaults && (!root ||
	    nobody_check(&c, file, hosts, gone, boot->url != NULL) == 0)) {
		status = 0;
		if (nflag)
			config_print(&c);
		else if (config_apply(&c, gone, root != NULL) < 0)
			status = EXIT_SYS;
		else
			fault_keep(NULL);
	}
	if (gone != none)
		names_free(gone);
	config_free(&c);
	free(base);
	return status;
}

int
main(int argc, char **argv)
{
	struct config_host host = { 0 };
	struct boot boot = { .link = "gitopper" };
	const char *file = config_default, **hosts;
	char own[256] = "", **lists, interval[24];
	int64_t seconds;
	size_t nlists = 0;
	int opt, nflag = 0, status, alone = 0;

	setup(argv[0]);
	lists = xreallocarray(NULL, (size_t)argc, sizeof(*lists));
	while ((opt = getopt(argc, argv, "B:D:M:U:c:dh:nt:")) != -1) {
		switch (opt) {
		case 'B': boot.branch = optarg; alone = 1; break;
		case 'D': boot.link = optarg; alone = 1; break;
		case 'M': boot.mount = optarg; alone = 1; break;
		case 'U': boot.url = optarg; break;
		case 'c': file = optarg; break;
		case 'd': debug = 1; break;
		case 'h': lists[nlists++] = optarg; break;
		case 'n': nflag = 1; break;
		case 't': host.interval = optarg; break;
		default: usage();
		}
	}
	if (optind < argc || (alone && !boot.url))
		usage();
	if (host.interval) {
		seconds = parse_duration(host.interval);
		snprintf(interval, sizeof(interval), "%lld",
		    (long long)seconds);
		if (seconds <= 0)
			die(EXIT_USAGE, "-t: %s is no time such as 300, 90s "
			    "or 1h30m", host.interval);
		host.interval = interval;
	}
	if (gethostname(own, sizeof(own) - 1) < 0)
		die(EXIT_SYS, "gethostname:");
	hosts = hosts_split(lists, nlists, own);
	/* nobody may mount there, by either name */
	host.state[0] = state_where();
	if (access(host.state[0], F_OK) == 0) {
		state_open();
		if (strcmp(state_path, host.state[0]))
			host.state[1] = state_path;
	}
	host.names = hosts;
	keeps = !nflag;
	status = conf_run(file, hosts, &host, &boot, own, nflag);
	free(hosts);
	free(lists);
	if (fflush(stdout) == EOF || ferror(stdout))
		die(EXIT_SYS, "standard output:");
	return status;
}
