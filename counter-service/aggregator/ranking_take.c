#include "counter-service/aggregator/ranking_take.h"

#include "common/log/log.h"
#include "counter-service/board/ranking_tops.h"

void ranking_take_record(struct ranking_txn *txn, struct ranked_type *type, struct text packed, int64_t missing_ms,
                         struct ranking_record *ret_record)
{
    if (ranking_record_unpack(packed, ret_record) != 0) {
        log_warn("rankings", "a record is damaged: what it had is missing",
                 LOG_STR("counter_type", type->config->counter_type));
        *ret_record = (struct ranking_record){.count = 0};
        ranking_tops_mark(txn, type, missing_ms);
    }
    ranked_type_make_room(type, ret_record);
}
