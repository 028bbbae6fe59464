/* Whether a request may wait for its result: the bound behind server.max_pending, which counts operations, since these
 * are what costs. Batch calls may fill only a part of it, and wait unread until there is place (admission_line.h): so a
 * single increment finds a place beside any number of them. Loop thread only.
 *
 *     admission_line_enter ─> parse ─> admission_check ─> submitted: admission_enter ─> result: admission_leave
 */
#ifndef TALLY_GATEWAY_HTTP_ADMISSION_H
#define TALLY_GATEWAY_HTTP_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "gateway/http/request_state.h"

/* How many operations of batch calls may be submitted: as many as may be out at the service, and as many again so that
 * the service never waits for the reading of bodies; at most seven eighths of max_pending. */
size_t admission_max_pending_large(size_t max_pending, size_t window);
/* Whether the body of another batch call may be read: always, however large it is, if no batch call is pending. */
bool admission_has_place_for_large(const struct loop_context *loop);
/* Whether a request may wait with so many operations, at least one. When nothing else waits it may, however large it
 * is. False: the request was answered with 503. */
bool admission_check(struct request_state *state, size_t operations) MUST_CHECK;
/* Answers 503: there was no memory to go on. */
void admission_out_of_memory(struct request_state *state);
/* Answers 503: it waited for its place until its deadline. */
void admission_not_in_time(struct request_state *state);
/* Answers 503: server.max_body_memory is used up. */
void admission_over_budget(struct request_state *state);

/* The request waits with its operations, which admission_check allowed. */
void admission_enter(struct request_state *state, size_t operations);
/* The request has its results, or was given up: it waits no more. */
void admission_leave(struct request_state *state);

#endif
