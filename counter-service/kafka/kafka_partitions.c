#include "counter-service/kafka/kafka_partitions.h"

#include <assert.h>
#include <stdlib.h>

void kafka_partitions_done(struct kafka_partitions *partitions)
{
    free(partitions->acknowledged_us);
}

static int grow(struct kafka_partitions *partitions, size_t count)
{
    int64_t *times = realloc(partitions->acknowledged_us, count * sizeof(*times));
    if (times == NULL) {
        return -1;
    }
    for (size_t i = partitions->count; i < count; i++) {
        times[i] = 0;
    }
    partitions->acknowledged_us = times;
    partitions->count = count;
    return 0;
}

void kafka_partitions_acknowledged(struct kafka_partitions *partitions, int32_t partition, int64_t now_us)
{
    assert(partition >= 0 && now_us > 0);
    if ((size_t)partition < partitions->count || grow(partitions, (size_t)partition + 1) == 0) {
        partitions->acknowledged_us[partition] = now_us;
    }
}

bool kafka_partitions_know(const struct kafka_partitions *partitions, int32_t partition, int64_t now_us)
{
    if (partition < 0 || (size_t)partition >= partitions->count || partitions->acknowledged_us[partition] == 0) {
        return false;
    }
    return now_us - partitions->acknowledged_us[partition] < (int64_t)KAFKA_PARTITION_KNOWS_MS * 1000;
}
