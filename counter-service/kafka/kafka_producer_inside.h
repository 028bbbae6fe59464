/* A producer's insides, for the files of the wing that make it up, and for tests. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_INSIDE_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_INSIDE_H

#include "counter-service/kafka/kafka_log.h"
#include "counter-service/kafka/kafka_partitions.h"
#include "counter-service/kafka/kafka_producer.h"
#include "counter-service/kafka/kafka_trouble.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_topic_s;

struct kafka_producer {
    /* immutable after create */
    struct kafka_producer_options options;
    struct rd_kafka_s *client;
    struct rd_kafka_topic_s *topic;

    struct kafka_log log; /* also the opaque of the callbacks */
    size_t unacknowledged;
    struct kafka_partitions partitions;
    bool is_alone; /* nothing may be sent: a message is out to a partition that may not know the producer */
    int32_t alone_partition;
    bool is_freed;  /* what becomes of messages is told to nobody any more */
    bool has_gap;   /* a message was refused: its report, which says why, is on its way */
    bool has_ended; /* for the reason in end */
    struct error end;
    bool batch_too_large;
    struct kafka_trouble trouble;
};

/* Before the client is made: what the library says comes to the producer, when the client is polled. Returns 0, or -1
 * with error filled. */
int kafka_producer_listen(struct kafka_producer *producer, struct rd_kafka_conf_s *settings, struct error *error)
    MUST_CHECK;
/* The producer takes nothing more. code: rd_kafka_resp_err_t. Where it only says that a message before was refused, the
 * reason is still to come: has_gap. Otherwise has_ended; the first reason stays. */
void kafka_producer_end(struct kafka_producer *producer, int code);
/* Nothing more is waited for: ends for a gap with what is known. */
void kafka_producer_end_unexplained(struct kafka_producer *producer);

#endif
