/* From a request message of TopCounters or RankOf to a question about a ranking: unpacked and validated. Pure
 * functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_API_RANKING_REQUEST_H
#define TALLY_COUNTER_SERVICE_API_RANKING_REQUEST_H

#include <grpc/byte_buffer.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_question.h"

enum ranking_method { RANKING_TOP_COUNTERS, RANKING_RANK_OF, RANKING_METHODS };

/* Fills the question, whose texts lie in arena. payload stays the caller's; NULL: the call had no message. Returns
 * STATUS_OK, or the call's status with error filled. */
enum status ranking_request_read(enum ranking_method method, const struct config *config, grpc_byte_buffer *payload,
                                 struct arena *arena, struct ranking_question *question, struct error *error)
    MUST_CHECK;

#endif
