/* prompt.c - secrets out of a person or a file */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl.h"
#include "util.h"

static volatile sig_atomic_t caught;

static void
catch(int number)
{
	caught = number;
}

int
secret_read(int fd, char buf[SECRET_TEXT])
{
	size_t n = 0;
	ssize_t got;
	char c;

	while ((got = read(fd, &c, 1)) == 1 && c != '\n') {
		if (n == SECRET_TEXT - 1 || c == '\0')
			break;
		buf[n++] = c;
	}
	buf[n] = '\0';
	if (got < 0 || (got == 1 && c != '\n')) {
		explicit_bzero(buf, SECRET_TEXT);
		errno = got < 0 ? errno : EINVAL;
		return -1;
	}
	/* as files from elsewhere end their lines */
	if (n && buf[n - 1] == '\r')
		buf[n - 1] = '\0';
	return 0;
}

/* What would end or stop us has to wait until the echo is back. */
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
enum { SIGNALS = sizeof(signals) / sizeof(*signals) };

int
secret_ask(const char *prompt, char buf[SECRET_TEXT])
{
	struct sigaction old[SIGNALS], sa = { .sa_handler = catch };
	struct termios before, mute;
	int fd, i, result = -1, saved;

	fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	caught = 0;
	for (i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &sa, &old[i]);
	if (tcgetattr(fd, &before) == 0) {
		mute = before;
		mute.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
		if (tcsetattr(fd, TCSAFLUSH, &mute) == 0 &&
		    write_all(fd, prompt, strlen(prompt)) == 0)
			result = secret_read(fd, buf);
		saved = errno;
		tcsetattr(fd, TCSAFLUSH, &before);
		(void)write_all(fd, "\n", 1);
		errno = saved;
	}
	saved = errno;
	close(fd);
	for (i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &old[i], NULL);
	if (caught)	/* and now it may */
		raise(caught);
	errno = saved;
	return result;
}
