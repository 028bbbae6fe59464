#include "counter-service/kafka/kafka_topic_refusal.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Nobody answered, or nobody who could decide. */
static bool is_silence(int code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
        return true;
    default:
        return false;
    }
}

static void look_refused(const struct config *config, const char *rights, int code, const char *text,
                         struct error *error)
{
    const char *topic = config->kafka.topic;
    if (is_silence(code)) {
        error_set(error, "no broker of kafka.brokers answers whether topic %s is there: %s", topic, text);
    } else if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        error_set(error, "topic %s is not there", topic);
    } else if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        /* Where it is missing, too: Kafka hides that. */
        error_set(error, "Kafka does not let Tally see topic %s: give its user %s on the topic", topic, rights);
    } else {
        error_set(error, "whether topic %s is there cannot be known: %s", topic, text);
    }
}

void kafka_topic_look_refused(const struct config *config, int code, const char *text, struct error *error)
{
    look_refused(config, "Describe and Write", code, text, error);
}

void kafka_topic_read_refused(const struct config *config, int code, const char *text, struct error *error)
{
    look_refused(config, "Describe and Read", code, text, error);
}

void kafka_topic_create_refused(const struct config *config, int code, const char *text, struct error *error)
{
    const char *topic = config->kafka.topic;
    const int partitions = config->kafka.partitions;
    const int replication = config->kafka.replication;
    if (is_silence(code)) {
        error_set(error, "topic %s is not there, and no broker answers that it is created: %s", topic, text);
        return;
    }
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        error_set(
            error,
            "topic %s is not there, and Kafka does not let Tally create it: create it (kafka.partitions is %d), or "
            "give Tally's user Create on the topic",
            topic, partitions);
        return;
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
        error_set(
            error,
            "topic %s is not there, and cannot be created with kafka.replication %d: it must be at most the number of "
            "brokers, and brokers before 2.4 know no 0 (%s)",
            topic, replication, text);
        return;
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        error_set(error,
                  "topic %s is not there, and a policy of the cluster forbids it with kafka.partitions %d and "
                  "kafka.replication %d: change them, or create it as the policy wants (%s)",
                  topic, partitions, replication, text);
        return;
    default:
        error_set(error, "topic %s is not there, and cannot be created: %s", topic, text);
        return;
    }
}
