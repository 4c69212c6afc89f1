/* kv.c - small files of `key=value` lines: conf and status */
/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "kv.h"
#include "util.h"

int
kv_read(struct kv *kv, int dir, const char *name)
{
	char *text, *p, *end;
	size_t len;

	memset(kv, 0, sizeof(*kv));
	text = file_read(dir, name, STATE_FILE_MAX, &len);
	if (!text)
		return errno == ENOENT ? 0 : -1;
	/* a last line without its end was cut off: what it says is not sure */
	for (p = text; (end = memchr(p, '\n', len - (size_t)(p - text)));
	    p = end + 1) {
		*end = '\0';
		if (strlen(p) != (size_t)(end - p) || !strchr(p, '='))
			continue;
		kv->line = xreallocarray(kv->line, kv->n + 1,
		    sizeof(*kv->line));
		kv->line[kv->n++] = xstrdup(p);
	}
	free(text);
	return 0;
}

int
kv_write(struct kv *kv, int dir, const char *name, mode_t mode)
{
	char *text, *p;
	size_t i, n, len = 0;
	int result;

	if (!kv->changed)
		return 0;
	for (i = 0; i < kv->n; i++)
		len += strlen(kv->line[i]) + 1;
	p = text = xmalloc(len);
	for (i = 0; i < kv->n; i++) {
		n = strlen(kv->line[i]);
		memcpy(p, kv->line[i], n);
		p[n] = '\n';
		p += n + 1;
	}
	result = file_write(dir, name, text, len, mode);
	if (result == 0)
		kv->changed = 0;
	free(text);
	return result;
}

/* The value of the i-th line, if that is one of key. */
static const char *
value_of(const struct kv *kv, size_t i, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(kv->line[i], key, n) || kv->line[i][n] != '=')
		return NULL;
	return kv->line[i] + n + 1;
}

const char *
kv_next(const struct kv *kv, const char *key, size_t *i)
{
	const char *value;

	while (*i < kv->n)
		if ((value = value_of(kv, (*i)++, key)))
			return value;
	return NULL;
}

const char *
kv_get(const struct kv *kv, const char *key)
{
	size_t i = 0;

	return kv_next(kv, key, &i);
}

int64_t
kv_number(const struct kv *kv, const char *key, int64_t otherwise)
{
	const char *value = kv_get(kv, key);
	int64_t n = value ? parse_number(value) : -1;

	return n < 0 ? otherwise : n;
}

void
kv_add(struct kv *kv, const char *key, const char *value)
{
	char *line = xasprintf("%s=%s", key, value), *p;

	for (p = line; *p; p++)		/* a tab parts the fields of a value */
		if (*p != '\t' && ((unsigned char)*p < 32 || *p == 127))
			*p = '?';
	kv->line = xreallocarray(kv->line, kv->n + 1, sizeof(*kv->line));
	kv->line[kv->n++] = line;
	kv->changed = 1;
}

void
kv_set(struct kv *kv, const char *key, const char *value)
{
	size_t i, n = 0;
	int left = value != NULL;

	/* the first line of key takes the value, the others go */
	for (i = 0; i < kv->n; i++) {
		const char *old = value_of(kv, i, key);

		if (old && left && strcmp(old, value) == 0) {
			left = 0;
		} else if (old) {
			free(kv->line[i]);
			kv->changed = 1;
			continue;
		}
		kv->line[n++] = kv->line[i];
	}
	kv->n = n;
	if (left)
		kv_add(kv, key, value);
}

void
kv_set_number(struct kv *kv, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	kv_set(kv, key, text);
}

void
kv_free(struct kv *kv)
{
	size_t i;

	for (i = 0; i < kv->n; i++)
		free(kv->line[i]);
	free(kv->line);
	memset(kv, 0, sizeof(*kv));
}
