#include "counter-service/api/counter_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"

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

/* The reply as a client reads it. */
static const void *make(enum counter_method method, const ProtobufCMessageDescriptor *descriptor,
                        const struct counter_request *request)
{
    grpc_byte_buffer *reply = counter_reply_make(method, request, &arena);
    assert_non_null(reply);
    const ProtobufCMessage *message = grpc_message_unpack(descriptor, reply, &arena);
    grpc_byte_buffer_destroy(reply);
    assert_non_null(message);
    return message;
}

static void assert_text(ProtobufCBinaryData bytes, const char *text)
{
    assert_true(text_equal((struct text){(const char *)bytes.data, bytes.len}, text_of(text)));
}

static void test_an_increment_is_answered_with_value_and_replayed(void **state)
{
    (void)state;
    struct store_item item = {.value = INT64_MIN, .replayed = true};
    const struct counter_request request = {.call = {.items = &item, .item_count = 1}, .asked_count = 1};
    const Tally__V1__IncrementResponse *response =
        make(COUNTER_INCREMENT, &tally__v1__increment_response__descriptor, &request);
    assert_true(response->value == INT64_MIN);
    assert_true(response->replayed);
}

static void test_each_item_of_a_batch_has_its_own_result(void **state)
{
    (void)state;
    struct store_item items[] = {
        {.value = 7},
        {.status = STATUS_OVERFLOW},
        {.value = 8, .replayed = true},
    };
    struct refused_item refused = {1, "delta must not be 0"};
    const struct counter_request request = {
        .call = {.items = items, .item_count = 3}, .asked_count = 4, .refused = &refused, .refused_count = 1};
    const Tally__V1__BatchIncrementResponse *response =
        make(COUNTER_BATCH_INCREMENT, &tally__v1__batch_increment_response__descriptor, &request);
    assert_int_equal(response->n_results, 4);
    assert_int_equal(response->results[0]->code, 0);
    assert_int_equal(response->results[0]->value, 7);
    assert_text(response->results[0]->message, "");
    assert_int_equal(response->results[1]->code, 3);
    assert_int_equal(response->results[1]->value, 0);
    assert_text(response->results[1]->message, "delta must not be 0");
    assert_int_equal(response->results[2]->code, 11);
    assert_text(response->results[2]->message, "The value would overflow");
    assert_false(response->results[2]->replayed);
    assert_int_equal(response->results[3]->value, 8);
    assert_true(response->results[3]->replayed);
}

static void test_refused_items_stand_where_they_were_asked(void **state)
{
    (void)state;
    struct store_item item = {.value = 7};
    struct refused_item refused[] = {{0, "a"}, {1, "b"}, {3, "c"}};
    const struct counter_request request = {
        .call = {.items = &item, .item_count = 1}, .asked_count = 4, .refused = refused, .refused_count = 3};
    const Tally__V1__BatchIncrementResponse *response =
        make(COUNTER_BATCH_INCREMENT, &tally__v1__batch_increment_response__descriptor, &request);
    assert_int_equal(response->n_results, 4);
    assert_text(response->results[0]->message, "a");
    assert_text(response->results[1]->message, "b");
    assert_int_equal(response->results[2]->value, 7);
    assert_text(response->results[3]->message, "c");
}

static void test_a_failed_precondition_says_which(void **state)
{
    (void)state;
    struct store_item items[] = {
        {.status = STATUS_TOO_MANY_COUNTER_TYPES},
        {.status = STATUS_DATA_DAMAGED},
        {.status = STATUS_KEY_REUSED},
    };
    const struct counter_request request = {.call = {.items = items, .item_count = 3}, .asked_count = 3};
    const Tally__V1__BatchIncrementResponse *response =
        make(COUNTER_BATCH_INCREMENT, &tally__v1__batch_increment_response__descriptor, &request);
    assert_int_equal(response->results[0]->code, 9);
    assert_int_equal(response->results[0]->reason, TALLY__V1__ERROR_REASON__TOO_MANY_COUNTER_TYPES);
    assert_int_equal(response->results[1]->code, 9);
    assert_int_equal(response->results[1]->reason, TALLY__V1__ERROR_REASON__DATA_DAMAGED);
    assert_int_equal(response->results[2]->code, 6);
    assert_int_equal(response->results[2]->reason, TALLY__V1__ERROR_REASON__ERROR_REASON_UNSPECIFIED);
}

static void test_an_unavailable_item_says_why(void **state)
{
    (void)state;
    struct store_item items[] = {
        {.status = STATUS_REDIS_DOWN}, {.status = STATUS_WRITES_REFUSED}, {.status = STATUS_EXPIRED}};
    const struct counter_request request = {.call = {.items = items, .item_count = 3}, .asked_count = 3};
    const Tally__V1__BatchIncrementResponse *written =
        make(COUNTER_SESSION_INCREMENT, &tally__v1__batch_increment_response__descriptor, &request);
    const Tally__V1__BatchGetResponse *read =
        make(COUNTER_BATCH_GET, &tally__v1__batch_get_response__descriptor, &request);
    static const Tally__V1__ErrorReason reasons[] = {TALLY__V1__ERROR_REASON__ERROR_REASON_UNSPECIFIED,
                                                     TALLY__V1__ERROR_REASON__WRITES_REFUSED,
                                                     TALLY__V1__ERROR_REASON__DEADLINE_PASSED};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(written->results[i]->code, 14);
        assert_int_equal(written->results[i]->reason, reasons[i]);
        assert_int_equal(read->results[i]->code, 14);
        assert_int_equal(read->results[i]->reason, reasons[i]);
    }
}

static void test_only_the_error_of_a_whole_part_says_so(void **state)
{
    (void)state;
    struct store_item items[] = {
        {.value = 7, .is_decided = true},
        {.status = STATUS_WRITES_REFUSED, .is_decided = true}, /* in the middle of the script */
        {.status = STATUS_WRITES_REFUSED},
        {.status = STATUS_NO_SESSION},
        {.status = STATUS_KEY_REUSED, .is_decided = true},
        {.status = STATUS_KEY_REUSED},
        {.status = STATUS_REPLY_LOST},
    };
    struct refused_item refused = {7, "delta must not be 0"};
    const struct counter_request request = {
        .call = {.items = items, .item_count = 7}, .asked_count = 8, .refused = &refused, .refused_count = 1};
    const Tally__V1__BatchIncrementResponse *response =
        make(COUNTER_SESSION_INCREMENT, &tally__v1__batch_increment_response__descriptor, &request);
    static const int codes[] = {0, 14, 14, 10, 6, 6, 2, 3};
    static const bool part_failed[] = {false, false, true, true, false, true, true, false};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(response->results[i]->code, codes[i]);
        assert_int_equal(response->results[i]->part_failed, part_failed[i]);
    }
}

static void test_reads_are_answered_in_order(void **state)
{
    (void)state;
    struct store_item items[] = {{.value = INT64_MAX}, {.value = 0}};
    struct refused_item refused = {1, "x"};
    const struct counter_request request = {
        .call = {.items = items, .item_count = 2}, .asked_count = 3, .refused = &refused, .refused_count = 1};
    const Tally__V1__GetResponse *one = make(COUNTER_GET, &tally__v1__get_response__descriptor, &request);
    assert_true(one->value == INT64_MAX);
    const Tally__V1__BatchGetResponse *all =
        make(COUNTER_BATCH_GET, &tally__v1__batch_get_response__descriptor, &request);
    assert_int_equal(all->n_results, 3);
    assert_true(all->results[0]->value == INT64_MAX);
    assert_int_equal(all->results[1]->code, 3);
    assert_text(all->results[1]->message, "x");
    assert_int_equal(all->results[2]->code, 0);
    assert_int_equal(all->results[2]->value, 0);
}

static void test_a_listing_has_every_counter(void **state)
{
    (void)state;
    struct store_listed listed[] = {{TEXT("like"), 3}, {TEXT("view"), -4}};
    struct counter_request request = {.call = {.operation = STORE_LIST, .listed = listed, .listed_count = 2}};
    const Tally__V1__ListCountersResponse *response =
        make(COUNTER_LIST_COUNTERS, &tally__v1__list_counters_response__descriptor, &request);
    assert_int_equal(response->n_counters, 2);
    assert_text(response->counters[0]->counter_type, "like");
    assert_int_equal(response->counters[0]->value, 3);
    assert_text(response->counters[1]->counter_type, "view");
    assert_int_equal(response->counters[1]->value, -4);

    request = (struct counter_request){.call = {.operation = STORE_LIST}};
    response = make(COUNTER_LIST_COUNTERS, &tally__v1__list_counters_response__descriptor, &request);
    assert_int_equal(response->n_counters, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_increment_is_answered_with_value_and_replayed, start, end),
        cmocka_unit_test_setup_teardown(test_each_item_of_a_batch_has_its_own_result, start, end),
        cmocka_unit_test_setup_teardown(test_refused_items_stand_where_they_were_asked, start, end),
        cmocka_unit_test_setup_teardown(test_a_failed_precondition_says_which, start, end),
        cmocka_unit_test_setup_teardown(test_an_unavailable_item_says_why, start, end),
        cmocka_unit_test_setup_teardown(test_only_the_error_of_a_whole_part_says_so, start, end),
        cmocka_unit_test_setup_teardown(test_reads_are_answered_in_order, start, end),
        cmocka_unit_test_setup_teardown(test_a_listing_has_every_counter, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
