/* Whose data a Redis Cluster holds: the keys tally:meta and tally:store, each on the node that has its slot. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_HOME_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_HOME_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/store_id.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/topology/cluster_ids.h"

/* Reads both keys, and writes them where there is none, if may_write: else that is an error. ids: of the cluster, whose
 * nodes both must be. meta, store: the nodes that have them. *partitions, store_id: what is known already, which the
 * keys must say too; or 0 and "": then they are written as they are found, *partitions as config's redis.partitions
 * unless that is 0. Blocks for two connections and three exchanges on each. Returns 0; or -1 with error filled, also if
 * the keys say something else. */
int cluster_home_settle(const struct config *config, const struct cluster_ids *ids, const struct redis_address *meta,
                        const struct redis_address *store, bool may_write, int *partitions,
                        char store_id[STORE_ID_SIZE], struct error *error) MUST_CHECK;

#endif
