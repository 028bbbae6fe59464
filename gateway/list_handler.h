/* GET /api/v1/counter/{resource_id}: one ListCounters call each; listings are not batched. Loop thread only. */
#ifndef TALLY_GATEWAY_LIST_HANDLER_H
#define TALLY_GATEWAY_LIST_HANDLER_H

#include "gateway/request_state.h"

void handle_list(struct request_state *state);

/* The client of a listing is gone: gives the call up and releases the request. */
void list_handler_abandon(struct request_state *state);
/* Shutdown: answers all listings with 503. */
void list_handler_abort(struct loop_context *loop);

#endif
