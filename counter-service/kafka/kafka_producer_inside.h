/* What kafka_topic.c needs of a producer. Private to the wing. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_INSIDE_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PRODUCER_INSIDE_H

#include "counter-service/kafka/kafka_producer.h"

struct rd_kafka_s;
struct rd_kafka_topic_s;

struct rd_kafka_s *kafka_producer_client(const struct kafka_producer *producer);
struct rd_kafka_topic_s *kafka_producer_topic(const struct kafka_producer *producer);
const struct config *kafka_producer_config(const struct kafka_producer *producer);
/* What kafka_producer_trouble would say if anything were waiting. */
const char *kafka_producer_last_trouble(const struct kafka_producer *producer);

#endif
