/* The topic's events for ranking_events.h. Owned by one thread. Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_TOPIC_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_TOPIC_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/verify/topic_replay.h"
#include "counter-service/verify_rankings/ranked_partitions.h"

struct ranking_topic {
    /* immutable after open */
    const struct config *config;
    int timeout_ms;
    struct kafka_consumer *consumer;
    size_t partition_count; /* of the topic */
    /* of each partition of the topic, while it is read */
    struct topic_range *ranges;
    int64_t *starts;
    /* Of each of those whose beginning was deleted, and in it each partition of the rankings, the time of the first
     * event; INT64_MAX: none came yet. */
    int64_t *first_ms;
    struct ranked_partitions *ranked;
    uint64_t no_events; /* messages that are none */
};

/* Zero-initialised is ready for ranking_topic_close. */
int ranking_topic_open(struct ranking_topic *topic, const struct config *config, int timeout_ms, struct error *error)
    MUST_CHECK;
void ranking_topic_close(struct ranking_topic *topic);

/* Waits until the events of all moments are published, and takes them: each goes to its partition, whose complete_ms is
 * set. */
int ranking_topic_read(struct ranking_topic *topic, struct ranked_partitions *ranked, struct error *error) MUST_CHECK;

#endif
