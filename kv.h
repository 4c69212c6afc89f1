/* kv.h - small files of `key=value` lines: conf and status */
/* SPDX-License-Identifier: ISC */
#ifndef KV_H
#define KV_H
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

/*
 * A file of `key=value` lines. Repeated keys are lists, in order; lines that
 * nobody knows are kept.
 */
struct kv {
	char **line;
	size_t n;
	int changed;	/* since it was read or written */
};

/* Returns 0, a missing file being an empty one, or -1 and errno. */
int kv_read(struct kv *kv, int dir, const char *name);
/* Writes the file if something changed. Returns 0, or -1 and errno. */
int kv_write(struct kv *kv, int dir, const char *name, mode_t mode);
/* The (first) value of key, which lives until kv changes, or NULL. */
const char *kv_get(const struct kv *kv, const char *key);
/* The value after the i-th line, *i being 0 at first; NULL after the last. */
const char *kv_next(const struct kv *kv, const char *key, size_t *i);
/* The value as a number, or otherwise where it is missing or none. */
int64_t kv_number(const struct kv *kv, const char *key, int64_t otherwise);
/* Makes value the only one of key; NULL takes the key away. */
void kv_set(struct kv *kv, const char *key, const char *value);
void kv_set_number(struct kv *kv, const char *key, int64_t value);
/* Adds one more line. Control characters become `?`, here and in kv_set. */
void kv_add(struct kv *kv, const char *key, const char *value);
void kv_free(struct kv *kv);

#endif
