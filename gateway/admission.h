/* Whether a request may wait for its result: the bound behind server.max_pending, which counts operations, since these
 * are what costs. The last eighth is for small requests (send_window.h): those of batch callers cannot fill it, so a
 * single increment finds a place beside any number of them. Loop thread only.
 *
 *     admission_allows_large ─> parse ─> admission_check ─> submitted: admission_enter ─> result: admission_leave
 */
#ifndef TALLY_GATEWAY_ADMISSION_H
#define TALLY_GATEWAY_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/compiler.h"
#include "gateway/request_state.h"

/* Before the body of a call that carries many operations is parsed: refusing is cheap there, and costs as much as
 * serving afterwards. False: it was answered with 503. */
bool admission_allows_large(struct request_state *state) MUST_CHECK;
/* Whether so many operations, at least one, may wait. One request does, however large, when nothing else waits. False:
 * it was answered with 503. */
bool admission_check(struct request_state *state, size_t operations) MUST_CHECK;
/* Answers 503: there was no memory to go on. */
void admission_out_of_memory(struct request_state *state);
/* Answers 503: server.max_body_memory is used up. */
void admission_over_budget(struct request_state *state);

/* The request waits with its operations, which admission_check allowed. */
void admission_enter(struct request_state *state, size_t operations);
/* It has its results. */
void admission_leave(struct request_state *state);

#endif
