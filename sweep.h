/* sweep.h - an object store's files, before libgit2 opens it */
/* SPDX-License-Identifier: ISC */
#include <stdint.h>

/*
 * Removes below dir what a fetch that was killed left behind: locks, and packs
 * without a name yet; and files that a power cut left empty, which git
 * stumbles over. Returns a sum over the names, sizes and times of what stays:
 * while it is the same, nothing was done to the store. Adds their sizes to
 * bytes. Nobody else may write there meanwhile.
 */
uint64_t store_sweep(const char *dir, uint64_t *bytes);
