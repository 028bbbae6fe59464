#include "counter-service/counting/ranking_chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/prng.h"
#include "common/base/wrap.h"

#define NO_ROW UINT32_MAX

/* A power of 2. */
static size_t buckets_of(const struct ranking_chunk *chunk)
{
    return 2 * chunk->rows_max;
}

size_t ranking_chunk_rows_of(size_t chunks)
{
    size_t rows = RANKING_ROWS_MAX;
    while (rows > RANKING_ROWS_MIN && rows * chunks > RANKING_ROWS_MAX) {
        rows /= 2;
    }
    return rows;
}

int ranking_chunk_init(struct ranking_chunk *chunk, size_t rows_max)
{
    struct prng prng;
    prng_init(&prng);
    *chunk = (struct ranking_chunk){.rows_max = rows_max, .seed = prng_next(&prng)};
    chunk->rows.rows = malloc(rows_max * sizeof(*chunk->rows.rows));
    chunk->spare = malloc(rows_max * sizeof(*chunk->spare));
    chunk->buckets = malloc(buckets_of(chunk) * sizeof(*chunk->buckets));
    if (chunk->rows.rows == NULL || chunk->spare == NULL || chunk->buckets == NULL) {
        return -1;
    }
    memset(chunk->buckets, 0xFF, buckets_of(chunk) * sizeof(*chunk->buckets)); /* NO_ROW */
    return 0;
}

void ranking_chunk_done(struct ranking_chunk *chunk)
{
    free(chunk->rows.rows);
    free(chunk->spare);
    free(chunk->buckets);
}

static uint32_t *bucket_of(const struct ranking_chunk *chunk, uint64_t hash)
{
    return &chunk->buckets[hash & (buckets_of(chunk) - 1)];
}

void ranking_chunk_clear(struct ranking_chunk *chunk)
{
    for (size_t i = 0; i < chunk->rows.count; i++) {
        *bucket_of(chunk, chunk->rows.rows[i].hash) = NO_ROW;
    }
    chunk->rows.count = 0;
    chunk->event_count = 0;
    chunk->is_sorted = false;
    chunk->lane = 0;
}

static struct ranking_row *find(struct ranking_chunk *chunk, const struct event *event, uint16_t type)
{
    const uint64_t hash = ranking_part_hash(chunk->seed, event->resource_id);
    uint32_t *bucket = bucket_of(chunk, hash);
    for (uint32_t i = *bucket; i != NO_ROW; i = chunk->rows.rows[i].next) {
        struct ranking_row *row = &chunk->rows.rows[i];
        if (row->hash == hash && row->type == type && text_equal(row->resource_id, event->resource_id)) {
            return row;
        }
    }
    assert(chunk->rows.count < chunk->rows_max);
    struct ranking_row *row = &chunk->rows.rows[chunk->rows.count];
    *row = (struct ranking_row){.resource_id = event->resource_id, .hash = hash, .type = type, .next = *bucket};
    *bucket = (uint32_t)chunk->rows.count++;
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
    struct ranking_row *row = find(chunk, event, (uint16_t)type);
    row->delta = wrap_add(row->delta, event->delta);
    row->after = event->value;
    row->has_after = event->has_value;
}

static size_t lane_of(const struct ranking_row *row)
{
    return ranking_part_lane(row->hash);
}

void ranking_chunk_sort(struct ranking_chunk *chunk)
{
    size_t places[RANKING_LANES];
    memset(chunk->lane_starts, 0, sizeof(chunk->lane_starts));
    for (size_t i = 0; i < chunk->rows.count; i++) {
        chunk->lane_starts[lane_of(&chunk->rows.rows[i]) + 1]++;
    }
    for (size_t lane = 0; lane < RANKING_LANES; lane++) {
        chunk->lane_starts[lane + 1] += chunk->lane_starts[lane];
        places[lane] = chunk->lane_starts[lane];
    }
    for (size_t i = 0; i < chunk->rows.count; i++) {
        chunk->spare[places[lane_of(&chunk->rows.rows[i])]++] = chunk->rows.rows[i];
    }
    struct ranking_row *sorted = chunk->spare;
    chunk->spare = chunk->rows.rows;
    chunk->rows.rows = sorted;
    chunk->is_sorted = true;
}

size_t ranking_chunk_group(const struct ranking_chunk *chunk, size_t lane, size_t lane_end, size_t rows_max,
                           struct ranking_rows *ret_rows)
{
    const size_t start = chunk->lane_starts[lane];
    size_t end = lane + 1;
    while (end < lane_end && chunk->lane_starts[end + 1] - start <= rows_max) {
        end++;
    }
    *ret_rows = (struct ranking_rows){.rows = chunk->rows.rows + start, .count = chunk->lane_starts[end] - start};
    return end;
}
