/* A circuit breaker for one instance of counter-service
 * (https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker):
 *
 *     CLOSED ── failures in a row ──> OPEN ── open_for has passed, the next call is the probe ──> HALF_OPEN
 *       ▲                               ▲                                                          │    │
 *       └── the probe is answered ──────┼──────────────────────────────────────────────────────────┘    │
 *                                       └── the probe fails ────────────────────────────────────────────┘
 *
 * Pure: time comes as an argument. Its owner guards it. */
#ifndef TALLY_GATEWAY_POOL_BREAKER_H
#define TALLY_GATEWAY_POOL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN, BREAKER_STATES };

/* What the end of a call says of the instance. */
enum call_verdict {
    CALL_ANSWERED,     /* it answered, be it by refusing */
    CALL_FAILED,       /* it ended unknown: no answer in time, or the connection was lost */
    CALL_SAYS_NOTHING, /* given up by us */
};

struct breaker {
    /* immutable after init */
    int failures_max;
    int64_t open_for_us;
    /* changed by calls */
    enum breaker_state state;
    int failures;     /* in a row */
    int64_t retry_us; /* OPEN: when a probe may leave; monotonic */
};

void breaker_init(struct breaker *breaker, int failures_max, int64_t open_for_us);
/* Whether a call may be sent now. */
bool breaker_allows(const struct breaker *breaker, int64_t now_us);
/* A call is sent, which breaker_allows: if it is not CLOSED, this is the probe. Returns whether the state changed. */
bool breaker_on_call(struct breaker *breaker);
/* A call ended. Returns whether the state changed. */
bool breaker_on_end(struct breaker *breaker, enum call_verdict verdict, int64_t now_us);
/* "closed", "half_open", "open". */
const char *breaker_state_name(enum breaker_state state);

#endif
