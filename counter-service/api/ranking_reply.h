/* From an answer about a ranking to a response message of TopCounters or RankOf. Pure functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_API_RANKING_REPLY_H
#define TALLY_COUNTER_SERVICE_API_RANKING_REPLY_H

#include <grpc/byte_buffer.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "counter-service/api/ranking_request.h"
#include "counter-service/ranking/ranking_answer.h"

/* How old the answer is, and may get. */
struct ranking_age {
    int64_t age_ms;
    int64_t max_age_ms;
};

/* Needs memory of arena for a while. NULL when out of memory. */
grpc_byte_buffer *ranking_reply_make(enum ranking_method method, const struct ranking_answer *answer,
                                     struct ranking_age age, struct arena *arena) MUST_CHECK;

#endif
