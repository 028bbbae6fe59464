/* The answer to CLUSTER SLOTS (https://redis.io/docs/latest/commands/cluster-slots/). Pure. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_SLOTS_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_SLOTS_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/topology/topology_table.h"

/* Writes the master of each partition's slot into the table, and of no other slot. table->partitions is set; what the
 * table held before is gone. asked: who answered; its host stands for a host that it leaves out, or takes for unknown
 * without telling its IP. Returns 0; or -1 with error filled if the answer is not understood. */
int cluster_slots_read(const struct redis_reply *reply, const struct redis_address *asked, struct topology_table *table,
                       struct error *error) MUST_CHECK;
/* The master of one slot. Returns false if it is served by nobody, or the answer is not understood. */
bool cluster_slots_find(const struct redis_reply *reply, const struct redis_address *asked, int slot,
                        struct redis_address *ret_address) MUST_CHECK;

#endif
