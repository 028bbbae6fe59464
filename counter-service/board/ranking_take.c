#include "counter-service/board/ranking_take.h"

#include "common/base/clock.h"
#include "common/log/log.h"
#include "counter-service/board/ranking_change.h"
#include "counter-service/board/ranking_tops.h"

static void lose(struct ranking_work *work, struct ranked_type *type, struct text resource_id, int64_t missing_ms)
{
    uint64_t count;
    if (log_limiter_allows(&work->lost_limiter, clock_monotonic_us(), &count)) {
        log_warn("rankings", "a record is damaged: what it had is missing",
                 LOG_STR("counter_type", type->config->counter_type), LOG_INT("count", count));
    }
    ranking_tops_mark(&work->txn, type, missing_ms);
    for (size_t i = 0; i < type->window_count; i++) {
        if (type->windows[i].window.kind != RANKING_KIND_ALL) {
            ranking_change_put(&type->windows[i], resource_id, 0, 0);
        }
    }
}

void ranking_take_record(struct ranking_work *work, struct ranked_type *type, struct text resource_id,
                         struct text packed, int64_t missing_ms, struct ranking_record *ret_record)
{
    if (ranking_record_unpack(packed, ret_record) != 0) {
        *ret_record = (struct ranking_record){.count = 0};
        lose(work, type, resource_id, missing_ms);
    }
    ranked_type_make_room(type, ret_record);
}
