#include "counter-service/kafka/kafka_producer_settings.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

/* kafka.options may have other values. No topic is created behind Tally's back: it would have the broker's number of
 * partitions (kafka_topic.h). */
const struct kafka_setting kafka_producer_defaults[] = {
    {"linger.ms", "5"},
    {"compression.type", "lz4"},
    {"socket.timeout.ms", "10000"},
    {"reconnect.backoff.max.ms", "1000"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

/* When a message is refused for good, no later one is sent but for the request that the library has ready
 * (kafka_partitions.h says why that does not arrive): that is the guarantee without gaps. One request in flight to a
 * broker: before Kafka 4.5 a broker takes any first sequence number of a producer in a partition (KAFKA-15591). It may
 * refuse the first request, since it does not know yet that it leads the partition, and then take the second one; the
 * library takes that for an acknowledgement of both. */
const struct kafka_setting kafka_producer_fixed[] = {
    {"enable.idempotence", "true"},
    {"enable.gapless.guarantee", "true"},
    {"acks", "all"},
    {"max.in.flight", "1"},
    {"message.timeout.ms", "0"},
    {"partitioner", "murmur2_random"}, /* the producer's own callback asks it (kafka_producer.c) */
    {"queue.buffering.max.messages", "10000"},
    {NULL, NULL},
};

/* The smaller of both: kafka.options may have one too. */
static int bound_batch(rd_kafka_conf_t *settings, int messages_max, struct error *error)
{
    char text[32];
    size_t size = sizeof(text);
    if (messages_max == 0 || (rd_kafka_conf_get(settings, "batch.num.messages", text, &size) == RD_KAFKA_CONF_OK &&
                              strtol(text, NULL, 10) <= messages_max)) {
        return 0;
    }
    snprintf(text, sizeof(text), "%d", messages_max);
    return kafka_settings_set(settings, "batch.num.messages", text, error);
}

rd_kafka_conf_t *kafka_producer_settings_create(const struct config *config, int batch_messages_max,
                                                struct error *error)
{
    rd_kafka_conf_t *settings = kafka_settings_create(config, kafka_producer_defaults, kafka_producer_fixed, error);
    if (settings != NULL && bound_batch(settings, batch_messages_max, error) != 0) {
        rd_kafka_conf_destroy(settings);
        return NULL;
    }
    return settings;
}
