#include "counter-service/api/counter_request.h"

#include "common/base/clock.h"
#include "common/contract/counter_rules.h"
#include "common/contract/grpc_message.h"
#include "common/contract/limits.h"
#include "tally/v1/counter.pb-c.h"

/* The sentences below say these numbers. */
_Static_assert(BATCH_ITEMS_MAX == 1000 && SESSION_LEN == 16 && SESSION_LANES == 1024, "change the sentences too");

/* The next place among the call's items; there is one for each that was asked. */
static struct store_item *take_item(struct counter_request *request)
{
    return &request->call.items[request->call.item_count++];
}

/* Moves the item taken last from the items for the store to the refused ones. */
static void refuse_item(struct counter_request *request, size_t place, const char *rule)
{
    request->call.item_count--;
    request->refused[request->refused_count++] = (struct refused_item){place, rule};
}

/* Returns NULL, or the rule that the item breaks. */
static const char *read_increment(const Tally__V1__IncrementRequest *request, struct store_item *item)
{
    *item = (struct store_item){
        .resource_id = grpc_message_text(request->resource_id),
        .counter_type = grpc_message_text(request->counter_type),
        .user_id = grpc_message_text(request->user_id),
        .idempotency_key = grpc_message_text(request->idempotency_key),
        .delta = request->delta,
    };
    const char *rule = counter_rules_resource_id(item->resource_id);
    rule = rule != NULL ? rule : counter_rules_counter_type(item->counter_type);
    rule = rule != NULL ? rule : counter_rules_user_id(item->user_id);
    rule = rule != NULL || item->delta != 0 ? rule : "delta must not be 0";
    if (rule == NULL && item->idempotency_key.len > 0) {
        rule = counter_rules_idempotency_key(item->idempotency_key);
    }
    return rule;
}

/* Returns NULL, or the rule that the item breaks. */
static const char *read_get(const Tally__V1__GetRequest *request, struct store_item *item)
{
    *item = (struct store_item){
        .resource_id = grpc_message_text(request->resource_id),
        .counter_type = grpc_message_text(request->counter_type),
    };
    const char *rule = counter_rules_resource_id(item->resource_id);
    return rule != NULL ? rule : counter_rules_counter_type(item->counter_type);
}

/* Reads the message's items into request->call. Returns NULL, or the rule that the message as a whole breaks. */
typedef const char *(*message_reader)(const ProtobufCMessage *message, struct counter_request *request);

static const char *read_increment_message(const ProtobufCMessage *message, struct counter_request *request)
{
    return read_increment((const Tally__V1__IncrementRequest *)message, take_item(request));
}

static const char *read_get_message(const ProtobufCMessage *message, struct counter_request *request)
{
    return read_get((const Tally__V1__GetRequest *)message, take_item(request));
}

static const char *read_list_message(const ProtobufCMessage *message, struct counter_request *request)
{
    struct store_item *item = take_item(request);
    *item = (struct store_item){.resource_id =
                                    grpc_message_text(((const Tally__V1__ListCountersRequest *)message)->resource_id)};
    return counter_rules_resource_id(item->resource_id);
}

static void read_increments(Tally__V1__IncrementRequest *const *increments, struct counter_request *request)
{
    for (size_t i = 0; i < request->asked_count; i++) {
        const char *rule = read_increment(increments[i], take_item(request));
        if (rule != NULL) {
            refuse_item(request, i, rule);
        }
    }
}

static const char *read_batch_increment_message(const ProtobufCMessage *message, struct counter_request *request)
{
    read_increments(((const Tally__V1__BatchIncrementRequest *)message)->items, request);
    return NULL;
}

static const char *read_session(ProtobufCBinaryData session, struct store_call *call)
{
    if (session.len != SESSION_LEN) {
        return "session must be 16 bytes";
    }
    call->session.id = session.data;
    return NULL;
}

static const char *read_session_increment_message(const ProtobufCMessage *message, struct counter_request *request)
{
    const Tally__V1__SessionIncrementRequest *increment = (const Tally__V1__SessionIncrementRequest *)message;
    if (increment->lane >= SESSION_LANES) {
        return "lane must be 0-1023";
    }
    if (increment->sequence < 1) {
        return "sequence must be at least 1";
    }
    request->call.session.lane = increment->lane;
    request->call.session.sequence = increment->sequence;
    read_increments(increment->items, request);
    return read_session(increment->session, &request->call);
}

static const char *read_open_session_message(const ProtobufCMessage *message, struct counter_request *request)
{
    (void)message;
    (void)request;
    return NULL;
}

static const char *read_keep_session_message(const ProtobufCMessage *message, struct counter_request *request)
{
    return read_session(((const Tally__V1__KeepSessionRequest *)message)->session, &request->call);
}

static const char *read_batch_get_message(const ProtobufCMessage *message, struct counter_request *request)
{
    const Tally__V1__BatchGetRequest *batch = (const Tally__V1__BatchGetRequest *)message;
    for (size_t i = 0; i < request->asked_count; i++) {
        const char *rule = read_get(batch->queries[i], take_item(request));
        if (rule != NULL) {
            refuse_item(request, i, rule);
        }
    }
    return NULL;
}

/* A sender of an earlier version relies on batch_id to count a batch that it sends again only once. */
static const char *refuse_batch_id(const ProtobufCMessage *message)
{
    const bool has_one = ((const Tally__V1__BatchIncrementRequest *)message)->batch_id.len > 0;
    return has_one ? "batch_id is of earlier versions and is not served: SessionIncrement takes its place" : NULL;
}

static size_t one_item(const ProtobufCMessage *message)
{
    (void)message;
    return 1;
}

static size_t increments_of_batch(const ProtobufCMessage *message)
{
    return ((const Tally__V1__BatchIncrementRequest *)message)->n_items;
}

static size_t increments_of_session(const ProtobufCMessage *message)
{
    return ((const Tally__V1__SessionIncrementRequest *)message)->n_items;
}

static size_t queries_of_batch(const ProtobufCMessage *message)
{
    return ((const Tally__V1__BatchGetRequest *)message)->n_queries;
}

static const Tally__V1__TraceContext *trace_of_batch(const ProtobufCMessage *message, size_t place)
{
    return ((const Tally__V1__BatchIncrementRequest *)message)->items[place]->trace;
}

static const Tally__V1__TraceContext *trace_of_session(const ProtobufCMessage *message, size_t place)
{
    return ((const Tally__V1__SessionIncrementRequest *)message)->items[place]->trace;
}

static const Tally__V1__TraceContext *trace_of_query(const ProtobufCMessage *message, size_t place)
{
    return ((const Tally__V1__BatchGetRequest *)message)->queries[place]->trace;
}

static const struct {
    const ProtobufCMessageDescriptor *descriptor;
    enum store_operation operation;
    size_t (*item_count)(const ProtobufCMessage *message);
    /* Returns NULL, or the sentence for what this version does not serve. Itself NULL: all is served. */
    const char *(*not_served)(const ProtobufCMessage *message);
    message_reader read;
    const char *count_rule; /* of a batch; NULL: the message is one item */
    /* Of the item asked at that place; NULL: it has none. Itself NULL: the call's own trace is all there is. */
    const Tally__V1__TraceContext *(*trace_of)(const ProtobufCMessage *message, size_t place);
} methods[] = {
    [COUNTER_INCREMENT] =
        {
            .descriptor = &tally__v1__increment_request__descriptor,
            .operation = STORE_INCREMENT,
            .item_count = one_item,
            .read = read_increment_message,
        },
    [COUNTER_BATCH_INCREMENT] =
        {
            .descriptor = &tally__v1__batch_increment_request__descriptor,
            .operation = STORE_INCREMENT,
            .item_count = increments_of_batch,
            .not_served = refuse_batch_id,
            .read = read_batch_increment_message,
            .count_rule = "items must be 1-1000",
            .trace_of = trace_of_batch,
        },
    [COUNTER_SESSION_INCREMENT] =
        {
            .descriptor = &tally__v1__session_increment_request__descriptor,
            .operation = STORE_INCREMENT,
            .item_count = increments_of_session,
            .read = read_session_increment_message,
            .count_rule = "items must be 1-1000",
            .trace_of = trace_of_session,
        },
    [COUNTER_OPEN_SESSION] =
        {
            .descriptor = &tally__v1__open_session_request__descriptor,
            .operation = STORE_OPEN_SESSION,
            .item_count = one_item,
            .read = read_open_session_message,
        },
    [COUNTER_KEEP_SESSION] =
        {
            .descriptor = &tally__v1__keep_session_request__descriptor,
            .operation = STORE_KEEP_SESSION,
            .item_count = one_item,
            .read = read_keep_session_message,
        },
    [COUNTER_GET] =
        {
            .descriptor = &tally__v1__get_request__descriptor,
            .operation = STORE_GET,
            .item_count = one_item,
            .read = read_get_message,
        },
    [COUNTER_BATCH_GET] =
        {
            .descriptor = &tally__v1__batch_get_request__descriptor,
            .operation = STORE_GET,
            .item_count = queries_of_batch,
            .read = read_batch_get_message,
            .count_rule = "queries must be 1-1000",
            .trace_of = trace_of_query,
        },
    [COUNTER_LIST_COUNTERS] =
        {
            .descriptor = &tally__v1__list_counters_request__descriptor,
            .operation = STORE_LIST,
            .item_count = one_item,
            .read = read_list_message,
        },
};
_Static_assert(sizeof(methods) / sizeof(methods[0]) == COUNTER_METHODS, "a row for each method");

/* Memory for the items, and for the refused ones among them. */
static int make_room(struct counter_request *request, size_t count, bool is_batch, struct arena *arena)
{
    request->asked_count = count;
    request->call.items = arena_alloc(arena, count * sizeof(request->call.items[0]));
    request->refused = is_batch ? arena_alloc(arena, count * sizeof(request->refused[0])) : NULL;
    return request->call.items != NULL && (request->refused != NULL || !is_batch) ? 0 : -1;
}

/* ---- traces ---- */

/* Returns NULL if it is not traced, or there is no memory. */
static struct item_trace *begin_trace(const Tally__V1__TraceContext *context, struct arena *arena, int64_t now_us)
{
    const struct trace_step step = tracer_begin(grpc_message_text(context->traceparent), now_us);
    const struct text state = grpc_message_text(context->tracestate);
    struct item_trace *trace = step.has_remote_parent ? arena_alloc(arena, sizeof(*trace)) : NULL;
    if (trace != NULL) {
        *trace = (struct item_trace){.step = step};
        trace->state = trace_state_is_valid(state) ? state : (struct text){0};
    }
    return trace;
}

/* Of the items that were not refused. */
static void begin_traces(enum counter_method method, const ProtobufCMessage *message, struct arena *arena,
                         struct counter_request *request)
{
    struct item_trace **last = &request->traces;
    struct item_trace *trace = NULL;
    const int64_t now_us = clock_monotonic_us();
    size_t refused = 0;
    size_t end = 0; /* of the trace's items, among those asked */
    for (size_t i = 0; i < request->asked_count; i++) {
        const Tally__V1__TraceContext *context = methods[method].trace_of(message, i);
        if (context != NULL) {
            trace = begin_trace(context, arena, now_us);
            end = i + (context->items > 0 ? context->items : 1);
        }
        if (refused < request->refused_count && request->refused[refused].place == i) {
            refused++;
        } else if (trace != NULL && i < end && trace->count++ == 0) {
            trace->place = i - refused;
            *last = trace;
            last = &trace->next;
        }
    }
}

/* ---- the whole ---- */

enum status counter_request_read(enum counter_method method, grpc_byte_buffer *payload, struct arena *arena,
                                 struct counter_request *request, const char **ret_detail)
{
    if (payload == NULL) {
        *ret_detail = "The call has no request message";
        return STATUS_INVALID_ARGUMENT;
    }
    const ProtobufCMessage *message = grpc_message_unpack(methods[method].descriptor, payload, arena);
    if (message == NULL) {
        *ret_detail = "The request message cannot be read: it is malformed, or has far too many parts";
        return STATUS_INVALID_ARGUMENT;
    }
    const size_t item_count = methods[method].item_count(message);
    if (item_count == 0 || item_count > BATCH_ITEMS_MAX) {
        *ret_detail = methods[method].count_rule;
        return STATUS_INVALID_ARGUMENT;
    }
    *request = (struct counter_request){.call.operation = methods[method].operation};
    if (make_room(request, item_count, counter_request_is_batch(method), arena) != 0) {
        *ret_detail = "The service is out of memory";
        return STATUS_OUT_OF_MEMORY;
    }
    *ret_detail = methods[method].not_served != NULL ? methods[method].not_served(message) : NULL;
    if (*ret_detail != NULL) {
        return STATUS_NO_SERVICE;
    }
    *ret_detail = methods[method].read(message, request);
    if (tracer_is_on() && methods[method].trace_of != NULL) {
        begin_traces(method, message, arena, request);
    }
    return *ret_detail == NULL ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

bool counter_request_is_batch(enum counter_method method)
{
    return methods[method].count_rule != NULL;
}
