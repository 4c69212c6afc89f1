/* auth.c - asks the helper whether passwords are right, and remembers it */
/* SPDX-License-Identifier: ISC */
/*
 * Who asks gets a slot. AUTH_MAX of them are with the helper at a time, the
 * others wait here: next is who comes from where the fewest are with the
 * helper, of these the oldest. Where there is no slot left, the newest of the
 * origin that has the most of them goes. So whoever tries many passwords stands
 * in the way of nobody else. One that names the same user and password as
 * another that is with the helper shares its verdict.
 */
#include <sys/random.h>
#include <sys/socket.h>

#include <errno.h>
#include <sha2.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "httpd.h"
#include "users.h"
#include "util.h"

enum { DIGEST = SHA256_DIGEST_LENGTH };

enum stage { SLOT_FREE, SLOT_WAITING, SLOT_ASKED, SLOT_DONE };

struct slot {
	enum stage stage;
	void *who;		/* NULL: forgotten */
	struct origin origin;
	uint64_t turn;		/* the lower, the longer it waits */
	enum rights rights;	/* SLOT_DONE */
	unsigned char digest[DIGEST];
	size_t len;
	char text[AUTH_TEXT_MAX];
};

/* A password that was right. */
struct known {
	int64_t until;
	enum rights rights;
	unsigned char digest[DIGEST];
};

static struct slot slots[AUTH_MAX + AUTH_WAIT_MAX];
static const size_t nslots = sizeof(slots) / sizeof(*slots);
static struct known known[AUTH_KNOWN_MAX];
static const size_t nknown = sizeof(known) / sizeof(*known);
static unsigned char key[64];
static uint64_t turns;
static int helper = -1;

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

/* Takes as long wherever they differ. */
static int
is_same(const unsigned char *a, const unsigned char *b)
{
	volatile unsigned char differ = 0;
	size_t i;

	for (i = 0; i < DIGEST; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* What is kept of a name and a password: tells nothing without our key. */
static void
digest_make(unsigned char digest[DIGEST], const char *text, size_t len)
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, key, sizeof(key));
	SHA256Update(&ctx, (const unsigned char *)text, len);
	SHA256Final(digest, &ctx);
	explicit_bzero(&ctx, sizeof(ctx));
}

static enum rights
known_find(const unsigned char digest[DIGEST])
{
	enum rights rights = RIGHTS_NONE;
	int64_t t = now();
	size_t i;

	for (i = 0; i < nknown; i++)
		if (is_same(known[i].digest, digest) && known[i].until > t)
			rights = known[i].rights;
	return rights;
}

/* In the place of the one that would be forgotten first. */
static void
known_add(const unsigned char digest[DIGEST], enum rights rights)
{
	struct known *k = known;
	size_t i;

	for (i = 0; i < nknown; i++) {
		if (is_same(known[i].digest, digest)) {
			k = known + i;
			break;
		}
		if (known[i].until < k->until)
			k = known + i;
	}
	memcpy(k->digest, digest, DIGEST);
	k->rights = rights;
	k->until = now() + AUTH_REMEMBER;
}

/* Wrong passwords are told of, but not as many as somebody may try. */
static void
say_wrong(const char *name)
{
	static int64_t start;
	static unsigned n;
	int64_t t = now();

	if (!start || t - start >= 60) {
		if (n > AUTH_SAID_MAX)
			warn("and %u more wrong passwords", n - AUTH_SAID_MAX);
		start = t;
		n = 0;
	}
	if (n++ < AUTH_SAID_MAX)
		warn("wrong password for %.64s", name);
}

int
auth_start(void)
{
	int fds[2];
	pid_t pid;

	if (!guard_has_users())
		return -1;
	users_open();
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		die(EXIT_SYS, "getrandom:");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, fds) < 0 || (pid = fork()) < 0)
		die(EXIT_SYS, "the helper for passwords:");
	if (pid == 0) {
		explicit_bzero(key, sizeof(key));
		users_serve(fds[1]);
	}
	close(fds[1]);
	helper = fds[0];
	return helper;
}

static int
base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/*
 * Decodes all of s (RFC 4648, section 4: padded, no bit too many) to at most
 * size bytes. Returns how many, or -1.
 */
static int
base64_decode(const char *s, char *buf, size_t size)
{
	size_t len = strlen(s), n = 0, i;
	unsigned bits = 0;
	int v, pad = 0;

	if (len % 4)
		return -1;
	while (pad < 2 && len && s[len - 1] == '=') {
		len--;
		pad++;
	}
	for (i = 0; i < len; i++) {
		v = base64_value(s[i]);
		if (v < 0)
			return -1;
		bits = (bits << 6 | (unsigned)v) & 0xffffff;
		if (i % 4 == 0)
			continue;
		if (n == size)
			return -1;
		buf[n++] = (char)(bits >> (6 - i % 4 * 2));
	}
	/* the bits that are left over are none of a byte */
	return bits & ((1U << pad * 2) - 1) ? -1 : (int)n;
}

/* Takes name and password out of an Authorization field, each with a NUL
 * behind it. Returns their length in all, or 0. */
static size_t
basic_parse(const char *field, char text[AUTH_TEXT_MAX])
{
	char *colon;
	int n, i;

	if (strncasecmp(field, "Basic ", 6) != 0)
		return 0;
	field += 6 + strspn(field + 6, " ");
	n = base64_decode(field, text, AUTH_TEXT_MAX - 1);
	if (n <= 0)
		return 0;
	colon = memchr(text, ':', (size_t)n);
	for (i = 0; i < n; i++)
		if ((unsigned char)text[i] < 32 || text[i] == 127)
			return 0;
	if (!colon || colon == text)
		return 0;
	*colon = '\0';
	text[n] = '\0';
	return (size_t)n + 1;
}

char *
auth_name(const char *field, char *buf, size_t size)
{
	char text[AUTH_TEXT_MAX];
	size_t len = basic_parse(field, text);

	snprintf(buf, size, "%s", len ? text : "");
	explicit_bzero(text, sizeof(text));
	return len ? plain(buf) : NULL;
}

static void
slot_free(struct slot *slot)
{
	explicit_bzero(slot, sizeof(*slot));
}

static enum rights
most(enum rights rights)
{
	return options.readonly && rights > RIGHTS_READ ? RIGHTS_READ : rights;
}

/* Whether the same is being asked now. */
static int
is_asked(const unsigned char digest[DIGEST])
{
	size_t i;

	for (i = 0; i < nslots; i++)
		if (slots[i].stage == SLOT_ASKED &&
		    is_same(slots[i].digest, digest))
			return 1;
	return 0;
}

/* How many slots of that origin are with the helper, or wait for it as well. */
static size_t
slots_of(const struct origin *origin, int waiting)
{
	size_t i, n = 0;

	for (i = 0; i < nslots; i++)
		if ((slots[i].stage == SLOT_ASKED ||
		    (waiting && slots[i].stage == SLOT_WAITING)) &&
		    memcmp(&slots[i].origin, origin, sizeof(*origin)) == 0)
			n++;
	return n;
}

/* The slot whose turn it is, or NULL. */
static struct slot *
slot_next(void)
{
	struct slot *slot = NULL;
	size_t i, n, least = 0, asked = 0;

	for (i = 0; i < nslots; i++) {
		if (slots[i].stage == SLOT_ASKED)
			asked++;
		if (slots[i].stage != SLOT_WAITING || is_asked(slots[i].digest))
			continue;
		n = slots_of(&slots[i].origin, 0);
		if (!slot || n < least ||
		    (n == least && slots[i].turn < slot->turn)) {
			slot = slots + i;
			least = n;
		}
	}
	return asked < AUTH_MAX ? slot : NULL;
}

/* The one that has to make room, if that is anyone else than one more of that
 * origin; or NULL. */
static struct slot *
slot_last(const struct origin *origin)
{
	struct slot *slot = NULL;
	size_t i, n, many = slots_of(origin, 1) + 1;

	for (i = 0; i < nslots; i++) {
		if (slots[i].stage != SLOT_WAITING)
			continue;
		n = slots_of(&slots[i].origin, 1);
		if (n > many || (slot && n == many &&
		    slots[i].turn > slot->turn)) {
			slot = slots + i;
			many = n;
		}
	}
	return slot;
}

/* An empty slot, or NULL. *pushed: who had it until now, or NULL. */
static struct slot *
slot_new(const struct origin *origin, void **pushed)
{
	struct slot *slot;

	*pushed = NULL;
	for (slot = slots; slot < slots + nslots; slot++)
		if (slot->stage == SLOT_FREE)
			return slot;
	slot = slot_last(origin);
	if (slot) {
		*pushed = slot->who;
		slot_free(slot);
	}
	return slot;
}

/* Hands the helper as much as it works on at a time. */
static void
slots_ask(void)
{
	struct question q;
	struct slot *slot;
	size_t len;

	while ((slot = slot_next())) {
		q.id = (uint32_t)(slot - slots) + 1;
		memcpy(q.text, slot->text, slot->len);
		len = offsetof(struct question, text) + slot->len;
		if (send(helper, &q, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EAGAIN || errno == EINTR ||
			    errno == ENOBUFS)
				break;
			die(EXIT_SYS, "the helper for passwords:");
		}
		slot->stage = SLOT_ASKED;
		/* the name may have to be told; what follows it not */
		len = strlen(slot->text);
		explicit_bzero(slot->text + len, sizeof(slot->text) - len);
	}
	explicit_bzero(&q, sizeof(q));
}

/* Gives all who asked the same the helper's verdict. */
static void
slots_end(const struct slot *asked, enum rights rights, int keep)
{
	unsigned char digest[DIGEST];
	struct slot *slot;

	if (rights == RIGHTS_NONE)
		say_wrong(asked->text);
	memcpy(digest, asked->digest, DIGEST);
	if (keep && rights > RIGHTS_NONE)
		known_add(digest, rights);
	for (slot = slots; slot < slots + nslots; slot++)
		if ((slot->stage == SLOT_ASKED ||
		    slot->stage == SLOT_WAITING) &&
		    is_same(slot->digest, digest)) {
			explicit_bzero(slot->text, sizeof(slot->text));
			slot->stage = SLOT_DONE;
			slot->rights = rights;
		}
}

/* Takes what the helper says. */
static void
verdicts_take(void)
{
	struct verdict v;
	ssize_t n;

	while ((n = recv(helper, &v, sizeof(v), MSG_DONTWAIT)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n != sizeof(v))
			die(EXIT_SYS, "the helper for passwords:");
		if (v.id == 0)
			explicit_bzero(known, sizeof(known));
		else if (v.id <= nslots && slots[v.id - 1].stage == SLOT_ASKED)
			slots_end(slots + v.id - 1, (enum rights)v.rights,
			    v.keep);
	}
	/* whoever looks after us starts both anew */
	die(EXIT_SYS, "the helper for passwords is gone");
}

enum auth
auth_ask(const char *field, void *who, const struct origin *origin,
	enum rights *rights, void **pushed)
{
	unsigned char digest[DIGEST];
	char text[AUTH_TEXT_MAX];
	struct slot *slot;
	size_t len = basic_parse(field, text);
	enum auth result = AUTH_BUSY;

	*pushed = NULL;
	if (!len) {
		explicit_bzero(text, sizeof(text));
		return AUTH_MALFORMED;
	}
	digest_make(digest, text, len);
	*rights = most(known_find(digest));
	if (*rights != RIGHTS_NONE) {
		result = AUTH_KNOWN;
		goto out;
	}
	slot = slot_new(origin, pushed);
	if (!slot)
		goto out;
	slot->stage = SLOT_WAITING;
	slot->who = who;
	slot->origin = *origin;
	slot->turn = turns++;
	slot->len = len;
	memcpy(slot->text, text, len);
	memcpy(slot->digest, digest, DIGEST);
	slots_ask();
	result = AUTH_ASKED;
out:
	explicit_bzero(text, sizeof(text));
	return result;
}

void *
auth_next(enum rights *rights)
{
	struct slot *slot;
	void *who;

	verdicts_take();
	slots_ask();
	for (slot = slots; slot < slots + nslots; slot++) {
		if (slot->stage != SLOT_DONE)
			continue;
		who = slot->who;
		*rights = most(slot->rights);
		slot_free(slot);
		if (who)
			return who;
	}
	return NULL;
}

void
auth_forget(const void *who)
{
	struct slot *slot;

	for (slot = slots; slot < slots + nslots; slot++) {
		if (slot->stage == SLOT_FREE || slot->who != who)
			continue;
		/* the helper is at work on it: its slot stays taken */
		if (slot->stage == SLOT_ASKED)
			slot->who = NULL;
		else
			slot_free(slot);
	}
}
