#include "counter-service/kafka/kafka_settings.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config/config_option.h"
#include "counter-service/kafka/kafka_producer_settings.h"
#include "counter-service/kafka/kafka_threads.h"

/* What kafka.options must leave alone, and why. An entry that ends in `*` stands for all names that begin so, one that
 * begins with `*` for all that end so. */
static const struct {
    const char *name;
    const char *reason;
} refused_options[] = {
    {"bootstrap.servers", "kafka.brokers is the key for it"},
    {"metadata.broker.list", "kafka.brokers is the key for it"},
    {"security.protocol", "kafka.security is the key for it"},
    {"sasl.mechanism", "kafka.mechanism is the key for it"},
    {"sasl.mechanisms", "kafka.mechanism is the key for it"},
    {"sasl.username", "kafka.username is the key for it"},
    {"sasl.password", "kafka.password is the key for it"},
    {"ssl.ca.location", "kafka.ca is the key for it"},
    {"enable.idempotence", "exact events rest on it"},
    {"enable.gapless.guarantee", "the order of events rests on it"},
    {"acks", "exact events rest on it"},
    {"request.required.acks", "exact events rest on it"},
    {"max.in.flight*", "the order of events rests on it"},
    {"queuing.strategy", "the order of events rests on it"},
    {"partitioner", "the order of events rests on it"},
    {"message.timeout.ms", "an event is never given up"},
    {"delivery.timeout.ms", "an event is never given up"},
    {"retries", "an event is never given up"},
    {"message.send.max.retries", "an event is never given up"},
    {"transactional.id", "Tally uses no transactions"},
    {"queue.buffering.max.messages", "Tally bounds them itself"},
    {"delivery.report.only.error", "Tally waits for every report"},
    {"enabled_events", "Tally waits for every report"},
    {"log.queue", "Tally has the library's log in its own"},
    {"test.mock.*", "every event would go to brokers that only seem to be there"},
    {"internal.termination.signal", "the library would stop on a signal of Tally's"},
    {"*_cb", "it is not set by a text"},
};

static bool matches(const char *pattern, struct text name)
{
    const size_t len = strlen(pattern);
    if (pattern[0] == '*') {
        return text_ends_with(name, text_of(pattern + 1));
    }
    if (pattern[len - 1] == '*') {
        return text_starts_with(name, (struct text){pattern, len - 1});
    }
    return text_equal(name, text_of(pattern));
}

static int check_options(const struct config *config, struct error *error)
{
    for (size_t i = 0; i < config->kafka.option_count; i++) {
        const struct text name = config_option_name(config->kafka.options[i]);
        for (size_t j = 0; j < sizeof(refused_options) / sizeof(refused_options[0]); j++) {
            if (matches(refused_options[j].name, name)) {
                error_set(error, "kafka.options must not have %.*s: %s", (int)name.len, name.data,
                          refused_options[j].reason);
                return -1;
            }
        }
    }
    return 0;
}

/* key: of the configuration. librdkafka repeats values in its sentences: that of a secret is not passed on. It names an
 * alias by its other name. */
static int set(rd_kafka_conf_t *settings, const char *key, const char *name, const char *value, bool is_secret,
               struct error *error)
{
    char reason[256];
    if (rd_kafka_conf_set(settings, name, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK) {
        return 0;
    }
    if (is_secret) {
        error_set(error, "%s (%s): librdkafka does not take the value", key, name);
    } else {
        reason[strcspn(reason, "\n")] = '\0';
        error_set(error, "%s (%s): %s", key, name, reason);
    }
    return -1;
}

int kafka_settings_set(rd_kafka_conf_t *settings, const char *name, const char *value, struct error *error)
{
    return set(settings, "kafka", name, value, false, error);
}

static int set_list(rd_kafka_conf_t *settings, const struct kafka_setting *list, struct error *error)
{
    for (; list->name != NULL; list++) {
        if (kafka_settings_set(settings, list->name, list->value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int set_brokers(rd_kafka_conf_t *settings, const struct config *config, struct error *error)
{
    char *brokers = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&brokers, &len);
    if (out == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < config->kafka.broker_count; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ",", config->kafka.brokers[i]);
    }
    int failed = fclose(out);
    if (failed != 0) {
        error_set(error, "out of memory");
    } else {
        failed = set(settings, "kafka.brokers", "bootstrap.servers", brokers, false, error);
    }
    free(brokers);
    return failed;
}

/* librdkafka would say only that it failed. */
static int check_ca(const char *path, struct error *error)
{
    if (path[0] != '\0' && access(path, R_OK) != 0) {
        error_set(error, "kafka.ca: %s: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

/* What is empty keeps librdkafka's default. */
static int set_security(rd_kafka_conf_t *settings, const struct config *config, struct error *error)
{
    static const char *const protocols[] = {
        [KAFKA_PLAINTEXT] = "plaintext",
        [KAFKA_SSL] = "ssl",
        [KAFKA_SASL_PLAINTEXT] = "sasl_plaintext",
        [KAFKA_SASL_SSL] = "sasl_ssl",
    };
    const struct {
        const char *key;
        const char *name;
        const char *value;
        bool is_secret;
    } rows[] = {
        {"kafka.security", "security.protocol", protocols[config->kafka.security], false},
        {"kafka.mechanism", "sasl.mechanisms", config->kafka.mechanism, false},
        {"kafka.username", "sasl.username", config->kafka.username, true},
        {"kafka.password", "sasl.password", config->kafka.password, true},
        {"kafka.ca", "ssl.ca.location", config->kafka.ca, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value[0] != '\0' &&
            set(settings, rows[i].key, rows[i].name, rows[i].value, rows[i].is_secret, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static int set_option(rd_kafka_conf_t *settings, const char *option, struct error *error)
{
    const struct text text = config_option_name(option);
    char *name = strndup(text.data, text.len);
    if (name == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    const int failed =
        set(settings, "kafka.options", name, option + text.len + 1, config_option_is_secret(option), error);
    free(name);
    return failed;
}

static int set_options(rd_kafka_conf_t *settings, const struct config *config, struct error *error)
{
    for (size_t i = 0; i < config->kafka.option_count; i++) {
        if (set_option(settings, config->kafka.options[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Without brokers. */
static rd_kafka_conf_t *create(const struct config *config, const struct kafka_setting *defaults,
                               const struct kafka_setting *fixed, struct error *error)
{
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    if (check_options(config, error) != 0 || check_ca(config->kafka.ca, error) != 0 ||
        set_security(settings, config, error) != 0 || kafka_settings_set(settings, "client.id", "tally", error) != 0 ||
        set_list(settings, defaults, error) != 0 || set_options(settings, config, error) != 0 ||
        set_list(settings, fixed, error) != 0) {
        rd_kafka_conf_destroy(settings);
        return NULL;
    }
    kafka_threads_show(settings);
    return settings;
}

rd_kafka_conf_t *kafka_settings_create(const struct config *config, const struct kafka_setting *defaults,
                                       const struct kafka_setting *fixed, struct error *error)
{
    rd_kafka_conf_t *settings = create(config, defaults, fixed, error);
    if (settings != NULL && set_brokers(settings, config, error) != 0) {
        rd_kafka_conf_destroy(settings);
        return NULL;
    }
    return settings;
}

/* Much is looked at only when a client is made: the mechanism, the files of TLS, values against each other. */
int kafka_settings_check(const struct config *config, struct error *error)
{
    char reason[256];
    if (config->kafka.broker_count == 0) {
        return 0;
    }
    rd_kafka_conf_t *settings = create(config, kafka_producer_defaults, kafka_producer_fixed, error);
    if (settings == NULL) {
        return -1;
    }
    rd_kafka_conf_set_log_cb(settings, NULL);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, reason, sizeof(reason));
    if (client == NULL) {
        rd_kafka_conf_destroy(settings);
        error_set(error, "kafka: librdkafka does not take the settings: %s", reason);
        return -1;
    }
    rd_kafka_destroy(client);
    return 0;
}
