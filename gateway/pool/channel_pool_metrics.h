/* What /metrics tells of a channel pool: tally_channels, tally_breaker_state, tally_breaker_changes_total,
 * tally_other_store_instances. */
#ifndef TALLY_GATEWAY_POOL_CHANNEL_POOL_METRICS_H
#define TALLY_GATEWAY_POOL_CHANNEL_POOL_METRICS_H

#include "common/metrics/metrics.h"
#include "gateway/pool/channel_round.h"
#include "gateway/pool/instance.h"
#include "gateway/pool/pool_members.h"

enum { CHANNEL_STATES = GRPC_CHANNEL_TRANSIENT_FAILURE + 1 };

struct channel_state_count {
    struct channel_round *round;
    grpc_connectivity_state state;
};

struct channel_pool_metrics {
    struct channel_state_count state_counts[CHANNEL_STATES];
};

/* From now on round and members are read, under the round's lock. */
void channel_pool_metrics_init(struct channel_pool_metrics *metrics, struct channel_round *round,
                               struct pool_members *members);
/* After return nobody reads round and members. */
void channel_pool_metrics_done(void);

/* Not under lock. Readers of an instance end with channel_pool_metrics_remove_instance. */
void channel_pool_metrics_add_instance(struct instance *instance);
void channel_pool_metrics_remove_instance(struct instance *instance);

/* The series that count the breakers which went into each state. Not under lock. */
void channel_pool_metrics_breaker_changes(metric_series series[BREAKER_STATES]);

#endif
