/* packfile.c - a pack, written object by object */
/* SPDX-License-Identifier: ISC */
/*
 * The form is that of gitformat-pack(5): a header, the objects, a checksum;
 * and an index of version 2 beside it. Who calls knows the ids of what is
 * written, so that nothing has to be hashed to learn them, and which object
 * is much like which other, so that no deltas have to be looked for: that is
 * all that makes git_packbuilder and git_indexer slow.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sha1.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "packfile.h"
#include "util.h"

enum {
	PIECE = 1 << 16,
	HEADER = 12,
	OFS_DELTA = 6,
	SUM = 20,
	COMPRESSION = 3,	/* deltas are small, and ids don't compress */
};

/* sweep.c knows such names: of a fetch that was killed */
static const char pack_tmp[] = "pack_git2_copy";
static const char idx_tmp[] = "idx_git2_copy";

struct packed {
	git_oid id;
	uint32_t crc;
	unsigned depth;
	uint64_t offset;
};

struct packfile {
	char dir[4096];
	FILE *f;
	uint64_t offset;	/* of what comes next */
	uint32_t crc;		/* of the object that is being written */
	struct packed *object;	/* in the order in which they came */
	size_t n;
	size_t *slot;		/* a hash table: 1 + the position in object */
	size_t nslots;		/* a power of two, more than n */
	z_stream z;
};

static int
fail(const char *what)
{
	char text[400];

	snprintf(text, sizeof(text), "objects/pack: %.300s: %s", what,
	    strerror(errno));
	git_error_set_str(GIT_ERROR_OS, text);
	return -1;
}

static FILE *
file_make(const struct packfile *p, const char *name)
{
	char path[4200];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	if (unlink(path) < 0 && errno != ENOENT)
		return NULL;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	f = fd < 0 ? NULL : fdopen(fd, "w+");
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

int
packfile_new(struct packfile **out, const char *dir)
{
	static const unsigned char header[HEADER];
	struct packfile *p = xmalloc(sizeof(*p));

	memset(p, 0, sizeof(*p));
	*out = p;
	snprintf(p->dir, sizeof(p->dir), "%s", dir);
	if (deflateInit(&p->z, COMPRESSION) != Z_OK) {
		git_error_set_oom();
		return -1;
	}
	p->f = file_make(p, pack_tmp);
	/* how many objects it has is known at its end */
	if (!p->f || fwrite(header, 1, HEADER, p->f) != HEADER)
		return fail(pack_tmp);
	p->offset = HEADER;
	return 0;
}

/* The slot that has the object, or the free one that it would get. */
static size_t *
slot_find(const struct packfile *p, const git_oid *id)
{
	size_t i;

	/* an id is as good as random; one that isn't only takes longer */
	memcpy(&i, id->id, sizeof(i));
	for (i &= p->nslots - 1; p->slot[i] && !git_oid_equal(id,
	    &p->object[p->slot[i] - 1].id); i = (i + 1) & (p->nslots - 1))
		;
	return &p->slot[i];
}

static const struct packed *
packed_find(const struct packfile *p, const git_oid *id)
{
	size_t slot = p->nslots ? *slot_find(p, id) : 0;

	return slot ? &p->object[slot - 1] : NULL;
}

int
packfile_has(const struct packfile *p, const git_oid *id, unsigned *depth)
{
	const struct packed *o = packed_find(p, id);

	if (o && depth)
		*depth = o->depth;
	return o != NULL;
}

/* Notes an object that comes next. */
static void
object_begin(struct packfile *p, const git_oid *id, unsigned depth)
{
	size_t i;

	if (2 * p->n >= p->nslots) {
		p->nslots = p->nslots ? 2 * p->nslots : 1024;
		p->object = xreallocarray(p->object, p->nslots / 2,
		    sizeof(*p->object));
		free(p->slot);
		p->slot = xreallocarray(NULL, p->nslots, sizeof(*p->slot));
		memset(p->slot, 0, p->nslots * sizeof(*p->slot));
		for (i = 0; i < p->n; i++)
			*slot_find(p, &p->object[i].id) = i + 1;
	}
	*slot_find(p, id) = p->n + 1;
	p->object[p->n++] = (struct packed){ *id, 0, depth, p->offset };
	p->crc = (uint32_t)crc32(0, NULL, 0);
}

static int
object_write(struct packfile *p, const void *buf, size_t len)
{
	if (len && fwrite(buf, 1, len, p->f) != len)
		return fail(pack_tmp);
	p->crc = (uint32_t)crc32(p->crc, buf, (uInt)len);
	p->offset += len;
	return 0;
}

/* An object's type and size: four bits of it first, then seven at a time. */
static int
head_write(struct packfile *p, int type, size_t len)
{
	unsigned char buf[12];
	size_t n = 0;

	buf[n++] = (unsigned char)((unsigned)type << 4 | (len & 15));
	for (len >>= 4; len; len >>= 7) {
		buf[n - 1] |= 0x80;
		buf[n++] = len & 0x7f;
	}
	return object_write(p, buf, n);
}

static int
data_write(struct packfile *p, const void *data, size_t len)
{
	unsigned char piece[PIECE];
	const unsigned char *in = data;
	size_t n;
	int e = Z_OK;

	if (deflateReset(&p->z) != Z_OK) {
		git_error_set_oom();
		return -1;
	}
	p->z.avail_in = 0;
	do {
		/* zlib counts in unsigned int */
		if (p->z.avail_in == 0 && len) {
			n = len < 1 << 30 ? len : 1 << 30;
			p->z.next_in = (unsigned char *)in;
			p->z.avail_in = (uInt)n;
			in += n;
			len -= n;
		}
		p->z.next_out = piece;
		p->z.avail_out = sizeof(piece);
		e = deflate(&p->z, len ? Z_NO_FLUSH : Z_FINISH);
		if ((e != Z_OK && e != Z_STREAM_END && e != Z_BUF_ERROR) ||
		    object_write(p, piece, sizeof(piece) - p->z.avail_out) < 0)
			return -1;
	} while (e != Z_STREAM_END);
	p->object[p->n - 1].crc = p->crc;
	return 0;
}

int
packfile_add(struct packfile *p, const git_oid *id, git_object_t type,
	const void *data, size_t len)
{
	object_begin(p, id, 0);
	return head_write(p, (int)type, len) || data_write(p, data, len);
}

int
packfile_add_delta(struct packfile *p, const git_oid *id, const git_oid *base,
	const void *delta, size_t len)
{
	const struct packed *o = packed_find(p, base);
	uint64_t back = p->offset - o->offset;
	unsigned char buf[12], *at = buf + sizeof(buf);

	/* how far back base is: seven bits at a time, the highest first, each
	 * less one but the last */
	*--at = back & 0x7f;
	while (back >>= 7)
		*--at = 0x80 | (--back & 0x7f);
	object_begin(p, id, o->depth + 1);
	return head_write(p, OFS_DELTA, len) ||
	    object_write(p, at, (size_t)(buf + sizeof(buf) - at)) ||
	    data_write(p, delta, len);
}

static void
be32(unsigned char *to, uint64_t n)
{
	to[0] = (unsigned char)(n >> 24);
	to[1] = (unsigned char)(n >> 16);
	to[2] = (unsigned char)(n >> 8);
	to[3] = (unsigned char)n;
}

/* Completes the header, and adds the sum over all. */
static int
pack_close(struct packfile *p, unsigned char sum[SUM])
{
	unsigned char header[HEADER] = "PACK", piece[PIECE];
	SHA1_CTX sha;
	size_t n;

	be32(header + 4, 2);
	be32(header + 8, p->n);
	if (fseeko(p->f, 0, SEEK_SET) < 0 ||
	    fwrite(header, 1, HEADER, p->f) != HEADER ||
	    fseeko(p->f, 0, SEEK_SET) < 0)
		return fail(pack_tmp);
	SHA1Init(&sha);
	while ((n = fread(piece, 1, sizeof(piece), p->f)))
		SHA1Update(&sha, piece, n);
	SHA1Final(sum, &sha);
	if (ferror(p->f) || fseeko(p->f, 0, SEEK_END) < 0 ||
	    fwrite(sum, 1, SUM, p->f) != SUM || fflush(p->f) == EOF)
		return fail(pack_tmp);
	return 0;
}

static int
packed_compare(const void *a, const void *b)
{
	return git_oid_cmp(&((const struct packed *)a)->id,
	    &((const struct packed *)b)->id);
}

/* All that the index has before its own sum. Returns its length. */
static size_t
index_fill(const struct packfile *p, unsigned char *idx,
	const unsigned char sum[SUM])
{
	static const unsigned char magic[] = { 255, 't', 'O', 'c', 0, 0, 0, 2 };
	unsigned char *fan = idx + 8, *ids = fan + 1024;
	unsigned char *crcs = ids + 20 * p->n, *offsets = crcs + 4 * p->n;
	unsigned char *far = offsets + 4 * p->n;
	const struct packed *o;
	size_t i, nfar = 0, first = 0;

	memcpy(idx, magic, sizeof(magic));
	for (i = 0; i < p->n; i++) {
		o = &p->object[i];
		for (; first < o->id.id[0]; first++)
			be32(fan + 4 * first, i);
		memcpy(ids + 20 * i, o->id.id, 20);
		be32(crcs + 4 * i, o->crc);
		be32(offsets + 4 * i, o->offset < 0x80000000 ? o->offset :
		    0x80000000 | nfar);
		if (o->offset < 0x80000000)
			continue;
		be32(far + 8 * nfar, o->offset >> 32);
		be32(far + 8 * nfar++ + 4, o->offset);
	}
	for (; first < 256; first++)
		be32(fan + 4 * first, p->n);
	memcpy(far + 8 * nfar, sum, SUM);
	return (size_t)(far + 8 * nfar + SUM - idx);
}

static int
index_write(struct packfile *p, const unsigned char sum[SUM])
{
	unsigned char *idx;
	SHA1_CTX sha;
	size_t len;
	FILE *f = file_make(p, idx_tmp);
	int failed;

	if (!f)
		return fail(idx_tmp);
	/* the hash table is of no use from here on */
	qsort(p->object, p->n, sizeof(*p->object), packed_compare);
	idx = xreallocarray(NULL, p->n + 32, 36);
	len = index_fill(p, idx, sum);
	SHA1Init(&sha);
	SHA1Update(&sha, idx, len);
	SHA1Final(idx + len, &sha);
	failed = fwrite(idx, 1, len + SUM, f) != len + SUM;
	failed |= fclose(f) == EOF;
	free(idx);
	return failed ? fail(idx_tmp) : 0;
}

static int
place(const struct packfile *p, const char *tmp, const unsigned char sum[SUM],
	const char *suffix)
{
	char from[4200], to[4300], hex[2 * SUM + 1];
	int i;

	for (i = 0; i < SUM; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	snprintf(from, sizeof(from), "%s/%s", p->dir, tmp);
	snprintf(to, sizeof(to), "%s/pack-%s.%s", p->dir, hex, suffix);
	return rename(from, to) < 0 ? fail(to) : 0;
}

int
packfile_end(struct packfile *p)
{
	unsigned char sum[SUM];
	FILE *f = p->f;

	if (p->n == 0)
		return 0;
	if (pack_close(p, sum) < 0 || index_write(p, sum) < 0)
		return -1;
	p->f = NULL;
	if (fclose(f) == EOF)
		return fail(pack_tmp);
	/* who finds the index finds the pack as well */
	return place(p, pack_tmp, sum, "pack") || place(p, idx_tmp, sum, "idx");
}

void
packfile_free(struct packfile *p)
{
	char path[4200];

	if (!p)
		return;
	if (p->f) {
		fclose(p->f);
		snprintf(path, sizeof(path), "%s/%s", p->dir, pack_tmp);
		unlink(path);
	}
	deflateEnd(&p->z);
	free(p->object);
	free(p->slot);
	free(p);
}
