/* A consumer of the outbox on a real Redis, for tests, and a store that keeps events. Functions fail the test when
 * something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_OUTBOX_CONSUMER_H
#define TALLY_TESTS_FAKES_OUTBOX_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counter-service/outbox/outbox_follower.h"
#include "tests/fakes/store_fixture.h"

enum { OUTBOX_ALL = 100 * 1000 }; /* events of a step: more than there are */

struct outbox_consumer {
    struct outbox_conn conn;
    struct outbox_follower follower;
    /* of the events that were taken last */
    size_t count;
    int64_t sum;
    struct stream_id last_entry;
};

void outbox_consumer_open(struct outbox_consumer *consumer, struct store_fixture *fixture, int lease_ms);
void outbox_consumer_close(struct outbox_consumer *consumer);

/* Returns whether the follower began anew. */
bool outbox_consumer_step(struct outbox_consumer *consumer, size_t events_max);
/* A step that must take the lease. */
void outbox_consumer_lead(struct outbox_consumer *consumer);
/* Takes the next event; true if there was one. */
bool outbox_consumer_take(struct outbox_consumer *consumer, struct event *ret_event, struct outbox_entry **ret_entry);
/* Reads all there is; each event is done as soon as it is taken. Its position is stored. */
void outbox_consumer_consume(struct outbox_consumer *consumer);

/* A store that keeps events, for store_fixture_teardown; *state is NULL without redis-server. Returns 0. */
int outbox_setup(void **state, int outbox_max, enum when_full when_full);
/* One call with so many increments by 1 of counter a/n. Returns its status. */
enum status outbox_increment_many(struct store_fixture *fixture, size_t count);
size_t outbox_entries(struct store_fixture *fixture);
/* tally_events_dropped_total */
uint64_t outbox_dropped(void);

#endif
