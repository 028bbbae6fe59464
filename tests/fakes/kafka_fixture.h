/* librdkafka's mock cluster, for tests of what talks to Kafka. It knows no Admin requests. */
#ifndef TALLY_TESTS_FAKES_KAFKA_FIXTURE_H
#define TALLY_TESTS_FAKES_KAFKA_FIXTURE_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "common/base/text.h"
#include "common/config/config.h"
#include "counter-service/kafka/kafka_producer.h"

#define KAFKA_FIXTURE_TOPIC "events"

struct kafka_fixture {
    rd_kafka_t *host; /* the cluster runs on its threads */
    rd_kafka_mock_cluster_t *cluster;
    struct config *config;
    rd_kafka_t *producer; /* of kafka_fixture_produce; NULL: none yet */
};

/* Starts brokers (from 1), creates the topic with partitions, and makes the configuration: options is YAML of
 * kafka.options ("[linger.ms=0]"), NULL for none. */
void kafka_fixture_start(struct kafka_fixture *fixture, int brokers, int partitions, const char *options);
void kafka_fixture_stop(struct kafka_fixture *fixture);
/* All brokers. */
void kafka_fixture_set_down(struct kafka_fixture *fixture, int brokers);
void kafka_fixture_set_up(struct kafka_fixture *fixture, int brokers);
/* Polls producer while it takes nothing. */
enum kafka_outcome kafka_fixture_send(struct kafka_producer *producer, const struct kafka_message *message);
/* Reads partition from its beginning to its end, and calls take for each message. Returns how many they were. */
size_t kafka_fixture_read(struct kafka_fixture *fixture, int partition,
                          void (*take)(void *ctx, const rd_kafka_message_t *message), void *ctx);
/* Puts a message into a partition; header NULL: none; a text with .data NULL: none. Those before a flush may arrive
 * later. */
void kafka_fixture_produce(struct kafka_fixture *fixture, int partition, struct text key, struct text value,
                           const char *header, const char *header_value);
void kafka_fixture_flush(struct kafka_fixture *fixture);

#endif
