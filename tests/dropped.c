/* dropped.c - what gitopper-httpd can still do, once its rights are dropped */
/* SPDX-License-Identifier: ISC */
/* usage: dropped: says of each thing why it fails; `done` is bad */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "util.h"

struct options options;

static void
tell(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
	/* a child, or another program, has nothing to say here */
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	char *const args[] = { "true", NULL };
	int program = open("/bin/true", O_RDONLY | O_CLOEXEC);
	pid_t child;

	(void)argc;
	setup(argv[0]);
	state_open();
	drop_rights();
	tell("read the state", openat(state_dir, ".", O_RDONLY));
	child = fork();
	if (child == 0)
		_exit(0);
	tell("fork", child);
	tell("socket", socket(AF_INET, SOCK_STREAM, 0));
	tell("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }));
	tell("read /etc/passwd", open("/etc/passwd", O_RDONLY));
	tell("read /proc", open("/proc/self/maps", O_RDONLY));
	tell("read /", open("/", O_RDONLY));
	tell("write /tmp", open("/tmp/gitopper-dropped", O_WRONLY | O_CREAT,
	    0600));
	tell("kill", kill(getppid(), 0));
	tell("ptrace", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
	tell("setuid", setuid(0));
	tell("chdir", chdir("/"));
	tell("link", symlink("x", "y"));
	tell("execveat", execveat(program, "", args, NULL, AT_EMPTY_PATH));
	tell("execve", execv("/bin/true", args));
	return 0;
}
