#include "counter-service/kafka/kafka_topic.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_producer_inside.h"
#include "counter-service/kafka/kafka_topic_refusal.h"

enum {
    BROKER_DEFAULT = -1, /* KIP-464 */
    LOOK_AGAIN_MS = 20,
};

static int left_ms(int64_t deadline_us)
{
    const int64_t left_us = deadline_us - clock_monotonic_us();
    return left_us > 0 ? (int)(left_us / 1000) + 1 : 0;
}

/* The library's words for code; better what it has told of the connections. */
static const char *words(struct kafka_producer *producer, rd_kafka_resp_err_t code)
{
    struct error end;
    (void)!kafka_producer_poll(producer, 0, &end); /* its news */
    const char *trouble = producer->trouble.sentence.message;
    return trouble[0] != '\0' ? trouble : rd_kafka_err2str(code);
}

/* Of the one topic that was asked for. A partition without a leader is there too. */
static rd_kafka_resp_err_t topic_error(const struct rd_kafka_metadata *metadata)
{
    assert(metadata->topic_cnt == 1);
    const rd_kafka_resp_err_t code = metadata->topics[0].err;
    return code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
}

/* Returns 1 when it is there, 0 when it is not, -1 with error filled. The question creates nothing, since the producer
 * has allow.auto.create.topics=false. */
static int look(struct kafka_producer *producer, int64_t deadline_us, struct error *error)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(producer->client, 0, producer->topic, &metadata, left_ms(deadline_us));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = topic_error(metadata);
        rd_kafka_metadata_destroy(metadata);
    }
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return 1;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return 0;
    default:
        kafka_topic_look_refused(producer->options.config, code, words(producer, code), error);
        return -1;
    }
}

/* Sends the request and returns its answer, to be destroyed; NULL when none came. */
static rd_kafka_event_t *request(rd_kafka_t *client, rd_kafka_NewTopic_t *topic, int timeout_ms)
{
    char reason[256];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    /* How long the library tries, and how long the broker waits for the topic to be known everywhere. A time that the
     * library does not take leaves its own. */
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof(reason));
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, reason, sizeof(reason));
    rd_kafka_CreateTopics(client, &topic, 1, options, queue);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, timeout_ms + LOOK_AGAIN_MS);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return answer;
}

static int judge(struct kafka_producer *producer, const rd_kafka_event_t *answer, struct error *error)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    const char *text = NULL;
    if (answer != NULL && (code = rd_kafka_event_error((rd_kafka_event_t *)answer)) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result((rd_kafka_event_t *)answer), &count);
        assert(count == 1);
        code = rd_kafka_topic_result_error(results[0]);
        text = rd_kafka_topic_result_error_string(results[0]);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return 0;
    }
    kafka_topic_create_refused(producer->options.config, code, text != NULL ? text : words(producer, code), error);
    return -1;
}

static int create(struct kafka_producer *producer, int64_t deadline_us, struct error *error)
{
    char reason[256];
    const struct config *config = producer->options.config;
    const int replication = config->kafka.replication == 0 ? BROKER_DEFAULT : config->kafka.replication;
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(config->kafka.topic, config->kafka.partitions, replication, reason, sizeof(reason));
    if (topic == NULL) {
        error_set(error, "kafka.topic: %s", reason);
        return -1;
    }
    rd_kafka_event_t *answer = request(producer->client, topic, left_ms(deadline_us));
    const int failed = judge(producer, answer, error);
    if (answer != NULL) {
        rd_kafka_event_destroy(answer);
    }
    rd_kafka_NewTopic_destroy(topic);
    return failed;
}

/* Brokers learn of it one by one. Looking also tells the producer, which would take the topic for missing for a while.
 */
static int wait_until_seen(struct kafka_producer *producer, int64_t deadline_us, struct error *error)
{
    int found;
    while ((found = look(producer, deadline_us, error)) == 0) {
        if (left_ms(deadline_us) == 0) {
            error_set(error, "topic %s was created, but is not seen yet", producer->options.config->kafka.topic);
            return -1;
        }
        clock_sleep_ms(LOOK_AGAIN_MS);
    }
    return found == 1 ? 0 : -1;
}

static int ensure(struct kafka_producer *producer, int64_t deadline_us, struct error *error)
{
    const int found = look(producer, deadline_us, error);
    if (found != 0) {
        return found == 1 ? 0 : -1;
    }
    return create(producer, deadline_us, error) == 0 ? wait_until_seen(producer, deadline_us, error) : -1;
}

int kafka_topic_ensure(struct kafka_producer *producer, int timeout_ms, struct error *error)
{
    const int result = ensure(producer, clock_monotonic_us() + (int64_t)timeout_ms * 1000, error);
    if (result == 0) {
        kafka_trouble_forget(&producer->trouble); /* a broker has answered */
    }
    return result;
}
