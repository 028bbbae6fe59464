/* The calls that travel by the batcher: increments and reads of counters, single and in batches.
 *
 *     headers, path or body ─> operations ─> batcher_submit ─> results ─> answer
 *
 * Loop thread only. */
#ifndef TALLY_GATEWAY_API_COUNTER_HANDLERS_H
#define TALLY_GATEWAY_API_COUNTER_HANDLERS_H

#include "gateway/http/request_state.h"

/* POST /api/v1/counter/increment */
void handle_increment(struct request_state *state);
/* POST /api/v1/counter/increment/batch */
void handle_increment_batch(struct request_state *state);
/* GET /api/v1/counter/{resource_id}/{counter_type} */
void handle_get(struct request_state *state);
/* POST /api/v1/counter/batch */
void handle_get_batch(struct request_state *state);

#endif
