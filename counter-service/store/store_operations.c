#include "counter-service/store/store_operations.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "counter-service/commands/ranking_read.h"
#include "counter-service/commands/read_command.h"
#include "counter-service/commands/session_command.h"
#include "counter-service/commands/write_reply.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/resp.h"
#include "counter-service/store/redis_heartbeat.h"
#include "counter-service/topology/redis_redirect.h"

static void log_refusal(struct store_exchange *exchange, const char *msg, struct text answer)
{
    uint64_t count;
    if (log_limiter_allows(&exchange->pipeline->refusals, clock_monotonic_us(), &count)) {
        log_warn("redis", msg, LOG_STR("answer", redis_quote(answer).text), LOG_INT("count", count));
    }
}

/* ---- nodes of a Redis Cluster ---- */

/* Before each command of a call that is for a node which is about to get the partition. */
static const struct text asking = TEXT("*1\r\n$6\r\nASKING\r\n");

static void append_asking(struct store_exchange *exchange, const struct store_call *call)
{
    if (call->asking) {
        buffer_append_text(&exchange->pipeline->requests, asking);
    }
}

/* The reply to one command of the call. Returns 0, or -1 if the connection was lost. */
static int next_reply(struct store_exchange *exchange, struct store_call *call, struct redis_reply *ret_reply)
{
    if (call->asking) {
        if (redis_conn_next(exchange->conn, ret_reply) != 0) {
            return -1;
        }
        if (ret_reply->type == REDIS_ERROR) { /* the command is sent elsewhere then: that is no reason yet */
            log_refusal(exchange, "redis refuses ASKING", ret_reply->text);
            call->asking_refused = true;
        }
    }
    return redis_conn_next(exchange->conn, ret_reply);
}

/* Whether the reply says that the command was not run, since its partition is elsewhere, or on its way. */
static bool is_elsewhere(const struct store_exchange *exchange, const struct redis_reply *reply,
                         struct redis_redirect *ret_redirect)
{
    *ret_redirect = (struct redis_redirect){.kind = REDIS_REDIRECT_NONE};
    if (reply->type == REDIS_ERROR && exchange->pipeline->assignment->is_cluster) {
        *ret_redirect = redis_redirect_read(reply->text);
    }
    return ret_redirect->kind != REDIS_REDIRECT_NONE;
}

static void send_elsewhere(const struct store_exchange *exchange, struct store_call *call,
                           const struct redis_redirect *redirect)
{
    const struct store_redirection *redirection = &exchange->pipeline->redirection;
    redirection->take(redirection->ctx, call, redirect);
}

/* The reply to the last command of the call. False in *ret_is_here: the partition is elsewhere, and the call was sent
 * there. Returns 0, or -1 if the connection was lost. */
static int last_reply(struct store_exchange *exchange, struct store_call *call, struct redis_reply *ret_reply,
                      bool *ret_is_here)
{
    struct redis_redirect redirect;
    if (next_reply(exchange, call, ret_reply) != 0) {
        return -1;
    }
    *ret_is_here = !is_elsewhere(exchange, ret_reply, &redirect);
    if (!*ret_is_here) {
        send_elsewhere(exchange, call, &redirect);
    }
    return 0;
}

/* ---- increments ---- */

static int append_write(struct store_exchange *exchange, const struct store_call *call)
{
    struct store_pipeline *pipeline = exchange->pipeline;
    append_asking(exchange, call);
    return write_command_append(&pipeline->requests, &pipeline->packed, &pipeline->settings, exchange->script, call);
}

static void send_again(struct store_exchange *exchange, struct store_call *call)
{
    assert(!exchange->by_text);
    call->next = NULL;
    *exchange->again_last = call;
    exchange->again_last = &call->next;
}

/* Whether the call that was refused is worth another try, after events were dropped that may have Redis's memory. */
static bool relieves(struct store_exchange *exchange, struct redis_refusal refusal)
{
    const struct store_pipeline *pipeline = exchange->pipeline;
    const struct outbox_settings *outbox = &pipeline->settings.outbox;
    if (!refusal.out_of_memory || exchange->by_text || outbox->stream.len == 0 || outbox->refuse_when_full ||
        clock_monotonic_us() < pipeline->relieve_after_us) {
        return false;
    }
    exchange->must_relieve = true;
    return true;
}

static void write_refused(struct store_exchange *exchange, struct store_call *call, struct text error)
{
    const struct redis_refusal refusal = redis_error_of_write(error);
    if ((refusal.unknown_script && !exchange->by_text) || relieves(exchange, refusal)) {
        send_again(exchange, call);
        return;
    }
    log_refusal(exchange, "redis answered a write with an error", error);
    if (refusal.closes_connection) {
        exchange->must_close = true;
        error_set(exchange->error, "%s", refusal.detail);
    }
    store_call_finish(call, refusal.status, refusal.detail);
}

void store_operation_events_dropped(struct store_exchange *exchange, const char *why, int64_t events)
{
    struct store_pipeline *pipeline = exchange->pipeline;
    uint64_t count;
    if (events <= 0) {
        return;
    }
    metrics_add(pipeline->metrics.events_dropped, events);
    if (log_limiter_allows(&pipeline->drops, clock_monotonic_us(), &count)) {
        log_warn("events", "dropped", LOG_STR("reason", why), LOG_INT("events", events), LOG_INT("count", count));
    }
}

/* ---- replicas ---- */

bool store_operation_waits(const struct store_exchange *exchange)
{
    return exchange->pipeline->config->redis.wait_replicas > 0;
}

/* Completes a write that Redis has answered, or has it wait for the replicas. */
static void end_write(struct store_exchange *exchange, struct store_call *call, enum status status, const char *detail)
{
    if (!store_operation_waits(exchange) || status != STATUS_OK) {
        store_call_finish(call, status, detail);
        return;
    }
    call->next = NULL;
    *exchange->written_last = call;
    exchange->written_last = &call->next;
}

int store_operation_append_wait(struct store_exchange *exchange)
{
    struct buffer *out = &exchange->pipeline->requests;
    const size_t start = out->len;
    const struct config *config = exchange->pipeline->config;
    redis_command_wait(out, config->redis.wait_replicas, config->redis.wait_timeout_ms);
    return resp_end(out, start);
}

/* Completes a call whose writes too few replicas have. Its items that Redis has refused stay refused. */
static void complete_unreplicated(struct store_exchange *exchange, struct store_call *call)
{
    size_t count = 0;
    for (size_t i = 0; i < call->item_count; i++) {
        struct store_item *item = &call->items[i];
        if (item->status == STATUS_OK) {
            item->status = STATUS_NOT_REPLICATED;
            item->detail = NULL;
            item->is_decided = false;
            count++;
        }
    }
    if (count > 0) {
        metrics_add(exchange->pipeline->metrics.unreplicated, (int64_t)count);
    }
    if (count == call->item_count) {
        store_call_finish(call, STATUS_NOT_REPLICATED, NULL);
    } else {
        store_call_finish(call, STATUS_OK, NULL);
    }
}

static void complete_written(struct store_exchange *exchange, bool are_replicated)
{
    struct store_call *calls = exchange->written;
    exchange->written = NULL;
    exchange->written_last = &exchange->written;
    while (calls != NULL) {
        struct store_call *call = calls;
        calls = calls->next;
        if (are_replicated) {
            store_call_finish(call, STATUS_OK, NULL);
        } else {
            complete_unreplicated(exchange, call);
        }
    }
}

int store_operation_read_wait(struct store_exchange *exchange)
{
    const int wanted = exchange->pipeline->config->redis.wait_replicas;
    struct redis_reply reply;
    uint64_t count;
    if (redis_conn_next(exchange->conn, &reply) != 0) {
        return -1;
    }
    const bool are_replicated = reply.type == REDIS_INTEGER && reply.integer >= wanted;
    if (!are_replicated && log_limiter_allows(&exchange->pipeline->refusals, clock_monotonic_us(), &count)) {
        log_warn("redis", "writes are not replicated in time", LOG_STR("answer", redis_quote(reply.text).text),
                 LOG_INT("replicas", reply.integer), LOG_INT("wanted", wanted), LOG_INT("count", count));
    }
    complete_written(exchange, are_replicated);
    return 0;
}

void store_operation_written_lost(struct store_exchange *exchange)
{
    complete_written(exchange, false);
}

/* ---- answers of the write script ---- */

static void write_answered(struct store_exchange *exchange, struct store_call *call, struct text answer)
{
    const struct write_reply result = write_reply_parse(answer, call->items, call->item_count);
    assert(result.applied + result.replayed <= call->item_count);
    const bool in_part = result.status == STATUS_OK;
    if (result.trouble.len > 0) {
        log_refusal(exchange, in_part ? "redis refused a part of a write" : "redis refused a write", result.trouble);
    }
    if (result.closes_connection) {
        exchange->must_close = true;
        error_set(exchange->error, "Redis refused a %swrite: %s", in_part ? "part of a " : "",
                  redis_quote(result.trouble).text);
    }
    if (result.outbox_full) {
        metrics_add(exchange->pipeline->metrics.events_refused, (int64_t)call->item_count);
    }
    store_operation_events_dropped(exchange, "the outbox is full", result.events_dropped);
    metrics_add(exchange->pipeline->metrics.increments, (int64_t)result.applied);
    if (result.replayed > 0) {
        metrics_add(exchange->pipeline->metrics.replayed, (int64_t)result.replayed);
    }
    end_write(exchange, call, result.status, result.detail);
}

static int read_write(struct store_exchange *exchange, struct store_call *call)
{
    struct redis_reply reply;
    bool is_here;
    if (last_reply(exchange, call, &reply, &is_here) != 0) {
        return -1;
    }
    if (!is_here) {
        return 0;
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

/* ---- sessions ---- */

static int append_session(struct store_exchange *exchange, const struct store_call *call)
{
    struct store_pipeline *pipeline = exchange->pipeline;
    const struct redis_key_prefix *prefix = &pipeline->settings.prefix;
    append_asking(exchange, call);
    if (session_command_append_store(&pipeline->requests, prefix, pipeline->assignment->is_cluster) != 0) {
        return -1;
    }
    append_asking(exchange, call);
    return session_command_append(&pipeline->requests, prefix, pipeline->config->session.ttl_ms, call);
}

/* A store that was replaced behind the connection is noticed here, before the heartbeat notices it. */
static int read_session(struct store_exchange *exchange, struct store_call *call)
{
    struct redis_reply reply;
    struct redis_redirect redirect;
    bool is_here;
    const char *detail = NULL;
    if (next_reply(exchange, call, &reply) != 0) {
        return -1;
    }
    /* Where the mark is elsewhere the session is too, and the other reply says so. While a partition comes here key by
     * key, its mark may not be here yet. */
    const bool is_our_store = is_elsewhere(exchange, &reply, &redirect) || (call->asking && reply.type == REDIS_NIL) ||
                              session_command_store_is(&reply, exchange->session->store_id);
    if (last_reply(exchange, call, &reply, &is_here) != 0) {
        return -1;
    }
    if (!is_here) {
        return 0;
    }
    if (is_our_store && reply.type == REDIS_ERROR && relieves(exchange, redis_error_of_write(reply.text))) {
        send_again(exchange, call);
        return 0;
    }
    enum status status = session_command_reply(&reply, call, &detail);
    if (!is_our_store) {
        exchange->must_close = true;
        error_set(exchange->error, "Redis's data was replaced: key tally:store is another one");
        status = STATUS_REDIS_DOWN;
        detail = "Redis's data was replaced";
    }
    memcpy(call->store_id, exchange->session->store_id, sizeof(call->store_id));
    call->idle_timeout_ms = exchange->pipeline->config->session.ttl_ms;
    store_call_finish(call, status, detail);
    return 0;
}

/* ---- reads ---- */

/* After a redirection only what was not read. A node that is about to get the partition has no answer for a counter
 * that was not moved yet: it takes it for one that is nowhere. */
static int append_get(struct store_exchange *exchange, const struct store_call *call)
{
    struct store_pipeline *pipeline = exchange->pipeline;
    for (size_t i = 0; i < call->item_count; i++) {
        if (call->redirects == 0) {
            call->items[i].is_read = false;
        }
        if (call->items[i].is_read) {
            continue;
        }
        append_asking(exchange, call);
        if (read_command_append_get(&pipeline->requests, &pipeline->settings.prefix, &call->items[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Of the redirections of a call's items the one that holds for all: to ask a node is right only for what was moved. */
static void keep_stronger(struct redis_redirect *kept, const struct redis_redirect *redirect)
{
    _Static_assert(REDIS_REDIRECT_NONE < REDIS_REDIRECT_ASK && REDIS_REDIRECT_ASK < REDIS_REDIRECT_MOVED &&
                       REDIS_REDIRECT_MOVED < REDIS_REDIRECT_AGAIN && REDIS_REDIRECT_AGAIN < REDIS_REDIRECT_DOWN,
                   "the later the stronger");
    if (redirect->kind > kept->kind) {
        *kept = *redirect;
    }
}

static int read_get(struct store_exchange *exchange, struct store_call *call)
{
    struct redis_redirect strongest = {.kind = REDIS_REDIRECT_NONE};
    for (size_t i = 0; i < call->item_count; i++) {
        struct redis_reply reply;
        struct redis_redirect redirect;
        if (call->items[i].is_read) {
            continue;
        }
        if (next_reply(exchange, call, &reply) != 0) {
            return -1;
        }
        if (is_elsewhere(exchange, &reply, &redirect)) {
            keep_stronger(&strongest, &redirect);
        } else {
            read_command_get_reply(&reply, &call->items[i]);
            call->items[i].is_read = true;
        }
    }
    if (strongest.kind != REDIS_REDIRECT_NONE) {
        send_elsewhere(exchange, call, &strongest);
    } else {
        store_call_finish(call, STATUS_OK, NULL);
    }
    return 0;
}

static int append_list(struct store_exchange *exchange, const struct store_call *call)
{
    append_asking(exchange, call);
    return read_command_append_list(&exchange->pipeline->requests, &exchange->pipeline->settings.prefix, call);
}

static int read_list(struct store_exchange *exchange, struct store_call *call)
{
    struct redis_reply reply;
    bool is_here;
    if (last_reply(exchange, call, &reply, &is_here) != 0) {
        return -1;
    }
    if (!is_here) {
        return 0;
    }
    read_command_list_reply(&reply, call);
    store_call_finish(call, call->status, call->detail);
    return 0;
}

/* ---- rankings ---- */

static int append_ranking(struct store_exchange *exchange, const struct store_call *call)
{
    append_asking(exchange, call);
    return ranking_read_append(&exchange->pipeline->requests, &exchange->pipeline->settings.prefix, call);
}

static int read_ranking(struct store_exchange *exchange, struct store_call *call)
{
    struct redis_reply reply;
    bool is_here;
    if (last_reply(exchange, call, &reply, &is_here) != 0) {
        return -1;
    }
    if (!is_here) {
        return 0;
    }
    ranking_read_reply(&reply, call);
    store_call_finish(call, call->status, call->detail);
    return 0;
}

/* ---- the table ---- */

static const struct {
    enum exchange_kind kind;
    int (*append)(struct store_exchange *exchange, const struct store_call *call);
    int (*read)(struct store_exchange *exchange, struct store_call *call);
} operations[] = {
    [STORE_INCREMENT] = {EXCHANGE_WRITE, append_write, read_write},
    [STORE_OPEN_SESSION] = {EXCHANGE_SESSION, append_session, read_session},
    [STORE_KEEP_SESSION] = {EXCHANGE_SESSION, append_session, read_session},
    [STORE_GET] = {EXCHANGE_READ, append_get, read_get},
    [STORE_LIST] = {EXCHANGE_LIST, append_list, read_list},
    [STORE_RANKING] = {EXCHANGE_RANKING, append_ranking, read_ranking},
};
_Static_assert(sizeof(operations) / sizeof(operations[0]) == STORE_OPERATIONS, "a row for each operation");

enum exchange_kind store_operation_kind(enum store_operation operation)
{
    return operations[operation].kind;
}

int store_operation_append(struct store_exchange *exchange, const struct store_call *call)
{
    return operations[call->operation].append(exchange, call);
}

int store_operation_read(struct store_exchange *exchange, struct store_call *call)
{
    return operations[call->operation].read(exchange, call);
}
