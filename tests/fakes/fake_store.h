/* A store that does what a test says, on a thread of its own. The test's own file defines store_submit, as a call of
 * fake_store_submit, and store_partitions, if it is linked with whoever asks for it. */
#ifndef TALLY_TESTS_FAKES_FAKE_STORE_H
#define TALLY_TESTS_FAKES_FAKE_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counter-service/store/store.h"

struct fake_store {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t worker;
    struct store_call *first;
    struct store_call **last;
    size_t submitted;
    int64_t deadline_us;     /* of the last call */
    enum status refuses;     /* what store_submit says */
    enum status call_status; /* of the calls taken */
    enum status item_status; /* of their valid items; their values are a hundred times the delta */
    bool holds;              /* calls stay unanswered */
    int64_t ranking_total;   /* see fake_store_rank */
    int64_t ranking_floor;
    atomic_int partitions; /* 1 unless the test sets it */
    int failing;           /* the partition that call_status is of; -1: all */
    uint64_t asked_total;  /* partitions that were asked for a total, as bits */
    bool stopped;          /* calls left were answered STATUS_DRAINING */
};

void fake_store_start(struct fake_store *store);
/* Once more is fine. */
void fake_store_stop(struct fake_store *store);
enum status fake_store_submit(struct fake_store *store, struct store_call *call);

/* From now on. */
void fake_store_set(struct fake_store *store, enum status refuses, enum status call_status, enum status item_status);
void fake_store_hold(struct fake_store *store, bool holds);
/* Rankings have post-17, in its partition, with the number of calls so far as its score. Others have the total, and are
 * outside the best unless it is above the floor: then a read of the order finds the resource that is asked about, in
 * its partition. */
void fake_store_rank(struct fake_store *store, int64_t total, int64_t floor);
/* From now on the status of calls about rankings is that of one partition only. */
void fake_store_fail_partition(struct fake_store *store, int partition);
/* Which partitions were asked for a total so far, as bits. */
uint64_t fake_store_asked_total(struct fake_store *store);

size_t fake_store_submitted(struct fake_store *store);
int64_t fake_store_deadline_us(struct fake_store *store);
/* Waits until that many calls have come. */
void fake_store_wait(struct fake_store *store, size_t count);

#endif
