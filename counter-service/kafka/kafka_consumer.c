#include "counter-service/kafka/kafka_consumer.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "counter-service/kafka/kafka_log.h"
#include "counter-service/kafka/kafka_settings.h"
#include "counter-service/kafka/kafka_topic_refusal.h"

struct kafka_consumer {
    /* immutable after create */
    const struct config *config;
    rd_kafka_t *client;

    struct kafka_log log; /* also the callbacks' opaque; what is wrong is told by the functions */
    rd_kafka_message_t *message;
    struct error trouble; /* "" for none */
};

static const struct kafka_setting defaults[] = {
    {"socket.timeout.ms", "10000"},
    {"reconnect.backoff.max.ms", "1000"},
    {"queued.max.messages.kbytes", "16384"},
    {NULL, NULL},
};

/* Where a message is gone that is asked for, reading ends, rather than going on with another one. Transactions of
 * others must not hold the end of a partition back. */
static const struct kafka_setting fixed[] = {
    {"enable.auto.commit", "false"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},
    {"check.crcs", "true"},
    {"isolation.level", "read_uncommitted"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

/* The library goes on trying. */
static void take_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct kafka_consumer *consumer = CONTAINER_OF(opaque, struct kafka_consumer, log);
    (void)client;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || consumer->trouble.message[0] == '\0') {
        error_set(&consumer->trouble, "%s", reason);
    }
}

/* ---- create and free --------------------------------------------------------------------------------------------- */

static rd_kafka_conf_t *create_settings(struct kafka_consumer *consumer, const char *group, struct error *error)
{
    rd_kafka_conf_t *settings = kafka_settings_create(consumer->config, defaults, fixed, error);
    if (settings == NULL) {
        return NULL;
    }
    if (kafka_settings_set(settings, "group.id", group, error) != 0 ||
        kafka_log_attach(&consumer->log, settings, error) != 0) {
        rd_kafka_conf_destroy(settings);
        return NULL;
    }
    rd_kafka_conf_set_error_cb(settings, take_error);
    return settings;
}

static int start(struct kafka_consumer *consumer, const char *group, struct error *error)
{
    char reason[256];
    rd_kafka_conf_t *settings = create_settings(consumer, group, error);
    if (settings == NULL) {
        return -1;
    }
    consumer->client = rd_kafka_new(RD_KAFKA_CONSUMER, settings, reason, sizeof(reason));
    if (consumer->client == NULL) {
        rd_kafka_conf_destroy(settings); /* otherwise the client owns them */
        error_set(error, "kafka: librdkafka does not take the settings: %s", reason);
        return -1;
    }
    kafka_log_start(consumer->client);
    /* Errors and log lines come where messages do. */
    rd_kafka_poll_set_consumer(consumer->client);
    return 0;
}

struct kafka_consumer *kafka_consumer_create(const struct config *config, const char *group, struct error *error)
{
    struct kafka_consumer *consumer = calloc(1, sizeof(*consumer));
    if (consumer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    consumer->config = config;
    consumer->log.is_quiet = true;
    if (start(consumer, group, error) != 0) {
        kafka_consumer_free(consumer);
        return NULL;
    }
    return consumer;
}

static void drop_message(struct kafka_consumer *consumer)
{
    if (consumer->message != NULL) {
        rd_kafka_message_destroy(consumer->message);
        consumer->message = NULL;
    }
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    drop_message(consumer);
    if (consumer->client != NULL) {
        rd_kafka_destroy_flags(consumer->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    free(consumer);
}

/* ---- the topic --------------------------------------------------------------------------------------------------- */

/* The library's words for code; better what it has told of the connections. */
static const char *words(struct kafka_consumer *consumer, rd_kafka_resp_err_t code)
{
    /* Serves its news: before a partition is assigned no message comes. */
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->client, 0);
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
    return consumer->trouble.message[0] != '\0' ? consumer->trouble.message : rd_kafka_err2str(code);
}

static void tell_refusal(struct kafka_consumer *consumer, rd_kafka_resp_err_t code, struct error *error)
{
    const char *topic = consumer->config->kafka.topic;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        error_set(error, "topic %s is not there: no event was ever published, or kafka.topic is another one", topic);
    } else if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        error_set(error, "Kafka does not let Tally read topic %s: give its user Describe and Read on the topic", topic);
    } else {
        kafka_topic_look_refused(consumer->config, code, words(consumer, code), error);
    }
}

/* Partitions are numbered from 0 without a gap. */
int kafka_consumer_partitions(struct kafka_consumer *consumer, int timeout_ms, size_t *ret_count, struct error *error)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->client, consumer->config->kafka.topic, NULL);
    if (topic == NULL) {
        error_set(error, "kafka.topic: %s", rd_kafka_err2str(rd_kafka_last_error()));
        return -1;
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(consumer->client, 0, topic, &metadata, timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        assert(metadata->topic_cnt == 1);
        code = metadata->topics[0].err;
        *ret_count = (size_t)metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell_refusal(consumer, code, error);
        return -1;
    }
    return 0;
}

int kafka_consumer_range(struct kafka_consumer *consumer, size_t partition, int timeout_ms,
                         struct kafka_range *ret_range, struct error *error)
{
    struct kafka_range range;
    const char *topic = consumer->config->kafka.topic;
    const rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(consumer->client, topic, (int32_t)partition,
                                                                      &range.low, &range.high, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(error, "what partition %zu of topic %s holds cannot be known: %s", partition, topic,
                  words(consumer, code));
        return -1;
    }
    *ret_range = range;
    return 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

int kafka_consumer_assign(struct kafka_consumer *consumer, const int64_t *offsets, size_t count, struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, consumer->config->kafka.topic, (int32_t)i)->offset = offsets[i];
    }
    const rd_kafka_resp_err_t code = rd_kafka_assign(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(error, "topic %s cannot be read: %s", consumer->config->kafka.topic, rd_kafka_err2str(code));
        return -1;
    }
    return 0;
}

void kafka_consumer_pause(struct kafka_consumer *consumer, size_t partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consumer->config->kafka.topic, (int32_t)partition);
    (void)rd_kafka_pause_partitions(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static enum kafka_next judge(struct kafka_consumer *consumer, struct error *error)
{
    const rd_kafka_message_t *message = consumer->message;
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return KAFKA_MESSAGE;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return KAFKA_PARTITION_END;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: /* the group is not used */
        return KAFKA_NOTHING;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        error_set(error, "messages of topic %s were deleted before they were read: %s", consumer->config->kafka.topic,
                  rd_kafka_message_errstr(message));
        return KAFKA_FAILED;
    default:
        error_set(error, "topic %s cannot be read: %s", consumer->config->kafka.topic,
                  rd_kafka_message_errstr(message));
        return KAFKA_FAILED;
    }
}

enum kafka_next kafka_consumer_next(struct kafka_consumer *consumer, int timeout_ms,
                                    struct kafka_received *ret_received, struct error *error)
{
    drop_message(consumer);
    consumer->message = rd_kafka_consumer_poll(consumer->client, timeout_ms);
    const rd_kafka_message_t *message = consumer->message;
    if (message == NULL) {
        return KAFKA_NOTHING;
    }
    const enum kafka_next next = judge(consumer, error);
    if (next == KAFKA_MESSAGE || next == KAFKA_PARTITION_END) {
        consumer->trouble.message[0] = '\0';
        *ret_received = (struct kafka_received){.partition = (size_t)message->partition, .offset = message->offset};
    }
    if (next == KAFKA_MESSAGE) {
        ret_received->key = (struct text){message->key, message->key_len};
        ret_received->value = (struct text){message->payload, message->len};
    }
    return next;
}

struct text kafka_consumer_header(const struct kafka_consumer *consumer, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    assert(consumer->message != NULL);
    if (rd_kafka_message_headers(consumer->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return (struct text){NULL, 0};
    }
    return (struct text){value, len};
}

const char *kafka_consumer_trouble(const struct kafka_consumer *consumer)
{
    return consumer->trouble.message;
}
