/* Batch calls that wait with their body unread, first in, first out: a body that is read takes five times its bytes,
 * and while the service cannot take its operations it may as well wait unread. A caller that is kept waiting until its
 * deadline does not come again meanwhile; one that is refused at once does, and refusing costs as much as a fifth of
 * serving. Bounded by server.max_body_memory. Loop thread only.
 *
 *     admission_line_enter ─┬─> a place is free ─> state->read (at once, or at the end of a turn)
 *                           ├─> its deadline is near ─> 503, not sent in time
 *                           ├─> its client is gone
 *                           └─> the gateway ends ─> 503
 */
#ifndef TALLY_GATEWAY_HTTP_ADMISSION_LINE_H
#define TALLY_GATEWAY_HTTP_ADMISSION_LINE_H

#include <stdint.h>

#include "gateway/http/request_state.h"

/* read: parses the body and goes on. Called from here if a place is free and nobody waits for one. */
void admission_line_enter(struct request_state *state, void (*read)(struct request_state *state));

/* Reads the requests that there is place for, answers those that are too late. Returns when it wants to be called
 * again, monotonic microseconds; INT64_MAX for never. */
int64_t admission_line_turn(struct loop_context *loop, int64_t now_us);

#endif
