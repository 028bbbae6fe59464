/* Where the data are: how many partitions they have, and at which Redis each of them is. One for the process; whoever
 * talks to Redis asks it for addresses, and asks again when it says that they have changed.
 *
 * Any thread, unless said otherwise. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/redis/redis_address.h"

struct topology;

/* config outlives it. Returns NULL with error filled. */
struct topology *topology_create(const struct config *config, struct error *error) MUST_CHECK;
/* NULL is fine. */
void topology_free(struct topology *topology);

/* How many partitions the data have, 1 to 1024; 0: not known yet, since no Redis was reached. Once known it stays. */
int topology_partitions(const struct topology *topology);
/* Grows with each change of an address, and when the partitions become known. */
uint64_t topology_version(const struct topology *topology);
/* The Redis to ask about the partition, below topology_partitions. False: nobody is known to have it at the moment. */
bool topology_find(const struct topology *topology, int partition, struct redis_address *ret_address) MUST_CHECK;
/* Somebody met a Redis that is gone, or that says that a partition is elsewhere: look again soon. */
void topology_suspect(struct topology *topology);

#endif
