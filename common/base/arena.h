/* Memory for one message: allocate, allocate, then drop all at once. Keeps its first block between messages, so that a
 * message of usual size costs no malloc. Owned by one thread at a time. */
#ifndef TALLY_COMMON_BASE_ARENA_H
#define TALLY_COMMON_BASE_ARENA_H

#include <stddef.h>

#include "common/base/compiler.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; the oldest one is kept by arena_reset */
};

void arena_init(struct arena *arena);
/* Frees everything. */
void arena_done(struct arena *arena);
/* Forgets all allocations. */
void arena_reset(struct arena *arena);
/* size bytes, aligned to 16, not zeroed; NULL when out of memory. */
void *arena_alloc(struct arena *arena, size_t size) MUST_CHECK;

#endif
