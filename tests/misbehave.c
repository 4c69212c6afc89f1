/* misbehave - a child of gitopper-pull that does what it must not */
/* SPDX-License-Identifier: ISC */
/*
 * usage: misbehave fetch|read|pack|verify OWN OTHER SECRET PORT
 * OWN is a directory that is its own, OTHER one that isn't, SECRET a file
 * that all can read, PORT one on loopback where somebody listens. Prints a
 * line for each try: `name: done`, or why not.
 */
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "util.h"

static char **args;
static char own[4096], other[4096];

static int
closed(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd;
}

static int
read_shadow(void)
{
	return closed(open("/etc/shadow", O_RDONLY));
}

static int
read_secret(void)
{
	return closed(open(args[3], O_RDONLY));
}

static int
read_own(void)
{
	return closed(open(args[1], O_RDONLY | O_DIRECTORY));
}

static int
write_own(void)
{
	return closed(open(own, O_WRONLY | O_CREAT, 0600));
}

static int
write_other(void)
{
	return closed(open(other, O_WRONLY | O_CREAT, 0600));
}

static int
write_tmp(void)
{
	return closed(open("/tmp", O_WRONLY | O_TMPFILE, 0600));
}

static int
link_out(void)
{
	return link(own, other);
}

static int
change_mode(void)
{
	return chmod("/tmp", 0777);
}

/* In a child of its own, where it may have one: else this one would be gone. */
static int
run_program(void)
{
	int status = -1;
	pid_t pid = 0;

	if (strcmp(args[0], "verify") == 0)
		pid = fork();
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		if (strcmp(args[0], "verify") == 0)
			_exit(1);
		return -1;
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status == 0 ? 0 : -1;
}

static int
fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

static int
connect_tcp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = -1;

	to.sin_port = htons((uint16_t)strtol(args[4], NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0)
		result = connect(fd, (struct sockaddr *)&to, sizeof(to));
	closed(fd);
	return result;
}

static int
send_udp(void)
{
	return closed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int
kill_parent(void)
{
	return kill(getppid(), 0);
}

static int
trace_parent(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int
become_root(void)
{
	return setuid(0);
}

static int
connect_unix(void)
{
	return closed(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
talk_netlink(void)
{
	return closed(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int
talk_vsock(void)
{
	return closed(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
bind_udp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&to,
	    sizeof(to));

	closed(fd);
	return result;
}

static int
bind_tcp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&to,
	    sizeof(to));

	closed(fd);
	return result;
}

static int
listen_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = fd < 0 ? -1 : listen(fd, 1);

	closed(fd);
	return result;
}

/* A file by which others run as us, made so from the start. */
static int
make_setuid(void)
{
	struct stat st;
	int fd = open(own, O_WRONLY | O_CREAT | O_TRUNC, 0600), result = -1;

	if (fd < 0 || closed(fd) < 0 || unlink(own) < 0)
		return -1;
	fd = open(own, O_WRONLY | O_CREAT, 06755);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_mode & 06000)
		result = 0;
	closed(fd);
	return result;
}

/* Or later, by one way or another. */
static int
become_setuid(void)
{
	int fd = open(own, O_WRONLY | O_CREAT, 0600), result = -1;

	if (fd >= 0 && (fchmod(fd, 04755) == 0 || chmod(own, 02755) == 0 ||
	    fchmodat(AT_FDCWD, own, 04755, 0) == 0))
		result = 0;
	closed(fd);
	return result;
}

/* Into the terminal that the parent was called on, as if somebody typed it. */
static int
type_command(void)
{
	static const char text[] = "touch typed\n";
	const char *p;
	int fd, tty = open("/dev/tty", O_RDWR | O_CLOEXEC), result = -1;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		for (p = text; *p; p++)
			if (ioctl(fd, TIOCSTI, p) == 0)
				result = 0;
	if (tty >= 0 && ioctl(tty, TIOCSTI, text) == 0)
		result = 0;
	closed(tty);
	return result;
}

/* What moves a cursor, asks a terminal to answer, and ends no line; and more
 * than anybody wants to read. */
static int
shout(void)
{
	static const char text[] = "\033]0;evil\007\033[2J\2335n\r\bX\n";
	int i, result = 0;

	for (i = 0; i < 10000; i++)
		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			result = -1;
	return result;
}

static int
new_namespace(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS);
}

static int
clone_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0,
	    0, 0);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

/* to its own namespace, which would do nothing */
static int
mount_something(void)
{
	return errno = 0, mount("none", "/nowhere", "tmpfs", 0, NULL) < 0 &&
	    errno == EPERM ? -1 : 0;
}

/* the id of its own keyring, which is there or not */
static int
use_keys(void)
{
	return syscall(SYS_keyctl, 0, -3, 0) < 0 && errno == EPERM ? -1 : 0;
}

static int
handle_faults(void)
{
	return closed((int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
}

/* with arguments that are wrong: EPERM says that nobody looks at them */
static int
use_bpf(void)
{
	return syscall(SYS_bpf, -1, NULL, 0) < 0 && errno == EPERM ? -1 : 0;
}

static int
use_ring(void)
{
	return syscall(SYS_io_uring_setup, 0, NULL) < 0 && errno == EPERM ?
	    -1 : 0;
}

static int
count_events(void)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) < 0 &&
	    errno == EPERM ? -1 : 0;
}

/* more than a child may have, and touched */
static int
take_memory(void)
{
	size_t size = (size_t)3 << 30;
	char *p = malloc(size);

	if (!p)
		return -1;
	p[size - 1] = 1;
	return p[size - 1] - 1;
}

static const struct {
	const char *name;
	int (*try)(void);
} tries[] = {
	{ "read shadow", read_shadow }, { "read a secret", read_secret },
	{ "read its own", read_own }, { "write its own", write_own },
	{ "write another's", write_other }, { "write to /tmp", write_tmp },
	{ "link out of its own", link_out }, { "chmod", change_mode },
	{ "exec", run_program }, { "fork", fork_child },
	{ "tcp", connect_tcp }, { "udp", send_udp },
	{ "signal", kill_parent }, { "ptrace", trace_parent },
	{ "setuid", become_root }, { "memory", take_memory },
	{ "unix", connect_unix }, { "netlink", talk_netlink },
	{ "unshare", new_namespace }, { "clone", clone_namespace },
	{ "mount", mount_something }, { "keys", use_keys },
	{ "faults", handle_faults }, { "bpf", use_bpf },
	{ "io_uring", use_ring }, { "perf", count_events },
	{ "vsock", talk_vsock }, { "bind udp", bind_udp },
	{ "bind tcp", bind_tcp }, { "listen", listen_tcp },
	{ "make a setuid file", make_setuid },
	{ "chmod to setuid", become_setuid }, { "type", type_command },
	{ "shout", shout },
};

static void
misbehave(void *arg)
{
	char line[200];
	size_t i;
	int n;

	(void)arg;
	for (i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		errno = 0;
		n = snprintf(line, sizeof(line), "%s: %s\n", tries[i].name,
		    tries[i].try() < 0 ? strerror(errno) : "done");
		if (n < 0 || write_all(3, line, (size_t)n) < 0)
			return;
	}
}

int
main(int argc, char *argv[])
{
	static const char *nothing[] = { NULL, NULL };
	struct child_rights rights = { .readable = nothing };
	struct child child;
	char buf[4096];
	ssize_t n;

	setup(argv[0]);
	if (argc != 6)
		die(EXIT_USAGE, "see the source for how it is used");
	args = argv + 1;
	nothing[0] = args[1];
	if (path_join(own, sizeof(own), args[1], "file") < 0 ||
	    path_join(other, sizeof(other), args[2], "file") < 0)
		die(EXIT_USAGE, "too long:");
	rights.network = strcmp(args[0], "fetch") == 0;
	rights.exec = strcmp(args[0], "verify") == 0;
	if (rights.network || strcmp(args[0], "pack") == 0)
		rights.writable = args[1];
	if (rights.exec)	/* as signed.c has it */
		rights.readable = NULL;
	if (child_start(&child, args[0], misbehave, NULL, &rights) < 0)
		die(EXIT_SYS, "child:");
	while ((n = child_read(&child, buf, sizeof(buf),
	    now_ms() + 60000)) > 0)
		if (write_all(STDOUT_FILENO, buf, (size_t)n) < 0)
			die(EXIT_SYS, "standard output:");
	n = child_end(&child);
	printf("end: %d\n", (int)n);
	return 0;
}
