/* Keeps the rankings: a consumer of the outbox, in a thread of its own. Every instance of the service runs one; the one
 * that has the lease works, the others stand by.
 *
 *     Redis: outbox ── outbox_follower ── sums ──> records, tops and the position, in transactions
 *
 * Each event counts once: each transaction says what is counted by it, and one of whoever has not seen the last one
 * changes nothing. Whatever fails, the aggregator starts again at the position;
 * nothing that it does can fail a write. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_AGGREGATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/topology/topology.h"

struct aggregator;

enum aggregator_role {
    AGGREGATOR_OFF, /* no rankings are configured */
    AGGREGATOR_STANDS_BY,
    AGGREGATOR_LEADS /* has the lease */
};

/* What the aggregator knows of itself and the outbox. */
struct aggregator_state {
    enum aggregator_role role;
    char trouble[512];    /* a sentence: why events are not ranked at the moment; "": they are, or none waits */
    uint64_t waiting;     /* events in the outbox that are in no ranking yet */
    int64_t lag_ms;       /* age of the oldest of them, by Redis's clock; 0: none, or another instance leads */
    int incomplete_count; /* windows whose order is being made anew, or that let go of a bucket; 0 unless this leads */
};

/* Starts the thread, if rankings are configured; it connects by itself for ever. config and topology outlive it.
 * Returns 0 with *ret_aggregator, NULL if there is nothing to rank; or -1 with error filled. */
int aggregator_start(const struct config *config, struct topology *topology, struct aggregator **ret_aggregator,
                     struct error *error) MUST_CHECK;
/* Gives the lease up and joins the thread, which finishes what it is at: the chunk of which
 * some records are written. NULL is fine. */
void aggregator_stop(struct aggregator *aggregator);

/* Any thread. aggregator: NULL is one that is off. */
void aggregator_read_state(struct aggregator *aggregator, struct aggregator_state *ret_state);

#endif
