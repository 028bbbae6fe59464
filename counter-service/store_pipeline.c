#include "counter-service/store_pipeline.h"

#include <string.h>

#include "common/clock.h"
#include "counter-service/read_command.h"
#include "counter-service/redis_checks.h"
#include "counter-service/redis_error.h"
#include "counter-service/session_command.h"
#include "counter-service/store_call.h"
#include "counter-service/write_reply.h"
#include "counter-service/write_script.h"

/* One run of store_pipeline_run. */
struct exchange {
    struct store_pipeline *pipeline;
    struct redis_conn *conn;
    struct redis_session *session;
    bool by_text;    /* the script is sent with its text: Redis cannot answer that it does not know it */
    size_t again;    /* calls answered NOSCRIPT: moved to the front of the plan */
    bool must_close; /* the connection, after all replies are read; error says why */
    struct error *error;
};

void store_pipeline_init(struct store_pipeline *pipeline, const struct config *config, struct store_metrics metrics)
{
    *pipeline = (struct store_pipeline){.config = config, .timeout_ms = config->redis.timeout_ms, .metrics = metrics};
    store_plan_init(&pipeline->plan, config);
}

void store_pipeline_done(struct store_pipeline *pipeline)
{
    store_plan_done(&pipeline->plan);
}

static void log_refusal(struct store_pipeline *pipeline, const char *msg, struct text answer)
{
    uint64_t count;
    if (log_limiter_allows(&pipeline->refusals, clock_monotonic_us(), &count)) {
        log_warn("redis", msg, LOG_STR("answer", redis_quote(answer).text), LOG_INT("count", count));
    }
}

static void write_refused(struct exchange *exchange, struct store_call *call, struct text error)
{
    const struct redis_refusal refusal = redis_error_of_write(error);
    if (refusal.unknown_script && !exchange->by_text) {
        /* Never more of them than calls were read: no place is overwritten that is still needed. */
        exchange->pipeline->plan.calls[exchange->again++].call = call;
        return;
    }
    log_refusal(exchange->pipeline, "redis answered a write with an error", error);
    if (refusal.closes_connection) {
        exchange->must_close = true;
        error_set(exchange->error, "%s", refusal.detail);
    }
    store_call_finish(call, refusal.status, refusal.detail);
}

static void write_answered(struct exchange *exchange, struct store_call *call, struct text answer)
{
    const struct write_reply result = write_reply_parse(answer, call->items, call->item_count);
    if (result.trouble.len > 0) {
        log_refusal(exchange->pipeline, "redis refused a part of a write", result.trouble);
    }
    if (result.closes_connection) {
        exchange->must_close = true;
        error_set(exchange->error, "Redis refused a part of a write: %s", redis_quote(result.trouble).text);
    }
    metrics_add(exchange->pipeline->metrics.increments, (int64_t)result.applied);
    if (result.replayed > 0) {
        metrics_add(exchange->pipeline->metrics.replayed, (int64_t)result.replayed);
    }
    store_call_finish(call, result.status, result.detail);
}

static int read_write(struct exchange *exchange, struct store_call *call)
{
    struct redis_reply reply;
    if (redis_conn_next(exchange->conn, &reply) != 0) {
        return -1;
    }
    (void)redis_session_note_write(exchange->session, &reply);
    if (reply.type == REDIS_ERROR) {
        write_refused(exchange, call, reply.text);
    } else {
        /* Another type of reply has an empty text, which is no answer of the script's. */
        write_answered(exchange, call, reply.text);
    }
    return 0;
}

static int read_get(struct exchange *exchange, struct store_call *call)
{
    for (size_t i = 0; i < call->item_count; i++) {
        struct redis_reply reply;
        if (call->items[i].status != STATUS_OK) {
            continue;
        }
        if (redis_conn_next(exchange->conn, &reply) != 0) {
            return -1;
        }
        read_command_get_reply(&reply, &call->items[i]);
    }
    store_call_finish(call, STATUS_OK, NULL);
    return 0;
}

static int read_list(struct exchange *exchange, struct store_call *call)
{
    struct redis_reply reply;
    if (redis_conn_next(exchange->conn, &reply) != 0) {
        return -1;
    }
    read_command_list_reply(&reply, call);
    store_call_finish(call, call->status, call->detail);
    return 0;
}

/* What was replaced under us is noticed here, before the heartbeat does. */
static int read_session(struct exchange *exchange, struct store_call *call)
{
    struct redis_reply reply;
    const char *detail = NULL;
    if (redis_conn_next(exchange->conn, &reply) != 0) {
        return -1;
    }
    const bool is_our_store = session_command_store_is(&reply, exchange->session->store_id);
    if (redis_conn_next(exchange->conn, &reply) != 0) {
        return -1;
    }
    enum status status = session_command_reply(&reply, call, &detail);
    if (!is_our_store) {
        exchange->must_close = true;
        error_set(exchange->error, "Redis's data was replaced: key tally:store is another one");
        status = STATUS_REDIS_DOWN;
        detail = "Redis's data was replaced";
    }
    memcpy(call->store_id, exchange->session->store_id, sizeof(call->store_id));
    call->idle_timeout_ms = exchange->pipeline->plan.session_ttl_ms;
    store_call_finish(call, status, detail);
    return 0;
}

/* Reads the call's replies and completes it. Returns -1, with the call not completed, if the connection was lost. */
static int read_replies(struct exchange *exchange, struct store_call *call)
{
    switch (call->operation) {
    case STORE_INCREMENT:
        return read_write(exchange, call);
    case STORE_OPEN_SESSION:
    case STORE_KEEP_SESSION:
        return read_session(exchange, call);
    case STORE_GET:
        return read_get(exchange, call);
    case STORE_LIST:
        return read_list(exchange, call);
    }
    return -1;
}

/* Completes the calls without a reply. A write is unknown if any byte of it was handed to the kernel: Redis runs what
 * it has received, even if the connection is closed meanwhile. */
static void finish_lost(struct exchange *exchange, size_t first_unread)
{
    const struct store_plan *plan = &exchange->pipeline->plan;
    const size_t bytes_sent = redis_conn_sent(exchange->conn);
    for (size_t i = 0; i < exchange->again; i++) {
        store_call_finish(plan->calls[i].call, STATUS_REDIS_DOWN, NULL);
    }
    for (size_t i = first_unread; i < plan->call_count; i++) {
        struct store_call *call = plan->calls[i].call;
        const bool unknown = call->operation == STORE_INCREMENT && plan->calls[i].start < bytes_sent;
        store_call_finish(call, unknown ? STATUS_REPLY_LOST : STATUS_REDIS_DOWN, NULL);
    }
    error_set(exchange->error, "%s", redis_conn_error(exchange->conn));
}

static int read_heartbeat(struct exchange *exchange)
{
    for (size_t i = 0; i < REDIS_HEARTBEAT_REPLIES; i++) {
        struct redis_reply reply;
        if (redis_conn_next(exchange->conn, &reply) != 0) {
            finish_lost(exchange, exchange->pipeline->plan.call_count);
            return -1;
        }
        /* The first thing wrong is the one that is told. */
        if (!exchange->must_close &&
            redis_heartbeat_check(i, &reply, exchange->pipeline->config, exchange->session, exchange->error) != 0) {
            exchange->must_close = true;
        }
    }
    return 0;
}

/* Writes the plan's requests and reads all replies. Returns 0, or -1 if the connection was lost: then every call is
 * completed. */
static int transact(struct exchange *exchange, bool heartbeat)
{
    const struct store_plan *plan = &exchange->pipeline->plan;
    const struct text requests = {plan->requests.data, plan->requests.len};
    redis_conn_begin(exchange->conn, requests, exchange->pipeline->timeout_ms);
    for (size_t i = 0; i < plan->call_count; i++) {
        if (read_replies(exchange, plan->calls[i].call) != 0) {
            finish_lost(exchange, i);
            return -1;
        }
    }
    return heartbeat ? read_heartbeat(exchange) : 0;
}

/* Sends the calls that were answered NOSCRIPT (SCRIPT FLUSH) once more, with the script's text: Redis then knows it
 * again. */
static int transact_again(struct exchange *exchange)
{
    const struct write_script_name script = {TEXT("EVAL"), {write_script, write_script_len}};
    struct store_plan *plan = &exchange->pipeline->plan;
    const size_t count = exchange->again;
    const int64_t now_us = clock_monotonic_us();
    exchange->again = 0;
    exchange->by_text = true;
    store_plan_clear(plan);
    for (size_t i = 0; i < count; i++) {
        /* Overwrites calls[0..i] only: none that is still to come. */
        store_plan_add(plan, plan->calls[i].call, script, now_us);
    }
    return transact(exchange, false);
}

static void plan_all(struct exchange *exchange, struct store_call *calls, int64_t now_us)
{
    const struct write_script_name script = {TEXT("EVALSHA"), {exchange->session->script_sha, SCRIPT_SHA_LEN}};
    struct store_plan *plan = &exchange->pipeline->plan;
    store_plan_clear(plan);
    while (calls != NULL) {
        struct store_call *next = calls->next;
        store_plan_add(plan, calls, script, now_us);
        calls = next;
    }
}

int store_pipeline_run(struct store_pipeline *pipeline, struct redis_conn *conn, struct redis_session *session,
                       struct store_call *calls, bool heartbeat, struct error *error)
{
    struct exchange exchange = {.pipeline = pipeline, .conn = conn, .session = session, .error = error};
    struct store_plan *plan = &pipeline->plan;
    const int64_t start_us = clock_monotonic_us();
    if (!redis_conn_is_idle(conn)) {
        store_calls_finish(calls, STATUS_REDIS_DOWN, NULL);
        error_set(error, "%s", redis_conn_error(conn));
        return -1;
    }
    plan_all(&exchange, calls, start_us);
    const enum exchange_kind kind = plan->kind; /* before a second run changes it */
    if (plan->item_count > 0) {
        metrics_observe(pipeline->metrics.batch_size, (double)plan->item_count);
    }
    if (heartbeat) {
        buffer_append_text(&plan->requests, redis_heartbeat_request);
        heartbeat = !plan->requests.failed;
    }
    int result = plan->requests.len > 0 ? transact(&exchange, heartbeat) : 0;
    if (result == 0 && exchange.again > 0) {
        result = transact_again(&exchange);
    }
    metrics_observe(pipeline->metrics.duration[kind], (double)(clock_monotonic_us() - start_us) / 1e6);
    return result == 0 && !exchange.must_close ? 0 : -1;
}
