/* config's `kafka:` as settings of librdkafka. Producer and consumer start from the same ones. Private to the wing, but
 * for the check. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_SETTINGS_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_SETTINGS_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

struct rd_kafka_conf_s;

/* Whether librdkafka takes the settings, options included. Returns 0, or -1 with error filled: the key and what is
 * wrong with it, without secrets. Does nothing while kafka.brokers is empty. */
int kafka_settings_check(const struct config *config, struct error *error) MUST_CHECK;

/* Brokers, security, options. Returns NULL with error filled. */
struct rd_kafka_conf_s *kafka_settings_create(const struct config *config, struct error *error) MUST_CHECK;

#endif
