#include "counter-service/aggregator/ranking_take.h"

#include "common/log/log.h"
#include "counter-service/board/ranking_tops.h"

void ranking_take_record(struct ranking_txn *txn, struct ranked_type *type, struct text packed, int64_t missing_ms,
                         struct ranking_record *ret_record)
{
    uint32_t tags[RANKING_WINDOWS_MAX];
    if (ranking_record_unpack(packed, ret_record) != 0) {
        log_warn("rankings", "a record is damaged: what it had is missing",
                 LOG_STR("counter_type", type->config->counter_type));
        *ret_record = (struct ranking_record){.count = 0};
        ranking_tops_mark(txn, type, missing_ms);
    }
    for (size_t i = 0; i < type->window_count; i++) {
        tags[i] = type->windows[i].window.tag;
    }
    ranking_record_make_room(ret_record, tags, type->window_count);
}
