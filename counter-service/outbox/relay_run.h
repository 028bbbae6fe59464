/* What the relay's thread does, turn by turn: the followers of the outboxes (outbox_set.h), and while this instance
 * leads any of them a producer, which they share (relay_kafka.c). Private to relay*.c and its tests. Owned by the
 * relay's thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_RELAY_RUN_H
#define TALLY_COUNTER_SERVICE_OUTBOX_RELAY_RUN_H

#include "common/base/backoff.h"
#include "common/log/log.h"
#include "counter-service/event/event_message.h"
#include "counter-service/kafka/kafka_producer.h"
#include "counter-service/outbox/outbox_set.h"
#include "counter-service/outbox/relay.h"
#include "counter-service/outbox/relay_metrics.h"
#include "counter-service/topology/topology.h"

enum {
    /* Events sent and not acknowledged, of all partitions, which a successor sends again. */
    RELAY_WINDOW = 10 * 1000,
    /* Between two turns while there is nothing to do. */
    RELAY_IDLE_MS = 20,
    /* How long a turn listens to Kafka. */
    RELAY_LISTEN_MS = 5,
};

/* What the relay knows of a partition beside its follower. */
struct relay_partition {
    struct stream_id seen; /* the position that Redis told last */
    int64_t moved_us;      /* when that changed, or nothing waited, monotonic */
    uint64_t damaged_told; /* of follower.damaged */
};

struct relay_run {
    /* immutable after init */
    const struct config *config;
    struct relay_metrics metrics;
    /* Redis's side */
    struct outbox_set set;
    struct relay_partition *partitions; /* set.count */
    /* Kafka's side; producer is NULL while other instances lead all partitions */
    struct kafka_producer *producer;
    bool topic_is_there;
    size_t next;            /* the partition that sends first in the next turn */
    size_t open;            /* events that the producer has, and Kafka has not acknowledged */
    struct list orphans;    /* entries that their followers have forgotten, and the producer not: its tags */
    int64_t look_us;        /* when an idle one was asked whether brokers are there */
    int batch_messages_max; /* 0: the library's own */
    struct event_writer writer;
    struct buffer value;
    /* when Kafka has failed */
    struct backoff backoff;
    int64_t retry_us;     /* not before, monotonic; 0: nothing has failed since the last acknowledgement */
    struct error trouble; /* "": none */
    struct log_limiter limiter;
    int64_t published_us; /* realtime */
};

void relay_run_init(struct relay_run *run, const struct config *config, struct topology *topology);
void relay_run_done(struct relay_run *run);

/* One turn. Blocks for what logins to Redises, steps, or the creation of a topic may take. Returns how long the thread
 * may sleep before the next, in ms. */
int relay_run_turn(struct relay_run *run);
/* Waits timeout_ms at most until Kafka has acknowledged what was sent, stores the positions, gives the leases up, and
 * ends the producer, which may wait for a look-up of a broker's name. */
void relay_run_finish(struct relay_run *run, int timeout_ms);

/* For relay_kafka.c. run->trouble says what it was. */

/* Something that will be asked again: not before a backoff. */
void relay_run_wait(struct relay_run *run);
/* What was handed to Kafka and not acknowledged, of all partitions, is read and sent again, by another producer, after
 * a backoff. */
void relay_run_fail(struct relay_run *run);
/* What had failed works. */
void relay_run_recover(struct relay_run *run);

void relay_run_state(const struct relay_run *run, struct relay_state *ret_state);

#endif
