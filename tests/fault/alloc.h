/* The n-th allocation fails. The programs in this folder are linked so that malloc, calloc, realloc, strdup,
 * strndup and posix_memalign of our own code come here first; what libraries allocate for themselves does not.
 * Counts are shared by all threads.
 *
 *     static int work(void *context, struct error *error) { ...; return 0; }
 *     assert_true(fault_alloc_each(work, NULL) > 0);
 */
#ifndef FAULT_ALLOC_H
#define FAULT_ALLOC_H

#include "base/error.h"
#include <stdint.h>

/* Counts from 0 again; the n-th allocation from now on fails, once. 0: none does. */
void fault_alloc_fail_at(uint64_t n);
/* Allocations, failed ones included, since then. */
uint64_t fault_alloc_count(void);

/* Runs `work` with its first allocation failing, then its second, and so on, until it makes fewer than that. It
 * must put away what it made, return 0 or -1, and -1 only with ERROR_MEMORY; the last time, with nothing failing,
 * 0. Otherwise it ends the program. Returns how many allocations the last time made. */
uint64_t fault_alloc_each(int (*work)(void *context, struct error *error), void *context);

#endif
