/* Whose data a Redis Cluster holds: the keys tally:meta and tally:store, each on the node that has its slot. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_HOME_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_HOME_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/store_id.h"
#include "counter-service/redis/redis_address.h"

/* Reads both keys, and writes them where there is none, if may_write: else that is an error. meta, store: the nodes
 * that have them. *ret_partitions: how many the data have: config's redis.partitions, unless that is 0. Blocks for two
 * connections and two exchanges on each. Returns 0; or -1 with error filled, also if the data have another number than
 * is configured. */
int cluster_home_settle(const struct config *config, const struct redis_address *meta,
                        const struct redis_address *store, bool may_write, int *ret_partitions,
                        char ret_store_id[STORE_ID_SIZE], struct error *error) MUST_CHECK;

#endif
