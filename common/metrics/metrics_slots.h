/* Where recorded numbers live: the lower half of metrics.h, for metrics.c alone.
 *
 * A slot is a 64-bit number that every thread has its own copy of, in a block made when the thread first records. Only
 * its thread writes to a block, so recording needs no locked instruction; a scrape reads all blocks while they change.
 * When a thread ends, its block is added to `retired` and freed. A counter or gauge is one slot with an int64_t;
 * a histogram is a run of slots: one per bucket, one for what is above the last bound, one with the sum as a double. */
#ifndef TALLY_COMMON_METRICS_METRICS_SLOTS_H
#define TALLY_COMMON_METRICS_METRICS_SLOTS_H

#include <stdint.h>

#include "common/metrics/metrics.h"

/* Reserves the slots of one series. Returns the first one's number, or 0 if they are used up. */
uint32_t metrics_slots_reserve(const struct metric_family *family);
/* Sums every slot over all threads, those that ended too. The sum slot of a histogram holds a double's bits. */
void metrics_slots_sum(uint64_t totals[METRIC_SLOTS_MAX]);
/* The number in a histogram's sum slot. */
double metrics_slots_double(uint64_t bits);

#endif
