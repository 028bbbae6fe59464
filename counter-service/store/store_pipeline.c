#include "counter-service/store/store_pipeline.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "counter-service/commands/item_trace.h"
#include "counter-service/commands/outbox_relieve.h"
#include "counter-service/commands/write_script.h"
#include "counter-service/store/redis_heartbeat.h"
#include "counter-service/store/store_operations.h"

/* Requests of one pipeline are usually some KiB; the memory of a rare large one is given back. */
enum { REQUESTS_KEEP_BYTES = 1024 * 1024, RELIEVE_PAUSE_US = 1000 * 1000 };

static struct outbox_settings outbox_settings_of(const struct config *config)
{
    if (!config_has_outbox(config)) {
        return (struct outbox_settings){.stream = {NULL, 0}};
    }
    return (struct outbox_settings){
        .stream = outbox_stream,
        .marks = outbox_marks,
        .events_max = config->events.outbox_max,
        .refuse_when_full = config->events.when_full == WHEN_FULL_REFUSE,
    };
}

void store_pipeline_init(struct store_pipeline *pipeline, const struct config *config, struct store_metrics metrics,
                         struct store_redirection redirection)
{
    *pipeline = (struct store_pipeline){
        .config = config,
        .settings =
            {
                .idempotency_ttl_ms = config->idempotency.ttl_ms,
                .outbox = outbox_settings_of(config),
            },
        .metrics = metrics,
        .redirection = redirection,
    };
    buffer_init(&pipeline->requests);
    buffer_init(&pipeline->packed);
}

void store_pipeline_done(struct store_pipeline *pipeline)
{
    buffer_done(&pipeline->requests);
    buffer_done(&pipeline->packed);
    free(pipeline->calls);
    free(pipeline->prefixes);
    pipeline->calls = NULL;
    pipeline->prefixes = NULL;
}

int store_pipeline_begin(struct store_pipeline *pipeline, const struct store_assignment *assignment)
{
    const size_t count = (size_t)assignment->partitions;
    struct redis_key_prefix *prefixes = realloc(pipeline->prefixes, count * sizeof(*prefixes));
    if (prefixes == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        prefixes[i] = redis_key_prefix_of((int)i);
    }
    pipeline->prefixes = prefixes;
    pipeline->settings.prefix = prefixes[0];
    pipeline->assignment = assignment;
    return 0;
}

/* ---- the plan ---- */

/* No call lives longer in the service than counter_service.max_deadline. */
static int64_t deadline_of(const struct store_pipeline *pipeline, const struct store_call *call)
{
    const int64_t latest_us = call->submitted_us + (int64_t)pipeline->config->counter_service.max_deadline_ms * 1000;
    return clock_earlier(call->deadline_us, latest_us);
}

static int make_room(struct store_pipeline *pipeline)
{
    if (pipeline->call_count < pipeline->call_capacity) {
        return 0;
    }
    const size_t capacity = pipeline->call_capacity > 0 ? 2 * pipeline->call_capacity : 64;
    struct planned_call *calls = realloc(pipeline->calls, capacity * sizeof(*calls));
    if (calls == NULL) {
        return -1;
    }
    pipeline->calls = calls;
    pipeline->call_capacity = capacity;
    return 0;
}

/* Appends the call's requests, or completes the call here and now: past its deadline, out of memory. */
static void plan_call(struct store_exchange *exchange, struct store_call *call, int64_t now_us)
{
    struct store_pipeline *pipeline = exchange->pipeline;
    const size_t start = pipeline->requests.len;
    if (now_us >= deadline_of(pipeline, call)) {
        store_call_finish(call, STATUS_EXPIRED, NULL);
        return;
    }
    pipeline->settings.prefix = pipeline->prefixes[call->partition];
    if (make_room(pipeline) != 0 || store_operation_append(exchange, call) != 0) {
        pipeline->requests.len = start;
        pipeline->requests.failed = false;
        store_call_finish(call, STATUS_OUT_OF_MEMORY, "The service is out of memory");
        return;
    }
    assert(pipeline->requests.len > start);
    call->sent_us = now_us;
    call->status = STATUS_OK;
    call->detail = NULL;
    pipeline->calls[pipeline->call_count++] = (struct planned_call){call, start};
}

static void plan_all(struct store_exchange *exchange, struct store_call *calls, int64_t now_us)
{
    buffer_clear(&exchange->pipeline->requests, REQUESTS_KEEP_BYTES);
    exchange->pipeline->call_count = 0;
    while (calls != NULL) {
        struct store_call *next = calls->next;
        plan_call(exchange, calls, now_us);
        calls = next;
    }
}

static size_t planned_items(const struct store_pipeline *pipeline)
{
    size_t count = 0;
    for (size_t i = 0; i < pipeline->call_count; i++) {
        count += pipeline->calls[i].call->item_count;
    }
    return count;
}

/* What the exchange is counted under. */
static enum exchange_kind planned_kind(const struct store_pipeline *pipeline)
{
    enum exchange_kind kind = EXCHANGE_HEARTBEAT;
    for (size_t i = 0; i < pipeline->call_count; i++) {
        const enum exchange_kind of_call = store_operation_kind(pipeline->calls[i].call->operation);
        kind = of_call < kind ? of_call : kind;
    }
    return kind;
}

/* The step of the first traced call; not sampled if none is traced. */
static struct trace_context planned_trace(const struct store_pipeline *pipeline)
{
    for (size_t i = 0; tracer_is_on() && i < pipeline->call_count; i++) {
        if (pipeline->calls[i].call->traces != NULL) {
            return pipeline->calls[i].call->traces->step.context;
        }
    }
    return (struct trace_context){.is_sampled = false};
}

/* ---- the exchange ---- */

/* Completes the calls without a reply. A write is unknown if any byte of it was handed to the kernel: Redis runs what
 * it has received, even if the connection is closed meanwhile. */
static void finish_lost(struct store_exchange *exchange, size_t first_unread)
{
    const struct store_pipeline *pipeline = exchange->pipeline;
    const size_t bytes_sent = redis_conn_sent(exchange->conn);
    for (size_t i = first_unread; i < pipeline->call_count; i++) {
        struct store_call *call = pipeline->calls[i].call;
        const bool unknown = call->operation == STORE_INCREMENT && pipeline->calls[i].start < bytes_sent;
        store_call_finish(call, unknown ? STATUS_REPLY_LOST : STATUS_REDIS_DOWN, NULL);
    }
    store_calls_finish(exchange->again, STATUS_REDIS_DOWN, NULL);
    exchange->again = NULL;
    store_operation_written_lost(exchange);
    error_set(exchange->error, "%s", redis_conn_error(exchange->conn));
}

static int read_heartbeat(struct store_exchange *exchange)
{
    const size_t replies = redis_heartbeat_replies(exchange->pipeline->config, exchange->pipeline->assignment);
    for (size_t i = 0; i < replies; i++) {
        struct redis_reply reply;
        if (redis_conn_next(exchange->conn, &reply) != 0) {
            finish_lost(exchange, exchange->pipeline->call_count);
            return -1;
        }
        /* The first thing wrong is the one that is told. */
        if (!exchange->must_close &&
            redis_heartbeat_check(i, &reply, exchange->pipeline->config, exchange->pipeline->assignment,
                                  exchange->session, exchange->error) != 0) {
            exchange->must_close = true;
        }
    }
    return 0;
}

/* Writes the requests and reads all replies. Returns 0, or -1 if the connection was lost: then every call is completed.
 */
static int transact(struct store_exchange *exchange, bool waits, bool heartbeat)
{
    const struct store_pipeline *pipeline = exchange->pipeline;
    const struct text requests = {pipeline->requests.data, pipeline->requests.len};
    const int wait_ms = waits ? pipeline->config->redis.wait_timeout_ms : 0;
    if (requests.len == 0) {
        return 0;
    }
    redis_conn_begin(exchange->conn, requests, pipeline->config->redis.timeout_ms + wait_ms);
    for (size_t i = 0; i < pipeline->call_count; i++) {
        if (store_operation_read(exchange, pipeline->calls[i].call) != 0) {
            finish_lost(exchange, i);
            return -1;
        }
    }
    if (waits && store_operation_read_wait(exchange) != 0) {
        finish_lost(exchange, pipeline->call_count);
        return -1;
    }
    store_operation_written_lost(exchange); /* without memory for WAIT there are some */
    return heartbeat ? read_heartbeat(exchange) : 0;
}

/* Has events of all partitions that are here dropped, since Redis is out of memory. Returns 0, or -1 if the connection
 * was lost: then every call is completed. */
static int relieve(struct store_exchange *exchange)
{
    struct store_pipeline *pipeline = exchange->pipeline;
    const struct store_assignment *assignment = pipeline->assignment;
    int64_t dropped = 0;
    plan_all(exchange, NULL, 0);
    for (size_t i = 0; i < assignment->count; i++) {
        pipeline->settings.prefix = pipeline->prefixes[assignment->numbers[i]];
        if (outbox_relieve_append(&pipeline->requests, &pipeline->settings) != 0) {
            return 0; /* then the calls are refused as they were */
        }
    }
    redis_conn_begin(exchange->conn, (struct text){pipeline->requests.data, pipeline->requests.len},
                     pipeline->config->redis.timeout_ms);
    for (size_t i = 0; i < assignment->count; i++) {
        struct redis_reply reply;
        if (redis_conn_next(exchange->conn, &reply) != 0) {
            finish_lost(exchange, 0);
            return -1;
        }
        dropped += reply.type == REDIS_INTEGER ? reply.integer : 0;
    }
    store_operation_events_dropped(exchange, "Redis is out of memory", dropped);
    if (dropped == 0) {
        pipeline->relieve_after_us = clock_monotonic_us() + RELIEVE_PAUSE_US;
    }
    return 0;
}

/* Whether there are writes that wait for replicas, and WAIT was added behind them. Without it none is acknowledged. */
static bool plan_wait(struct store_exchange *exchange)
{
    const struct store_pipeline *pipeline = exchange->pipeline;
    if (!store_operation_waits(exchange)) {
        return false;
    }
    for (size_t i = 0; i < pipeline->call_count; i++) {
        if (pipeline->calls[i].call->operation == STORE_INCREMENT) {
            return store_operation_append_wait(exchange) == 0;
        }
    }
    return false;
}

/* Sends the calls once more that were answered NOSCRIPT (SCRIPT FLUSH), with the script's text, so that Redis knows it
 * again; or OOM. */
static int transact_again(struct store_exchange *exchange)
{
    if (exchange->must_relieve && relieve(exchange) != 0) {
        return -1;
    }
    struct store_call *calls = exchange->again;
    exchange->again = NULL;
    exchange->script = (struct write_script_name){TEXT("EVAL"), {write_script, write_script_len}};
    exchange->by_text = true;
    plan_all(exchange, calls, clock_monotonic_us());
    const bool waits = plan_wait(exchange);
    const int result = transact(exchange, waits, false);
    assert(exchange->again == NULL);
    return result;
}

/* Whether the heartbeat's requests were added. */
static bool plan_heartbeat(struct store_pipeline *pipeline)
{
    struct buffer *requests = &pipeline->requests;
    const size_t start = requests->len;
    redis_heartbeat_append(requests, pipeline->config, pipeline->assignment);
    if (!requests->failed) {
        return true;
    }
    requests->failed = false;
    requests->len = start;
    return false;
}

int store_pipeline_run(struct store_pipeline *pipeline, struct redis_conn *conn, struct redis_session *session,
                       struct store_call *calls, bool heartbeat, struct error *error)
{
    struct store_exchange exchange = {
        .pipeline = pipeline,
        .conn = conn,
        .session = session,
        .script = {TEXT("EVALSHA"), {session->script_sha, REDIS_SCRIPT_SHA_LEN}},
        .error = error,
    };
    exchange.again_last = &exchange.again;
    exchange.written_last = &exchange.written;
    const int64_t start_us = clock_monotonic_us();
    if (!redis_conn_is_idle(conn)) {
        store_calls_finish(calls, STATUS_REDIS_DOWN, NULL);
        error_set(error, "%s", redis_conn_error(conn));
        return -1;
    }
    plan_all(&exchange, calls, start_us);
    const enum exchange_kind kind = planned_kind(pipeline); /* before the calls are completed */
    const struct trace_context trace = planned_trace(pipeline);
    const size_t items = planned_items(pipeline);
    if (items > 0) {
        metrics_observe(pipeline->metrics.batch_size, (double)items);
    }
    const bool waits = plan_wait(&exchange);
    int result = transact(&exchange, waits, heartbeat && plan_heartbeat(pipeline));
    if (result == 0 && exchange.again != NULL) {
        result = transact_again(&exchange);
    }
    const int64_t duration_us = clock_monotonic_us() - start_us;
    metrics_observe_traced(pipeline->metrics.duration[kind], (double)duration_us / 1e6, &trace);
    return result == 0 && !exchange.must_close ? 0 : -1;
}
