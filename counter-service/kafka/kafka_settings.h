/* config's `kafka:` as settings of librdkafka. Producer and consumer start from the same ones. Private to the wing, but
 * for the check. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_SETTINGS_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_SETTINGS_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

struct rd_kafka_conf_s;

/* Whether librdkafka takes the settings of a producer, options included, and no option is refused. Returns 0, or -1
 * with error filled: the key and what is wrong with it, without secrets. Reaches for no broker; starts threads and ends
 * them. Does nothing while kafka.brokers is empty. */
int kafka_settings_check(const struct config *config, struct error *error) MUST_CHECK;

struct kafka_setting {
    const char *name; /* NULL: the end of a list */
    const char *value;
};

/* Brokers, security, then defaults, then kafka.options, which may have other values for them, then fixed. Returns NULL
 * with error filled. */
struct rd_kafka_conf_s *kafka_settings_create(const struct config *config, const struct kafka_setting *defaults,
                                              const struct kafka_setting *fixed, struct error *error) MUST_CHECK;
/* One setting more, of Tally's own. Returns 0, or -1 with error filled. */
int kafka_settings_set(struct rd_kafka_conf_s *settings, const char *name, const char *value, struct error *error)
    MUST_CHECK;

#endif
