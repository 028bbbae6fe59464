#include "counter-service/kafka/kafka_producer.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_producer_inside.h"
#include "counter-service/kafka/kafka_producer_settings.h"

enum {
    FREE_TIMEOUT_MS = 1000,
    GAP_TIMEOUT_MS = 1000, /* for the report of a refused message: it is in the queue, or comes at once */
    STEP_MS = 10,
};

/* ---- partitions -------------------------------------------------------------------------------------------------- */

/* Of the message that this thread is giving to the library. */
static _Thread_local int32_t chosen_partition;

/* Called by the library: within rd_kafka_produceva, or later on a thread of its own, if it did not know the topic. */
static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t len, int32_t count,
                                void *topic_ctx, void *tag)
{
    chosen_partition = rd_kafka_msg_partitioner_murmur2_random(topic, key, len, count, topic_ctx, tag);
    return chosen_partition;
}

/* ---- create and free --------------------------------------------------------------------------------------------- */

static rd_kafka_conf_t *create_settings(struct kafka_producer *producer, struct error *error)
{
    rd_kafka_conf_t *settings =
        kafka_producer_settings_create(producer->options.config, producer->options.batch_messages_max, error);
    if (settings == NULL) {
        return NULL;
    }
    rd_kafka_topic_conf_t *topic_settings = rd_kafka_conf_get_default_topic_conf(settings);
    assert(topic_settings != NULL); /* acks is one of them */
    rd_kafka_topic_conf_set_partitioner_cb(topic_settings, choose_partition);
    if (kafka_producer_listen(producer, settings, error) != 0) {
        rd_kafka_conf_destroy(settings);
        return NULL;
    }
    return settings;
}

static int start(struct kafka_producer *producer, struct error *error)
{
    char reason[256];
    rd_kafka_conf_t *settings = create_settings(producer, error);
    if (settings == NULL) {
        return -1;
    }
    producer->client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, reason, sizeof(reason));
    if (producer->client == NULL) {
        rd_kafka_conf_destroy(settings); /* otherwise the client owns them */
        error_set(error, "kafka: librdkafka does not take the settings: %s", reason);
        return -1;
    }
    kafka_log_start(producer->client);
    producer->topic = rd_kafka_topic_new(producer->client, producer->options.config->kafka.topic, NULL);
    if (producer->topic == NULL) {
        error_set(error, "kafka.topic: %s", rd_kafka_err2str(rd_kafka_last_error()));
        return -1;
    }
    return 0;
}

struct kafka_producer *kafka_producer_create(const struct kafka_producer_options *options, struct error *error)
{
    assert(options->on_acknowledged != NULL && options->batch_messages_max >= 0);
    struct kafka_producer *producer = calloc(1, sizeof(*producer));
    if (producer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    producer->options = *options;
    if (start(producer, error) != 0) {
        kafka_producer_free(producer);
        return NULL;
    }
    return producer;
}

/* The library gives every message back, acknowledged or purged. */
static void give_up(struct kafka_producer *producer)
{
    const int64_t deadline_us = clock_monotonic_us() + FREE_TIMEOUT_MS * 1000;
    producer->is_freed = true;
    producer->log.is_quiet = true;
    rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(producer->client) > 0 && clock_monotonic_us() < deadline_us) {
        rd_kafka_poll(producer->client, STEP_MS);
    }
}

void kafka_producer_free(struct kafka_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    if (producer->client != NULL) {
        give_up(producer);
    }
    if (producer->topic != NULL) {
        rd_kafka_topic_destroy(producer->topic);
    }
    if (producer->client != NULL) {
        rd_kafka_destroy(producer->client);
    }
    kafka_partitions_done(&producer->partitions);
    free(producer);
}

/* ---- sending ------------------------------------------------------------------------------------------------------
 */

/* NULL if there are none, or when out of memory. */
static rd_kafka_headers_t *create_headers(const struct kafka_message *message)
{
    rd_kafka_headers_t *headers = message->header_count > 0 ? rd_kafka_headers_new(message->header_count) : NULL;
    for (size_t i = 0; headers != NULL && i < message->header_count; i++) {
        const struct text value = message->headers[i].value;
        rd_kafka_header_add(headers, message->headers[i].name, -1, value.data, (ssize_t)value.len);
    }
    return headers;
}

/* Returns NULL; or the library's refusal, and then headers are still the caller's. *ret_partition: where it goes;
 * RD_KAFKA_PARTITION_UA: that is not known yet. The library's types lack const: it copies. Headers are given as a
 * whole: librdkafka 2.0.2 frees those that are given one by one twice, if it refuses the message since the topic is
 * gone. */
static rd_kafka_error_t *produce(const struct kafka_producer *producer, const struct kafka_message *message,
                                 rd_kafka_headers_t *headers, int32_t *ret_partition)
{
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = producer->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)message->key.data, message->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)message->value.data, message->value.len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = message->tag},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    const size_t count = sizeof(parts) / sizeof(parts[0]) - (headers == NULL ? 1 : 0);
    chosen_partition = RD_KAFKA_PARTITION_UA;
    rd_kafka_error_t *refused = rd_kafka_produceva(producer->client, parts, count);
    *ret_partition = chosen_partition;
    return refused;
}

enum kafka_outcome kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message)
{
    if (producer->has_ended || producer->has_gap) {
        return KAFKA_ENDED;
    }
    if (producer->is_alone) {
        return KAFKA_FULL;
    }
    rd_kafka_headers_t *headers = create_headers(message);
    if (headers == NULL && message->header_count > 0) {
        return KAFKA_FULL;
    }
    int32_t partition;
    rd_kafka_error_t *refused = produce(producer, message, headers, &partition);
    if (refused == NULL) {
        producer->unacknowledged++;
        producer->is_alone = !kafka_partitions_know(&producer->partitions, partition, clock_boottime_us());
        producer->alone_partition = partition;
        return KAFKA_OK;
    }
    const rd_kafka_resp_err_t code = rd_kafka_error_code(refused);
    rd_kafka_error_destroy(refused);
    if (headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return KAFKA_FULL;
    }
    kafka_producer_end(producer, code);
    return KAFKA_ENDED;
}

/* What is alone does not linger: a flush sends it at once, and calls back as a poll does. */
static void serve(const struct kafka_producer *producer, int timeout_ms)
{
    if (producer->is_alone) {
        rd_kafka_flush(producer->client, timeout_ms);
    } else {
        rd_kafka_poll(producer->client, timeout_ms);
    }
}

static void wait_for_reason(struct kafka_producer *producer)
{
    const int64_t deadline_us = clock_monotonic_us() + GAP_TIMEOUT_MS * 1000;
    while (!producer->has_ended && clock_monotonic_us() < deadline_us) {
        rd_kafka_poll(producer->client, STEP_MS);
    }
    if (!producer->has_ended) {
        kafka_producer_end_unexplained(producer);
    }
}

enum kafka_outcome kafka_producer_poll(struct kafka_producer *producer, int timeout_ms, struct error *error)
{
    serve(producer, producer->has_ended ? 0 : timeout_ms);
    if (producer->has_gap) {
        wait_for_reason(producer);
    }
    if (!producer->has_ended) {
        return KAFKA_OK;
    }
    *error = producer->end;
    return KAFKA_ENDED;
}

/* ---- how it is ----------------------------------------------------------------------------------------------------
 */

bool kafka_producer_batch_too_large(const struct kafka_producer *producer)
{
    return producer->batch_too_large;
}

size_t kafka_producer_unacknowledged(const struct kafka_producer *producer)
{
    return producer->unacknowledged;
}

const char *kafka_producer_trouble(const struct kafka_producer *producer)
{
    return producer->trouble.sentence.message;
}
