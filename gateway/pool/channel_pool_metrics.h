/* What /metrics tells of a channel pool: tally_channels, tally_breaker_state, tally_breaker_changes_total,
 * tally_other_store_instances. */
#ifndef TALLY_GATEWAY_POOL_CHANNEL_POOL_METRICS_H
#define TALLY_GATEWAY_POOL_CHANNEL_POOL_METRICS_H

#include <pthread.h>

#include "common/metrics/metrics.h"
#include "gateway/pool/channel_round.h"
#include "gateway/pool/instance.h"

enum { CHANNEL_STATES = GRPC_CHANNEL_TRANSIENT_FAILURE + 1 };

struct channel_pool_metrics;

struct channel_state_count {
    struct channel_pool_metrics *metrics;
    grpc_connectivity_state state;
};

struct channel_pool_metrics {
    pthread_mutex_t *lock; /* the pool's; guards the round, the breakers and the count */
    const struct channel_round *round;
    const unsigned *other_store_count;
    struct channel_state_count state_counts[CHANNEL_STATES];
    metric_series breaker_changes[BREAKER_STATES];
};

/* From now on the round and the count are read, under lock. */
void channel_pool_metrics_init(struct channel_pool_metrics *metrics, pthread_mutex_t *lock,
                               const struct channel_round *round, const unsigned *other_store_count);
/* After return they are not. */
void channel_pool_metrics_done(void);

/* Not under lock. Readers of an instance end with channel_pool_metrics_remove_instance. */
void channel_pool_metrics_add_instance(struct instance *instance);
void channel_pool_metrics_remove_instance(struct instance *instance);

/* A breaker went into this state. Under lock or not. */
void channel_pool_metrics_breaker_changed(const struct channel_pool_metrics *metrics, enum breaker_state state);

#endif
