/* Rankings on a real Redis, for tests: events of any time in the outbox, an aggregator that is driven turn by turn, and
 * a count of every event by brute force to compare with. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_RANKING_FIXTURE_H
#define TALLY_TESTS_FAKES_RANKING_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counter-service/aggregator/aggregator_all.h"
#include "tests/fakes/store_fixture.h"

struct ranking_event {
    int64_t ms;
    int resource; /* "r<number>" */
    int64_t delta;
};

struct ranking_fixture {
    struct store_fixture *store;
    int partition;
    struct config config; /* the store's, with rankings of "like" */
    struct ranking_config ranking;
    struct outbox_conn conn; /* the writer's */
    /* what happened */
    struct ranking_event *events;
    size_t event_count;
    int64_t *counters; /* of resource_max resources */
    int resource_max;
    int64_t now_ms;  /* of the last entry */
    uint64_t number; /* of the last event in the outbox */
};

/* All calendar windows, "all" and rolling ones of an hour and a day; keep is small. The store is opened anew. */
struct ranking_fixture *ranking_fixture_open(struct store_fixture *store, int resource_max, int keep);
/* The same of one of several partitions; the store is open, and keeps events. */
struct ranking_fixture *ranking_fixture_open_partition(struct store_fixture *store, int partition, int resource_max,
                                                       int keep);
void ranking_fixture_free(struct ranking_fixture *fixture);

/* Another instance of the service connects, and stays, instead of the one that runs. keeps_events: it adds events to
 * the outbox. */
void ranking_fixture_open_store(struct ranking_fixture *fixture, bool keeps_events);

/* One entry of the outbox at the time, which the counters have too. */
void ranking_fixture_write(struct ranking_fixture *fixture, int64_t ms, const struct ranking_event *events,
                           size_t count);
/* The same, but the entry is dropped before anybody reads it. */
void ranking_fixture_drop(struct ranking_fixture *fixture, int64_t ms, const struct ranking_event *events,
                          size_t count);

/* One entry with one event, or entries with one for each of the first `count` resources: i gets delta + i. */
void ranking_fixture_write_one(struct ranking_fixture *fixture, int64_t ms, int resource, int64_t delta);
void ranking_fixture_write_each(struct ranking_fixture *fixture, int64_t ms, int count, int64_t delta);
/* Ahead of the clock, which would otherwise move the windows on. */
int64_t ranking_fixture_start_ms(void);

/* An aggregator that has the lease at once: what it does for the one partition. */
struct aggregator_run *ranking_fixture_start(struct ranking_fixture *fixture);
/* A turn of the aggregator. Returns how long it would sleep, in ms. */
int ranking_fixture_turn(struct aggregator_run *run);
/* What has failed is tried again at once. */
void ranking_fixture_hurry(struct aggregator_run *run);
/* It stops in good order; it is still to be killed. */
void ranking_fixture_finish(struct aggregator_run *run);
/* It is killed: nothing is given up. */
void ranking_fixture_kill(struct aggregator_run *run);
/* The next turn does one step of upkeep, if it comes to it. */
void ranking_fixture_upkeep_is_due(struct aggregator_run *run);
/* Turns until every event is counted and nothing is left to do. */
void ranking_fixture_settle(struct aggregator_run *run);

/* The window of that name; there is one. */
struct ranked_window *ranking_fixture_window(struct aggregator_run *run, const char *name);
/* Events before that time may be missing in its running top. */
int64_t ranking_fixture_since(struct aggregator_run *run, const char *name);
/* Its running top has every event, and is not being made. */
bool ranking_fixture_is_whole(const struct ranked_window *ranked);

/* Compares every top of the running and the former periods, and every sum, with a count of all events. */
void ranking_fixture_compare(struct ranking_fixture *fixture, const struct aggregator_run *run);

#endif
