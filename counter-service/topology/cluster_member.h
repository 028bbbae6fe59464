/* Whether a Redis is a node of a certain Redis Cluster, which its address does not say: a node that is gone leaves its
 * address to whoever gets it, while the others still name it. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_MEMBER_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_CLUSTER_MEMBER_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/topology/cluster_ids.h"

/* Asks CLUSTER SLOTS, on a connection that is logged in. Blocks for timeout_ms. Returns 0 with the answer, a list; or
 * -1 with error filled, also if it is no node of any cluster. */
int cluster_member_ask(struct redis_conn *conn, int timeout_ms, struct redis_reply *ret_slots, struct error *error)
    MUST_CHECK;
/* slots: what it answered. ids: of the cluster; if there are none nothing is checked, of which it warns once. Returns
 * 0; or -1 with error filled if the Redis knows no node of the cluster. */
int cluster_member_check(const struct cluster_ids *ids, const struct redis_reply *slots, struct error *error)
    MUST_CHECK;

#endif
