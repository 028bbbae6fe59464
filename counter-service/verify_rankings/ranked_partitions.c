#include "counter-service/verify_rankings/ranked_partitions.h"

#include <stdlib.h>

int ranked_partitions_init(struct ranked_partitions *partitions, const struct redis_readers *readers,
                           const struct config *config, int timeout_ms, bool keeps_buckets, struct error *error)
{
    *partitions = (struct ranked_partitions){.all = calloc((size_t)readers->count, sizeof(*partitions->all))};
    if (partitions->all == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (int i = 0; i < readers->count; i++) {
        struct ranked_partition *partition = &partitions->all[i];
        partition->reader = &readers->all[i];
        if (ranking_cut_init(&partition->cut, partition->reader, config, timeout_ms, keeps_buckets, error) != 0) {
            ranked_partitions_done(partitions);
            return -1;
        }
        partitions->count++;
    }
    return 0;
}

int ranked_partitions_init_events(struct ranked_partitions *partitions, struct shard shard, const char *store_id,
                                  bool by_bucket, struct error *error)
{
    for (int i = 0; i < partitions->count; i++) {
        struct ranked_partition *partition = &partitions->all[i];
        if (ranking_events_init(&partition->events, &partition->cut, shard, store_id, by_bucket, error) != 0) {
            return -1;
        }
    }
    return 0;
}

void ranked_partitions_done(struct ranked_partitions *partitions)
{
    for (int i = 0; i < partitions->count; i++) {
        ranking_events_done(&partitions->all[i].events);
        ranking_cut_done(&partitions->all[i].cut);
    }
    free(partitions->all);
    *partitions = (struct ranked_partitions){.count = 0};
}
