#include "counter-service/api/counter_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "common/contract/limits.h"
#include "tally/v1/counter.pb-c.h"

/* What a message was read as. */
struct result {
    enum status status;
    const char *detail;
    struct counter_request request;
};

static struct arena arena;

static int start(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return grpc_message_bytes(text_of(text));
}

static struct result read_message(enum counter_method method, const ProtobufCMessage *message)
{
    grpc_byte_buffer *payload = grpc_message_pack(message);
    struct result result = {.detail = ""};
    result.status = counter_request_read(method, payload, &arena, &result.request, &result.detail);
    grpc_byte_buffer_destroy(payload);
    return result;
}

static Tally__V1__IncrementRequest good_increment(void)
{
    Tally__V1__IncrementRequest request = TALLY__V1__INCREMENT_REQUEST__INIT;
    request.resource_id = bytes_of("post-17");
    request.counter_type = bytes_of("like");
    request.delta = -3;
    return request;
}

static void assert_refused(struct result result, const char *says)
{
    assert_int_equal(result.status, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(result.detail, says));
}

static void test_an_increment_is_read_as_one_item(void **state)
{
    (void)state;
    Tally__V1__IncrementRequest request = good_increment();
    request.user_id = bytes_of("user");
    request.idempotency_key = bytes_of("key");
    const struct result result = read_message(COUNTER_INCREMENT, &request.base);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.operation, STORE_INCREMENT);
    assert_int_equal(result.request.call.item_count, 1);
    assert_null(result.request.call.session.id);
    const struct store_item *item = result.request.call.items;
    assert_true(text_equal(item->resource_id, TEXT("post-17")));
    assert_true(text_equal(item->counter_type, TEXT("like")));
    assert_true(text_equal(item->user_id, TEXT("user")));
    assert_true(text_equal(item->idempotency_key, TEXT("key")));
    assert_int_equal(item->delta, -3);
    assert_int_equal(item->status, STATUS_OK);
    assert_int_equal(result.request.refused_count, 0);
}

static void test_a_broken_rule_of_an_increment_is_named(void **state)
{
    (void)state;
    Tally__V1__IncrementRequest request = good_increment();
    request.resource_id = bytes_of("");
    assert_refused(read_message(COUNTER_INCREMENT, &request.base), "resource_id");
    request = good_increment();
    request.resource_id = (ProtobufCBinaryData){.len = 3, .data = (uint8_t *)(uintptr_t) "a\0b"};
    assert_refused(read_message(COUNTER_INCREMENT, &request.base), "resource_id");
    request = good_increment();
    request.counter_type = bytes_of("Like");
    assert_refused(read_message(COUNTER_INCREMENT, &request.base), "counter_type");
    request = good_increment();
    request.user_id = bytes_of("\xff");
    assert_refused(read_message(COUNTER_INCREMENT, &request.base), "user_id");
    request = good_increment();
    request.delta = 0;
    assert_refused(read_message(COUNTER_INCREMENT, &request.base), "delta must not be 0");
    request = good_increment();
    request.idempotency_key = bytes_of("a b");
    assert_refused(read_message(COUNTER_INCREMENT, &request.base), "idempotency_key");
}

static void test_the_largest_deltas_are_fine(void **state)
{
    (void)state;
    Tally__V1__IncrementRequest request = good_increment();
    request.delta = INT64_MIN;
    struct result result = read_message(COUNTER_INCREMENT, &request.base);
    assert_int_equal(result.status, STATUS_OK);
    assert_true(result.request.call.items[0].delta == INT64_MIN);
    request.delta = INT64_MAX;
    result = read_message(COUNTER_INCREMENT, &request.base);
    assert_true(result.request.call.items[0].delta == INT64_MAX);
}

/* A batch of count items, of which those in bad_mask have no resource_id. */
static struct result read_batch(size_t count, unsigned bad_mask, const char *batch_id)
{
    static Tally__V1__IncrementRequest items[BATCH_ITEMS_MAX + 1];
    static Tally__V1__IncrementRequest *pointers[BATCH_ITEMS_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        items[i] = good_increment();
        items[i].delta = (int64_t)i + 1;
        if (i < 32 && (bad_mask >> i & 1) != 0) {
            items[i].resource_id.len = 0;
        }
        pointers[i] = &items[i];
    }
    Tally__V1__BatchIncrementRequest request = TALLY__V1__BATCH_INCREMENT_REQUEST__INIT;
    request.n_items = count;
    request.items = pointers;
    request.batch_id = bytes_of(batch_id);
    return read_message(COUNTER_BATCH_INCREMENT, &request.base);
}

static void test_a_bad_item_fails_alone(void **state)
{
    (void)state;
    const struct result result = read_batch(3, 2, "");
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.asked_count, 3);
    assert_int_equal(result.request.refused_count, 1);
    assert_int_equal(result.request.refused[0].place, 1);
    assert_non_null(strstr(result.request.refused[0].rule, "resource_id must"));
    assert_int_equal(result.request.call.item_count, 2);
    assert_int_equal(result.request.call.items[0].delta, 1);
    assert_int_equal(result.request.call.items[1].delta, 3);
}

static void test_nothing_is_asked_of_the_store_when_all_items_are_bad(void **state)
{
    (void)state;
    const struct result result = read_batch(2, 3, "");
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.item_count, 0);
    assert_int_equal(result.request.refused_count, 2);
}

static void test_a_batch_has_one_to_a_thousand_items(void **state)
{
    (void)state;
    assert_refused(read_batch(0, 0, ""), "items must be 1-1000");
    assert_int_equal(read_batch(1, 0, "").status, STATUS_OK);
    assert_int_equal(read_batch(BATCH_ITEMS_MAX, 0, "").request.call.item_count, BATCH_ITEMS_MAX);
    assert_refused(read_batch(BATCH_ITEMS_MAX + 1, 0, ""), "items must be 1-1000");
}

/* Who sends one relies on it. */
static void test_a_batch_id_is_refused_and_not_ignored(void **state)
{
    (void)state;
    static const char *const ids[] = {"0123456789abcdef", "0", "0123456789abcdefg"};
    assert_null(read_batch(1, 0, "").request.call.session.id);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        const struct result result = read_batch(1, 0, ids[i]);
        assert_int_equal(result.status, STATUS_NO_SERVICE);
        assert_int_equal(status_outcome(result.status), OUTCOME_NOT_APPLIED);
        assert_non_null(strstr(result.detail, "batch_id"));
    }
}

static struct result read_session_increment(const char *session, uint32_t lane, int64_t sequence, size_t item_count)
{
    Tally__V1__IncrementRequest item = good_increment();
    static Tally__V1__IncrementRequest *pointers[BATCH_ITEMS_MAX + 1];
    for (size_t i = 0; i < item_count; i++) {
        pointers[i] = &item;
    }
    Tally__V1__SessionIncrementRequest request = TALLY__V1__SESSION_INCREMENT_REQUEST__INIT;
    request.session = bytes_of(session);
    request.lane = lane;
    request.sequence = sequence;
    request.n_items = item_count;
    request.items = pointers;
    return read_message(COUNTER_SESSION_INCREMENT, &request.base);
}

static void test_a_call_in_a_session_has_its_place_there(void **state)
{
    (void)state;
    const struct result result = read_session_increment("0123456789abcdef", 1023, INT64_MAX, 2);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.operation, STORE_INCREMENT);
    assert_memory_equal(result.request.call.session.id, "0123456789abcdef", SESSION_LEN);
    assert_int_equal(result.request.call.session.lane, 1023);
    assert_true(result.request.call.session.sequence == INT64_MAX);
    assert_int_equal(result.request.call.item_count, 2);
    assert_int_equal(read_session_increment("0123456789abcdef", 0, 1, BATCH_ITEMS_MAX).status, STATUS_OK);
}

static void test_a_broken_rule_of_a_session_is_named(void **state)
{
    (void)state;
    assert_refused(read_session_increment("0123456789abcde", 0, 1, 1), "session must be 16 bytes");
    assert_refused(read_session_increment("0123456789abcdefg", 0, 1, 1), "session must be 16 bytes");
    assert_refused(read_session_increment("", 0, 1, 1), "session must be 16 bytes");
    assert_refused(read_session_increment("0123456789abcdef", 1024, 1, 1), "lane must be 0-1023");
    assert_refused(read_session_increment("0123456789abcdef", UINT32_MAX, 1, 1), "lane must be 0-1023");
    assert_refused(read_session_increment("0123456789abcdef", 0, 0, 1), "sequence must be at least 1");
    assert_refused(read_session_increment("0123456789abcdef", 0, INT64_MIN, 1), "sequence must be at least 1");
    assert_refused(read_session_increment("0123456789abcdef", 0, 1, 0), "items must be 1-1000");
    assert_refused(read_session_increment("0123456789abcdef", 0, 1, BATCH_ITEMS_MAX + 1), "items must be 1-1000");
    Tally__V1__KeepSessionRequest keep = TALLY__V1__KEEP_SESSION_REQUEST__INIT;
    assert_refused(read_message(COUNTER_KEEP_SESSION, &keep.base), "session must be 16 bytes");
}

static void test_sessions_are_opened_and_kept(void **state)
{
    (void)state;
    Tally__V1__OpenSessionRequest open = TALLY__V1__OPEN_SESSION_REQUEST__INIT;
    struct result result = read_message(COUNTER_OPEN_SESSION, &open.base);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.operation, STORE_OPEN_SESSION);
    assert_int_equal(result.request.call.item_count, 0);
    Tally__V1__KeepSessionRequest keep = TALLY__V1__KEEP_SESSION_REQUEST__INIT;
    keep.session = bytes_of("0123456789abcdef");
    result = read_message(COUNTER_KEEP_SESSION, &keep.base);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.operation, STORE_KEEP_SESSION);
    assert_memory_equal(result.request.call.session.id, "0123456789abcdef", SESSION_LEN);
}

static void test_reads_are_checked_too(void **state)
{
    (void)state;
    Tally__V1__GetRequest get = TALLY__V1__GET_REQUEST__INIT;
    get.resource_id = bytes_of("post-17");
    assert_refused(read_message(COUNTER_GET, &get.base), "counter_type");
    get.counter_type = bytes_of("like");
    struct result result = read_message(COUNTER_GET, &get.base);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.operation, STORE_GET);

    Tally__V1__GetRequest bad = TALLY__V1__GET_REQUEST__INIT;
    Tally__V1__GetRequest *queries[] = {&get, &bad};
    Tally__V1__BatchGetRequest batch = TALLY__V1__BATCH_GET_REQUEST__INIT;
    assert_refused(read_message(COUNTER_BATCH_GET, &batch.base), "queries must be 1-1000");
    batch.n_queries = 2;
    batch.queries = queries;
    result = read_message(COUNTER_BATCH_GET, &batch.base);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.item_count, 1);
    assert_int_equal(result.request.refused_count, 1);
    assert_int_equal(result.request.refused[0].place, 1);

    Tally__V1__ListCountersRequest list = TALLY__V1__LIST_COUNTERS_REQUEST__INIT;
    assert_refused(read_message(COUNTER_LIST_COUNTERS, &list.base), "resource_id");
    list.resource_id = bytes_of("post-17");
    result = read_message(COUNTER_LIST_COUNTERS, &list.base);
    assert_int_equal(result.status, STATUS_OK);
    assert_int_equal(result.request.call.operation, STORE_LIST);
    assert_true(text_equal(result.request.call.items[0].resource_id, TEXT("post-17")));
}

/* ---- traces ---- */

/* Four increments, of which the second is refused; the traces of all but the first. */
static struct result read_traced_of(const char *const parents[3], const char *state, uint32_t item_count)
{
    static Tally__V1__IncrementRequest items[4];
    static Tally__V1__TraceContext contexts[4];
    Tally__V1__IncrementRequest *pointers[4];
    Tally__V1__BatchIncrementRequest request = TALLY__V1__BATCH_INCREMENT_REQUEST__INIT;
    for (size_t i = 0; i < 4; i++) {
        items[i] = good_increment();
        pointers[i] = &items[i];
        tally__v1__trace_context__init(&contexts[i]);
        if (i > 0) {
            contexts[i].traceparent = bytes_of(parents[i - 1] != NULL ? parents[i - 1] : "");
            contexts[i].tracestate = bytes_of(state);
            contexts[i].items = item_count;
            items[i].trace = parents[i - 1] != NULL ? &contexts[i] : NULL;
        }
    }
    items[1].delta = 0;
    request.n_items = 4;
    request.items = pointers;
    return read_message(COUNTER_BATCH_INCREMENT, &request.base);
}

static struct result read_traced(const char *const parents[3], const char *state)
{
    return read_traced_of(parents, state, 0);
}

#define SAMPLED "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void test_traces_are_of_the_items_that_the_store_gets(void **state)
{
    (void)state;
    struct span_queue spans;
    span_queue_init(&spans, 10);
    assert_null(read_traced((const char *const[]){SAMPLED, SAMPLED, SAMPLED}, "a=1").request.traces);
    tracer_start(1, &spans);
    const struct result result = read_traced((const char *const[]){SAMPLED, SAMPLED, SAMPLED}, "a=1");
    const struct item_trace *first = result.request.traces;
    assert_non_null(first);
    assert_true(first->place == 1 && text_equal(first->state, TEXT("a=1")));
    assert_true(first->step.context.is_sampled && first->step.context.trace_id[0] == 0x0a);
    assert_int_equal(first->step.parent_id[7], 0x31);
    assert_non_null(first->next);
    assert_true(first->next->place == 2 && first->next->next == NULL);
    assert_true(first->count == 1 && first->next->count == 1);
    tracer_stop();
    span_queue_done(&spans);
}

static void test_a_trace_may_be_of_several_items(void **state)
{
    (void)state;
    static const struct {
        uint32_t items;
        size_t count;
    } cases[] = {{1, 0}, {2, 1}, {3, 2}, {UINT32_MAX, 2}};
    struct span_queue spans;
    span_queue_init(&spans, 10);
    tracer_start(0, &spans);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct result result = read_traced_of((const char *const[]){SAMPLED, NULL, NULL}, "",
                                                    cases[i].items); /* of which one is refused */
        const struct item_trace *trace = result.request.traces;
        assert_int_equal(trace != NULL, cases[i].count > 0);
        assert_true(trace == NULL || (trace->place == 1 && trace->count == cases[i].count && trace->next == NULL));
    }
    tracer_stop();
    span_queue_done(&spans);
}

static void test_what_is_no_trace_is_passed_over(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                                      "00-00000000000000000000000000000000-b7ad6b7169203331-01", "garbage"};
    struct span_queue spans;
    span_queue_init(&spans, 10);
    tracer_start(1, &spans);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct result result = read_traced((const char *const[]){bad[i], bad[i], SAMPLED}, "no state");
        assert_int_equal(result.status, STATUS_OK);
        const struct item_trace *first = result.request.traces;
        assert_true(first != NULL && first->place == 2 && first->next == NULL && first->state.len == 0);
    }
    tracer_stop();
    span_queue_done(&spans);
}

static void test_a_call_without_a_message_or_with_garbage_is_refused(void **state)
{
    (void)state;
    for (enum counter_method method = 0; method < COUNTER_METHODS; method++) {
        struct result result = {0};
        result.status = counter_request_read(method, NULL, &arena, &result.request, &result.detail);
        assert_refused(result, "no request message");

        grpc_slice garbage = grpc_slice_from_static_string("\xff\xff\xff");
        grpc_byte_buffer *payload = grpc_raw_byte_buffer_create(&garbage, 1);
        result.status = counter_request_read(method, payload, &arena, &result.request, &result.detail);
        grpc_byte_buffer_destroy(payload);
        assert_refused(result, "malformed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_increment_is_read_as_one_item, start, end),
        cmocka_unit_test_setup_teardown(test_a_broken_rule_of_an_increment_is_named, start, end),
        cmocka_unit_test_setup_teardown(test_the_largest_deltas_are_fine, start, end),
        cmocka_unit_test_setup_teardown(test_a_bad_item_fails_alone, start, end),
        cmocka_unit_test_setup_teardown(test_nothing_is_asked_of_the_store_when_all_items_are_bad, start, end),
        cmocka_unit_test_setup_teardown(test_a_batch_has_one_to_a_thousand_items, start, end),
        cmocka_unit_test_setup_teardown(test_a_batch_id_is_refused_and_not_ignored, start, end),
        cmocka_unit_test_setup_teardown(test_a_call_in_a_session_has_its_place_there, start, end),
        cmocka_unit_test_setup_teardown(test_a_broken_rule_of_a_session_is_named, start, end),
        cmocka_unit_test_setup_teardown(test_sessions_are_opened_and_kept, start, end),
        cmocka_unit_test_setup_teardown(test_reads_are_checked_too, start, end),
        cmocka_unit_test_setup_teardown(test_traces_are_of_the_items_that_the_store_gets, start, end),
        cmocka_unit_test_setup_teardown(test_a_trace_may_be_of_several_items, start, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_trace_is_passed_over, start, end),
        cmocka_unit_test_setup_teardown(test_a_call_without_a_message_or_with_garbage_is_refused, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
