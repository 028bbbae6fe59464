#include "counter-service/aggregator/ranking_chunk.h"

#include <assert.h>
#include <string.h>

#include "common/base/prng.h"
#include "common/base/wrap.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

void ranking_chunk_init(struct ranking_chunk *chunk)
{
    struct prng prng;
    prng_init(&prng);
    chunk->seed = prng_next(&prng);
    ranking_chunk_clear(chunk);
}

void ranking_chunk_clear(struct ranking_chunk *chunk)
{
    chunk->row_count = 0;
    chunk->event_count = 0;
    memset(chunk->buckets, 0xFF, sizeof(chunk->buckets)); /* RANKING_NO_ROW */
}

static struct ranking_row *find(struct ranking_chunk *chunk, const struct event *event, uint16_t type, uint16_t *bucket)
{
    for (uint16_t i = *bucket; i != RANKING_NO_ROW; i = chunk->rows[i].next) {
        struct ranking_row *row = &chunk->rows[i];
        if (row->type == type && text_equal(row->resource_id, event->resource_id)) {
            return row;
        }
    }
    assert(chunk->row_count < RANKING_ROWS_MAX);
    struct ranking_row *row = &chunk->rows[chunk->row_count];
    *row = (struct ranking_row){.resource_id = event->resource_id, .type = type, .next = *bucket};
    *bucket = (uint16_t)chunk->row_count++;
    return row;
}

void ranking_chunk_add(struct ranking_chunk *chunk, const struct event *event, uint64_t number, int type)
{
    chunk->event_count++;
    chunk->last = event->entry;
    chunk->last_number = number;
    if (type < 0) {
        return;
    }
    const XXH64_hash_t hash = XXH3_64bits_withSeed(event->resource_id.data, event->resource_id.len, chunk->seed);
    struct ranking_row *row = find(chunk, event, (uint16_t)type, &chunk->buckets[hash & (RANKING_ROW_BUCKETS - 1)]);
    row->delta = wrap_add(row->delta, event->delta);
    row->after = event->value;
    row->has_after = event->has_value;
}
