/* show.c - a service as people and other machines see it */
/* SPDX-License-Identifier: ISC */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "json.h"
#include "state.h"
#include "owner.h"
#include "show.h"
#include "util.h"

char *
time_text(int64_t t, char buf[TIME_TEXT])
{
	time_t when = (time_t)t;
	struct tm tm;

	buf[0] = '\0';
	if (t == 0)
		return buf;
	/* a year past INT_MAX, or one that is too long */
	if (!gmtime_r(&when, &tm) ||
	    !strftime(buf, TIME_TEXT, "%a, %d %b %Y %H:%M:%S UTC", &tm))
		snprintf(buf, TIME_TEXT, "second %lld", (long long)t);
	return buf;
}

char *
time_away(int64_t t, char buf[TIME_TEXT])
{
	static const struct { int64_t seconds; const char *name; } units[] = {
		{ 86400, "day" }, { 3600, "hour" }, { 60, "minute" },
		{ 1, "second" },
	};
	int64_t now = time(NULL), n = t > now ? t - now : now - t;
	size_t i = 0;

	buf[0] = '\0';
	if (t == 0)
		return buf;
	if (n == 0) {
		snprintf(buf, TIME_TEXT, "now");
		return buf;
	}
	/* 90 minutes say more than 1 hour */
	while (i < 3 && n < 2 * units[i].seconds)
		i++;
	n /= units[i].seconds;
	snprintf(buf, TIME_TEXT, "%s%lld %s%s%s", t > now ? "in " : "",
	    (long long)n, units[i].name, n == 1 ? "" : "s",
	    t > now ? "" : " ago");
	return buf;
}

/* Adds text to what info says already. */
static void
info_add(char **info, const char *text)
{
	char *longer = xasprintf("%s%s%s", *info, **info ? ", " : "", text);

	free(*info);
	*info = longer;
}

/* By whom, and what they say to it. */
static void
hand_write(const struct control *f, FILE *out)
{
	char who[OWNER_MAX];

	fprintf(out, " by %s", owner_name(f, who));
	if (*f->text && (strncmp(f->text, "by ", 3) ||
	    strcmp(f->text + 3, who)))
		fprintf(out, " (%s)", f->text);
	if (*f->fault)
		fprintf(out, " (%s)", f->fault);
}

static void
pin_write(const struct service *s, FILE *out)
{
	const struct control *f = &s->ctl.file[PIN];
	const char *hash = kv_get(&s->status, "hash");

	if (!*s->ctl.pin) {
		fputs("pinned", out);
		hand_write(f, out);
		if (!*f->fault)
			fputs(", ctl/pin holds no commit", out);
	} else if (service_is_at(s, s->ctl.pin)) {
		fprintf(out, "pinned to %.8s", s->ctl.pin);
		hand_write(f, out);
	} else {
		fprintf(out, "on its way to %.8s", s->ctl.pin);
		hand_write(f, out);
		/* nobody here knows the commits of the branch */
		if (hash)
			fprintf(out, ", stays at %.8s until that is found; "
			    "unfreeze follows the branch", hash);
	}
}

/* What holds s where it is, and by whose hand; "" if nothing does. */
static char *
held_text(const struct service *s)
{
	const struct ctl *ctl = &s->ctl;
	char *text, when[TIME_TEXT];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		die(EXIT_SYS, "open_memstream:");
	if (ctl->pinned)
		pin_write(s, out);
	if (ctl->frozen) {
		fprintf(out, "%sfrozen", ctl->pinned ? ", " : "");
		hand_write(&ctl->file[FROZEN], out);
		if (ctl->thaw)
			fprintf(out, " until %s", time_text(ctl->thaw, when));
	}
	if (ctl->unfreeze && (ctl_lifts(ctl, PIN) || ctl_lifts(ctl, FROZEN)))
		fputs(", about to be unfrozen", out);
	if (ferror(out) | fclose(out))
		die(EXIT_SYS, "open_memstream:");
	return text;
}

static char *
info_of(const struct show *show)
{
	const struct service *s = show->s;
	const char *trouble = upstream_trouble(&show->upstream);
	const char *error = kv_get(&s->status, "error");
	const char *remark = kv_get(&s->status, "note");
	int64_t drift = kv_number(&s->status, "drift", 0);
	char *info = xstrdup(error ? error : ""), *held = held_text(s);
	char *away, part[64];

	if (*held)
		info_add(&info, held);
	free(held);
	if (remark && strncmp(remark, "ctl/", 4))	/* held says that */
		info_add(&info, remark);
	if (trouble && !s->ctl.frozen && !s->ctl.pinned) {
		away = xasprintf("upstream: %s", trouble);
		info_add(&info, away);
		free(away);
	}
	if (drift) {
		snprintf(part, sizeof(part), "%lld file%s edited here",
		    (long long)drift, drift == 1 ? "" : "s");
		info_add(&info, part);
	}
	if (show->code == STATE_DIFF && !*info)
		info_add(&info, kv_get(&s->status, "hash") ? "on its way" :
		    "not deployed yet");
	return info;
}

/* What the upstream's `doing` says, for people. To be freed. */
static char *
doing_of(const struct kv *upstream)
{
	const char *doing = kv_get(upstream, "doing");
	unsigned long long bytes;
	long long when;

	/* who was killed can't take it back */
	if (!doing ||
	    sscanf(doing, "fetch %*d %llu %lld", &bytes, &when) != 2 ||
	    when < time(NULL) - 2 * TIMEOUT)
		return xstrdup("");
	return xasprintf("fetching, %.1f MB so far", (double)bytes / 1e6);
}

void
show_start(struct show *show, const struct service *s)
{
	const char *hash = kv_get(&s->status, "hash");
	const char *url = kv_get(&s->conf, "upstream");

	memset(show, 0, sizeof(*show));
	show->s = s;
	snprintf(show->hash, sizeof(show->hash), "%.8s", hash ? hash : "");
	show->branch = kv_get(&s->conf, "branch");
	show->since = kv_number(&s->status, "since", 0);
	show->url = upstream_public(url ? url : "");
	if (url && show->branch) {
		if (upstream_read(&show->upstream, url) < 0)
			note("%s: status of its upstream:", s->name);
		show->tip = upstream_tip(&show->upstream, show->branch);
	}
	show->code = service_state(s, &show->upstream);
	show->state = state_names[show->code];
	show->info = info_of(show);
}

void
show_end(struct show *show)
{
	free(show->info);
	free(show->url);
	kv_free(&show->upstream);
}

void
show_json(const struct show *show, FILE *f)
{
	static const char *const commits[] = { "applied", "bad" };
	static const char *const counts[] = {
		"drift", "deploys", "failures", "retry"
	};
	const struct service *s = show->s;
	char buf[TIME_TEXT], tree[PATH_MAX], by[OWNER_MAX];
	char *info = xstrdup(show->info), *doing = doing_of(&show->upstream);
	size_t i;

	/* it changes too often to be an event each time */
	if (*doing)
		info_add(&info, doing);
	free(doing);

	/* the first five are what the clients of old know */
	fputs("{\"service\":", f);
	json_text(f, s->name);
	json_pair(f, "hash", show->hash);
	json_pair(f, "state", show->state);
	json_pair(f, "stateinfo", info);
	free(info);
	json_pair(f, "change", time_text(show->since, buf));
	json_pair(f, "fullhash", kv_get(&s->status, "hash"));
	json_pair(f, "tip", show->tip);
	json_pair(f, "branch", show->branch);
	json_pair(f, "upstream", show->url);
	fprintf(f, ",\"frozen\":%s",
	    s->ctl.frozen || s->ctl.pinned ? "true" : "false");
	json_number(f, "frozenuntil", s->ctl.frozen ? s->ctl.thaw : 0);
	json_pair(f, "frozenby", s->ctl.frozen ?
	    owner_name(&s->ctl.file[FROZEN], by) : s->ctl.pinned ?
	    owner_name(&s->ctl.file[PIN], by) : "");
	json_pair(f, "pin", s->ctl.pinned ? s->ctl.pin : "");
	json_pair(f, "wanted", service_wanted(s, show->tip));
	json_number(f, "since", show->since);
	for (i = 0; i < sizeof(commits) / sizeof(*commits); i++)
		json_pair(f, commits[i], kv_get(&s->status, commits[i]));
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		json_number(f, counts[i],
		    kv_number(&s->status, counts[i], 0));
	json_number(f, "contact", kv_number(&show->upstream, "contact", 0));
	if (service_path(s, PLACE_TREE, tree, sizeof(tree)) < 0)
		*tree = '\0';
	json_pair(f, "tree", tree);
	json_pair(f, "todo", kv_get(&s->status, "todo"));
	putc('}', f);
}
