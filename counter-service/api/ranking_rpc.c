#include "counter-service/api/ranking_rpc.h"

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/compiler.h"
#include "counter-service/api/ranking_reply.h"
#include "counter-service/api/ranking_request.h"
#include "counter-service/commands/ranking_read.h"

/* A call; lies in its arena. */
struct ranking_call {
    const struct ranking_rpc *rpc;
    struct rpc_call *rpc_call;
    enum ranking_method method;
    struct ranking_question question;
    struct ranking_waiter waiter; /* while it waits for another call */
    /* While it reads Redis. */
    struct ranking_cache_place *place; /* NULL: the answer is not kept */
    int64_t asked_us;
    struct ranking_read read;
    struct store_call store;
};

static int64_t ttl_us_of(const struct ranking_call *call)
{
    return (int64_t)call->question.config->cache_ttl_ms * 1000;
}

/* From here on the call is not ours, and may be gone. */
static void answer(struct ranking_call *call, const struct ranking_outcome *outcome)
{
    struct rpc_call *rpc_call = call->rpc_call;
    if (outcome->status != STATUS_OK) {
        const char *detail = outcome->detail != NULL ? outcome->detail : status_title(outcome->status);
        rpc_call_fail_with(rpc_call, outcome->status, text_of(detail));
        return;
    }
    const struct ranking_age age = {
        .age_ms = (clock_boottime_us() - outcome->asked_us + 999) / 1000,
        .max_age_ms = call->question.config->cache_ttl_ms,
    };
    rpc_call_answer(rpc_call, ranking_reply_make(call->method, outcome->answer, age, &rpc_call->arena));
}

static void on_waited(struct ranking_waiter *waiter, const struct ranking_outcome *outcome)
{
    answer(CONTAINER_OF(waiter, struct ranking_call, waiter), outcome);
}

/* Tells those who wait, then the call itself: what it has goes with it. */
static void finish(struct ranking_call *call, const struct ranking_outcome *outcome)
{
    ranking_read_done(&call->read);
    if (call->place != NULL) {
        ranking_cache_finish(call->rpc->cache, call->place, outcome, ttl_us_of(call));
    }
    answer(call, outcome);
}

/* On a store worker's thread. */
static void on_stored(struct store_call *store)
{
    struct ranking_call *call = CONTAINER_OF(store, struct ranking_call, store);
    struct ranking_outcome outcome = {.status = store->status, .detail = store->detail, .asked_us = call->asked_us};
    struct error sentence;
    if (store->status == STATUS_OK) {
        outcome.status = ranking_answer_make(&call->question, &call->read.snapshot, &outcome.answer, &sentence);
        outcome.detail = outcome.status != STATUS_OK ? sentence.message : NULL;
    }
    finish(call, &outcome);
    ranking_answer_release(outcome.answer);
}

static void submit(struct ranking_call *call)
{
    call->asked_us = clock_boottime_us();
    ranking_read_init(&call->read, &call->question);
    call->store = (struct store_call){
        .operation = call->method == RANKING_TOP_COUNTERS ? STORE_TOP : STORE_RANK,
        /* The others who wait for the answer may have more time than this call. */
        .deadline_us = call->place != NULL ? INT64_MAX : rpc_call_deadline_us(call->rpc_call),
        .ranking = &call->read,
        .done = on_stored,
    };
    const enum status refused = store_submit(call->rpc->store, &call->store);
    if (refused != STATUS_OK) {
        finish(call, &(const struct ranking_outcome){.status = refused});
    }
}

static void ask(struct ranking_call *call)
{
    char key[RANKING_QUESTION_KEY_SIZE];
    struct ranking_outcome outcome;
    if (ttl_us_of(call) == 0) {
        submit(call);
        return;
    }
    switch (ranking_cache_ask(call->rpc->cache, ranking_question_key(&call->question, key), clock_boottime_us(),
                              &call->waiter, &outcome, &call->place)) {
    case RANKING_TURN_ANSWERED:
        answer(call, &outcome);
        ranking_answer_release(outcome.answer);
        return;
    case RANKING_TURN_WAITS:
        return;
    case RANKING_TURN_COMPUTES:
        submit(call);
        return;
    case RANKING_TURN_SHED:
        rpc_call_fail(call->rpc_call, STATUS_SHED, "Too many calls wait for answers about rankings");
        return;
    }
}

static void handle(void *ctx, struct rpc_call *rpc_call)
{
    const struct ranking_rpc *rpc = ctx;
    struct ranking_call *call = arena_alloc(&rpc_call->arena, sizeof(*call));
    if (call == NULL) {
        rpc_call_fail(rpc_call, STATUS_OUT_OF_MEMORY, "The service is out of memory");
        return;
    }
    const enum ranking_method method = (enum ranking_method)rpc_call->served->method->kind;
    *call = (struct ranking_call){.rpc = rpc, .rpc_call = rpc_call, .method = method, .waiter = {.done = on_waited}};
    struct error error;
    const enum status status =
        ranking_request_read(method, rpc->config, rpc_call->payload, &rpc_call->arena, &call->question, &error);
    if (status != STATUS_OK) {
        rpc_call_fail_with(rpc_call, status, text_of(error.message));
    } else {
        ask(call);
    }
}

#define METHOD(method_kind, method_name) \
    [method_kind] = {.path = "/tally.v1.CounterService/" method_name, \
                     .name = method_name, \
                     .armed = 16, \
                     .kind = method_kind, \
                     .handle = handle}

static const struct rpc_method methods[] = {
    METHOD(RANKING_TOP_COUNTERS, "TopCounters"),
    METHOD(RANKING_RANK_OF, "RankOf"),
};
_Static_assert(sizeof(methods) / sizeof(methods[0]) == RANKING_METHODS, "a row for each method");

struct rpc_service ranking_rpc_service(struct ranking_rpc *rpc)
{
    return (struct rpc_service){.methods = methods, .method_count = sizeof(methods) / sizeof(methods[0]), .ctx = rpc};
}
