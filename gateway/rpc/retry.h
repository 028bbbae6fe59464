/* Whether a call may be sent again, and after how long. A budget of tokens keeps re-sends to a tenth of the traffic
 * once something is broken for long, so that retries cannot keep an overloaded service down (the token bucket of gRPC's
 * retry throttling,
 * https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs):
 * 100 tokens, full at start, +0.1 for each first attempt, -1 for each re-send. Owned by one thread. */
#ifndef TALLY_GATEWAY_RPC_RETRY_H
#define TALLY_GATEWAY_RPC_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"

struct retry_budget {
    unsigned tenths; /* tenths of a token */
};

void retry_budget_init(struct retry_budget *budget);
/* A call's first attempt leaves. */
void retry_budget_on_first_attempt(struct retry_budget *budget);
/* Whether there is a token. */
bool retry_budget_has(const struct retry_budget *budget);
/* Takes a token. False: there is none, do not re-send. */
bool retry_budget_take(struct retry_budget *budget) MUST_CHECK;

/* How long to wait before the re-send that follows `attempt` failed attempts (from 1), in microseconds: evenly spread
 * over 0 to a bound that doubles from 5 ms to 50 ms ("full jitter"). random: 32 even random bits. */
int64_t retry_backoff_us(unsigned attempt, uint32_t random);
/* The same after an attempt that the service shed, which cost it next to nothing: 25 to 50 ms, and no token. */
int64_t retry_backoff_shed_us(uint32_t random);

#endif
