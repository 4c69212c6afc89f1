/* here.c - what is to be said before all that is shown: does anybody work? */
/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "json.h"
#include "state.h"
#include "show.h"
#include "util.h"

/* The shortest interval of all services, in seconds. */
static int64_t
interval_shortest(void)
{
	char **names = service_names(), path[160];
	int64_t least = INT64_MAX, n;
	struct kv conf;
	size_t i;

	for (i = 0; names[i]; i++) {
		if (path_join(path, sizeof(path), names[i], "conf") < 0 ||
		    kv_read(&conf, state_dir, path) < 0)
			continue;
		n = kv_number(&conf, "interval", INTERVAL);
		if (n < least && !kv_get(&conf, "gone"))
			least = n;
		kv_free(&conf);
	}
	names_free(names);
	return least == INT64_MAX ? INTERVAL : least;
}

/* The runner has the FIFO .running open for writing as long as it is there,
 * which nobody else may; `gitopper -1` leaves a file in its place when it is
 * done. */
int
here_runs(void)
{
	int fd = openat(state_dir, ".running",
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st = { 0 };
	int64_t ago;
	int runs = 0;
	char c;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		/* its end, where there is nobody who could write */
		runs = read(fd, &c, 1) != 0;
	} else if (st.st_size > 0) {
		ago = time(NULL) - st.st_mtime;
		/* a time to come is a clock that was wrong */
		runs = ago >= 0 && ago <
		    intervals_three(interval_shortest(), INT64_MAX);
	}
	close(fd);
	return runs;
}

char *
here_fault(void)
{
	size_t len;
	char *text = file_read(state_dir, ".config", FAULT_MAX, &len);

	if (!text && errno == ENOENT)
		return NULL;
	if (!text)
		return xasprintf(".config: %s", strerror(errno));
	text[strcspn(text, "\n")] = '\0';
	plain(text);
	return text;
}

void
here_json(int runs, const char *fault, FILE *f)
{
	if (!runs)
		fputs(",\"runner\":false", f);
	if (fault)
		json_pair(f, "config", fault);
}
