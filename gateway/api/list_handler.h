/* GET /api/v1/counter/{resource_id}: one ListCounters call each; listings are not batched. Loop thread only. */
#ifndef TALLY_GATEWAY_API_LIST_HANDLER_H
#define TALLY_GATEWAY_API_LIST_HANDLER_H

#include "gateway/http/request_state.h"

void handle_list(struct request_state *state);

#endif
