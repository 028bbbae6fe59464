/* What the library says to a producer, in rd_kafka_poll and rd_kafka_flush: reports of messages, and errors. */
#include <assert.h>
#include <librdkafka/rdkafka.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_producer_inside.h"

static struct kafka_producer *producer_of(void *opaque)
{
    return CONTAINER_OF(opaque, struct kafka_producer, log);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Whether code only says that the client has failed before. All messages that it still has are given back so. */
static bool is_consequence(int code)
{
    return code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE ||
           code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

/* A refused message is reported with the broker's code; those behind it, perhaps before, as consequences. */
static bool is_gap(const struct kafka_producer *producer)
{
    char text[256];
    return rd_kafka_fatal_error(producer->client, text, sizeof(text)) == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE;
}

static void set_end(struct kafka_producer *producer, const char *what, const char *why)
{
    if (!producer->has_ended) {
        producer->has_ended = true;
        error_set(&producer->end, "topic %s: %s: %s", producer->options.config->kafka.topic, what, why);
    }
}

void kafka_producer_end_unexplained(struct kafka_producer *producer)
{
    char text[256] = "";
    rd_kafka_fatal_error(producer->client, text, sizeof(text));
    set_end(producer, "the producer has failed", text);
}

void kafka_producer_end(struct kafka_producer *producer, int code)
{
    if (!is_consequence(code)) {
        producer->batch_too_large = producer->batch_too_large || code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        set_end(producer, "a message was refused", rd_kafka_err2str(code));
    } else if (is_gap(producer)) {
        producer->has_gap = true;
    } else {
        kafka_producer_end_unexplained(producer);
    }
}

static void note_acknowledged(struct kafka_producer *producer, int32_t partition)
{
    kafka_partitions_acknowledged(&producer->partitions, partition, clock_boottime_us());
    if (partition == producer->alone_partition || producer->unacknowledged == 0) {
        producer->is_alone = false;
    }
}

/* ---- callbacks --------------------------------------------------------------------------------------------------- */

static void take_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_producer *producer = producer_of(opaque);
    (void)client;
    assert(producer->unacknowledged > 0);
    producer->unacknowledged--;
    if (producer->is_freed) {
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_trouble_forget(&producer->trouble);
        note_acknowledged(producer, message->partition);
        producer->options.on_acknowledged(producer->options.ctx, message->_private);
    } else {
        kafka_producer_end(producer, message->err);
    }
}

static void take_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct kafka_producer *producer = producer_of(opaque);
    (void)client;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        kafka_producer_end(producer, code);
    } else {
        kafka_trouble_add(&producer->trouble, code, reason);
    }
}

int kafka_producer_listen(struct kafka_producer *producer, rd_kafka_conf_t *settings, struct error *error)
{
    if (kafka_log_attach(&producer->log, settings, error) != 0) {
        return -1;
    }
    rd_kafka_conf_set_dr_msg_cb(settings, take_report);
    rd_kafka_conf_set_error_cb(settings, take_error);
    return 0;
}
