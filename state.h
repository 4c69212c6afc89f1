/* state.h - the state directory: services, upstreams and their files */
/* SPDX-License-Identifier: ISC */
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "kv.h"

/* A file in ctl/ that was found there. */
struct control {
	int there;
	int root;	/* nobody but root can have placed it there */
	uid_t owner;
	struct timespec placed;	/* by the kernel's clock: nobody sets that */
	char fault[64];	/* why it can't be read or understood, or "" */
	char text[128];	/* what it says for people */
};

enum { FROZEN, PIN, POKE, UNFREEZE, CONTROLS };

/* What people want of a service: the files in its ctl/. */
struct ctl {
	struct control file[CONTROLS];
	int frozen;	/* is it, at the moment of ctl_read? */
	int64_t thaw;	/* when a frozen one thaws, Unix seconds; 0: never */
	int thawed;	/* there is a frozen whose time is over */
	int pinned;	/* there is a pin, and it counts */
	char pin[41];	/* the commit, 7 to 40 digits; "": it holds none */
	int unfreeze;	/* somebody wants both lifted: ctl_lift */
	int poke;	/* there is a poke */
	int redo;	/* and it says that, or `config`, */
	int asked;	/* a person has: it says redo, */
	int accept;	/* and that a rewritten branch is all right, */
	int wipe;	/* and that the object store is to be made anew */
	struct timespec poked; /* when, by the poke's own time */
	char stamp[CONTROLS][48]; /* identity of each, "" where it is missing
				   * or doesn't count */
};

struct dir {
	char *link;	/* path in the repository, "" for all of it */
	char *local;	/* absolute path where it is mounted, "" for nowhere */
	int file;	/* is it a single file? */
};

struct service {
	char name[129];
	int dir;		/* STATE/NAME */
	int lock;		/* held while open, or -1 */
	struct kv conf, status;
	struct ctl ctl;
	const char *mount;	/* conf's, or NULL */
	struct dir *dirs;	/* of conf */
	size_t ndirs;
};

/* Where parts of a service's files lie. */
enum place { PLACE_TREE, PLACE_NEXT, PLACE_SAVED, PLACE_CHECK };

/* What people call the condition of a service (gitopper-ctl(1), "States"). */
enum state { STATE_OK, STATE_FREEZE, STATE_ROLLBACK, STATE_BROKEN, STATE_DIFF };
extern const char *const state_names[];

extern int state_dir;		/* descriptor of the state directory */
extern const char *state_path;	/* and its absolute path */

/* Where the state directory is to be, for those who only look. */
const char *state_where(void);

/* Opens the state directory, and makes it if it is missing. Dies. */
void state_open(void);

/*
 * The names of the services in the state directory, sorted, with NULL after
 * the last; to be freed with names_free. Dies.
 */
char **service_names(void);
void names_free(char **names);

/* Whether s can be a service's name: 1 to 128 of A-Za-z0-9_@.:+- */
int service_name_ok(const char *s);

/*
 * Reads conf, status and ctl/ of a service, without its lock.
 * Returns 0, or -1 and errno: ENOENT where there is no such service.
 */
int service_load(struct service *s, const char *name);

/*
 * The same under its lock. Returns 0; -1 where it can't, which it has said;
 * 1 where another holds the lock: then it leaves a poke behind, so that the
 * service is looked at again.
 */
int service_open(struct service *s, const char *name);

/* Writes status if it changed, and lets go of the lock and of memory.
 * Returns 0, or -1 where status couldn't be written, which it has said. */
int service_close(struct service *s);

/* Writes status now, if it changed. Returns 0, or -1 and says so. */
int service_save(struct service *s);

/* Takes dirs out of conf; for those who read nothing but that. */
void service_dirs(struct service *s);

/* Makes STATE/NAME and its ctl/. Returns a descriptor of it, or -1, errno. */
int service_make(const char *name);

/*
 * Opens the ctl/ of a service that is there to the group, which may have come
 * later (make install). Returns 0, or -1 and says so.
 */
int service_share(const char *name);

/*
 * A step failed: sets error (`STAGE: text`, in the manner of warn), since and
 * retry, counts it, and says it on stderr and, if it is new, in the log.
 */
void service_fail(struct service *s, const char *stage, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Sets when it is to be tried again, reckoned from now; it has failed since
 * then. */
void service_retry(struct service *s, int64_t now, int64_t since);

/* The step came through: takes its error and the retry away. What was wrong
 * with bad content stays the error, or becomes it again. */
void service_ok(struct service *s, const char *stage);

/*
 * A step failed, and that is a verdict on the content at commit, the tip: that
 * is not tried again, and stays the error as long as the tip has it. The error
 * says why, and where that leaves the service; s->ctl must be of now.
 */
void service_condemn(struct service *s, const char *stage, const char *commit,
	const char *why);
/* The service has come to rest: an error that is a verdict says where. */
void service_settled(struct service *s);
/* Takes the verdict back. */
void service_absolve(struct service *s);

/* Whether the error of s, if any, came from that stage. */
int service_error_is(const struct service *s, const char *stage);

/* Appends a line to the service's log, with the time before it. */
void service_log(struct service *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The commit that s should be at (gitopper-pull(1), "Which commit"), a prefix
 * where a pin says so; NULL where that isn't known. tip may be NULL. */
const char *service_wanted(const struct service *s, const char *tip);
/* Whether s is there. */
int service_is_at(const struct service *s, const char *wanted);
/* Whether the content at the tip was found bad. */
int service_tip_is_bad(const struct service *s, const char *tip);

/* The commit that file, plan or index, is about: its first line. Returns 0,
 * or -1 where there is none, and an empty commit. */
int service_plan(const struct service *s, const char *file, char commit[41]);

/* What is staged is that commit, or nothing, where it is "": forgets what
 * gitopper-window and a redo noted of others. */
void service_staged(struct service *s, const char *commit);

/*
 * How people call the condition that s is in. upstream: its upstream's status
 * (upstream_read), or NULL where that isn't known.
 */
enum state service_state(const struct service *s, const struct kv *upstream);

/* Three intervals, in seconds: a minute at least, and most at most. */
int64_t intervals_three(int64_t interval, int64_t most);
/* What was said when s's upstream, whose status that is, was last tried in
 * vain; NULL: it answered. */
const char *upstream_trouble(const struct kv *upstream);

/* The user and group that own the tree: conf's user, or our own without it
 * and without root. Returns 0, or -1 where there is no such user. */
int service_owner(const struct service *s, uid_t *uid, gid_t *gid);

/* Reads ctl/ of the service whose directory is dir. Returns 0, -1, errno. */
int ctl_read(struct ctl *ctl, int dir);
/* Writes ctl/NAME, text and a newline, or just an empty file where text is
 * empty. What a poke says is added to what the one that waits says, if any.
 * Returns 0, or -1 and errno.
 */
int ctl_write(int dir, const char *name, const char *text);
/* What the poke says, as ctl_write takes it. */
const char *ctl_poke(const struct ctl *ctl);
/* Removes ctl/NAME. Returns 0, also where it is missing, or -1 and errno. */
int ctl_remove(int dir, const char *name);
/* Whether an unfreeze that is asked for lifts that file: it came later, and
 * what root placed, only root lifts. */
int ctl_lifts(const struct ctl *ctl, int file);
/* Removes what an unfreeze lifts, and the wish. Returns 0, or -1 and errno. */
int ctl_lift(const struct ctl *ctl, int dir);
/* Removes the poke that ctl_read saw; one that came since then stays. */
int ctl_serve(const struct ctl *ctl, int dir);

/* A hash that tells texts apart, and guards nothing. */
uint64_t text_hash(const char *s);
/* The name of an upstream's directory: its URL's last two path components,
 * made harmless, and 12 hex digits of a hash of it all. */
void upstream_id(const char *url, char *buf, size_t size);
/* Opens .upstream/ID, made if it is missing, or -1 and errno. */
int upstream_open(const char *url);
/* Reads status of the upstream of s; as kv_read. */
int upstream_read(struct kv *kv, const char *url);
/* The commit that branch was at when last seen, or NULL. */
const char *upstream_tip(const struct kv *kv, const char *branch);
/* The URL without user and password, as it may be shown: what ssh needs of
 * it, the user's name, stays. To be freed. */
char *upstream_public(const char *url);

/* place.c */

/* The absolute path of a place, for people and conf: to open it there are
 * those below. Returns 0, or -1 and errno. */
int service_path(const struct service *s, enum place place, char *buf,
	size_t size);

enum {
	DIR_MAKE = 1,	/* make what is missing, with mode 0755 */
	DIR_ANY  = 2,	/* go on where others have a hand in it, but follow
			 * no link there */
};

/*
 * Opens the directory path, absolute, for names below it (O_PATH), a component
 * at a time. Refused is one that isn't root's (without root: root's or ours),
 * or that others may write to, unless it is sticky; a link is followed only
 * where it is root's, and nobody else may make names beside it.
 * Returns a descriptor; or -1 and errno, EPERM where it is refused.
 */
int dir_open(const char *path, int flags);

/*
 * As dir_open, of the directory that a place lies in, which may be missing
 * (ENOENT), and its name there.
 */
int place_above(const struct service *s, enum place place, int flags,
	const char **name);
/* Opens a place; the tree must be root's or the service's user's. Returns a
 * descriptor, or -1 and errno: ENOENT where it is missing, EPERM as above. */
int place_open(const struct service *s, enum place place);
/* The same, and makes it: the tree for the service's user. */
int place_make(const struct service *s, enum place place);
/* Whether something is there: 1, 0, or -1 and errno. */
int place_is_there(const struct service *s, enum place place);
/* Removes it, if it is there. Returns 0, or -1 and errno. */
int place_remove(const struct service *s, enum place place);
/* Whether what is there of them can be relied on. Returns 0, or -1, errno. */
int places_trusted(const struct service *s);
/* `PATH: why` of the last of these that failed. */
const char *place_why(void);
/* Whether the index is of a tree at path; then also whose that was. */
int place_published(const struct service *s, const char *path, uid_t *owner);

/* Whether there is but one user to be, in a user namespace that has no more. */
int user_is_alone(void);
