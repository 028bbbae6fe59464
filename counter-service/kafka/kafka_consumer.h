/* Reads the partitions of kafka.topic from given offsets, each to its end and on. No consumer group: nothing is
 * committed, nobody shares the partitions, and the caller keeps what it has read.
 *
 *     create ──> partitions ──> ends ──> assign ──> { next } ... ──> free
 *
 * Messages of a partition come in order, those of different partitions in any. One thread; librdkafka has threads of
 * its own, which run nothing of ours. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_CONSUMER_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/config/config.h"

struct kafka_consumer;

enum { KAFKA_FROM_BEGINNING = -1 }; /* in place of an offset: the oldest message that Kafka still has */

/* Connects in the background. config outlives the consumer. Returns NULL with error filled. */
struct kafka_consumer *kafka_consumer_create(const struct config *config, struct error *error) MUST_CHECK;
/* NULL is fine. */
void kafka_consumer_free(struct kafka_consumer *consumer);

/* How many partitions the topic has. Blocks for timeout_ms at most. Returns 0, or -1 with error filled. */
int kafka_consumer_partitions(struct kafka_consumer *consumer, int timeout_ms, int *ret_count, struct error *error)
    MUST_CHECK;
/* The offsets of a partition at this moment: of the oldest message that is kept, and behind the newest; both are the
 * same where there is none. Blocks for timeout_ms at most. Returns 0, or -1 with error filled. */
int kafka_consumer_ends(struct kafka_consumer *consumer, int partition, int timeout_ms, int64_t *ret_first,
                        int64_t *ret_end, struct error *error) MUST_CHECK;
/* What hinders the consumer at present, or "": brokers that cannot be reached, a partition that cannot be read. It goes
 * on trying. Valid until the next call. */
const char *kafka_consumer_trouble(const struct kafka_consumer *consumer);
/* From now on partitions 0 to count - 1 are read, each from its element of offsets, or KAFKA_FROM_BEGINNING. Again is
 * fine. Returns 0, or -1 with error filled. */
int kafka_consumer_assign(struct kafka_consumer *consumer, const int64_t *offsets, int count, struct error *error)
    MUST_CHECK;
/* An assigned partition is read no more. Messages of it that were read ahead may still come. */
void kafka_consumer_pause(struct kafka_consumer *consumer, int partition);

/* Valid until the next call of kafka_consumer_next or kafka_consumer_free. */
struct kafka_received {
    int partition;
    int64_t offset;
    struct text key;    /* empty if it has none */
    struct text value;  /* empty if it has none */
    const void *native; /* the module's own */
};

enum kafka_next {
    KAFKA_MESSAGE,
    KAFKA_AT_END,  /* everything of partition is read, up to offset; later messages come nevertheless */
    KAFKA_NOTHING, /* in this time; also while brokers are away: kafka_consumer_trouble says so */
    KAFKA_FAILED,  /* error says why: an offset that Kafka has no more, a topic that is gone or may not be read */
};

/* Waits timeout_ms at most. */
enum kafka_next kafka_consumer_next(struct kafka_consumer *consumer, int timeout_ms,
                                    struct kafka_received *ret_received, struct error *error) MUST_CHECK;
/* Of a KAFKA_MESSAGE: the value of its last header of that name. False: it has none. */
bool kafka_received_header(const struct kafka_received *received, const char *name, struct text *ret_value);

#endif
