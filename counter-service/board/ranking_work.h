/* What a change of the records of a type amounts to, gathered resource by resource: memory that is used again and
 * again, for one state after the other. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_WORK_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_WORK_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/log/log.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_txn.h"
#include "counter-service/board/record_cache.h"

struct ranking_work {
    struct ranking_txn txn;
    struct buffer reads;
    struct record_cache *cache; /* of the state that is worked on; true as long as that is loaded */
    struct log_limiter lost_limiter;
    struct ranking_words records;  /* fields and values of a type's hash */
    struct ranking_words dead;     /* fields */
    struct ranking_words released; /* fields of a bucket */
    struct {
        struct ranking_words bucket; /* fields and values of the newest bucket */
        struct ranking_words left;   /* of one that resources have left for it: */
        int64_t left_bucket;         /* which */
    } windows[RANKING_WINDOWS_MAX];
};

/* Without a cache. */
void ranking_work_init(struct ranking_work *work);
void ranking_work_done(struct ranking_work *work);
/* Before the rows of a type. */
void ranking_work_clear(struct ranking_work *work);
/* A row has changed buckets of the window (ranking_record_add). The transaction has begun. */
void ranking_work_put_bucket(struct ranking_work *work, const struct ranking_state *state,
                             const struct ranked_type *type, size_t window, struct text resource_id,
                             const struct ranking_bucket_change *change, int64_t delta);
/* After them: the records and buckets. */
void ranking_work_add(struct ranking_work *work, const struct ranking_state *state, struct ranked_type *type);

#endif
