/* owner.h - who placed a file in ctl/; after state.h */
/* SPDX-License-Identifier: ISC */

enum { OWNER_MAX = 128 };

/* Looks up the names of the group now, for one that can't later. */
void owners_learn(void);

/* Who placed f, by name: for gitopper-httpd, its client. Returns buf. */
char *owner_name(const struct control *f, char buf[OWNER_MAX]);
