/* One look at where the partitions are: who is asked, what is asked of it, and what that says. Private to topology*.c.
 * Owned by the topology's thread.
 *
 *     the Redis that answered last, then those of the last table, then the seeds ── CLUSTER SLOTS ──> a table
 *
 * A Redis that does not know CLUSTER SLOTS, or is no node of a cluster, is one Redis with all partitions. Where there
 * are sentinels, they are asked instead, and all partitions are at the master that they name. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_LOOK_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_LOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/store_id.h"
#include "common/log/log.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/topology/cluster_ids.h"
#include "counter-service/topology/sentinel_look.h"
#include "counter-service/topology/topology_table.h"

struct topology_look {
    /* immutable after init */
    const struct config *config;
    const struct redis_address *seeds;
    size_t seed_count;
    bool may_write; /* whose data a new cluster's are may be written there */
    /* set by another thread: no further Redis is asked */
    atomic_bool stopping;
    /* as it was found; once known it stays */
    bool is_cluster;
    char store_id[STORE_ID_SIZE]; /* of a cluster; "": not known yet */
    struct sentinel_look sentinels;
    /* of the Redis that answered last */
    struct redis_conn *conn; /* NULL: none */
    struct redis_address asked;
    /* what the last look has found */
    struct topology_table table;
    struct cluster_ids ids;      /* of a cluster */
    struct topology_table fresh; /* while it is read */
    struct cluster_ids fresh_ids;
    uint64_t epoch;             /* of the cluster's configuration: an older one is not believed */
    int64_t home_us;            /* monotonic: when tally:meta and tally:store were last looked at */
    struct log_limiter limiter; /* of what was wrong with them */
    unsigned failed_looks;      /* since the last that found something */
    int64_t failing_since_us;   /* if there are any: when the first of them had failed, monotonic */
};

/* Returns 0, or -1 with error filled; topology_look_done is fine then too. */
int topology_look_init(struct topology_look *look, const struct config *config, const struct redis_address *seeds,
                       size_t seed_count, bool may_write, struct error *error) MUST_CHECK;
void topology_look_done(struct topology_look *look);

/* Whether the partitions may be elsewhere later. */
static inline bool topology_look_may_change(const struct topology_look *look)
{
    return look->is_cluster || look->sentinels.count > 0;
}

/* Looks, and writes look->table. Blocks for a connection and an exchange with each Redis that is asked (three
 * with one that is no node of a cluster), for cluster_home_settle, and for sentinel_look. Returns 0; or -1 with error
 * filled, the last Redis's: the table is as before. */
int topology_look(struct topology_look *look, struct error *error) MUST_CHECK;

#endif
