/* Carries the events of the outboxes to Kafka: a consumer of them, in a thread of its own. Every instance of the
 * service runs one. Each partition has a lease: whoever has it carries the partition's events, the others stand by.
 *
 *     Redis: outbox ── outbox_follower ──┬─ event_message ──> kafka_producer ──> topic
 *            outbox ── outbox_follower ──┘                       │
 *              ^                                                 │
 *              └────────── position, once acknowledged <─────────┘
 *
 * At least once, and the first occurrences of a counter's events in their order: a relay sends each event only after
 * all those before it, from the position on, and so does its successor. Whatever fails (Redis, Kafka, the lease) the
 * relay starts again at the position, of the partitions that it fails for; nothing that it does can fail or hold up a
 * write. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_RELAY_H
#define TALLY_COUNTER_SERVICE_OUTBOX_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/topology/topology.h"

struct relay;

enum relay_role {
    RELAY_OFF, /* kafka.brokers is empty */
    RELAY_STANDS_BY,
    RELAY_LEADS /* has the lease of a partition, or of more */
};

/* What the relay knows of itself and the outboxes, those of all partitions together. */
struct relay_state {
    enum relay_role role;
    size_t partitions;    /* how many there are; 0: not known yet */
    size_t led;           /* of how many it has the lease */
    char trouble[512];    /* a sentence: why events are not carried at the moment; "": they are, or none waits */
    uint64_t waiting;     /* events in the outbox that Kafka has not acknowledged */
    int64_t lag_ms;       /* age of the oldest of them, by Redis's clock; 0: none, or other instances lead */
    int64_t published_us; /* realtime of the last acknowledgement; 0: none yet */
};

/* Starts the thread, if kafka.brokers is set; it connects by itself for ever. config and topology outlive the relay.
 * Returns 0 with *ret_relay, NULL if there is nothing to carry; or -1 with error filled: a setting that librdkafka
 * refuses. */
int relay_start(const struct config *config, struct topology *topology, struct relay **ret_relay, struct error *error)
    MUST_CHECK;
/* Waits a second at most for acknowledgements, gives the leases up and joins the thread, which finishes what it is at:
 * a question to Redis or Kafka, a look-up of a broker's name. NULL is fine. */
void relay_stop(struct relay *relay);

/* Any thread. relay: NULL is one that is off. */
void relay_read_state(struct relay *relay, struct relay_state *ret_state);

#endif
