/* Tops of several partitions merged into one order. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_MERGE_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_MERGE_H

#include <stddef.h>

#include "common/base/text.h"

/* A place in an order, with the score that people see: the greater the better. */
struct ranking_entry {
    double score;
    struct text resource_id;
};

struct ranking_list {
    const struct ranking_entry *entries; /* the best first, equal scores in the order of the bytes of resource_id */
    size_t count;
};

/* Puts the first max of all lists' entries into out, in the same order; texts stay where they are. A list's start is
 * moved on by what was taken from it. Returns how many there are. Its time is max times list_count: partitions are few.
 */
size_t ranking_merge(struct ranking_list *lists, size_t list_count, struct ranking_entry *out, size_t max);

#endif
