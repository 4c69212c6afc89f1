/* events.h - what watchers are told; after mirror.h */
/* SPDX-License-Identifier: ISC */

/* From the number n on this process knows all: what was noted before was
 * there from the beginning, and is no event. */
void events_start(uint64_t n);
/* What is noted from now on has that number. */
void events_now(uint64_t n);
/* An image is new, or was read anew: makes it an event if it is one. */
void events_note(struct image *image);
/* A service left the config. */
void events_leave(const struct image *image);
