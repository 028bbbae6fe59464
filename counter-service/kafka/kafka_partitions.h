/* Which partitions of the topic know a producer: a message of it was acknowledged there within the hour. Brokers check
 * the sequence numbers of a producer that they know. Of one that they do not, they take any (before Kafka 4.5,
 * KAFKA-15591), so also those of a message behind one that they have refused. They forget a producer that sends nothing
 * (producer.id.expiration.ms, a day unless configured).
 *
 * It is judged when a message is handed to librdkafka. What waits there while the topic is deleted and made again, or
 * for as long as a broker remembers, may still meet one that does not know the producer.
 *
 * Pure: times come as arguments (clock_boottime_us). Owned by the producer's thread. Private to the wing. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PARTITIONS_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_PARTITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KAFKA_PARTITION_KNOWS_MS = 3600 * 1000 };

struct kafka_partitions {
    int64_t *acknowledged_us; /* of each, by its number: when a message was acknowledged last; 0: none yet */
    size_t count;
};

void kafka_partitions_done(struct kafka_partitions *partitions);
/* Out of memory: the partition stays one that does not know the producer. */
void kafka_partitions_acknowledged(struct kafka_partitions *partitions, int32_t partition, int64_t now_us);
/* False also for what is no partition's number (RD_KAFKA_PARTITION_UA). */
bool kafka_partitions_know(const struct kafka_partitions *partitions, int32_t partition, int64_t now_us);

#endif
