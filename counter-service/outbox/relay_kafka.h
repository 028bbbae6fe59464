/* Kafka's side of the relay's turns. Private to relay*.c. Owned by the relay's thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_RELAY_KAFKA_H
#define TALLY_COUNTER_SERVICE_OUTBOX_RELAY_KAFKA_H

#include "counter-service/outbox/relay_run.h"

/* While this instance leads: makes sure that there are a producer and a topic, hands the producer what was read, takes
 * acknowledgements. Returns how long the thread may sleep, in ms. */
int relay_kafka_turn(struct relay_run *run);

#endif
