/* fuzz-pktline - throws bytes at pktline.c */
/* SPDX-License-Identifier: ISC */

/*
 * The first byte says how the rest is cut, and in which direction it goes.
 * Whatever the pieces, what comes out is the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../pktline.h"

#include "fuzz.h"


static char *keep[] = { "refs/heads/main", "refs/tags/v1" };

static int
feed(struct advert *a, struct request *r, const char *buf, size_t len,
	size_t step, struct pktline_out *out)
{
	size_t i, n;
	int result = 0;

	for (i = 0; i < len && result == 0; i += n) {
		n = len - i < step ? len - i : step;
		result = a ? advert_take(a, buf + i, n, out) :
		    request_take(r, buf + i, n, out);
	}
	return result;
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
	static struct advert a[2];
	static struct request r[2];
	struct pktline_out out[2] = { { 0 }, { 0 } };
	const char *buf = (const char *)bytes + 1;
	int i, advert, result[2];

	if (len == 0)
		return 0;
	advert = bytes[0] & 1;
	for (i = 0; i < 2; i++) {
		memset(&a[i], 0, sizeof(a[i]));
		memset(&r[i], 0, sizeof(r[i]));
		if (bytes[0] & 2) {
			a[i].keep = keep;
			a[i].nkeep = 2;
		}
		r[i].filter = bytes[0] & 4;
		r[i].forget = bytes[0] & 8;
		r[i].quiet = bytes[0] & 2;
		result[i] = feed(advert ? &a[i] : NULL, &r[i], buf, len - 1,
		    i ? (size_t)(bytes[0] >> 4) + 1 : len, &out[i]);
	}
	CHECK(result[0] == result[1]);
	if (result[0] == 0) {
		CHECK(out[0].len == out[1].len);
		CHECK(out[0].len == 0 ||
		    memcmp(out[0].buf, out[1].buf, out[0].len) == 0);
		CHECK(a[0].filter == a[1].filter && a[0].wants == a[1].wants);
		CHECK(r[0].unasked == r[1].unasked);
	}
	/* a want may grow, by what it is capable of and by a filter line */
	CHECK(out[0].len <= (advert ? len : 8 * len));
	free(out[0].buf);
	free(out[1].buf);
	return 0;
}
