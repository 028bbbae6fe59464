/* Reads one topic of Kafka from given offsets on, partition by partition as they come. It is no member of a group, and
 * commits nothing: the library only wants a name for one.
 *
 *     create ──> partitions ──> range of each ──> assign ──> { next ... pause } ──> free
 *
 * One thread. librdkafka has threads of its own, which run nothing of ours. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_CONSUMER_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_CONSUMER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/config/config.h"

struct kafka_consumer;

/* Of kafka.topic. config outlives the consumer. Connects in the background. Returns NULL with error filled. */
struct kafka_consumer *kafka_consumer_create(const struct config *config, const char *group, struct error *error)
    MUST_CHECK;
/* Blocks for some milliseconds. NULL is fine. */
void kafka_consumer_free(struct kafka_consumer *consumer);

/* How many partitions the topic has. Returns 0, or -1 with error filled: it is not there, or no broker answered. */
int kafka_consumer_partitions(struct kafka_consumer *consumer, int timeout_ms, size_t *ret_count, struct error *error)
    MUST_CHECK;

/* What a partition holds: offsets from `low` on that are less than `high`. */
struct kafka_range {
    int64_t low;
    int64_t high;
};
int kafka_consumer_range(struct kafka_consumer *consumer, size_t partition, int timeout_ms,
                         struct kafka_range *ret_range, struct error *error) MUST_CHECK;

/* Starts reading partitions 0 to count-1, each from its offset on. Once. */
int kafka_consumer_assign(struct kafka_consumer *consumer, const int64_t *offsets, size_t count, struct error *error)
    MUST_CHECK;
/* Ends the reading of a partition. Messages of it may still come. */
void kafka_consumer_pause(struct kafka_consumer *consumer, size_t partition);

enum kafka_next {
    KAFKA_MESSAGE,
    KAFKA_PARTITION_END, /* all there is of the partition was returned; more may come later */
    KAFKA_NOTHING,       /* in time */
    KAFKA_FAILED         /* error says why: the consumer is of no more use */
};

/* Valid until the next call, and so are its headers. */
struct kafka_received {
    size_t partition;
    int64_t offset; /* of KAFKA_PARTITION_END: of the message that will come next */
    struct text key;
    struct text value; /* .data is NULL if there is none */
};

enum kafka_next kafka_consumer_next(struct kafka_consumer *consumer, int timeout_ms,
                                    struct kafka_received *ret_received, struct error *error) MUST_CHECK;
/* The last header of this name of the message that kafka_consumer_next returned last; .data is NULL if it has none. */
struct text kafka_consumer_header(const struct kafka_consumer *consumer, const char *name);
/* What the library complained of last; "" for nothing. Valid until the next call. */
const char *kafka_consumer_trouble(const struct kafka_consumer *consumer);

#endif
