#include "gateway/batch/batch_message.h"

#include <grpc/grpc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/contract/grpc_message.h"
#include "common/contract/limits.h"
#include "gateway/batch/session.h"
#include "tally/v1/counter.pb-c.h"

static struct batch_message *message;
static struct arena arena; /* of what the test unpacks */

static int set_up(void **state)
{
    (void)state;
    grpc_init();
    arena_init(&arena);
    message = batch_message_create();
    return message != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    batch_message_free(message);
    arena_done(&arena);
    grpc_shutdown();
    return 0;
}

static const struct session_place place = {
    .generation = 7, .session = "sixteen\0bytes.", .lane = SESSION_LANES - 1, .sequence = INT64_MAX - 1};

static const ProtobufCMessage *pack_and_unpack(enum batch_kind kind, const ProtobufCMessageDescriptor *descriptor)
{
    grpc_byte_buffer *packed = batch_message_pack(message, kind, kind == BATCH_INCREMENT ? &place : NULL);
    assert_non_null(packed);
    const ProtobufCMessage *request = grpc_message_unpack(descriptor, packed, &arena);
    assert_non_null(request);
    grpc_byte_buffer_destroy(packed);
    return request;
}

static const Tally__V1__SessionIncrementRequest *packed_increment(void)
{
    return (const Tally__V1__SessionIncrementRequest *)pack_and_unpack(
        BATCH_INCREMENT, &tally__v1__session_increment_request__descriptor);
}

static void assert_bytes(ProtobufCBinaryData bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.len);
}

/* Reads `response` as the reply to `count` operations. */
static int read_reply(enum batch_kind kind, const ProtobufCMessage *response, size_t count)
{
    grpc_byte_buffer *reply = grpc_message_pack(response);
    assert_non_null(reply);
    const int result = batch_message_read_reply(message, kind, reply, count);
    grpc_byte_buffer_destroy(reply);
    return result;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void test_every_field_of_an_increment_travels(void **state)
{
    (void)state;
    const struct operation operation = {
        .resource_id = TEXT("post:1"),
        .counter_type = TEXT("view"),
        .user_id = TEXT("someone"),
        .idempotency_key = TEXT("a-key"),
        .delta = INT64_MIN,
    };
    batch_message_add(message, BATCH_INCREMENT, &operation, NULL);
    const Tally__V1__SessionIncrementRequest *request = packed_increment();
    assert_int_equal(request->n_items, 1);
    assert_bytes(request->items[0]->resource_id, "post:1");
    assert_bytes(request->items[0]->counter_type, "view");
    assert_bytes(request->items[0]->user_id, "someone");
    assert_bytes(request->items[0]->idempotency_key, "a-key");
    assert_true(request->items[0]->delta == INT64_MIN);
}

static void test_what_is_left_out_stays_empty(void **state)
{
    (void)state;
    const struct operation full = {.user_id = TEXT("someone"), .idempotency_key = TEXT("a-key"), .delta = 1};
    const struct operation bare = {.resource_id = TEXT("post:1"), .counter_type = TEXT("like"), .delta = -1};
    batch_message_add(message, BATCH_INCREMENT, &full, NULL);
    batch_message_clear(message);
    batch_message_add(message, BATCH_INCREMENT, &bare, NULL); /* in the same place */
    const Tally__V1__SessionIncrementRequest *request = packed_increment();
    assert_int_equal(request->n_items, 1);
    assert_bytes(request->items[0]->user_id, "");
    assert_bytes(request->items[0]->idempotency_key, "");
    assert_int_equal(request->items[0]->delta, -1);
}

static void test_an_increments_place_travels(void **state)
{
    (void)state;
    const Tally__V1__SessionIncrementRequest *request = packed_increment();
    assert_int_equal(request->session.len, SESSION_LEN);
    assert_memory_equal(request->session.data, place.session, SESSION_LEN);
    assert_int_equal(request->lane, SESSION_LANES - 1);
    assert_true(request->sequence == INT64_MAX - 1);
}

static void test_a_thousand_reads_travel_in_their_order(void **state)
{
    (void)state;
    static const char digits[] = "0123456789";
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        const struct operation operation = {.resource_id = {digits + i % 10, 1}, .counter_type = TEXT("like")};
        batch_message_add(message, BATCH_GET, &operation, NULL);
    }
    const Tally__V1__BatchGetRequest *request =
        (const Tally__V1__BatchGetRequest *)pack_and_unpack(BATCH_GET, &tally__v1__batch_get_request__descriptor);
    assert_int_equal(request->n_queries, BATCH_ITEMS_MAX);
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        assert_int_equal(request->queries[i]->resource_id.len, 1);
        assert_int_equal(request->queries[i]->resource_id.data[0], digits[i % 10]);
        assert_bytes(request->queries[i]->counter_type, "like");
    }
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static void test_an_increments_code_becomes_its_status(void **state)
{
    (void)state;
    static const struct {
        int code;
        Tally__V1__ErrorReason reason;
        enum status status;
    } cases[] = {
        {0, 0, STATUS_OK},
        {2, 0, STATUS_REPLY_LOST},
        {3, 0, STATUS_INVALID_ARGUMENT},
        {4, 0, STATUS_DEADLINE_EXCEEDED},
        {6, 0, STATUS_KEY_REUSED},
        {8, 0, STATUS_SHED},
        {9, TALLY__V1__ERROR_REASON__TOO_MANY_COUNTER_TYPES, STATUS_TOO_MANY_COUNTER_TYPES},
        {9, TALLY__V1__ERROR_REASON__DATA_DAMAGED, STATUS_DATA_DAMAGED},
        {10, 0, STATUS_NO_SESSION},
        {11, 0, STATUS_OVERFLOW},
        {14, 0, STATUS_REDIS_DOWN},
        {14, TALLY__V1__ERROR_REASON__WRITES_REFUSED, STATUS_WRITES_REFUSED},
        {14, TALLY__V1__ERROR_REASON__DEADLINE_PASSED, STATUS_EXPIRED},
        {16, 0, STATUS_UNIMPLEMENTED}, /* no code of this contract: an error, so not applied */
        {4711, 0, STATUS_UNIMPLEMENTED},
        {-1, 0, STATUS_UNIMPLEMENTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Tally__V1__IncrementResult result = TALLY__V1__INCREMENT_RESULT__INIT;
        Tally__V1__IncrementResult *pointer = &result;
        result.code = cases[i].code;
        result.reason = cases[i].reason;
        Tally__V1__BatchIncrementResponse response = TALLY__V1__BATCH_INCREMENT_RESPONSE__INIT;
        response.n_results = 1;
        response.results = &pointer;
        assert_int_equal(read_reply(BATCH_INCREMENT, &response.base, 1), 0);
        struct operation operation = {0};
        const enum status status = batch_message_result(message, BATCH_INCREMENT, 0, &operation);
        assert_string_equal(status_name(status), status_name(cases[i].status));
    }
}

static void test_an_increments_value_and_replayed_flag_arrive(void **state)
{
    (void)state;
    Tally__V1__IncrementResult results[2] = {TALLY__V1__INCREMENT_RESULT__INIT, TALLY__V1__INCREMENT_RESULT__INIT};
    Tally__V1__IncrementResult *pointers[2] = {&results[0], &results[1]};
    results[0].value = INT64_MAX;
    results[1].value = -5;
    results[1].replayed = true;
    Tally__V1__BatchIncrementResponse response = TALLY__V1__BATCH_INCREMENT_RESPONSE__INIT;
    response.n_results = 2;
    response.results = pointers;
    assert_int_equal(read_reply(BATCH_INCREMENT, &response.base, 2), 0);
    struct operation operations[2] = {{.replayed = true}, {.replayed = false}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(batch_message_result(message, BATCH_INCREMENT, i, &operations[i]), STATUS_OK);
    }
    assert_true(operations[0].value == INT64_MAX);
    assert_false(operations[0].replayed);
    assert_int_equal(operations[1].value, -5);
    assert_true(operations[1].replayed);
}

static void test_a_reads_value_or_error_arrives(void **state)
{
    (void)state;
    Tally__V1__GetResult results[2] = {TALLY__V1__GET_RESULT__INIT, TALLY__V1__GET_RESULT__INIT};
    Tally__V1__GetResult *pointers[2] = {&results[0], &results[1]};
    results[0].value = INT64_MIN;
    results[1].code = 9;
    Tally__V1__BatchGetResponse response = TALLY__V1__BATCH_GET_RESPONSE__INIT;
    response.n_results = 2;
    response.results = pointers;
    assert_int_equal(read_reply(BATCH_GET, &response.base, 2), 0);
    struct operation operation = {0};
    assert_int_equal(batch_message_result(message, BATCH_GET, 0, &operation), STATUS_OK);
    assert_true(operation.value == INT64_MIN);
    assert_int_equal(batch_message_result(message, BATCH_GET, 1, &operation), STATUS_DATA_DAMAGED);
}

static void test_a_reply_with_another_number_of_results_is_refused(void **state)
{
    (void)state;
    const Tally__V1__BatchIncrementResponse increments = TALLY__V1__BATCH_INCREMENT_RESPONSE__INIT;
    const Tally__V1__BatchGetResponse gets = TALLY__V1__BATCH_GET_RESPONSE__INIT;
    assert_int_equal(read_reply(BATCH_INCREMENT, &increments.base, 1), -1);
    assert_int_equal(read_reply(BATCH_GET, &gets.base, 1), -1);
    assert_int_equal(read_reply(BATCH_INCREMENT, &increments.base, 0), 0);
}

static void test_a_reply_that_is_no_protobuf_is_refused(void **state)
{
    (void)state;
    for (enum batch_kind kind = 0; kind < BATCH_KINDS; kind++) {
        grpc_slice slice = grpc_slice_from_static_string("\xff\xff\xff");
        grpc_byte_buffer *reply = grpc_raw_byte_buffer_create(&slice, 1);
        assert_int_equal(batch_message_read_reply(message, kind, reply, 1), -1);
        grpc_byte_buffer_destroy(reply);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_field_of_an_increment_travels),
        TEST(test_what_is_left_out_stays_empty),
        TEST(test_an_increments_place_travels),
        TEST(test_a_thousand_reads_travel_in_their_order),
        TEST(test_an_increments_code_becomes_its_status),
        TEST(test_an_increments_value_and_replayed_flag_arrive),
        TEST(test_a_reads_value_or_error_arrives),
        TEST(test_a_reply_with_another_number_of_results_is_refused),
        TEST(test_a_reply_that_is_no_protobuf_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
