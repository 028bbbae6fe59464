/* A producer for one topic of Kafka: idempotent, acknowledged by all replicas in sync, in order, and never giving a
 * message up by itself. It is for one stretch of messages in order: after a failure that the library cannot mend the
 * producer is freed, and a new one starts again at the first message that was not acknowledged.
 *
 *     create ──> { send ... poll ──> on_acknowledged in any order } ──> free
 *                                └─> KAFKA_ENDED: free, and start again
 *
 * When a message fails, those behind it in its partition of the topic do not arrive: no key sees its messages out of
 * order, but for those of before once more. The library may send one request behind the failed one, which a broker
 * refuses by its sequence number if it knows the producer. So a message to a partition that may not know it
 * (kafka_partitions.h) is sent alone: kafka_producer_send takes nothing more until it is acknowledged.
 *
 * One thread, on which on_acknowledged is called and the library's log is written too. librdkafka has threads of its
 * own, which run nothing of ours but the choice of a message's partition. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/config/config.h"

struct kafka_producer;

enum { KAFKA_HEADERS_MAX = 16 }; /* of a message */

struct kafka_message {
    struct text key; /* chooses the partition; .data is not NULL */
    struct text value;
    const struct named_text *headers;
    size_t header_count; /* KAFKA_HEADERS_MAX at most */
    void *tag;           /* what on_acknowledged gets */
};

/* All replicas in sync have the message. Called by kafka_producer_poll, also for messages of a producer that has ended.
 * It must not call the producer. */
typedef void (*kafka_on_acknowledged)(void *ctx, void *tag);

struct kafka_producer_options {
    const struct config *config; /* outlives the producer */
    /* Bound of what one request may hold for a partition; 0 is the library's own. A broker or topic that takes less
     * refuses the whole request: then the next producer is made with less (kafka_producer_batch_too_large). */
    int batch_messages_max;
    kafka_on_acknowledged on_acknowledged;
    void *ctx;
};

/* Connects in the background. Returns NULL with error filled: a setting that librdkafka refuses, out of memory. */
struct kafka_producer *kafka_producer_create(const struct kafka_producer_options *options, struct error *error)
    MUST_CHECK;
/* Drops what is not acknowledged: it may or may not have arrived, and on_acknowledged is not called any more. Blocks
 * for some milliseconds, for a second and more if a broker keeps the library waiting. NULL is fine. */
void kafka_producer_free(struct kafka_producer *producer);

enum kafka_outcome {
    KAFKA_OK,
    KAFKA_FULL, /* nothing was taken: poll, and send it again */
    KAFKA_ENDED /* error says why, or, for kafka_producer_send, the next poll does: the producer takes nothing more */
};

/* Copies key, value and headers. */
enum kafka_outcome kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message) MUST_CHECK;
/* Waits timeout_ms at most for what librdkafka has to say, and calls on_acknowledged. Returns KAFKA_OK, or KAFKA_ENDED
 * with error filled. */
enum kafka_outcome kafka_producer_poll(struct kafka_producer *producer, int timeout_ms, struct error *error) MUST_CHECK;
/* After KAFKA_ENDED: whether it was since a request was larger than the broker or the topic takes. */
bool kafka_producer_batch_too_large(const struct kafka_producer *producer);
/* How many messages were sent and are neither acknowledged nor given back. */
size_t kafka_producer_unacknowledged(const struct kafka_producer *producer);
/* What keeps messages from being acknowledged at the moment, in the library's words ("no broker can be reached: ..."):
 * "" if nothing is known to. The library goes on trying; it is "" again after an acknowledgement, and after
 * kafka_topic_ensure. Valid until the next call. */
const char *kafka_producer_trouble(const struct kafka_producer *producer);

#endif
