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

/* members may freeze, pin and poke */
static const char group_name[] = "gitopper";

/* whom the child that talks to the network runs as, in order of preference */
static const char *const fetch_users[] = { "gitopper-pull", "nobody" };

enum {
	/* times, in seconds */
	INTERVAL        = 300,	/* between two looks at an upstream */
	TIMEOUT         = 60,	/* for a contact with one upstream */
	READ_TIMEOUT    = 60,	/* without a byte from the reading child */
	ACTION_TIMEOUT  = 60,	/* for an action or a check */
	PACKAGE_TIMEOUT = 900,	/* for the installation of a package */
	HEALTH_TIMEOUT  = 60,	/* for a service to become healthy */
	HEALTH_EVERY    = 2,	/* between two health checks */
	KILL_AFTER      = 2,	/* between SIGTERM and SIGKILL */
	RETRY_MIN       = 10,	/* before a failed step is tried again */
	DRIFT_EVERY     = 3600,	/* between two looks for local edits */
	RENEW_EVERY     = 86400, /* between two renewals of a damaged store */
	RECLAIM         = 10,	/* before a due name may be named again */

	/* numbers */
	UPSTREAMS_MAX   = 8,	/* contacted at a time */
	ACTIONS_MAX     = 16,	/* run at a time */
	SYMREF_MAX      = 4096,	/* bytes of a symbolic link's target */
	FILES_MAX       = 1000000, /* files in one service's tree */
	DEPTH_MAX       = 128,	/* directories above a file */
	SKIPS_LOGGED    = 20,	/* submodules and LFS files named in a log */
	SAVED_MAX       = 10,	/* entries that saved/ keeps */

	/* sizes, in bytes */
	STATE_FILE_MAX  = 1 << 20,	/* conf, status and the like */
	PLAN_MAX        = 1 << 30,	/* index and plan */
	NAMES_MAX       = 256 << 20,	/* all paths that a reader speaks of */
	SECRET_MAX      = 1 << 20,	/* a key, credentials, known_hosts */
	ANSWER_MAX      = 1 << 20,	/* what a fetching child says */
	CTL_FILE_MAX    = 128,		/* frozen, pin and poke */
	CONFIG_MAX      = 8 << 20,	/* the config file */
	LOG_MAX         = 256 << 10,	/* log, before it becomes log.old */
	ERROR_MAX       = 400,		/* error and note */
};

/* the largest pack that an upstream may send, in bytes */
#define PACK_MAX ((rlim_t)8 << 30)
