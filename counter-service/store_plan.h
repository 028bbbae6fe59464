/* The requests of one pipeline, and to which call each of them belongs. Owned by one worker's thread. */
#ifndef TALLY_COUNTER_SERVICE_STORE_PLAN_H
#define TALLY_COUNTER_SERVICE_STORE_PLAN_H

#include "common/config.h"
#include "counter-service/store.h"
#include "counter-service/store_metrics.h"
#include "counter-service/write_command.h"

struct planned_call {
    struct store_call *call;
    size_t start; /* where its first command begins in the requests */
};

struct store_plan {
    /* Immutable after init. */
    struct write_settings settings;
    int session_ttl_ms;
    int64_t max_deadline_us;
    /* Since store_plan_clear. */
    struct buffer requests;
    struct planned_call *calls;
    size_t call_count;
    size_t call_capacity;
    size_t item_count;
    enum exchange_kind kind; /* what the exchange is counted under */
};

void store_plan_init(struct store_plan *plan, const struct config *config);
void store_plan_done(struct store_plan *plan);
/* Empties it; the memory is kept, so that a pipeline of usual size costs no malloc. */
void store_plan_clear(struct store_plan *plan);
/* Appends the call's requests, or completes the call here and now: nothing to ask, past its deadline, out of memory. */
void store_plan_add(struct store_plan *plan, struct store_call *call, struct write_script_name script, int64_t now_us);

#endif
