#include "counter-service/api/call_trace.h"

#include "common/base/clock.h"
#include "counter-service/rpc/rpc_trace.h"

/* What is sent to Redis for each operation, by its main command. */
static const char *const commands[STORE_OPERATIONS] = {
    [STORE_INCREMENT] = "EVALSHA", [STORE_OPEN_SESSION] = "EVAL", [STORE_KEEP_SESSION] = "EVAL",
    [STORE_GET] = "HGET",          [STORE_LIST] = "HGETALL",      [STORE_RANKING] = "ZRANGE",
};

void call_trace_begin(struct call_trace *trace, const struct rpc_call *rpc_call, struct counter_request *request)
{
    trace->whole = (struct item_trace){.place = ITEM_TRACE_WHOLE};
    if (rpc_call->trace.step.context.is_sampled) {
        trace->whole.step = rpc_call->trace.step;
        trace->whole.state = rpc_call->trace.state;
    }
    const bool is_whole = request->traces == NULL && trace->whole.step.context.is_sampled;
    request->call.traces = is_whole ? &trace->whole : request->traces;
}

/* Of so many items: the call's status, or that of the first whose part of the call failed. */
static enum status status_of_parts(const struct store_call *store, size_t first, size_t count)
{
    enum status status = store->status;
    for (size_t i = first; i < first + count && status == STATUS_OK; i++) {
        status = status_http_code(store->items[i].status) >= 503 ? store->items[i].status : STATUS_OK;
    }
    return status;
}

/* The spans within step. status: of the exchange. */
static void end_store(const struct item_trace *trace, const struct store_call *store, enum status status,
                      int64_t now_us)
{
    const char *command = commands[store->operation];
    struct span wait = {.kind = SPAN_INTERNAL, .name = TEXT("store wait"), .state = trace->state};
    struct span exchange = {.kind = SPAN_CLIENT, .name = text_of(command), .state = trace->state};
    if (store->submitted_us == 0) {
        return;
    }
    const struct trace_step waited = tracer_begin_child(&trace->step, store->submitted_us);
    tracer_end(&waited, &wait, store->sent_us > 0 ? store->sent_us : now_us);
    if (store->sent_us == 0) {
        return;
    }
    exchange.has_failed = status != STATUS_OK;
    span_add_text(&exchange, "db.system", TEXT("redis"));
    span_add_text(&exchange, "db.operation.name", text_of(command));
    span_add_number(&exchange, "db.operation.batch.size", (int64_t)store->item_count);
    const struct trace_step asked = tracer_begin_child(&trace->step, store->sent_us);
    tracer_end(&asked, &exchange, now_us);
}

/* One item fails with its step; of several each has a result of its own, but they fail if a part of them did. */
static void end_items(const struct item_trace *trace, const struct rpc_method *method, const struct store_call *store,
                      int64_t now_us)
{
    const enum status of_parts = status_of_parts(store, trace->place, trace->count);
    const enum status of_item = trace->count == 1 ? store->items[trace->place].status : STATUS_OK;
    const enum status status = of_parts != STATUS_OK ? of_parts : of_item;
    struct span span = rpc_trace_span(method, (grpc_status_code)status_grpc_code(status));
    span.state = trace->state;
    span.failure = span.has_failed ? text_of(status_title(status)) : (struct text){0};
    end_store(trace, store, of_parts, now_us);
    tracer_end(&trace->step, &span, now_us);
}

void call_trace_end(const struct call_trace *trace, const struct rpc_call *rpc_call,
                    const struct counter_request *request)
{
    const struct store_call *store = &request->call;
    if (!trace->whole.step.context.is_sampled && request->traces == NULL) {
        return;
    }
    const int64_t now_us = clock_monotonic_us();
    for (const struct item_trace *item = request->traces; item != NULL; item = item->next) {
        end_items(item, rpc_call->served->method, store, now_us);
    }
    if (trace->whole.step.context.is_sampled) {
        end_store(&trace->whole, store, status_of_parts(store, 0, store->item_count), now_us);
    }
}
