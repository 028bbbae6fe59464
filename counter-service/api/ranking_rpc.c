#include "counter-service/api/ranking_rpc.h"

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/compiler.h"
#include "counter-service/api/ranking_gather.h"
#include "counter-service/api/ranking_reply.h"
#include "counter-service/api/ranking_request.h"
#include "counter-service/ranking/ranking_answer.h"

/* A call; lies in its arena. */
struct ranking_call {
    const struct ranking_rpc *rpc;
    struct rpc_call *rpc_call;
    enum ranking_method method;
    struct ranking_question question;
    struct ranking_waiter waiter; /* while it waits for another call's read */
    /* While it reads Redis. */
    struct ranking_cache_place *place; /* NULL: what is read is not kept */
    bool has_asked_again;
    int64_t asked_us;
    struct ranking_gather gather;
    /* While it reads a total of one of several partitions: who stands where in all of them. NULL: the total comes with
     * what is to be known of its only partition. */
    struct ranking_snapshot *shared;
    int64_t shared_asked_us;
};

static int64_t ttl_us_of(const struct ranking_call *call)
{
    return (int64_t)call->question.config->cache_ttl_ms * 1000;
}

/* ---- the answer: from here on the call is not ours, and may be gone ---- */

static void fail(struct ranking_call *call, enum status status, const char *detail)
{
    rpc_call_fail_with(call->rpc_call, status, text_of(detail != NULL ? detail : status_title(status)));
}

static void reply(struct ranking_call *call, const struct ranking_answer *answer, int64_t asked_us)
{
    struct rpc_call *rpc_call = call->rpc_call;
    const struct ranking_age age = {
        .age_ms = (clock_boottime_us() - asked_us + 999) / 1000,
        .max_age_ms = call->question.config->cache_ttl_ms,
    };
    rpc_call_answer(rpc_call, ranking_reply_make(call->method, answer, age, &rpc_call->arena));
}

/* ---- reads of Redis ---- */

/* done may run on a store worker's thread. */
static void start(struct ranking_call *call, struct ranking_wanted wanted, void (*done)(struct ranking_gather *gather))
{
    call->asked_us = clock_boottime_us();
    call->gather = (struct ranking_gather){
        .question = &call->question,
        .wanted = wanted,
        /* The others who wait for what is read may have more time than this call. */
        .deadline_us = call->place != NULL ? INT64_MAX : rpc_call_deadline_us(call->rpc_call),
        .done = done,
    };
    ranking_gather_start(&call->gather, call->rpc->store, &call->rpc_call->arena);
}

/* ---- a read for this call alone ---- */

static void on_own(struct ranking_gather *gather);
static void ask_cache(struct ranking_call *call, int64_t asked_min_us);

static void drop_read(struct ranking_call *call)
{
    ranking_gather_done(&call->gather);
    ranking_snapshot_release(call->shared);
    call->shared = NULL;
}

/* The resource has come among the best since the whole was read: it is read once more, for all who ask, and if that was
 * on its way before, for this call. */
static void read_again(struct ranking_call *call)
{
    const int64_t asked_us = call->asked_us;
    drop_read(call);
    if (call->has_asked_again || ttl_us_of(call) == 0) {
        start(call, (struct ranking_wanted){.order = true, .total = true}, on_own);
    } else {
        call->has_asked_again = true;
        ask_cache(call, asked_us);
    }
}

static void on_own(struct ranking_gather *gather)
{
    struct ranking_call *call = CONTAINER_OF(gather, struct ranking_call, gather);
    struct ranking_snapshot *snapshot = call->shared != NULL ? call->shared : gather->snapshot;
    const int64_t asked_us = call->shared != NULL ? call->shared_asked_us : call->asked_us;
    struct ranking_answer answer;
    struct error sentence;
    if (gather->status != STATUS_OK) {
        const enum status status = gather->status;
        const char *detail = gather->detail;
        drop_read(call);
        fail(call, status, detail);
        return;
    }
    const enum status status =
        ranking_answer_make(&call->question, snapshot, ranking_gather_total(gather), &answer, &sentence);
    if (status == STATUS_OK && ranking_answer_lacks_rank(&call->question, snapshot, gather->snapshot, &answer)) {
        read_again(call);
        return;
    }
    ranking_snapshot_hold(snapshot); /* the answer's entries lie in it, and the call is gone before they are */
    drop_read(call);
    if (status != STATUS_OK) {
        fail(call, status, sentence.message);
    } else {
        reply(call, &answer, asked_us);
    }
    ranking_snapshot_release(snapshot);
}

/* ---- a read for all who ask ---- */

/* The resource has no place. Its total is in its own partition; who stands where in all of several is not read again.
 */
static void read_total(struct ranking_call *call, const struct ranking_outcome *outcome)
{
    if (store_partitions(call->rpc->store) > 1) {
        call->shared = outcome->snapshot;
        call->shared_asked_us = outcome->asked_us;
        ranking_snapshot_hold(call->shared);
    }
    start(call, (struct ranking_wanted){.total = true}, on_own);
}

/* The call, which owned the read or waited for it, is told what was read. */
static void use(struct ranking_call *call, const struct ranking_outcome *outcome)
{
    struct ranking_answer answer;
    struct error sentence;
    if (outcome->status != STATUS_OK) {
        fail(call, outcome->status, outcome->detail);
        return;
    }
    if (ranking_answer_needs_total(&call->question, outcome->snapshot)) {
        read_total(call, outcome);
        return;
    }
    const enum status status = ranking_answer_make(&call->question, outcome->snapshot, TEXT(""), &answer, &sentence);
    if (status != STATUS_OK) {
        fail(call, status, sentence.message);
    } else {
        reply(call, &answer, outcome->asked_us);
    }
}

static void on_waited(struct ranking_waiter *waiter, const struct ranking_outcome *outcome)
{
    use(CONTAINER_OF(waiter, struct ranking_call, waiter), outcome);
}

/* Tells those who wait, then the call itself: what it has goes with it. */
static void on_shared(struct ranking_gather *gather)
{
    struct ranking_call *call = CONTAINER_OF(gather, struct ranking_call, gather);
    struct ranking_snapshot *taken = gather->snapshot;
    struct ranking_cache_place *place = call->place;
    struct ranking_outcome outcome = {gather->status, gather->detail, taken, call->asked_us};
    struct error sentence;
    int64_t period;
    gather->snapshot = NULL;
    ranking_gather_done(gather);
    call->place = NULL;
    /* A period that is not kept is a failure: what was read of it is not worth keeping. */
    if (outcome.status == STATUS_OK) {
        outcome.status = ranking_answer_period(&call->question, outcome.snapshot, &period, &sentence);
        outcome.detail = outcome.status != STATUS_OK ? sentence.message : NULL;
    }
    if (place != NULL) {
        ranking_cache_finish(call->rpc->cache, place, &outcome, ttl_us_of(call));
    }
    use(call, &outcome);
    ranking_snapshot_release(taken);
}

static void ask_cache(struct ranking_call *call, int64_t asked_min_us)
{
    char key[RANKING_QUESTION_KEY_SIZE];
    struct ranking_outcome outcome;
    switch (ranking_cache_ask(call->rpc->cache, ranking_question_key(&call->question, key), clock_boottime_us(),
                              asked_min_us, &call->waiter, &outcome, &call->place)) {
    case RANKING_TURN_KEPT:
        use(call, &outcome);
        ranking_snapshot_release(outcome.snapshot);
        return;
    case RANKING_TURN_WAITS:
        return;
    case RANKING_TURN_READS:
        start(call, (struct ranking_wanted){.order = true}, on_shared);
        return;
    case RANKING_TURN_SHED:
        rpc_call_fail(call->rpc_call, STATUS_SHED, "Too many calls wait for answers about rankings");
        return;
    }
}

static void ask(struct ranking_call *call)
{
    const bool is_of_one = ranking_question_is_of_one(&call->question);
    if (ttl_us_of(call) == 0) {
        start(call, (struct ranking_wanted){.order = true, .total = is_of_one}, on_own);
    } else {
        ask_cache(call, INT64_MIN);
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
                     .is_traced = true, \
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
