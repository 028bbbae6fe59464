/* The topic's events for ranking_events.h. Owned by one thread. Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_TOPIC_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_TOPIC_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/verify/redis_reader.h"
#include "counter-service/verify/topic_replay.h"
#include "counter-service/verify_rankings/ranking_events.h"

struct ranking_topic {
    /* immutable after open */
    const struct config *config;
    int timeout_ms;
    struct kafka_consumer *consumer;
    size_t partition_count;
    /* of each partition, while it is read */
    struct topic_range *ranges;
    int64_t *starts;
    int64_t *first_ms; /* of the first event of those whose beginning was deleted; INT64_MAX: none came yet */
    struct ranking_events *events;
    const struct ranking_state *state;
    uint64_t no_events; /* messages that are none */
};

/* Zero-initialised is ready for ranking_topic_close. */
int ranking_topic_open(struct ranking_topic *topic, const struct config *config, int timeout_ms, struct error *error)
    MUST_CHECK;
void ranking_topic_close(struct ranking_topic *topic);

/* Waits until the events of all moments are published, and takes them. state: for the types' names. *ret_complete_ms:
 * all events from this time on were there; INT64_MIN: all were. */
int ranking_topic_read(struct ranking_topic *topic, struct redis_reader *redis, struct ranking_events *events,
                       const struct ranking_state *state, int64_t *ret_complete_ms, struct error *error) MUST_CHECK;

#endif
