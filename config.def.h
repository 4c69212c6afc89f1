/* config.def.h - limits and places; make copies it to config.h once */
/* SPDX-License-Identifier: ISC */

/* the state directory; GITOPPER_STATE in the environment names another one */
static const char state_default[] = "/var/lib/gitopper";

/* the config file */
static const char config_default[] = "/etc/gitopper/config.toml";

/* where a command without a slash is looked up, in this order */
static const char *const action_dirs[] = {
	"/etc/gitopper/action",
	LIBEXECDIR "/gitopper/action",
};

/* PATH of a command that is run for a service */
static const char action_path[] =
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* the time zones, in the C library's form */
static const char zone_dir[] = "/usr/share/zoneinfo";

/* members may freeze, pin and poke */
static const char group_name[] = "gitopper";

/* whom the child that talks to the network runs as, in order of preference */
static const char *const fetch_users[] = { "gitopper-pull", "nobody" };
/* and the one that speaks HTTP */
static const char *const httpd_users[] = { "gitopper-httpd", "nobody" };

/* where gitopper-httpd listens, and gitopper-ctl asks, without a port */
static const char port_default[] = "9222";

enum {
	/* times, in seconds */
	INTERVAL        = 300,	/* between two looks at an upstream */
	TIMEOUT         = 60,	/* without a sign of life from an upstream */
	CONTACT_TIME    = 3600,	/* for a contact as a whole, if things move */
	DOING_EVERY     = 3,	/* between two words about that in status */
	READ_TIMEOUT    = 60,	/* without a byte from the reading child; or
				 * the service's timeout, if that is longer */
	ACTION_TIMEOUT  = 60,	/* for an action or a check */
	READ_TIME       = 3600,	/* for all that the reading child says of one
				 * service's commit */
	VERIFY_TIME     = 10,	/* to check a commit's signature */
	PACKAGE_TIMEOUT = 900,	/* for the installation of a package */
	HEALTH_TIMEOUT  = 60,	/* for a service to become healthy */
	HEALTH_EVERY    = 2,	/* between two health checks */
	KILL_AFTER      = 2,	/* between SIGTERM and SIGKILL */
	RETRY_MIN       = 10,	/* before a failed step is tried again */
	DRIFT_EVERY     = 3600,	/* between two looks for local edits */
	RENEW_EVERY     = 86400, /* a damaged store is made anew not more than
				 * RENEWALS_MAX times in */
	DOUBT_EVERY     = 3600,	/* between two looks whether it is damaged, at
				 * most; or DOUBT_SHARE times what one took */
	PACK_AGAIN      = 86400, /* between two tries to pack, if one fails */
	KEEP_AGAIN      = 3600,	/* between two tries to fetch what can be gone
				 * back to, where the first one failed */
	PACK_TIME       = 900,	/* for many packs to become one */
	STORE_LOOK      = 10,	/* between two looks at how large a store is
				 * while it is written to */
	STORE_KEEP      = 86400, /* an object store that no service uses */
	RECLAIM         = 10,	/* before a due name may be named again */
	HTTP_REQUEST_TIME = 10,	/* for a request to arrive */
	HTTP_IDLE_TIME  = 60,	/* without a request, or a byte of an answer */
	HTTP_ALONE_TIME = 5,	/* without a request, in a process for one
				 * connection */
	HTTP_WATCH_TIME = 60,	/* before /watch is answered in any case */
	AUTH_TIME       = 10,	/* to check a password */
	AUTH_REMEMBER   = 60,	/* a password that was right */
	REMOTE_TIME     = 5,	/* for another machine to answer */
	REMOTE_LOGIN_TIME = 60, /* for one that may ask a person to log in */
	REMOTE_RETRY_MAX = 60,	/* between two tries of watch to reach one */

	/* numbers */
	UPSTREAMS_MAX   = 64,	/* contacted at a time; and as many of those
				 * that failed the last time */
	RENEWALS_MAX    = 3,	/* of a damaged store, in RENEW_EVERY */
	DOUBT_SHARE     = 100,
	ACTIONS_MAX     = 16,	/* run at a time */
	SYMREF_MAX      = 4096,	/* bytes of a symbolic link's target */
	FILES_MAX       = 1000000, /* files in one service's tree */
	DEPTH_MAX       = 128,	/* directories above a file */
	SKIPS_LOGGED    = 20,	/* submodules and LFS files named in a log */
	KEEP            = 10,	/* commits of a service that can be gone back
				 * to without the network */
	REFUSALS_MAX    = 3,	/* times that a server hangs up when it is
				 * asked for single objects, in a row */
	PACKS_MAX       = 30,	/* packs before they become one */
	STORE_FILES_MAX = 100000, /* files in an object store */
	SAVED_MAX       = 10,	/* entries that saved/ keeps, */
	CONNS_MAX       = 10000, /* connections at a time */
	EVENTS_MAX      = 1000,	/* changes that /watch remembers */
	AUTH_MAX        = 4,	/* passwords checked at a time */
	AUTH_WAIT_MAX   = 64,	/* and that wait for it */
	AUTH_KNOWN_MAX  = 64,	/* that were right, and are remembered */
	AUTH_SAID_MAX   = 10,	/* wrong ones that are told of in a minute */
	REMOTES_MAX     = 32,	/* machines asked at a time */

	/* sizes, in bytes */
	STATE_FILE_MAX  = 1 << 20,	/* conf, status and the like */
	PLAN_MAX        = 1 << 30,	/* index and plan */
	NAMES_MAX       = 128 << 20,	/* all paths that a reader speaks of,
					 * quoted */
	SECRET_MAX      = 1 << 20,	/* a key, credentials, known_hosts */
	COMMIT_MAX      = 1 << 20,	/* a commit with its signature */
	FILE_MAX        = 512 << 20,	/* a file of a service */
	LEAST_BYTES     = 1000,	/* within a timeout; less is silence */
	ANSWER_MAX      = 1 << 20,	/* what a fetching child says */
	CHILD_SAID_MAX  = 64 << 10,	/* on its standard error, any child */
	CTL_FILE_MAX    = 1024,		/* what people write to ctl/ */
	CONFIG_MAX      = 8 << 20,	/* the config file */
	SAVED_BYTES     = 100 << 20,	/* and no more than that */
	LOG_MAX         = 256 << 10,	/* log, before it becomes log.old */
	ERROR_MAX       = 400,		/* error and note */
	HTTP_LINE_MAX   = 8 << 10,	/* the first line of a request */
	HTTP_HEADERS_MAX = 16 << 10,	/* its other lines */
	HTTP_BODY_MAX   = 1 << 20,	/* and what follows them */
	HTTP_BUFFERS_MAX = 64 << 20,	/* for all connections together */
	METRICS_MAX     = 64 << 10,	/* of one action */
	AUTH_SAID_SIZE  = 16 << 10,	/* of what checks say in a minute */
	AUTH_TEXT_MAX   = 510,	/* of a name, a password, and their NULs */
	REMOTE_HEAD_MAX = 64 << 10,	/* of another machine's answer */
	REMOTE_ANSWER_MAX = 16 << 20,	/* and what follows it */
};

/* what the child that fetches may read besides its own, to find a server by
 * its name */
static const char *const fetch_paths[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf",
	"/etc/nsswitch.conf", "/etc/services", "/etc/protocols",
	"/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64",
	"/usr/local/lib", "/dev/urandom", "/dev/null",
};
/* and to know it by its certificate */
static const char *const fetch_tls_paths[] = {
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
};

/* the memory that a child may have, in bytes */
#define CHILD_MEMORY ((rlim_t)1 << 30)

/* all files of a service that change at once, in bytes */
#define TREE_MAX ((uint64_t)16 << 30)

/* the largest pack that an upstream may send, in bytes */
#define PACK_MAX ((rlim_t)8 << 30)

/* all that an object store may have, in bytes: then nothing new is fetched; at
 * twice that, which only a child that was taken over makes of it, it is removed
 */
#define STORE_MAX ((uint64_t)16 << 30)
