/* The settings of a producer. Private to the wing. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_SETTINGS_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_SETTINGS_H

#include "counter-service/kafka/kafka_settings.h"

extern const struct kafka_setting kafka_producer_defaults[];
extern const struct kafka_setting kafka_producer_fixed[];

/* batch_messages_max: 0, or a bound of what a request holds for a partition. Returns NULL with error filled. */
struct rd_kafka_conf_s *kafka_producer_settings_create(const struct config *config, int batch_messages_max,
                                                       struct error *error) MUST_CHECK;

#endif
