#include "counter-service/counter_request.h"

#include "common/counter_rules.h"
#include "common/grpc_message.h"
#include "common/limits.h"
#include "tally/v1/counter.pb-c.h"

/* The sentences below say these numbers. */
_Static_assert(BATCH_ITEMS_MAX == 1000 && SESSION_LEN == 16 && SESSION_LANES == 1024, "change the sentences too");

static struct text text_of_bytes(ProtobufCBinaryData bytes)
{
    return (struct text){.data = (const char *)bytes.data, .len = bytes.len};
}

static void break_rule(struct store_item *item, const char *rule)
{
    if (rule != NULL && item->status == STATUS_OK) {
        item->status = STATUS_INVALID_ARGUMENT;
        item->detail = rule;
    }
}

static void read_increment(const Tally__V1__IncrementRequest *request, struct store_item *item)
{
    *item = (struct store_item){
        .resource_id = text_of_bytes(request->resource_id),
        .counter_type = text_of_bytes(request->counter_type),
        .user_id = text_of_bytes(request->user_id),
        .idempotency_key = text_of_bytes(request->idempotency_key),
        .delta = request->delta,
    };
    break_rule(item, counter_rules_resource_id(item->resource_id));
    break_rule(item, counter_rules_counter_type(item->counter_type));
    break_rule(item, counter_rules_user_id(item->user_id));
    break_rule(item, item->delta == 0 ? "delta must not be 0" : NULL);
    if (item->idempotency_key.len > 0) {
        break_rule(item, counter_rules_idempotency_key(item->idempotency_key));
    }
}

static void read_get(const Tally__V1__GetRequest *request, struct store_item *item)
{
    *item = (struct store_item){
        .resource_id = text_of_bytes(request->resource_id),
        .counter_type = text_of_bytes(request->counter_type),
    };
    break_rule(item, counter_rules_resource_id(item->resource_id));
    break_rule(item, counter_rules_counter_type(item->counter_type));
}

/* Returns NULL, or the rule that the message breaks. */
typedef const char *(*message_reader)(const ProtobufCMessage *message, struct store_call *call);

static const char *read_increment_message(const ProtobufCMessage *message, struct store_call *call)
{
    read_increment((const Tally__V1__IncrementRequest *)message, call->items);
    return call->items[0].detail;
}

static const char *read_get_message(const ProtobufCMessage *message, struct store_call *call)
{
    read_get((const Tally__V1__GetRequest *)message, call->items);
    return call->items[0].detail;
}

static const char *read_list_message(const ProtobufCMessage *message, struct store_call *call)
{
    const Tally__V1__ListCountersRequest *request = (const Tally__V1__ListCountersRequest *)message;
    call->items[0] = (struct store_item){.resource_id = text_of_bytes(request->resource_id)};
    return counter_rules_resource_id(call->items[0].resource_id);
}

static void read_increments(Tally__V1__IncrementRequest *const *items, struct store_call *call)
{
    for (size_t i = 0; i < call->item_count; i++) {
        read_increment(items[i], &call->items[i]);
    }
}

static const char *read_batch_increment_message(const ProtobufCMessage *message, struct store_call *call)
{
    read_increments(((const Tally__V1__BatchIncrementRequest *)message)->items, call);
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

static const char *read_session_increment_message(const ProtobufCMessage *message, struct store_call *call)
{
    const Tally__V1__SessionIncrementRequest *request = (const Tally__V1__SessionIncrementRequest *)message;
    if (request->lane >= SESSION_LANES) {
        return "lane must be 0-1023";
    }
    if (request->sequence < 1) {
        return "sequence must be at least 1";
    }
    call->session.lane = request->lane;
    call->session.sequence = request->sequence;
    read_increments(request->items, call);
    return read_session(request->session, call);
}

static const char *read_open_session_message(const ProtobufCMessage *message, struct store_call *call)
{
    (void)message;
    call->items[0] = (struct store_item){.status = STATUS_OK};
    return NULL;
}

static const char *read_keep_session_message(const ProtobufCMessage *message, struct store_call *call)
{
    call->items[0] = (struct store_item){.status = STATUS_OK};
    return read_session(((const Tally__V1__KeepSessionRequest *)message)->session, call);
}

static const char *read_batch_get_message(const ProtobufCMessage *message, struct store_call *call)
{
    const Tally__V1__BatchGetRequest *request = (const Tally__V1__BatchGetRequest *)message;
    for (size_t i = 0; i < call->item_count; i++) {
        read_get(request->queries[i], &call->items[i]);
    }
    return NULL;
}

/* A sender of an earlier version relies on it when it sends the batch again. */
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

static const struct {
    const ProtobufCMessageDescriptor *descriptor;
    enum store_operation operation;
    size_t (*item_count)(const ProtobufCMessage *message);
    /* NULL, or the sentence for what this version does not serve. May be NULL itself. */
    const char *(*not_served)(const ProtobufCMessage *message);
    message_reader read;
    const char *count_rule; /* of a batch; NULL: the message is one item */
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
        },
    [COUNTER_SESSION_INCREMENT] =
        {
            .descriptor = &tally__v1__session_increment_request__descriptor,
            .operation = STORE_INCREMENT,
            .item_count = increments_of_session,
            .read = read_session_increment_message,
            .count_rule = "items must be 1-1000",
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

enum status counter_request_read(enum counter_method method, grpc_byte_buffer *payload, struct arena *arena,
                                 struct store_call *call, const char **ret_detail)
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
    call->operation = methods[method].operation;
    call->item_count = item_count;
    call->items = arena_alloc(arena, item_count * sizeof(call->items[0]));
    if (call->items == NULL) {
        *ret_detail = "The service is out of memory";
        return STATUS_SHED;
    }
    *ret_detail = methods[method].not_served != NULL ? methods[method].not_served(message) : NULL;
    if (*ret_detail != NULL) {
        return STATUS_NO_SERVICE;
    }
    const char *rule = methods[method].read(message, call);
    if (rule != NULL) {
        *ret_detail = rule;
        return STATUS_INVALID_ARGUMENT;
    }
    return STATUS_OK;
}

bool counter_request_is_batch(enum counter_method method)
{
    return methods[method].count_rule != NULL;
}

bool counter_request_has_valid_item(const struct store_call *call)
{
    for (size_t i = 0; i < call->item_count; i++) {
        if (call->items[i].status == STATUS_OK) {
            return true;
        }
    }
    return false;
}
