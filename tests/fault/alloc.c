#include "fault/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic uint64_t count;
static _Atomic uint64_t failing;

static bool must_fail(void);

/* The linker's names: __wrap_NAME is called for NAME, __real_NAME is what NAME was. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);

void fault_alloc_fail_at(uint64_t n) {
    atomic_store(&failing, 0);
    atomic_store(&count, 0);
    atomic_store(&failing, n);
}

uint64_t fault_alloc_count(void) {
    return atomic_load(&count);
}

uint64_t fault_alloc_each(int (*work)(void *context, struct error *error), void *context) {
    for (uint64_t n = 1;; n++) {
        struct error error = {0};
        fault_alloc_fail_at(n);
        int result = work(context, &error);
        uint64_t made = fault_alloc_count();
        fault_alloc_fail_at(0);
        bool has_failed = made >= n;
        if (result < 0 && (!has_failed || error.code != ERROR_MEMORY)) {
            fprintf(stderr, "allocation %" PRIu64 " (of %" PRIu64 " made) failing: error code %d: %s\n", n, made,
                    error.code, error.message);
            abort();
        }
        if (!has_failed) {
            return made;
        }
    }
}

void *__wrap_malloc(size_t size) {
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size) {
    return must_fail() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return must_fail() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text) {
    return must_fail() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length) {
    return must_fail() ? NULL : __real_strndup(text, length);
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
    return must_fail() ? ENOMEM : __real_posix_memalign(memory, alignment, size);
}

static bool must_fail(void) {
    if (atomic_fetch_add(&count, 1) + 1 != atomic_load(&failing)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}
