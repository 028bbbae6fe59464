/* Makes sure that the topic is there: creates it, with kafka.partitions and kafka.replication, where it is not. One
 * thread at a time. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_TOPIC_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_TOPIC_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/kafka/kafka_producer.h"

/* Asks through the producer's connections. Blocks for timeout_ms at most, and a little. Returns 0, and
 * kafka_producer_trouble is "" again; or -1 with error
 * filled: a sentence that names the topic and says what an operator can do ("topic counter_events is not there, and
 * Kafka does not let Tally create it: ..."), or that no broker answered. */
int kafka_topic_ensure(struct kafka_producer *producer, int timeout_ms, struct error *error) MUST_CHECK;

#endif
