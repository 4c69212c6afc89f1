/* claims.h - what was named already: STATE/.claims */
/* SPDX-License-Identifier: ISC */
#include "due.h"

struct claims {
	char config[80];	/* the config file's stamp, "": none yet */
	int64_t named;		/* when some were last named */
	int64_t hurries;	/* at once, for what people want, by then */
	struct claim *list;	/* to be freed */
	size_t n;
};

/* What can't be read counts as forgotten, and is said. */
void claims_read(struct claims *claims);
/* Returns 0, or -1 and errno. */
int claims_write(const struct claims *claims);
