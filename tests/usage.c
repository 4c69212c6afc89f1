/* usage.c - what a command takes: usage COMMAND [ARGUMENT...] */
/* SPDX-License-Identifier: ISC */
/*
 * Prints four numbers: seconds until its first line of output, or its end
 * where it has none; seconds until its end; seconds of CPU, its children's
 * included; and the KiB of memory that the largest process of them had.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int
main(int argc, char *argv[])
{
	struct rusage r;
	double start, line = 0, end;
	char buf[4096];
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (argc < 2 || pipe(fds) < 0) {
		fprintf(stderr, "usage: usage command [argument ...]\n");
		return 100;
	}
	start = now();
	pid = fork();
	if (pid == 0) {
		if (dup2(fds[1], 1) >= 0 && !close(fds[0]) && !close(fds[1]))
			execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	close(fds[1]);
	while (pid > 0 && ((n = read(fds[0], buf, sizeof(buf))) > 0 ||
	    (n < 0 && errno == EINTR)))
		if (n > 0 && line == 0)
			line = now();
	if (pid < 0 || wait4(pid, &status, 0, &r) < 0) {
		perror("usage");
		return 111;
	}
	end = now();
	printf("%.6f %.6f %.6f %ld\n", (line > 0 ? line : end) - start,
	    end - start, seconds(r.ru_utime) + seconds(r.ru_stime),
	    r.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 111;
}
