/* Keeps the rankings: a consumer of the outboxes, in a thread of its own. Every instance of the service runs one. Each
 * partition has rankings of its own, and a lease: whoever has it keeps them, the others stand by.
 *
 *     Redis: outbox ── outbox_follower ── sums ──> records, tops and the position, in transactions
 *
 * Each event counts once: each transaction says what is counted by it, and one of whoever has not seen the last one
 * changes nothing. Whatever fails, the aggregator starts again at the position;
 * nothing that it does can fail a write. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/topology/topology.h"

struct aggregator;

enum aggregator_role {
    AGGREGATOR_OFF, /* no rankings are configured */
    AGGREGATOR_STANDS_BY,
    AGGREGATOR_LEADS /* has the lease of a partition, or of more */
};

/* What the aggregator knows of itself and the outboxes, those of all partitions together. */
struct aggregator_state {
    enum aggregator_role role;
    size_t partitions;    /* how many there are; 0: not known yet */
    size_t led;           /* of how many it has the lease */
    char trouble[512];    /* a sentence: why events are not ranked at the moment; "": they are, or none waits */
    uint64_t waiting;     /* events in the outbox that are in no ranking yet */
    int64_t lag_ms;       /* age of the oldest of them, by Redis's clock; 0: none, or other instances lead */
    int incomplete_count; /* windows whose order is being made anew, or that let go of a bucket; of partitions that it
                             leads */
};

/* Starts the thread, if rankings are configured; it connects by itself for ever. config and topology outlive it.
 * Returns 0 with *ret_aggregator, NULL if there is nothing to rank; or -1 with error filled. */
int aggregator_start(const struct config *config, struct topology *topology, struct aggregator **ret_aggregator,
                     struct error *error) MUST_CHECK;
/* Gives the leases up and joins the thread, which finishes what it is at: the chunk of which
 * some records are written. NULL is fine. */
void aggregator_stop(struct aggregator *aggregator);

/* Any thread. aggregator: NULL is one that is off. */
void aggregator_read_state(struct aggregator *aggregator, struct aggregator_state *ret_state);

#endif
