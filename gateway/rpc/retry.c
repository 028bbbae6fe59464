#include "gateway/rpc/retry.h"

enum {
    TENTHS_A_TOKEN = 10,
    TENTHS_MAX = 100 * TENTHS_A_TOKEN,
    TENTHS_A_FIRST_ATTEMPT = 1,
    BACKOFF_FIRST_US = 5000,
    BACKOFF_MAX_US = 50000,
};

void retry_budget_init(struct retry_budget *budget)
{
    budget->tenths = TENTHS_MAX;
}

void retry_budget_on_first_attempt(struct retry_budget *budget)
{
    budget->tenths += TENTHS_A_FIRST_ATTEMPT;
    if (budget->tenths > TENTHS_MAX) {
        budget->tenths = TENTHS_MAX;
    }
}

bool retry_budget_has(const struct retry_budget *budget)
{
    return budget->tenths >= TENTHS_A_TOKEN;
}

bool retry_budget_take(struct retry_budget *budget)
{
    if (!retry_budget_has(budget)) {
        return false;
    }
    budget->tenths -= TENTHS_A_TOKEN;
    return true;
}

int64_t retry_backoff_us(unsigned attempt, uint32_t random)
{
    int64_t bound_us = BACKOFF_FIRST_US;
    for (unsigned failed = 1; failed < attempt && bound_us < BACKOFF_MAX_US; failed++) {
        bound_us *= 2;
    }
    if (bound_us > BACKOFF_MAX_US) {
        bound_us = BACKOFF_MAX_US;
    }
    /* random / 2^32 of the bound, the bound itself included. */
    return (int64_t)(((uint64_t)random * (uint64_t)(bound_us + 1)) >> 32);
}

int64_t retry_backoff_shed_us(uint32_t random)
{
    const int64_t half_us = BACKOFF_MAX_US / 2;
    return half_us + (int64_t)(((uint64_t)random * (uint64_t)(half_us + 1)) >> 32);
}
