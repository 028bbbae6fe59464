#include "counter-service/api/counter_reply.h"

#include <assert.h>

#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"

/* The message of an item's result; empty if the item is OK. */
static ProtobufCBinaryData message_of(const struct store_item *item)
{
    if (item->status == STATUS_OK) {
        return (ProtobufCBinaryData){0};
    }
    return grpc_message_bytes(text_of(item->detail != NULL ? item->detail : status_title(item->status)));
}

/* Goes through a batch's items in the order asked. */
struct item_walk {
    const struct counter_request *request;
    size_t stored;             /* items taken from call.items so far */
    size_t refused;            /* items refused so far */
    struct store_item refusal; /* what next_item returns for a refused item */
};

static const struct store_item *next_item(struct item_walk *walk)
{
    const struct counter_request *request = walk->request;
    const size_t place = walk->stored + walk->refused;
    assert(place < request->asked_count);
    if (walk->refused < request->refused_count && request->refused[walk->refused].place == place) {
        const char *rule = request->refused[walk->refused++].rule;
        walk->refusal = (struct store_item){.status = STATUS_INVALID_ARGUMENT, .detail = rule, .is_decided = true};
        return &walk->refusal;
    }
    assert(walk->stored < request->call.item_count);
    return &request->call.items[walk->stored++];
}

static Tally__V1__ErrorReason reason_of(enum status status)
{
    switch (status) {
    case STATUS_TOO_MANY_COUNTER_TYPES:
        return TALLY__V1__ERROR_REASON__TOO_MANY_COUNTER_TYPES;
    case STATUS_DATA_DAMAGED:
        return TALLY__V1__ERROR_REASON__DATA_DAMAGED;
    case STATUS_WRITES_REFUSED:
        return TALLY__V1__ERROR_REASON__WRITES_REFUSED;
    case STATUS_EXPIRED:
        return TALLY__V1__ERROR_REASON__DEADLINE_PASSED;
    case STATUS_NOT_REPLICATED:
        return TALLY__V1__ERROR_REASON__NOT_REPLICATED;
    default:
        return TALLY__V1__ERROR_REASON__ERROR_REASON_UNSPECIFIED;
    }
}

static grpc_byte_buffer *increment_reply(const struct counter_request *request, struct arena *arena)
{
    (void)arena;
    Tally__V1__IncrementResponse response = TALLY__V1__INCREMENT_RESPONSE__INIT;
    response.value = request->call.items[0].value;
    response.replayed = request->call.items[0].replayed;
    return grpc_message_pack(&response.base);
}

static grpc_byte_buffer *get_reply(const struct counter_request *request, struct arena *arena)
{
    (void)arena;
    Tally__V1__GetResponse response = TALLY__V1__GET_RESPONSE__INIT;
    response.value = request->call.items[0].value;
    return grpc_message_pack(&response.base);
}

static void fill_increment_result(const struct store_item *item, Tally__V1__IncrementResult *result)
{
    tally__v1__increment_result__init(result);
    result->code = status_grpc_code(item->status);
    result->message = message_of(item);
    result->reason = reason_of(item->status);
    result->part_failed = item->status != STATUS_OK && !item->is_decided;
    if (item->status == STATUS_OK) {
        result->value = item->value;
        result->replayed = item->replayed;
    }
}

static grpc_byte_buffer *batch_increment_reply(const struct counter_request *request, struct arena *arena)
{
    Tally__V1__BatchIncrementResponse response = TALLY__V1__BATCH_INCREMENT_RESPONSE__INIT;
    Tally__V1__IncrementResult *results = arena_alloc(arena, request->asked_count * sizeof(*results));
    response.results = arena_alloc(arena, request->asked_count * sizeof(Tally__V1__IncrementResult *));
    if (results == NULL || response.results == NULL) {
        return NULL;
    }
    struct item_walk walk = {.request = request};
    for (size_t i = 0; i < request->asked_count; i++) {
        fill_increment_result(next_item(&walk), &results[i]);
        response.results[i] = &results[i];
    }
    response.n_results = request->asked_count;
    return grpc_message_pack(&response.base);
}

static grpc_byte_buffer *open_session_reply(const struct counter_request *request, struct arena *arena)
{
    (void)arena;
    Tally__V1__OpenSessionResponse response = TALLY__V1__OPEN_SESSION_RESPONSE__INIT;
    response.session = grpc_message_bytes((struct text){(const char *)request->call.session.id, SESSION_LEN});
    response.store_id = grpc_message_bytes(text_of(request->call.store_id));
    response.idle_timeout_ms = request->call.idle_timeout_ms;
    return grpc_message_pack(&response.base);
}

static grpc_byte_buffer *keep_session_reply(const struct counter_request *request, struct arena *arena)
{
    (void)arena;
    Tally__V1__KeepSessionResponse response = TALLY__V1__KEEP_SESSION_RESPONSE__INIT;
    response.idle_timeout_ms = request->call.idle_timeout_ms;
    return grpc_message_pack(&response.base);
}

static void fill_get_result(const struct store_item *item, Tally__V1__GetResult *result)
{
    tally__v1__get_result__init(result);
    result->code = status_grpc_code(item->status);
    result->message = message_of(item);
    result->reason = reason_of(item->status);
    if (item->status == STATUS_OK) {
        result->value = item->value;
    }
}

static grpc_byte_buffer *batch_get_reply(const struct counter_request *request, struct arena *arena)
{
    Tally__V1__BatchGetResponse response = TALLY__V1__BATCH_GET_RESPONSE__INIT;
    Tally__V1__GetResult *results = arena_alloc(arena, request->asked_count * sizeof(*results));
    response.results = arena_alloc(arena, request->asked_count * sizeof(Tally__V1__GetResult *));
    if (results == NULL || response.results == NULL) {
        return NULL;
    }
    struct item_walk walk = {.request = request};
    for (size_t i = 0; i < request->asked_count; i++) {
        fill_get_result(next_item(&walk), &results[i]);
        response.results[i] = &results[i];
    }
    response.n_results = request->asked_count;
    return grpc_message_pack(&response.base);
}

static grpc_byte_buffer *list_reply(const struct counter_request *request, struct arena *arena)
{
    Tally__V1__ListCountersResponse response = TALLY__V1__LIST_COUNTERS_RESPONSE__INIT;
    Tally__V1__Counter *counters = arena_alloc(arena, request->call.listed_count * sizeof(*counters));
    response.counters = arena_alloc(arena, request->call.listed_count * sizeof(Tally__V1__Counter *));
    if (counters == NULL || response.counters == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < request->call.listed_count; i++) {
        tally__v1__counter__init(&counters[i]);
        counters[i].counter_type = grpc_message_bytes(request->call.listed[i].counter_type);
        counters[i].value = request->call.listed[i].value;
        response.counters[i] = &counters[i];
    }
    response.n_counters = request->call.listed_count;
    return grpc_message_pack(&response.base);
}

static grpc_byte_buffer *(*const makers[])(const struct counter_request *request, struct arena *arena) = {
    [COUNTER_INCREMENT] = increment_reply,
    [COUNTER_BATCH_INCREMENT] = batch_increment_reply,
    [COUNTER_SESSION_INCREMENT] = batch_increment_reply,
    [COUNTER_OPEN_SESSION] = open_session_reply,
    [COUNTER_KEEP_SESSION] = keep_session_reply,
    [COUNTER_GET] = get_reply,
    [COUNTER_BATCH_GET] = batch_get_reply,
    [COUNTER_LIST_COUNTERS] = list_reply,
};
_Static_assert(sizeof(makers) / sizeof(makers[0]) == COUNTER_METHODS, "a row for each method");

grpc_byte_buffer *counter_reply_make(enum counter_method method, const struct counter_request *request,
                                     struct arena *arena)
{
    return makers[method](request, arena);
}
