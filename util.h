/* util.h - messages, memory, files and paths */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

enum {
	EXIT_SOME  = 1,		/* some service failed */
	EXIT_USAGE = 100,	/* wrong usage or config */
	EXIT_SYS   = 111,	/* trouble with the system */
};

extern const char *argv0;	/* the program's name, for messages */
extern int debug;		/* -d was given */

/* Takes argv[0]; sets argv0 to its last component, sees where standard error
 * leads to, and ignores SIGPIPE. Whatever our caller did: descriptors 0 to 2
 * are open then, and children can be waited for. */
void setup(const char *arg);

/* For a child of parent: the signal sig ends it when its parent ends, and it
 * ends here if that is so already. A change of user undoes it (prctl(2),
 * PR_SET_PDEATHSIG). */
void end_with(pid_t parent, int sig);

/*
 * Print `argv0: message` to standard error, in one write. Like perror(3), a
 * format that ends in a colon gets the text of errno after it. It is printed
 * as plain leaves it. errno stays as it was.
 * Where it is systemd's journal, `<3>` and the like before it say how much it
 * matters (sd-daemon(3)).
 */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void inform(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* -d */
/* The same, and exit with status. */
void die(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* As their namesakes without x; die with EXIT_SYS where those fail. */
void *xmalloc(size_t n);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Joins dir and name with a slash into buf. Returns 0, or -1 with errno
 * ENAMETOOLONG where size bytes, the final NUL included, don't hold it.
 */
int path_join(char *buf, size_t size, const char *dir, const char *name);

/* Takes decimal digits alone; returns their value, or -1 if s is not that. */
int64_t parse_number(const char *s);

/*
 * Takes seconds, or numbers with units from long to short: 5m, 1h30m, 1.5h
 * (d, h, m, s, ms). Returns seconds, rounded up, or -1 if s is not that, or
 * over 100 years.
 */
int64_t parse_duration(const char *s);

/* Milliseconds on a clock that nobody sets (CLOCK_MONOTONIC). */
int64_t now_ms(void);

/* Whether s is min to 40 lower-case hex digits and nothing else. */
int is_hash(const char *s, size_t min);

/* What could move a terminal's cursor or change the order of what is shown,
 * and what is no UTF-8, becomes `?`, byte by byte; returns s. */
char *plain(char *s);

/*
 * The path as git prints it with core.quotePath=true (git-config(1)): as it
 * is, or in double quotes with C escapes where it has bytes below 32, DEL,
 * `"`, `\` or bytes over 127. To be freed. path_unquote undoes it, in place;
 * it returns NULL where s is not well formed.
 */
char *path_quote(const char *path);
char *path_unquote(char *s);
/* How many bytes path_quote may make of it, at most. */
size_t path_quoted_max(const char *path);

/* Writes all of buf, whatever interrupts it. Returns 0, or -1 and errno. */
int write_all(int fd, const void *buf, size_t len);

/* As write_all; reads exactly len bytes. EPIPE: it ended before. */
int read_all(int fd, void *buf, size_t len);

/*
 * Reads the regular file name, not through a link, of at most max bytes.
 * Returns it with a NUL behind its *len bytes, to be freed; NULL and errno:
 * ENOENT, EFBIG where it is longer, EINVAL where it is no regular file.
 */
char *file_read(int dir, const char *name, size_t max, size_t *len);
/* The same of a file that is open. */
char *fd_read(int fd, size_t max, size_t *len);

/*
 * Makes the file name hold just these bytes: temporary file in the same
 * directory, write, fsync, rename, fsync of the directory. A reader sees the
 * old or the new, and so does one after a crash. Returns 0, or -1 and errno.
 * Who sets file_lazy writes many, and calls syncfs(2) when all are: then there
 * is no fsync.
 */
int file_write(int dir, const char *name, const void *buf, size_t len,
	mode_t mode);
extern int file_lazy;

/*
 * Opens path below the directory root, and neither leaves it nor follows a
 * symbolic link on the way or at the end (openat2(2): RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS; a walk by O_NOFOLLOW where the kernel lacks it).
 * An empty path is root itself. Returns a descriptor, or -1 and errno.
 */
int open_beneath(int root, const char *path, int flags, mode_t mode);

/* Whether the directory fd has nothing in it; 0 where that can't be told. */
int dir_is_empty(int fd);

/*
 * Opens the directory path below root as open_beneath does, and makes what
 * is missing of it: mode 0755, the last one owned by uid and gid, those above
 * it by puid and pgid; (uid_t)-1 leaves an owner alone. One that was just made
 * and has something in it is another one, and left as it is: ENOTEMPTY.
 * Returns a descriptor, or -1 and errno.
 */
int dir_make(int root, const char *path, uid_t puid, gid_t pgid, uid_t uid,
	gid_t gid);

/*
 * Removes what name is, a directory with all that is below it, however deep,
 * without following links or leaving the file system. Returns 0, also where
 * there is nothing, or -1 and errno.
 */
int remove_tree(int dir, const char *name);

/*
 * Removes the file name. What is a directory is first moved to another name
 * beside it, that nobody knows; it is removed there as far as that can be.
 * Returns 0 where name is free, or -1 and errno.
 */
int name_free(int dir, const char *name);
