/* GET /api/v1/rankings/{counter_type} and /api/v1/rankings/{counter_type}/{resource_id}: one TopCounters or RankOf call
 * each. Loop thread only. */
#ifndef TALLY_GATEWAY_API_RANKING_HANDLERS_H
#define TALLY_GATEWAY_API_RANKING_HANDLERS_H

#include "gateway/http/request_state.h"

void handle_top(struct request_state *state);
void handle_rank(struct request_state *state);

#endif
