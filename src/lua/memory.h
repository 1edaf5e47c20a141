/* What a Lua state allocates from: bounded as a whole, and for each run.
 *
 * Every block knows the account that it was allocated for, so that what the collector frees later, in whoever's
 * time, is credited to the right one. An account is a slot and a generation: a slot is used again after its run
 * has ended, and blocks of earlier generations only count in the whole.
 *
 * Past a limit an allocation returns NULL; Lua then collects, tries again, and raises its memory error: only the
 * run that asked is hit. `refusal` says which limit it was. One thread.
 *
 *     struct memory memory;
 *     memory_init(&memory, 512 << 20);
 *     lua_State *L = lua_newstate(memory_allocate, &memory);
 *     uint32_t account;
 *     if (memory_open(&memory, 64 << 20, &account) < 0) ...
 *     memory_charge(&memory, account);     // from here on
 *     ... Lua ...
 *     memory_charge(&memory, MEMORY_SHARED);
 *     memory_close(&memory, account);
 *     lua_close(L);
 *     memory_reset(&memory);
 */
#ifndef LUA_MEMORY_H
#define LUA_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The account of what belongs to no run: libraries and compiled scripts. It has no limit but the whole's. */
enum { MEMORY_SHARED = 0 };

enum memory_refusal { MEMORY_GRANTED, MEMORY_OVER_RUN, MEMORY_OVER_ALL, MEMORY_SYSTEM };

struct memory_account {
    size_t used;
    size_t limit;
    uint32_t generation;
    uint32_t next_free;
};

struct memory {
    size_t used;
    size_t limit;
    struct memory_account *accounts;
    uint32_t count;
    uint32_t first_free; /* 0: none */
    uint32_t current;
    bool is_relaxed;
    enum memory_refusal refusal; /* of the latest allocation that failed */
};

void memory_init(struct memory *memory, size_t limit);
void memory_reset(struct memory *memory);

/* 0, or -1 without memory. */
int memory_open(struct memory *memory, size_t limit, uint32_t *account);
void memory_close(struct memory *memory, uint32_t account);
/* Who pays for new blocks from now on. */
void memory_charge(struct memory *memory, uint32_t account);
size_t memory_used(const struct memory *memory, uint32_t account);

/* While relaxed, blocks are counted and none is refused: for work that must not be left by a longjmp, such as
 * building a table from inside the JSON reader. Who relaxes asks memory_is_over as it goes, and stops. */
void memory_relax(struct memory *memory, bool is_relaxed);
bool memory_is_over(const struct memory *memory);

/* A lua_Alloc; `context` is the struct memory. */
void *memory_allocate(void *context, void *block, size_t old_size, size_t new_size);

#endif
