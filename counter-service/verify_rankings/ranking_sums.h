/* Of each resource what its record has in each cell (ranking_layout.h), and what the events add up to. A resource takes
 * 48 bytes, 16 for each cell, its name, and a bucket of 8 to 16. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_SUMS_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/text.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/event/event.h"

/* A moment: exactly the events up to there are in the records that were read then. */
struct ranking_moment {
    struct stream_id at;
    uint32_t place; /* of the last event in that entry; COUNTER_WHOLE_ENTRY */
    int64_t periods[RANKING_WINDOWS_MAX];
    bool is_whole[RANKING_WINDOWS_MAX][RANKING_SLOTS]; /* running, before: no event of it is known to be missing */
};

struct ranking_cell {
    int64_t of_record;
    int64_t of_events;
};

struct ranking_resource {
    struct ranking_resource *next; /* of the bucket */
    /* of the last event that was taken */
    struct stream_id last_entry;
    uint32_t last_place;
    uint32_t hash;
    uint32_t moment; /* its place among the moments, when the record was read */
    uint16_t id_len;
    bool has_record;
    bool is_damaged;             /* the record is none */
    bool has_later;              /* events came that were counted after the moment */
    struct ranking_cell cells[]; /* and then the resource_id */
};

struct ranking_sums {
    size_t cell_count;
    struct arena memory;
    struct ranking_resource **buckets;
    size_t bucket_count; /* a power of 2; 0: nothing was ever added */
    size_t count;
};

void ranking_sums_init(struct ranking_sums *sums, size_t cell_count);
void ranking_sums_done(struct ranking_sums *sums);

struct text ranking_resource_id(const struct ranking_sums *sums, const struct ranking_resource *resource);
/* The resource, added with zeros if it is not there. NULL when out of memory. */
struct ranking_resource *ranking_sums_take(struct ranking_sums *sums, struct text id) MUST_CHECK;
/* From first to last, in no order: start with NULL; NULL after the last. */
struct ranking_resource *ranking_sums_next(const struct ranking_sums *sums, const struct ranking_resource *after);

#endif
