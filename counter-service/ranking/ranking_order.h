/* Who stands where: from the strings of a top (ranking_places.h) to all its places in their order. Immutable once it is
 * read: whoever has it may look at it, on any thread. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_ORDER_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_place.h"

struct ranking_entry {
    int64_t score; /* not 0 */
    struct text resource_id;
};

/* All zero: nobody is in it. */
struct ranking_order {
    const struct ranking_entry *entries; /* in the order of ranking_place_compare */
    size_t count;
    size_t bytes; /* of its memory */
    /* Its own: where a resource's entry is, by the hash of resource_id. */
    const uint32_t *index;
    size_t index_size; /* a power of 2, or 0 */
    uint64_t seed;
    void *memory; /* everything that is pointed to */
};

/* texts: one of each partition; a resource is in one partition. They are not needed afterwards. Returns STATUS_OK,
 * STATUS_DATA_DAMAGED or STATUS_OUT_OF_MEMORY. The time is that of putting the members in order: a millisecond or two
 * for 10,000. */
enum status ranking_order_read(const struct text *texts, size_t text_count, struct ranking_order *ret_order) MUST_CHECK;
/* The orders of several partitions as one, which has copies of their texts: the best `count_max` of them all, and none
 * behind the floor (NULL: there is none). *ret_next: the best that was left out for count_max, in one of the orders;
 * NULL: nobody was. Returns STATUS_OK or STATUS_OUT_OF_MEMORY. */
enum status ranking_order_merge(const struct ranking_order *const *orders, size_t order_count,
                                const struct ranking_place *floor, size_t count_max, struct ranking_order *ret_order,
                                const struct ranking_entry **ret_next) MUST_CHECK;
/* An empty one is fine. */
void ranking_order_done(struct ranking_order *order);

/* The place of a resource, from 0; -1: it has none. */
int64_t ranking_order_find(const struct ranking_order *order, struct text resource_id);

#endif
