/* remote.c - other machines, asked by HTTP */
/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "config.h"
#include "ctl.h"
#include "util.h"

/* The way to a machine, which is kept from one ask to the next. */
struct link {
	CURL *curl;
	struct curl_slist *fields;
	struct machine *machine;
	struct ask *ask;
	size_t head;		/* bytes of the answer's head */
	int hold;		/* more will be asked */
	pid_t child;		/* the program that we speak through, or 0 */
	int64_t seconds;
	char error[CURL_ERROR_SIZE];
};

static CURLM *multi;

#define SET(link, option, value) \
	set_check(curl_easy_setopt((link)->curl, option, value), #option)

static void
set_check(CURLcode code, const char *option)
{
	if (code != CURLE_OK)
		die(EXIT_SYS, "libcurl: %s: %s", option,
		    curl_easy_strerror(code));
}

/* The answer's text, and the lines of its head, which count as well. */
static size_t
body_take(char *data, size_t size, size_t n, void *arg)
{
	struct link *l = arg;
	struct ask *a = l->ask;
	char *text;

	n *= size;
	if (n > REMOTE_ANSWER_MAX - a->len ||
	    !(text = realloc(a->text, a->len + n + 1)))
		return 0;
	memcpy(text + a->len, data, n);
	a->len += n;
	text[a->len] = '\0';
	a->text = text;
	return n;
}

static size_t
head_take(char *data, size_t size, size_t n, void *arg)
{
	struct link *l = arg;

	(void)data;
	n *= size;
	if (n > REMOTE_HEAD_MAX - l->head)
		return 0;
	l->head += n;
	return n;
}

/* As curl(1) does. */
static void
link_trust(struct link *l)
{
	const char *file = getenv("CURL_CA_BUNDLE");
	const char *dir = getenv("SSL_CERT_DIR");

	if (!file || !*file)
		file = getenv("SSL_CERT_FILE");
	if (dir && *dir)
		SET(l, CURLOPT_CAPATH, dir);
	if (file && *file)
		SET(l, CURLOPT_CAINFO, file);
}

/* What isn't HTTP over TCP to its host. */
static void
link_place(struct link *l)
{
	struct machine *m = l->machine;

	/* through a proxy, what is for a loopback address would leave here */
	if (m->how != HOW_HTTP || (machine_is_private(m) &&
	    strncmp(m->url, "http:", 5) == 0))
		SET(l, CURLOPT_NOPROXY, "*");
	if (m->how == HOW_HTTP)
		return;
	l->fields = curl_slist_append(l->fields, "Host: localhost");
	if (!l->fields)
		die(EXIT_SYS, "libcurl: no memory");
	SET(l, CURLOPT_HTTPHEADER, l->fields);
	if (m->how == HOW_UNIX)
		SET(l, CURLOPT_UNIX_SOCKET_PATH, m->place);
}

static struct link *
link_new(struct machine *m, const char *password)
{
	struct link *l = xmalloc(sizeof(*l));

	memset(l, 0, sizeof(*l));
	l->machine = m;
	l->curl = curl_easy_init();
	if (!l->curl)
		die(EXIT_SYS, "libcurl: no memory");
	SET(l, CURLOPT_ERRORBUFFER, l->error);
	SET(l, CURLOPT_PRIVATE, l);
	SET(l, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(l, CURLOPT_FOLLOWLOCATION, 0L);
	SET(l, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(l, CURLOPT_USERAGENT, "gitopper-ctl/" VERSION);
	SET(l, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(l, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(l, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	SET(l, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(l, CURLOPT_WRITEFUNCTION, body_take);
	SET(l, CURLOPT_WRITEDATA, l);
	SET(l, CURLOPT_HEADERFUNCTION, head_take);
	SET(l, CURLOPT_HEADERDATA, l);
	/* a name server that is silent must not keep us at the end */
	SET(l, CURLOPT_QUICK_EXIT, 1L);
	if (options.user) {
		SET(l, CURLOPT_USERNAME, options.user);
		SET(l, CURLOPT_PASSWORD, password);
	} else if (m->how != HOW_PROGRAM && (options.netrc ||
	    machine_is_private(m))) {
		/* through a program, any machine is called localhost */
		SET(l, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	}
	link_trust(l);
	link_place(l);
	return l;
}

/* The user's password: out of a file, or from a person. */
static void
password_get(char password[SECRET_TEXT])
{
	char *prompt;
	int fd, result;

	if (!options.password) {
		prompt = xasprintf("Password of %s: ", options.user);
		if (secret_ask(prompt, password) < 0)
			die(EXIT_SYS, "no password can be asked for; "
			    "-p FILE names a file that has it:");
		free(prompt);
		return;
	}
	fd = open(options.password, O_RDONLY | O_CLOEXEC);
	result = fd < 0 ? -1 : secret_read(fd, password);
	if (result < 0)
		die(EXIT_SYS, "%s:", options.password);
	close(fd);
}

static void
multi_open(void)
{
	if (!multi && (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    !(multi = curl_multi_init())))
		die(EXIT_SYS, "libcurl doesn't start");
}

void
remote_start(struct machine *machines, size_t n)
{
	char password[SECRET_TEXT] = "";
	size_t i, remote = 0;

	for (i = 0; i < n; i++)
		remote += machines[i].how != HOW_LOCAL;
	if (remote == 0)
		return;
	multi_open();
	if (options.user)
		password_get(password);
	for (i = 0; i < n; i++)
		if (machines[i].how != HOW_LOCAL)
			machines[i].link = link_new(&machines[i], password);
	explicit_bzero(password, sizeof(password));
}

static char *
ask_url(const struct ask *a)
{
	static const char *const format[] = {
		[ASK_MACHINES] = "list/machines",
		[ASK_SERVICES] = "list/services",
		[ASK_SERVICE] = "list/service/",
		[ASK_FREEZE] = "state/freeze/",
		[ASK_UNFREEZE] = "state/unfreeze/",
		[ASK_ROLLBACK] = "state/rollback/",
		[ASK_PULL] = "state/pull/",
		[ASK_REDO] = "state/redo/",
		[ASK_ACCEPT] = "state/accept/",
		[ASK_WIPE] = "state/wipe/",
		[ASK_LOG] = "log/",
		[ASK_CHANGES] = "changes/",
		[ASK_DIFF] = "diff/",
		[ASK_WATCH] = "watch?since=",
	};
	char number[48] = "";

	if (a->verb == ASK_WATCH)
		snprintf(number, sizeof(number), "%llu",
		    (unsigned long long)a->since);
	else if (a->verb == ASK_FREEZE && a->seconds)
		snprintf(number, sizeof(number), "?dur=%llds",
		    (long long)a->seconds);
	/* a service's name has nothing in it that would need an escape */
	return xasprintf("%s/%s%s%s%s%s", a->machine->url, format[a->verb],
	    a->name ? a->name : "", number, a->hash ? "?to=" : "",
	    a->hash ? a->hash : "");
}

/* Runs the program, unless it does. */
static void
link_program(struct link *l)
{
	char path[THROUGH_PATH];

	if (l->child > 0 && waitpid(l->child, NULL, WNOHANG) == 0)
		return;
	l->child = through_open(l->machine->place, path);
	if (l->child < 0)
		die(EXIT_SYS, "@%s: a socket for it:", l->machine->name);
	SET(l, CURLOPT_UNIX_SOCKET_PATH, path);
}

static int
ask_changes_something(enum verb verb)
{
	return verb >= ASK_FREEZE && verb <= ASK_REDO;
}

void
remote_ask(struct ask *a, int64_t seconds, int hold)
{
	struct link *l = a->machine->link;
	char *url;

	a->status = 0;
	a->len = 0;
	a->text = NULL;
	l->ask = a;
	l->head = 0;
	l->seconds = seconds;
	l->hold = hold;
	l->error[0] = '\0';
	url = ask_url(a);
	note("@%s: %s", a->machine->name, url);
	SET(l, CURLOPT_URL, url);
	free(url);
	SET(l, CURLOPT_TIMEOUT, (long)seconds);
	SET(l, CURLOPT_FORBID_REUSE, hold ? 0L : 1L);
	if (a->machine->how == HOW_PROGRAM)
		link_program(l);
	if (ask_changes_something(a->verb)) {
		SET(l, CURLOPT_POST, 1L);
		SET(l, CURLOPT_POSTFIELDS, "");
		SET(l, CURLOPT_POSTFIELDSIZE, 0L);
	} else {
		SET(l, CURLOPT_HTTPGET, 1L);
	}
	if (curl_multi_add_handle(multi, l->curl) != CURLM_OK)
		die(EXIT_SYS, "libcurl: no memory");
}

/* Why there is no answer. how: the way that the program ended. */
static char *
link_why(const struct link *l, CURLcode code, int how)
{
	const char *program = options.program ? options.program : "ssh";
	long number = 0;

	if (code == CURLE_OPERATION_TIMEDOUT)
		return xasprintf("no answer within %lld seconds",
		    (long long)l->seconds);
	/* libcurl speaks of ports, which are none */
	if (code == CURLE_COULDNT_CONNECT && l->machine->how == HOW_UNIX &&
	    curl_easy_getinfo(l->curl, CURLINFO_OS_ERRNO, &number) ==
	    CURLE_OK && number)
		return xstrdup(strerror((int)number));
	if (code == CURLE_WRITE_ERROR)
		return xstrdup("its answer is too long");
	if (WIFSIGNALED(how))
		return xasprintf("no answer, and %s was killed by signal %d",
		    program, WTERMSIG(how));
	if (WEXITSTATUS(how) != 0)
		return xasprintf("no answer, and %s ended with status %d%s",
		    program, WEXITSTATUS(how), WEXITSTATUS(how) == 127 ?
		    ": is it, or gitopper-httpd there, not installed?" : "");
	return xstrdup(*l->error ? l->error : curl_easy_strerror(code));
}

/* Takes an ask off its link, with or without an answer. */
static struct ask *
link_done(struct link *l, CURLcode code)
{
	struct ask *a = l->ask;
	int how = 0;
	long status = 0;

	curl_multi_remove_handle(multi, l->curl);
	if (code == CURLE_OK &&
	    curl_easy_getinfo(l->curl, CURLINFO_RESPONSE_CODE, &status) !=
	    CURLE_OK)
		status = 0;
	a->status = (int)status;
	if (l->child > 0 && (a->status == 0 || !l->hold)) {
		how = through_end(l->child, a->status == 0 &&
		    code != CURLE_OPERATION_TIMEDOUT);
		l->child = 0;
	}
	if (a->status == 0) {
		free(a->text);
		a->text = link_why(l, code, how);
		a->len = strlen(a->text);
		a->machine->failed = 1;
	} else if (!a->text) {
		a->text = xstrdup("");
	}
	return a;
}

struct ask *
remote_next(int fd, int ms)
{
	struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
	struct link *l;
	CURLMsg *msg;
	int n;

	multi_open();
	for (;;) {
		if (curl_multi_perform(multi, &n) != CURLM_OK)
			die(EXIT_SYS, "libcurl: trouble");
		while ((msg = curl_multi_info_read(multi, &n))) {
			CURLcode code = msg->data.result;

			if (msg->msg == CURLMSG_DONE &&
			    curl_easy_getinfo(msg->easy_handle,
			    CURLINFO_PRIVATE, (char **)&l) == CURLE_OK)
				return link_done(l, code);
		}
		if (extra.revents || ms == 0)
			return NULL;
		/* libcurl's own time is up sooner, maybe */
		if (curl_multi_poll(multi, &extra, fd < 0 ? 0 : 1,
		    ms < 0 ? 60000 : ms, &n) != CURLM_OK)
			die(EXIT_SYS, "libcurl: trouble");
		if (ms > 0 && n == 0)
			ms = 0;
	}
}

/* The position of the next machine's first ask. */
static size_t
machine_end(const struct ask *asks, size_t n, size_t i)
{
	const struct machine *m = asks[i].machine;

	while (i < n && asks[i].machine == m)
		i++;
	return i;
}

void
remote_answer(struct ask *asks, size_t n)
{
	size_t next = 0, running = 0, i;
	struct ask *a;
	int64_t seconds = REMOTE_TIME;

	/* a person may have to log in, while nobody else waits */
	if (n && asks[0].machine->how == HOW_PROGRAM &&
	    machine_end(asks, n, 0) == n)
		seconds = REMOTE_LOGIN_TIME;
	for (;;) {
		while (running < REMOTES_MAX && next < n) {
			i = next;
			next = machine_end(asks, n, i);
			if (asks[i].machine->how == HOW_LOCAL)
				continue;
			remote_ask(&asks[i], seconds, i + 1 < next);
			running++;
		}
		if (running == 0)
			return;
		a = remote_next(-1, -1);
		i = (size_t)(a - asks) + 1;
		if (a->machine->failed || i == n ||
		    asks[i].machine != a->machine)
			running--;
		else
			remote_ask(&asks[i], seconds,
			    i + 1 < machine_end(asks, n, i));
	}
}
