/* process.c - this process in numbers, as client libraries give them */
/* SPDX-License-Identifier: ISC */
/* Nothing outside the state directory can be opened later: so /proc is opened
 * at the start, and read again and again. */
#include <sys/resource.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "metrics.h"

static int stat_fd = -1;
static DIR *fds;
static double boot_time;	/* Unix seconds; 0: not known */
static struct rlimit files, memory;

/* When the kernel was started, by its own account. */
static double
boot_read(void)
{
	unsigned long long t = 0;
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		return 0;
	while (getline(&line, &size, f) > 0)
		if (sscanf(line, "btime %llu", &t) == 1)
			break;
	free(line);
	fclose(f);
	return (double)t;
}

void
process_start(void)
{
	stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	fds = opendir("/proc/self/fd");
	boot_time = boot_read();
	/* what is not known is not shown */
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		files.rlim_cur = 0;
	if (getrlimit(RLIMIT_AS, &memory) < 0)
		memory.rlim_cur = 0;
}

static void
put(struct text *t, const char *name, const char *type, const char *help,
	double value)
{
	char number[32];

	text_family(t, name, type, help);
	/* 17 digits tell all numbers apart, most look better with 15 */
	snprintf(number, sizeof(number), "%.15g", value);
	if (strtod(number, NULL) < value || strtod(number, NULL) > value)
		snprintf(number, sizeof(number), "%.17g", value);
	text_puts(t, name);
	text_add(t, " ", 1);
	text_puts(t, number);
	text_add(t, "\n", 1);
}

static void
put_fds(struct text *t)
{
	int n = 0;

	if (fds) {
		rewinddir(fds);
		while (readdir(fds))
			n++;
		/* the directory itself and the one above are none */
		if (n > 2)
			put(t, "process_open_fds", "gauge",
			    "Number of open file descriptors.", n - 2);
	}
	if (files.rlim_cur)
		put(t, "process_max_fds", "gauge",
		    "Maximum number of open file descriptors.",
		    (double)files.rlim_cur);
}

/* Fields 14, 15, 22, 23 and 24 of proc_pid_stat(5). */
static void
put_stat(struct text *t)
{
	unsigned long user, sys, size;
	unsigned long long start;
	double tick = (double)sysconf(_SC_CLK_TCK);
	char buf[1024], *p;
	ssize_t n;
	long pages;

	n = pread(stat_fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return;
	buf[n] = '\0';
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
	    "%lu %lu %*d %*d %*d %*d %*d %*d %llu %lu %ld", &user, &sys,
	    &start, &size, &pages) != 5)
		return;
	put(t, "process_cpu_seconds_total", "counter",
	    "Total user and system CPU time spent in seconds.",
	    (double)(user + sys) / tick);
	put(t, "process_virtual_memory_bytes", "gauge",
	    "Virtual memory size in bytes.", (double)size);
	put(t, "process_resident_memory_bytes", "gauge",
	    "Resident memory size in bytes.",
	    (double)pages * (double)sysconf(_SC_PAGESIZE));
	if (boot_time > 0)
		put(t, "process_start_time_seconds", "gauge",
		    "Start time of the process since unix epoch in seconds.",
		    boot_time + (double)start / tick);
}

void
process_metrics(struct text *t)
{
	put_stat(t);
	put_fds(t);
	if (memory.rlim_cur)
		put(t, "process_virtual_memory_max_bytes", "gauge",
		    "Maximum amount of virtual memory available in bytes.",
		    (double)memory.rlim_cur);
}
