#include "counter-service/kafka/kafka_consumer.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "counter-service/kafka/kafka_log.h"
#include "counter-service/kafka/kafka_settings.h"
#include "counter-service/kafka/kafka_topic_refusal.h"
#include "counter-service/kafka/kafka_trouble.h"

struct kafka_consumer {
    const struct config *config;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    rd_kafka_message_t *message; /* what next has returned; NULL for none */

    struct kafka_log log; /* also the opaque of the callbacks */
    bool is_assigned;     /* news and messages come together from now on */
    bool has_failed;      /* for the reason in failure */
    struct error failure;
    struct kafka_trouble trouble;
};

/* kafka.options may have other values. The library wants a group even where it is not used. Tally uses no transactions:
 * an open one of somebody else must not hide the events behind it. */
static const struct kafka_setting defaults[] = {
    {"group.id", "tally"},
    {"isolation.level", "read_uncommitted"},
    /* What is read ahead: a message takes two or three times its bytes, and they arrive compressed: so it is
     * less than 64 MB, which README.md promises. fetch.max.bytes follows; set, it would have to fit message.max.bytes.
     */
    {"queued.max.messages.kbytes", "8192"},
    {"fetch.message.max.bytes", "65536"},
    {"fetch.wait.max.ms", "100"},
    {"socket.timeout.ms", "10000"},
    {"reconnect.backoff.max.ms", "1000"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

/* An offset that is gone is an error: going on elsewhere would leave messages out and tell nobody. */
static const struct kafka_setting fixed[] = {
    {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "true"}, {"auto.offset.reset", "error"},
    {"check.crcs", "true"},           {NULL, NULL},
};

/* ---- create and free --------------------------------------------------------------------------------------------- */

static void take_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct kafka_consumer *consumer = CONTAINER_OF(opaque, struct kafka_consumer, log);
    (void)client;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        consumer->has_failed = true;
        error_set(&consumer->failure, "topic %s: the consumer has failed: %s", consumer->config->kafka.topic, reason);
    } else {
        kafka_trouble_add(&consumer->trouble, code, reason);
    }
}

static int start(struct kafka_consumer *consumer, struct error *error)
{
    char reason[256];
    rd_kafka_conf_t *settings = kafka_settings_create(consumer->config, defaults, fixed, error);
    if (settings == NULL) {
        return -1;
    }
    if (kafka_log_attach(&consumer->log, settings, error) != 0) {
        rd_kafka_conf_destroy(settings);
        return -1;
    }
    rd_kafka_conf_set_error_cb(settings, take_error);
    consumer->client = rd_kafka_new(RD_KAFKA_CONSUMER, settings, reason, sizeof(reason));
    if (consumer->client == NULL) {
        rd_kafka_conf_destroy(settings); /* otherwise the client owns them */
        error_set(error, "%s: librdkafka does not take the settings of a consumer: %s",
                  consumer->config->kafka.option_count > 0 ? "kafka.options, or another key of kafka" : "kafka",
                  reason);
        return -1;
    }
    kafka_log_start(consumer->client);
    consumer->topic = rd_kafka_topic_new(consumer->client, consumer->config->kafka.topic, NULL);
    if (consumer->topic == NULL) {
        error_set(error, "kafka.topic: %s", rd_kafka_err2str(rd_kafka_last_error()));
        return -1;
    }
    return 0;
}

struct kafka_consumer *kafka_consumer_create(const struct config *config, struct error *error)
{
    struct kafka_consumer *consumer = calloc(1, sizeof(*consumer));
    if (consumer == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    consumer->config = config;
    if (start(consumer, error) != 0) {
        kafka_consumer_free(consumer);
        return NULL;
    }
    return consumer;
}

static void let_message_go(struct kafka_consumer *consumer)
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
    let_message_go(consumer);
    if (consumer->topic != NULL) {
        rd_kafka_topic_destroy(consumer->topic);
    }
    if (consumer->client != NULL) {
        consumer->log.is_quiet = true;
        rd_kafka_consumer_close(consumer->client);
        rd_kafka_destroy(consumer->client);
    }
    free(consumer);
}

/* ---- the topic --------------------------------------------------------------------------------------------------- */

const char *kafka_consumer_trouble(const struct kafka_consumer *consumer)
{
    return consumer->trouble.sentence.message;
}

/* The library's words for code; better what it has told of the connections, which waits in its queue. */
static const char *words(struct kafka_consumer *consumer, rd_kafka_resp_err_t code)
{
    if (!consumer->is_assigned) {
        rd_kafka_poll(consumer->client, 0);
    }
    const char *trouble = kafka_consumer_trouble(consumer);
    return trouble[0] != '\0' ? trouble : rd_kafka_err2str(code);
}

int kafka_consumer_partitions(struct kafka_consumer *consumer, int timeout_ms, int *ret_count, struct error *error)
{
    const struct rd_kafka_metadata *metadata;
    int count = 0;
    rd_kafka_resp_err_t code = rd_kafka_metadata(consumer->client, 0, consumer->topic, &metadata, timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        assert(metadata->topic_cnt == 1);
        code = metadata->topics[0].err;
        count = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_topic_read_refused(consumer->config, code, words(consumer, code), error);
        return -1;
    }
    kafka_trouble_forget(&consumer->trouble);
    *ret_count = count;
    return 0;
}

int kafka_consumer_ends(struct kafka_consumer *consumer, int partition, int timeout_ms, int64_t *ret_first,
                        int64_t *ret_end, struct error *error)
{
    const char *topic = consumer->config->kafka.topic;
    int64_t first;
    int64_t end;
    const rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(consumer->client, topic, partition, &first, &end, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(error, "the offsets of topic %s, partition %d cannot be known: %s", topic, partition,
                  words(consumer, code));
        return -1;
    }
    kafka_trouble_forget(&consumer->trouble);
    *ret_first = first;
    *ret_end = end;
    return 0;
}

int kafka_consumer_assign(struct kafka_consumer *consumer, const int64_t *offsets, int count, struct error *error)
{
    const char *topic = consumer->config->kafka.topic;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++) {
        assert(offsets[i] >= 0 || offsets[i] == KAFKA_FROM_BEGINNING);
        rd_kafka_topic_partition_list_add(list, topic, i)->offset =
            offsets[i] == KAFKA_FROM_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : offsets[i];
    }
    if (!consumer->is_assigned) {
        rd_kafka_poll_set_consumer(consumer->client);
        consumer->is_assigned = true;
    }
    const rd_kafka_resp_err_t code = rd_kafka_assign(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(error, "topic %s cannot be read: %s", topic, rd_kafka_err2str(code));
        return -1;
    }
    return 0;
}

/* That it is not assigned would be the one error. */
void kafka_consumer_pause(struct kafka_consumer *consumer, int partition)
{
    assert(consumer->is_assigned);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consumer->config->kafka.topic, partition);
    const rd_kafka_resp_err_t code = rd_kafka_pause_partitions(consumer->client, list);
    assert(code == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Whether the library does not go on by itself. */
static bool is_final(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR__BAD_MSG;
}

static enum kafka_next fail(struct kafka_consumer *consumer, const rd_kafka_message_t *message, struct error *error)
{
    if (message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        kafka_topic_read_refused(consumer->config, message->err, rd_kafka_message_errstr(message), error);
        return KAFKA_FAILED;
    }
    error_set(error, "topic %s, partition %d cannot be read at %lld: %s", consumer->config->kafka.topic,
              message->partition, (long long)message->offset, rd_kafka_message_errstr(message));
    return KAFKA_FAILED;
}

/* Of a partition, or, without one, of the group, which is not used. */
static void take_trouble(struct kafka_consumer *consumer, const rd_kafka_message_t *message)
{
    if (message->partition >= 0) {
        struct error reason;
        error_set(&reason, "partition %d: %s", message->partition, rd_kafka_message_errstr(message));
        kafka_trouble_add(&consumer->trouble, message->err, reason.message);
    }
}

static struct kafka_received describe(const rd_kafka_message_t *message)
{
    const bool has_text = message->err == RD_KAFKA_RESP_ERR_NO_ERROR; /* otherwise it is the library's sentence */
    return (struct kafka_received){
        .partition = message->partition,
        .offset = message->offset,
        .key = {message->key, has_text ? message->key_len : 0},
        .value = {message->payload, has_text ? message->len : 0},
        .native = message,
    };
}

enum kafka_next kafka_consumer_next(struct kafka_consumer *consumer, int timeout_ms,
                                    struct kafka_received *ret_received, struct error *error)
{
    let_message_go(consumer);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->client, timeout_ms);
    consumer->message = message;
    if (consumer->has_failed) {
        *error = consumer->failure;
        return KAFKA_FAILED;
    }
    if (message == NULL) {
        return KAFKA_NOTHING;
    }
    *ret_received = describe(message);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_trouble_forget(&consumer->trouble);
        return KAFKA_MESSAGE;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return KAFKA_AT_END;
    }
    if (is_final(message->err)) {
        return fail(consumer, message, error);
    }
    take_trouble(consumer, message);
    return KAFKA_NOTHING;
}

bool kafka_received_header(const struct kafka_received *received, const char *name, struct text *ret_value)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    if (rd_kafka_message_headers(received->native, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    *ret_value = (struct text){value, len};
    return true;
}
