#include "tests/fakes/kafka_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* brokers: "a:1,b:2". A flow sequence of YAML with quotes. */
static void load_config(struct kafka_fixture *fixture, const char *brokers, const char *options)
{
    char yaml[1024];
    static char *const no_environment[] = {NULL};
    struct error error = {.message = ""};
    size_t used = (size_t)snprintf(yaml, sizeof(yaml), "kafka:\n  topic: %s\n  brokers: ['", KAFKA_FIXTURE_TOPIC);
    for (; *brokers != '\0'; brokers++) {
        used += (size_t)snprintf(yaml + used, sizeof(yaml) - used, *brokers == ',' ? "', '" : "%c", *brokers);
    }
    snprintf(yaml + used, sizeof(yaml) - used, "']\n  options: %s\n", options == NULL ? "[]" : options);
    fixture->config = config_load_text("fixture", yaml, strlen(yaml), no_environment, &error);
    assert_string_equal(error.message, "");
}

void kafka_fixture_start(struct kafka_fixture *fixture, int brokers, int partitions, const char *options)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    fixture->producer = NULL;
    fixture->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    assert_non_null(fixture->host);
    fixture->cluster = rd_kafka_mock_cluster_new(fixture->host, brokers);
    assert_non_null(fixture->cluster);
    if (partitions > 0) {
        assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, KAFKA_FIXTURE_TOPIC, partitions, brokers),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    load_config(fixture, rd_kafka_mock_cluster_bootstraps(fixture->cluster), options);
}

void kafka_fixture_stop(struct kafka_fixture *fixture)
{
    if (fixture->producer != NULL) {
        rd_kafka_destroy(fixture->producer);
    }
    config_free(fixture->config);
    rd_kafka_mock_cluster_destroy(fixture->cluster);
    rd_kafka_destroy(fixture->host);
}

void kafka_fixture_set_down(struct kafka_fixture *fixture, int brokers)
{
    for (int id = 1; id <= brokers; id++) {
        rd_kafka_mock_broker_set_down(fixture->cluster, id);
    }
}

void kafka_fixture_set_up(struct kafka_fixture *fixture, int brokers)
{
    for (int id = 1; id <= brokers; id++) {
        rd_kafka_mock_broker_set_up(fixture->cluster, id);
    }
}

enum kafka_outcome kafka_fixture_send(struct kafka_producer *producer, const struct kafka_message *message)
{
    struct error error;
    enum kafka_outcome outcome;
    while ((outcome = kafka_producer_send(producer, message)) == KAFKA_FULL) {
        (void)!kafka_producer_poll(producer, 10, &error);
    }
    return outcome;
}

static rd_kafka_t *create_consumer(struct kafka_fixture *fixture)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->cluster)},
        {"group.id", "reader"},
        {"enable.auto.commit", "false"},
        {"enable.partition.eof", "true"},
        {"fetch.wait.max.ms", "10"},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        assert_int_equal(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof(reason)),
                         RD_KAFKA_CONF_OK);
    }
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    assert_non_null(consumer);
    return consumer;
}

size_t kafka_fixture_read(struct kafka_fixture *fixture, int partition,
                          void (*take)(void *ctx, const rd_kafka_message_t *message), void *ctx)
{
    enum { READ_TIMEOUT_MS = 20000 };
    size_t count = 0;
    rd_kafka_t *consumer = create_consumer(fixture);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, KAFKA_FIXTURE_TOPIC, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, READ_TIMEOUT_MS);
        assert_non_null(message);
        const rd_kafka_resp_err_t code = message->err;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            take(ctx, message);
            count++;
        }
        rd_kafka_message_destroy(message);
        if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            break;
        }
    }
    rd_kafka_destroy(consumer);
    return count;
}

static rd_kafka_t *create_producer(struct kafka_fixture *fixture)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(fixture->cluster),
                                       reason, sizeof(reason)),
                     RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    assert_non_null(producer);
    return producer;
}

void kafka_fixture_produce(struct kafka_fixture *fixture, int partition, struct text key, struct text value,
                           const char *header, const char *header_value)
{
    if (fixture->producer == NULL) {
        fixture->producer = create_producer(fixture);
    }
    rd_kafka_headers_t *headers = NULL;
    if (header != NULL) {
        headers = rd_kafka_headers_new(1);
        assert_int_equal(rd_kafka_header_add(headers, header, -1, header_value, -1), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    /* Takes the headers; copies the rest. */
    assert_int_equal(
        rd_kafka_producev(fixture->producer, RD_KAFKA_V_TOPIC(KAFKA_FIXTURE_TOPIC), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data, key.len),
                          RD_KAFKA_V_VALUE((void *)value.data, value.len), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
        RD_KAFKA_RESP_ERR_NO_ERROR);
}

void kafka_fixture_flush(struct kafka_fixture *fixture)
{
    assert_int_equal(rd_kafka_flush(fixture->producer, 20000), RD_KAFKA_RESP_ERR_NO_ERROR);
}
