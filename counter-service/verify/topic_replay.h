/* Reads the events of a topic, from given offsets to its end. Owned by one thread. Functions return 0, or -1 with error
 * filled. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_TOPIC_REPLAY_H
#define TALLY_COUNTER_SERVICE_VERIFY_TOPIC_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/event/event_read.h"
#include "counter-service/kafka/kafka_consumer.h"

/* The offsets of a partition at one moment: of the oldest message that is kept, and behind the newest. */
struct topic_range {
    int64_t first;
    int64_t end;
};
/* Of each partition, now. timeout_ms: of each. */
int topic_replay_ranges(struct kafka_consumer *consumer, size_t partition_count, int timeout_ms,
                        struct topic_range *ret_ranges, struct error *error) MUST_CHECK;

struct topic_replay_plan {
    struct kafka_consumer *consumer;
    enum event_format format; /* of messages that do not tell */
    const int64_t *starts;
    const struct topic_range *ranges;
    size_t partition_count;
    bool has_snapshot; /* starts are a snapshot's */
    int timeout_ms;    /* while no message comes that is wanted */
};

/* Who gets the events. */
struct topic_taker {
    /* One that came from this partition. Returns 0, or -1 with error filled. */
    int (*take)(void *owner, size_t partition, const struct event_copy *copy, struct error *error);
    void *owner;
    uint64_t no_events; /* messages that are none */
};

/* Reads up to the ends of the ranges. The events from starts on must still be there. */
int topic_replay_run(const struct topic_replay_plan *plan, struct topic_taker *taker, struct error *error) MUST_CHECK;

#endif
