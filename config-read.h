/* config-read.h - what the parts of the config's reader share */
/* SPDX-License-Identifier: ISC */
#include "config-file.h"
#include "toml.h"

#define AT(node) (node)->line, (node)->column

/* The keys that [global] may have as well, in the order of conf. */
enum {
	K_UPSTREAM, K_BRANCH, K_USER, K_PACKAGE, K_ACTION, K_CHECK,
	K_CHECK_USER, K_HEALTH, K_HEALTH_TIMEOUT, K_MOUNT, K_INTERVAL,
	K_TIMEOUT, K_ALWAYS, K_DRIFT,
	K_WINDOW, K_KEY, K_PASSPHRASE, K_KNOWN_HOSTS, K_CREDENTIALS,
	K_CREDENTIAL_COMMAND, K_CA, K_VERIFY, K_FOLLOW, NKEYS
};

const char *key_name(size_t i);

/* What a table says. */
struct settings {
	char *value[NKEYS];	/* NULL: nothing */
	struct kv env;
};

struct reader {
	struct config *c;
	const struct config_host *host;
	struct settings global;
};

/* Notes what is wrong, and where. */
void fault(struct reader *r, size_t line, size_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void key_fault(struct reader *r, const struct toml *v);	/* unknown */

int key_is(const struct toml *v, const char *name);

/* Whether v is of that type; else a fault. name says whose value it is. */
int type_ok(struct reader *r, const struct toml *v, const char *name,
	enum toml_type type);

/*
 * A copy of the string v, as check, of config-value.h, leaves it where it is
 * not empty; check may be NULL. NULL after a fault, a control character, which
 * conf couldn't hold, being one. To be freed.
 */
char *text_read(struct reader *r, const struct toml *v, const char *name,
	const char *(*check)(char *));

/* Reads all keys of a table into *s; those in others, up to a NULL, are for
 * somebody else to read. */
void settings_read(struct reader *r, const struct toml *table,
	struct settings *s, const char *const *others);
void settings_free(struct settings *s);

/* The value that counts for a service which itself says own; "": none. */
const char *setting(const struct reader *r, const struct settings *own,
	size_t i);

/* Adds the variables of from to env, or puts them in the place of others. */
void env_merge(struct kv *env, const struct kv *from);

/* Faults where places that s takes on this or that machine lie in one
 * another: one would hide the other. */
void places_check(struct reader *r, const struct config_service *s);
/* The same for those of s and all else on this host. */
void places_check_host(struct reader *r, const struct config_service *s);

/* Whether that was said of key before, and never the same; it is noted. */
int taken_otherwise(struct hashes *h, const char *key, const char *value);
