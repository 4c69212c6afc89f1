/* metrics.h - what the files that make /metrics share; after text.h */
/* SPDX-License-Identifier: ISC */

/* process.c: this process, as client libraries describe theirs */

/* Opens the files of /proc that it is read from. */
void process_start(void);
void process_metrics(struct text *t);

/* merge.c: what actions wrote */

/* Puts the families of all images together. What would make a scrape choke,
 * or contradicts another service, is left out, and a comment says so. */
void merge_metrics(struct text *t);
