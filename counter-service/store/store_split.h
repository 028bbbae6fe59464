/* A call whose items are in several partitions, as a call for each of them, which are joined when all are done.
 *
 *     call ── store_split ──> parts ── queues, workers, Redises, side by side ──> the last that is done ──> call->done
 *
 * Parts that end alike are the whole call's end. If they do not, the call ends STATUS_OK and each item says how it
 * ended: with its own result, or the status of its part. A call about a session is one part in every partition, and
 * ends STATUS_OK only if all did. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_SPLIT_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "counter-service/commands/store_call.h"

struct store_split;

/* Whether the call is in one of the partitions (at least one) only: then call->partition is set, unless it is a
 * STORE_RANKING, whose partition is the caller's. */
bool store_split_is_whole(struct store_call *call, int partitions);
/* For a call that is not. Returns NULL when out of memory. */
struct store_split *store_split_create(struct store_call *call, int partitions) MUST_CHECK;
size_t store_split_count(const struct store_split *split);
/* The parts, in the order of their partitions. Each is to be finished once, by store_call_finish, on any thread. */
struct store_call *store_split_part(struct store_split *split, size_t index);
/* All parts are given away: from here on the split is not the caller's. If all of them have been finished, the call is
 * finished here. */
void store_split_release(struct store_split *split);
/* No part was given away: the call is as before. */
void store_split_drop(struct store_split *split);

#endif
