/* Hash slots of Redis Cluster (https://redis.io/docs/reference/cluster-spec/#key-distribution-model). Pure. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_REDIS_SLOT_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_REDIS_SLOT_H

#include "common/base/text.h"

enum { REDIS_SLOTS = 16384 };

/* The slot of a key, 0 to REDIS_SLOTS - 1: of its hash tag, if it has one. */
int redis_slot_of(struct text key);
/* The slot of all keys of a partition: of the tag "pN". */
int redis_slot_of_partition(int partition);

#endif
