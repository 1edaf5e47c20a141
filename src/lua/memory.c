#include "lua/memory.h"
#include <stdlib.h>

/* Before each block. Lua needs no more than 8 bytes of alignment. */
struct header {
    uint32_t account;
    uint32_t generation;
};

/* The header, and what malloc itself takes for a block. */
enum { OVERHEAD = 16 };

static struct memory_account *owner_of(struct memory *memory, const struct header *header);
static bool may_grow(struct memory *memory, const struct memory_account *account, size_t by);
static void *allocate(struct memory *memory, size_t size);
static void *resize(struct memory *memory, void *block, size_t old_size, size_t new_size);
static void release(struct memory *memory, void *block, size_t size);

void memory_init(struct memory *memory, size_t limit) {
    *memory = (struct memory){.limit = limit};
}

void memory_reset(struct memory *memory) {
    free(memory->accounts);
    *memory = (struct memory){.limit = memory->limit};
}

int memory_open(struct memory *memory, size_t limit, uint32_t *account) {
    uint32_t slot = memory->first_free;
    if (slot != 0) {
        memory->first_free = memory->accounts[slot - 1].next_free;
    } else {
        size_t size = (memory->count + (size_t)1) * sizeof *memory->accounts;
        struct memory_account *accounts = realloc(memory->accounts, size);
        if (accounts == NULL) {
            memory->refusal = MEMORY_SYSTEM;
            return -1;
        }
        memory->accounts = accounts;
        slot = ++memory->count;
        accounts[slot - 1].generation = 0;
    }
    memory->accounts[slot - 1].used = 0;
    memory->accounts[slot - 1].limit = limit;
    *account = slot;
    return 0;
}

void memory_close(struct memory *memory, uint32_t account) {
    struct memory_account *closed = &memory->accounts[account - 1];
    closed->generation++;
    closed->next_free = memory->first_free;
    memory->first_free = account;
    if (memory->current == account) {
        memory->current = MEMORY_SHARED;
    }
}

void memory_charge(struct memory *memory, uint32_t account) {
    memory->current = account;
}

size_t memory_used(const struct memory *memory, uint32_t account) {
    return memory->accounts[account - 1].used;
}

void memory_relax(struct memory *memory, bool is_relaxed) {
    memory->is_relaxed = is_relaxed;
}

bool memory_is_over(const struct memory *memory) {
    if (memory->used > memory->limit) {
        return true;
    }
    if (memory->current == MEMORY_SHARED) {
        return false;
    }
    const struct memory_account *account = &memory->accounts[memory->current - 1];
    return account->used > account->limit;
}

void *memory_allocate(void *context, void *block, size_t old_size, size_t new_size) {
    struct memory *memory = context;
    if (new_size == 0) {
        if (block != NULL) {
            release(memory, block, old_size);
        }
        return NULL;
    }
    return block == NULL ? allocate(memory, new_size) : resize(memory, block, old_size, new_size);
}

static struct memory_account *owner_of(struct memory *memory, const struct header *header) {
    if (header->account == MEMORY_SHARED) {
        return NULL;
    }
    struct memory_account *account = &memory->accounts[header->account - 1];
    return account->generation == header->generation ? account : NULL;
}

static bool may_grow(struct memory *memory, const struct memory_account *account, size_t by) {
    if (memory->is_relaxed) {
        return true;
    }
    if (account != NULL && (account->used > account->limit || by > account->limit - account->used)) {
        memory->refusal = MEMORY_OVER_RUN;
        return false;
    }
    if (memory->used > memory->limit || by > memory->limit - memory->used) {
        memory->refusal = MEMORY_OVER_ALL;
        return false;
    }
    return true;
}

static void *allocate(struct memory *memory, size_t size) {
    struct header owner = {.account = memory->current};
    if (owner.account != MEMORY_SHARED) {
        owner.generation = memory->accounts[owner.account - 1].generation;
    }
    struct memory_account *account = owner_of(memory, &owner);
    if (size > SIZE_MAX - OVERHEAD || !may_grow(memory, account, size + OVERHEAD)) {
        return NULL;
    }
    struct header *header = malloc(sizeof *header + size);
    if (header == NULL) {
        memory->refusal = MEMORY_SYSTEM;
        return NULL;
    }
    *header = owner;
    memory->used += size + OVERHEAD;
    if (account != NULL) {
        account->used += size + OVERHEAD;
    }
    return header + 1;
}

/* A block stays with its first owner. Lua relies on it that making a block smaller never fails. */
static void *resize(struct memory *memory, void *block, size_t old_size, size_t new_size) {
    struct header *header = (struct header *)block - 1;
    struct memory_account *account = owner_of(memory, header);
    bool grows = new_size > old_size;
    if (new_size > SIZE_MAX - OVERHEAD || (grows && !may_grow(memory, account, new_size - old_size))) {
        return NULL;
    }
    struct header *moved = realloc(header, sizeof *header + new_size);
    if (moved == NULL) {
        if (grows) {
            memory->refusal = MEMORY_SYSTEM;
            return NULL;
        }
        moved = header;
    }
    memory->used = memory->used + new_size - old_size;
    if (account != NULL) {
        account->used = account->used + new_size - old_size;
    }
    return moved + 1;
}

static void release(struct memory *memory, void *block, size_t size) {
    struct header *header = (struct header *)block - 1;
    struct memory_account *account = owner_of(memory, header);
    memory->used -= size + OVERHEAD;
    if (account != NULL) {
        account->used -= size + OVERHEAD;
    }
    free(header);
}
