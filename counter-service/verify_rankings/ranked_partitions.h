/* The rankings of all partitions, as one run looks at them: of each a cut, and if they are compared with a topic what
 * its events say. Owned by one thread. Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKED_PARTITIONS_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKED_PARTITIONS_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/verify/redis_readers.h"
#include "counter-service/verify_rankings/ranking_cut.h"
#include "counter-service/verify_rankings/ranking_events.h"

struct ranked_partition {
    struct redis_reader *reader;
    struct ranking_cut cut;
    struct ranking_events events; /* empty until ranked_partitions_init_events */
    int64_t
        complete_ms; /* all events from this time on were on the topic; INT64_MIN: all were. Of ranking_topic_read */
};

struct ranked_partitions {
    int count;
    struct ranked_partition *all; /* from 0 */
};

/* Of each ranking_cut_init. The readers and config outlive the partitions. Zero-initialised is ready for
 * ranked_partitions_done. */
int ranked_partitions_init(struct ranked_partitions *partitions, const struct redis_readers *readers,
                           const struct config *config, int timeout_ms, bool keeps_buckets, struct error *error)
    MUST_CHECK;
/* Of each ranking_events_init: the rankings must have sums to compare. store_id stays in use. */
int ranked_partitions_init_events(struct ranked_partitions *partitions, struct shard shard, const char *store_id,
                                  bool by_bucket, struct error *error) MUST_CHECK;
void ranked_partitions_done(struct ranked_partitions *partitions);

#endif
