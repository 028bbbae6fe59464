/* Some events in their order, with equal counters summed up: what is added to the rankings at once. The texts are the
 * follower's, and live until its events are done. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_CHUNK_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_RANKING_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"
#include "counter-service/event/event.h"

enum {
    RANKING_ROWS_MAX = 2048,
    RANKING_ROW_BUCKETS = 4096, /* a power of 2 */
    RANKING_NO_ROW = UINT16_MAX,
};

struct record_cache_entry;

struct ranking_row {
    struct text resource_id;
    int64_t delta; /* the sum, modulo 2^64 */
    int64_t after; /* the counter after the last event */
    bool has_after;
    struct record_cache_entry *kept; /* its record; NULL: it is not kept */
    uint16_t type;                   /* place among those that are ranked */
    uint16_t next;                   /* row of the same bucket */
};

struct ranking_chunk {
    uint64_t seed; /* of the hashes: whoever chooses names must not know where they fall */
    struct ranking_row rows[RANKING_ROWS_MAX];
    size_t row_count;
    size_t event_count; /* of types that are not ranked too */
    struct stream_id last;
    uint64_t last_number;
    uint16_t buckets[RANKING_ROW_BUCKETS];
};

void ranking_chunk_init(struct ranking_chunk *chunk);
void ranking_chunk_clear(struct ranking_chunk *chunk);
/* type: of the event's counter_type among those that are ranked; negative: none. There must be a row left. */
void ranking_chunk_add(struct ranking_chunk *chunk, const struct event *event, uint64_t number, int type);

#endif
