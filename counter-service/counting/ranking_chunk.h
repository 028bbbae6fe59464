/* Some events in their order, with equal counters summed up: what is added to the rankings at once. The texts are the
 * follower's, and live until its events are done. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_COUNTING_RANKING_CHUNK_H
#define TALLY_COUNTER_SERVICE_COUNTING_RANKING_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "counter-service/event/event.h"
#include "counter-service/ranking/ranking_part.h"

/* Of all chunks of a process together, unless there are more than 64. A power of 2. */
enum { RANKING_ROWS_MAX = 64 * 1024, RANKING_ROWS_MIN = 1024 };

struct record_cache_entry;

struct ranking_row {
    struct text resource_id;
    uint64_t hash;
    int64_t delta; /* the sum, modulo 2^64 */
    int64_t after; /* the counter after the last event */
    bool has_after;
    uint16_t type;                   /* place among those that are ranked */
    uint32_t next;                   /* row of the same bucket */
    struct record_cache_entry *kept; /* its record; NULL: it is not kept */
};

struct ranking_rows {
    struct ranking_row *rows;
    size_t count;
    bool are_counted; /* records and buckets have them already, only the tops do not */
};

struct ranking_chunk {
    size_t rows_max;          /* that it may have; a power of 2 */
    uint64_t seed;            /* of the hashes: whoever chooses names must not know where they fall */
    struct ranking_rows rows; /* in the order of their first events; after ranking_chunk_sort in that of their lanes */
    size_t event_count;       /* of types that are not ranked too */
    struct stream_id last;
    uint64_t last_number;
    bool is_sorted;
    size_t lane; /* those before are in the tops' tables */
    struct ranking_row *spare;
    uint32_t *buckets;
    size_t lane_starts[RANKING_LANES + 1];
};

/* How many rows each of so many chunks may have: the same for everybody, since one may end what another began. */
size_t ranking_chunk_rows_of(size_t chunks);
/* rows_max: a power of 2. Returns 0, or -1 when out of memory; then too it is to be done. */
int ranking_chunk_init(struct ranking_chunk *chunk, size_t rows_max) MUST_CHECK;
void ranking_chunk_done(struct ranking_chunk *chunk);
void ranking_chunk_clear(struct ranking_chunk *chunk);
/* type: of the event's counter_type among those that are ranked; negative: none. There must be a row left. */
void ranking_chunk_add(struct ranking_chunk *chunk, const struct event *event, uint64_t number, int type);

/* Puts the rows into the order of their lanes. None is added after that. */
void ranking_chunk_sort(struct ranking_chunk *chunk);
/* The rows of the lanes from this one on and before lane_end, of as many as have rows_max rows together, and of one at
 * least. Returns the lane after them. */
size_t ranking_chunk_group(const struct ranking_chunk *chunk, size_t lane, size_t lane_end, size_t rows_max,
                           struct ranking_rows *ret_rows);

#endif
