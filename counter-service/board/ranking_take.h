/* Records as they are read, by whoever changes them. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_TAKE_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_TAKE_H

#include "counter-service/board/ranking_state.h"
#include "counter-service/board/ranking_work.h"
#include "counter-service/ranking/ranking_record.h"

/* Reads a resource's record, with room for the type's windows. One that is damaged is as good as none: what it had is
 * missing. Then the type's tops are told so (ranking_tops_mark) in the work's transaction, which has begun, and the
 * resource has no place in any of them. */
void ranking_take_record(struct ranking_work *work, struct ranked_type *type, struct text resource_id,
                         struct text packed, int64_t missing_ms, struct ranking_record *ret_record);

#endif
