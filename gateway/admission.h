/* Whether one more request may wait for its result: the bounds behind server.max_pending. Loop thread only. */
#ifndef TALLY_GATEWAY_ADMISSION_H
#define TALLY_GATEWAY_ADMISSION_H

#include <stdbool.h>

#include "common/compiler.h"
#include "gateway/request_state.h"

/* False: it was answered with 503. */
bool admission_check(struct request_state *state) MUST_CHECK;
/* Answers 503: there was no memory to go on. */
void admission_out_of_memory(struct request_state *state);
/* Answers 503: server.max_body_memory is used up. */
void admission_over_budget(struct request_state *state);

#endif
