/* zone.h - the time zones that the C library knows */
/* SPDX-License-Identifier: ISC */

/* Whether there is a zone of that name, which window_parse found fit. */
int zone_known(const char *name);
/* From now on the process is in that zone; "": in the one that it started in.
 * Returns 0, or -1 where there is none of that name. */
int zone_enter(const char *name);
