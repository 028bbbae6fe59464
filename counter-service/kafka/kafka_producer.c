#include "counter-service/kafka/kafka_producer.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_log.h"
#include "counter-service/kafka/kafka_producer_inside.h"
#include "counter-service/kafka/kafka_producer_settings.h"

enum { FREE_TIMEOUT_MS = 1000, FREE_POLL_MS = 10 };

struct kafka_producer {
    /* immutable after create */
    struct kafka_producer_options options;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;

    struct kafka_log log; /* also the callbacks' opaque */
    size_t unacknowledged;
    bool is_freed; /* purged messages are no failures any more */
    bool has_ended;
    struct error end; /* why, when has_ended */
    bool batch_too_large;
    bool all_brokers_down;
    struct error trouble; /* "" for none */
};

static struct kafka_producer *producer_of(void *opaque)
{
    return CONTAINER_OF(opaque, struct kafka_producer, log);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* The first reason stays. */
static void end(struct kafka_producer *producer, rd_kafka_resp_err_t code)
{
    char fatal[256];
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        producer->batch_too_large = true;
    }
    if (producer->has_ended) {
        return;
    }
    producer->has_ended = true;
    if (code == RD_KAFKA_RESP_ERR__FATAL &&
        rd_kafka_fatal_error(producer->client, fatal, sizeof(fatal)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(&producer->end, "the producer for topic %s has failed: %s", producer->options.config->kafka.topic,
                  fatal);
    } else {
        error_set(&producer->end, "topic %s did not take a message: %s", producer->options.config->kafka.topic,
                  rd_kafka_err2str(code));
    }
}

/* ---- what the library says, in kafka_producer_poll ----------------------------------------------------------------
 */

static void take_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_producer *producer = producer_of(opaque);
    (void)client;
    assert(producer->unacknowledged > 0);
    producer->unacknowledged--;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->all_brokers_down = false;
        producer->trouble.message[0] = '\0';
        producer->options.on_acknowledged(producer->options.ctx, message->_private);
    } else if (!producer->is_freed) {
        end(producer, message->err);
    }
}

/* The library goes on trying; "all brokers are down" alone would hide why. */
static void set_trouble(struct kafka_producer *producer, rd_kafka_resp_err_t code, const char *reason)
{
    static const char prefix[] = "no broker can be reached: ";
    const struct error before = producer->trouble;
    const bool had_prefix = producer->all_brokers_down;
    producer->all_brokers_down = had_prefix || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        error_set(&producer->trouble, "%s%s", producer->all_brokers_down ? prefix : "", reason);
    } else if (!had_prefix) {
        error_set(&producer->trouble, "%s%s", prefix, before.message[0] != '\0' ? before.message : reason);
    }
}

static void take_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    struct kafka_producer *producer = producer_of(opaque);
    char fatal[256];
    if (error != RD_KAFKA_RESP_ERR__FATAL) {
        set_trouble(producer, error, reason);
    } else if (rd_kafka_fatal_error(client, fatal, sizeof(fatal)) != RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE) {
        end(producer, RD_KAFKA_RESP_ERR__FATAL);
    } /* else the report of the message that was refused follows, with the reason */
}

/* ---- create and free --------------------------------------------------------------------------------------------- */

static rd_kafka_conf_t *create_settings(struct kafka_producer *producer, struct error *error)
{
    rd_kafka_conf_t *settings =
        kafka_producer_settings_create(producer->options.config, producer->options.batch_messages_max, error);
    if (settings == NULL) {
        return NULL;
    }
    if (kafka_log_attach(&producer->log, settings, error) != 0) {
        rd_kafka_conf_destroy(settings);
        return NULL;
    }
    rd_kafka_conf_set_dr_msg_cb(settings, take_report);
    rd_kafka_conf_set_error_cb(settings, take_error);
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
        rd_kafka_poll(producer->client, FREE_POLL_MS);
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
    free(producer);
}

/* ---- sending ------------------------------------------------------------------------------------------------------
 */

/* Fills parts; returns how many. The library's types lack const: it copies. */
static size_t describe(const struct kafka_producer *producer, const struct kafka_message *message, rd_kafka_vu_t *parts)
{
    rd_kafka_vu_t *part = parts;
    part->vtype = RD_KAFKA_VTYPE_RKT;
    (part++)->u.rkt = producer->topic;
    part->vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    (part++)->u.i = RD_KAFKA_MSG_F_COPY;
    part->vtype = RD_KAFKA_VTYPE_KEY;
    part->u.mem.ptr = (void *)message->key.data;
    (part++)->u.mem.size = message->key.len;
    part->vtype = RD_KAFKA_VTYPE_VALUE;
    part->u.mem.ptr = (void *)message->value.data;
    (part++)->u.mem.size = message->value.len;
    part->vtype = RD_KAFKA_VTYPE_OPAQUE;
    (part++)->u.ptr = message->tag;
    for (size_t i = 0; i < message->header_count; i++) {
        part->vtype = RD_KAFKA_VTYPE_HEADER;
        part->u.header.name = message->headers[i].name;
        part->u.header.val = message->headers[i].value.data;
        (part++)->u.header.size = (ssize_t)message->headers[i].value.len;
    }
    return (size_t)(part - parts);
}

enum kafka_outcome kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message)
{
    enum { PARTS_WITHOUT_HEADERS = 5 };
    rd_kafka_vu_t parts[PARTS_WITHOUT_HEADERS + KAFKA_HEADERS_MAX];
    assert(message->header_count <= KAFKA_HEADERS_MAX);
    if (producer->has_ended) {
        return KAFKA_ENDED;
    }
    rd_kafka_error_t *refused = rd_kafka_produceva(producer->client, parts, describe(producer, message, parts));
    if (refused == NULL) {
        producer->unacknowledged++;
        return KAFKA_OK;
    }
    const rd_kafka_resp_err_t code = rd_kafka_error_code(refused);
    rd_kafka_error_destroy(refused);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return KAFKA_FULL;
    }
    end(producer, code);
    return KAFKA_ENDED;
}

enum kafka_outcome kafka_producer_poll(struct kafka_producer *producer, int timeout_ms, struct error *error)
{
    rd_kafka_poll(producer->client, producer->has_ended ? 0 : timeout_ms);
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
    return producer->unacknowledged == 0 ? "" : producer->trouble.message;
}

const char *kafka_producer_last_trouble(const struct kafka_producer *producer)
{
    return producer->trouble.message;
}

rd_kafka_t *kafka_producer_client(const struct kafka_producer *producer)
{
    return producer->client;
}

rd_kafka_topic_t *kafka_producer_topic(const struct kafka_producer *producer)
{
    return producer->topic;
}

const struct config *kafka_producer_config(const struct kafka_producer *producer)
{
    return producer->options.config;
}
