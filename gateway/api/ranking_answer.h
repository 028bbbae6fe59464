/* From the service's answer about a ranking to the body and the age of ours: checked, then written. Loop thread only.
 */
#ifndef TALLY_GATEWAY_API_RANKING_ANSWER_H
#define TALLY_GATEWAY_API_RANKING_ANSWER_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/compiler.h"
#include "common/contract/status.h"
#include "gateway/http/request_state.h"

/* For lone_call_kind.write: a TopCountersResponse, a RankOfResponse. state->operations has one operation, of what the
 * path names, and state->window is set. */
enum status ranking_answer_top(struct request_state *state, const ProtobufCMessage *response) MUST_CHECK;
enum status ranking_answer_rank(struct request_state *state, const ProtobufCMessage *response) MUST_CHECK;

#endif
