/* Writes entries into the outboxes of any partition of a real Redis, for tests, as the write script does. Functions
 * fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_OUTBOX_WRITER_H
#define TALLY_TESTS_FAKES_OUTBOX_WRITER_H

#include <stdint.h>

#include "counter-service/redis/redis_conn.h"
#include "tests/fakes/redis_process.h"

enum { OUTBOX_WRITER_PARTITIONS = 64 };

struct outbox_writer {
    struct redis_conn *conn;
    uint64_t numbers[OUTBOX_WRITER_PARTITIONS]; /* of the last events */
};

/* The Redis becomes a store, if it is none: its id is always the same. */
void outbox_writer_open(struct outbox_writer *writer, struct redis_process *redis);
void outbox_writer_close(struct outbox_writer *writer);
/* After Redis was started again. */
void outbox_writer_reopen(struct outbox_writer *writer, struct redis_process *redis);

/* One entry of `count` events of resource "p<partition>", of type "like", by 1 each; their values are their numbers. */
void outbox_writer_add(struct outbox_writer *writer, int partition, int count);

#endif
