#include "common/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    ARENA_ALIGNMENT = 16,
    ARENA_FIRST_BLOCK = 16 * 1024, /* a message of about a hundred items */
    ARENA_BLOCK_MAX = 256 * 1024,
};

struct arena_block {
    struct arena_block *older;
    size_t used;
    size_t capacity;
    alignas(ARENA_ALIGNMENT) unsigned char data[];
};

void arena_init(struct arena *arena)
{
    arena->blocks = NULL;
}

void arena_done(struct arena *arena)
{
    arena_reset(arena);
    free(arena->blocks);
    arena->blocks = NULL;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    if (block == NULL) {
        return;
    }
    while (block->older != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    block->used = 0;
    arena->blocks = block;
}

/* Puts a block in front that holds at least size bytes. Each block is twice as large as the one before, up to
 * ARENA_BLOCK_MAX. */
static struct arena_block *add_block(struct arena *arena, size_t size)
{
    size_t capacity = ARENA_FIRST_BLOCK;
    if (arena->blocks != NULL && arena->blocks->capacity < ARENA_BLOCK_MAX) {
        capacity = arena->blocks->capacity * 2;
    } else if (arena->blocks != NULL) {
        capacity = ARENA_BLOCK_MAX;
    }
    if (capacity < size) {
        capacity = size;
    }
    struct arena_block *block = aligned_alloc(ARENA_ALIGNMENT, sizeof(*block) + capacity);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct arena_block){.older = arena->blocks, .capacity = capacity};
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->capacity - block->used < size) {
        block = add_block(arena, size);
        if (block == NULL) {
            return NULL;
        }
    }
    void *pointer = block->data + block->used;
    block->used += size;
    return pointer;
}
