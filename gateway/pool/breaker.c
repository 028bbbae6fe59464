#include "gateway/pool/breaker.h"

#include <assert.h>

void breaker_init(struct breaker *breaker, int failures_max, int64_t open_for_us)
{
    *breaker = (struct breaker){.failures_max = failures_max, .open_for_us = open_for_us};
}

bool breaker_allows(const struct breaker *breaker, int64_t now_us)
{
    switch (breaker->state) {
    case BREAKER_CLOSED:
        return true;
    case BREAKER_OPEN:
        return now_us >= breaker->retry_us;
    case BREAKER_HALF_OPEN: /* the probe is out */
    case BREAKER_STATES:
        break;
    }
    return false;
}

bool breaker_on_call(struct breaker *breaker)
{
    assert(breaker->state != BREAKER_HALF_OPEN); /* breaker_allows refuses it */
    if (breaker->state != BREAKER_OPEN) {
        return false;
    }
    breaker->state = BREAKER_HALF_OPEN;
    return true;
}

static void open_until(struct breaker *breaker, int64_t retry_us)
{
    breaker->state = BREAKER_OPEN;
    breaker->retry_us = retry_us;
}

/* Calls that left before the breaker opened may end while it is OPEN or HALF_OPEN: an answer closes it, as the probe's
 * would; a failure tells nothing new while it is OPEN. */
bool breaker_on_end(struct breaker *breaker, enum call_verdict verdict, int64_t now_us)
{
    const enum breaker_state before = breaker->state;
    switch (verdict) {
    case CALL_ANSWERED:
        breaker->failures = 0;
        breaker->state = BREAKER_CLOSED;
        break;
    case CALL_FAILED:
        if (before == BREAKER_CLOSED) {
            breaker->failures++;
        }
        if (before == BREAKER_HALF_OPEN || (before == BREAKER_CLOSED && breaker->failures >= breaker->failures_max)) {
            open_until(breaker, now_us + breaker->open_for_us);
        }
        break;
    case CALL_SAYS_NOTHING:
        if (before == BREAKER_HALF_OPEN) {
            open_until(breaker, now_us); /* the next call is the probe */
        }
        break;
    }
    return breaker->state != before;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[BREAKER_STATES] = {
        [BREAKER_CLOSED] = "closed", [BREAKER_HALF_OPEN] = "half_open", [BREAKER_OPEN] = "open"};
    return names[state];
}
