#include "gateway/json/counter_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "common/contract/limits.h"
#include "gateway/json/counter_json_write.h"

typedef enum status (*read_function)(struct operation_list *list, char *body, size_t len, const char **ret_detail);

struct fixture {
    struct operation_list list;
    char *body;
    const char *detail;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    operation_list_init(&fixture->list);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    operation_list_done(&fixture->list);
    free(fixture->body);
    free(fixture);
    return 0;
}

static enum status read_with(struct fixture *fixture, read_function read, struct text body)
{
    operation_list_clear(&fixture->list);
    free(fixture->body);
    fixture->body = malloc(body.len > 0 ? body.len : 1);
    assert_non_null(fixture->body);
    memcpy(fixture->body, body.data, body.len);
    fixture->detail = NULL;
    return read(&fixture->list, fixture->body, body.len, &fixture->detail);
}

static void assert_refused(struct fixture *fixture, read_function read, const char *body, const char *detail)
{
    assert_int_equal(read_with(fixture, read, text_of(body)), STATUS_INVALID_ARGUMENT);
    assert_string_equal(fixture->detail, detail);
}

static void assert_text(struct text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

/* --- one increment ------------------------------------------------------------------------------------------------ */

static void test_an_increment_with_every_field(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_with(fixture, counter_json_read_increment,
                               TEXT("{\"resource_id\":\"post:\\u00e9\",\"counter_type\":\"like\",\"user_id\":\"u1\","
                                    "\"increment\":-3}")),
                     STATUS_OK);
    const struct operation *operation = &fixture->list.items[0];
    assert_int_equal(fixture->list.count, 1);
    assert_text(operation->resource_id, "post:\xC3\xA9");
    assert_text(operation->counter_type, "like");
    assert_text(operation->user_id, "u1");
    assert_int_equal(operation->delta, -3);
    assert_int_equal(operation->status, STATUS_OK);
    assert_false(operation->done);
}

static void test_an_absent_increment_is_1(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        read_with(fixture, counter_json_read_increment, TEXT(" {\"counter_type\":\"like\",\"resource_id\":\"a\"} ")),
        STATUS_OK);
    assert_int_equal(fixture->list.items[0].delta, 1);
    assert_int_equal(fixture->list.items[0].user_id.len, 0);
}

static void test_an_unknown_field_is_refused_by_its_name(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, counter_json_read_increment,
                   "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"delta\":5}",
                   "delta is not a field of this call");
    assert_refused(fixture, counter_json_read_increment,
                   "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"idempotency_key\":\"k\"}",
                   "idempotency_key is not a field of this call");
    assert_refused(fixture, counter_json_read_increment, "{\"Resource_id\":{\"x\":[1]},\"counter_type\":\"like\"}",
                   "Resource_id is not a field of this call");
    assert_refused(fixture, counter_json_read_increment, "{\"\":1}", "\"\" is not a field of this call");
    assert_refused(fixture, counter_json_read_queries, "{\"querys\":[]}", "querys is not a field of this call");
}

static void test_a_long_unknown_name_is_cut_between_characters(void **state)
{
    struct fixture *fixture = *state;
    /* 63 bytes, then two-byte characters: the 64th byte would be half of one. */
    assert_refused(fixture, counter_json_read_increment,
                   "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xC3\xA9\xC3\xA9\":1}",
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is not a field of this call");
}

static void test_a_name_given_twice_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, counter_json_read_increment,
                   "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"increment\":1,\"increment\":1}",
                   "increment is given twice");
    assert_refused(fixture, counter_json_read_increment,
                   "{\"resource_id\":\"a\",\"resource_\\u0069d\":\"b\",\"counter_type\":\"like\"}",
                   "resource_id is given twice");
    assert_refused(fixture, counter_json_read_queries, "{\"queries\":[{}],\"queries\":[{}]}", "queries is given twice");
}

static void test_a_missing_field_is_named(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, counter_json_read_increment, "{}", "resource_id is required");
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":\"a\"}", "counter_type is required");
    assert_refused(fixture, counter_json_read_increments, "{}", "increments is required");
    assert_refused(fixture, counter_json_read_queries, "{}", "queries is required");
}

static void test_a_wrong_type_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":5,\"counter_type\":\"like\"}",
                   "resource_id must be a string");
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":\"a\",\"counter_type\":[\"like\"]}",
                   "counter_type must be a string");
    assert_refused(fixture, counter_json_read_increment,
                   "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"user_id\":[]}", "user_id must be a string");
    assert_refused(fixture, counter_json_read_increment, "[]", "the body must be an object");
    assert_refused(fixture, counter_json_read_increment, "\"x\"", "the body must be an object");
    assert_refused(fixture, counter_json_read_increments, "[{}]", "the body must be an object");
    assert_refused(fixture, counter_json_read_increments, "{\"increments\":{}}", "increments must be an array");
}

static void test_an_increment_is_an_integer_but_not_0(void **state)
{
    static const char *const bad[] = {"0", "-0.0", "1.5", "9007199254740992", "\"1\"", "true", "{}", "[1]"};
    static const char *const good[] = {"1.0", "1e2", "-9007199254740991"};
    static const int64_t values[] = {1, 100, -INT64_C(9007199254740991)};
    struct fixture *fixture = *state;
    char body[128];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(body, sizeof(body), "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"increment\":%s}", bad[i]);
        assert_refused(fixture, counter_json_read_increment, body,
                       "increment must be an integer from -9007199254740991 to 9007199254740991, but not 0");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(body, sizeof(body), "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"increment\":%s}", good[i]);
        assert_int_equal(read_with(fixture, counter_json_read_increment, text_of(body)), STATUS_OK);
        assert_int_equal(fixture->list.items[0].delta, values[i]);
    }
}

static void test_a_broken_rule_is_told(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":\"\",\"counter_type\":\"like\"}",
                   "resource_id must be 1-256 bytes");
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":\"a\\u0001\",\"counter_type\":\"like\"}",
                   "resource_id must not have control characters, '{' or '}'");
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":\"a\",\"counter_type\":\"Like\"}",
                   "counter_type must start with a letter a-z");
}

static void test_what_is_not_json_is_told_with_its_place(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, counter_json_read_increment, "", "the body is empty");
    assert_refused(fixture, counter_json_read_increments, "", "the body is empty");
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":\"a\",}",
                   "the body is not JSON: a name in quotes was expected, at byte 19");
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":\"a\",\"counter_type\":\"like\"} x",
                   "the body is not JSON: something follows the value, at byte 42");
    assert_refused(fixture, counter_json_read_queries, "{\"queries\":[{}]",
                   "the body is not JSON: it ends in the middle, at byte 15");
}

static void test_null_says_that_an_optional_field_is_absent(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_with(fixture, counter_json_read_increment,
                               TEXT("\xEF\xBB\xBF{\"resource_id\":\"a\",\"counter_type\":\"like\",\"user_id\":null,"
                                    "\"increment\":null}")),
                     STATUS_OK);
    assert_int_equal(fixture->list.items[0].delta, 1);
    assert_int_equal(fixture->list.items[0].user_id.len, 0);
    assert_int_equal(read_with(fixture, counter_json_read_increments,
                               TEXT("{\"increments\":[{\"resource_id\":\"a\",\"counter_type\":\"like\","
                                    "\"idempotency_key\":null}]}")),
                     STATUS_OK);
    assert_int_equal(fixture->list.items[0].status, STATUS_OK);
    assert_int_equal(fixture->list.items[0].idempotency_key.len, 0);
    assert_refused(fixture, counter_json_read_increment, "{\"resource_id\":null,\"counter_type\":\"like\"}",
                   "resource_id must be a string");
    assert_refused(fixture, counter_json_read_increment,
                   "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"increment\":null,\"increment\":2}",
                   "increment is given twice");
    assert_refused(fixture, counter_json_read_increment,
                   "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"delta\":null}",
                   "delta is not a field of this call");
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static void assert_item_error(const struct operation *operation, const char *detail)
{
    assert_int_equal(operation->status, STATUS_INVALID_ARGUMENT);
    assert_true(operation->done);
    assert_string_equal(operation->detail, detail);
}

static void test_what_a_string_cannot_be_refuses_its_item(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_with(fixture, counter_json_read_increments,
                               TEXT("{\"increments\":[{\"resource_id\":\"a\\u0000b\",\"counter_type\":\"like\"},"
                                    "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"user_id\":\"\\ud800\"},"
                                    "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"user\\u0000_id\":\"b\"},"
                                    "{\"resource_id\":\"a\",\"counter_type\":\"like\"}]}")),
                     STATUS_OK);
    const struct operation *items = fixture->list.items;
    assert_int_equal(fixture->list.count, 4);
    assert_item_error(&items[0], "increments[0].resource_id must not have a NUL character");
    assert_item_error(&items[1], "increments[1].user_id must not have half of a surrogate pair");
    assert_item_error(&items[2], "increments[2].user\xEF\xBF\xBD_id is not a field of this call");
    assert_int_equal(items[3].status, STATUS_OK);
    assert_false(items[3].done);
}

static void test_a_batch_keeps_the_order(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_with(fixture, counter_json_read_increments,
                               TEXT("{\"increments\":["
                                    "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"idempotency_key\":\"k1\"},"
                                    "{\"resource_id\":\"b\",\"counter_type\":\"view\",\"increment\":2}]}")),
                     STATUS_OK);
    assert_int_equal(fixture->list.count, 2);
    assert_text(fixture->list.items[0].resource_id, "a");
    assert_text(fixture->list.items[0].idempotency_key, "k1");
    assert_int_equal(fixture->list.items[0].delta, 1);
    assert_text(fixture->list.items[1].resource_id, "b");
    assert_int_equal(fixture->list.items[1].delta, 2);
    assert_false(fixture->list.items[1].done);
}

static void test_a_bad_item_is_that_items_error(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_with(fixture, counter_json_read_increments,
                               TEXT("{\"increments\":["
                                    "{\"resource_id\":\"a\",\"counter_type\":\"like\"},"
                                    "{\"resource_id\":\"b\",\"counter_type\":\"LIKE\"},"
                                    "{\"resource_id\":\"c\",\"counter_type\":\"like\",\"delta\":[1,{}]},"
                                    "{\"resource_id\":7,\"counter_type\":\"like\"},"
                                    "5,"
                                    "{\"resource_id\":\"d\",\"counter_type\":\"like\",\"idempotency_key\":\"\"},"
                                    "{\"counter_type\":\"like\"},"
                                    "{\"resource_id\":\"e\",\"counter_type\":\"like\",\"increment\":0},"
                                    "{\"resource_id\":\"f\",\"resource_id\":\"f\",\"counter_type\":\"like\"},"
                                    "{\"resource_id\":\"z\",\"counter_type\":\"like\"}]}")),
                     STATUS_OK);
    const struct operation *items = fixture->list.items;
    assert_int_equal(fixture->list.count, 10);
    assert_int_equal(items[0].status, STATUS_OK);
    assert_item_error(&items[1], "increments[1].counter_type must start with a letter a-z");
    assert_item_error(&items[2], "increments[2].delta is not a field of this call");
    assert_item_error(&items[3], "increments[3].resource_id must be a string");
    assert_item_error(&items[4], "increments[4] must be an object");
    assert_item_error(&items[5], "increments[5].idempotency_key must be 1-128 bytes");
    assert_item_error(&items[6], "increments[6].resource_id is required");
    assert_item_error(&items[7], "increments[7].increment must be an integer from -9007199254740991 to "
                                 "9007199254740991, but not 0");
    assert_item_error(&items[8], "increments[8].resource_id is given twice");
    assert_int_equal(items[9].status, STATUS_OK);
    assert_false(items[9].done);
}

static void test_a_query_has_no_increment(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_with(fixture, counter_json_read_queries,
                               TEXT("{\"queries\":[{\"resource_id\":\"a\",\"counter_type\":\"like\",\"increment\":1},"
                                    "{\"resource_id\":\"a\",\"counter_type\":\"like\"}]}")),
                     STATUS_OK);
    assert_item_error(&fixture->list.items[0], "queries[0].increment is not a field of this call");
    assert_int_equal(fixture->list.items[1].status, STATUS_OK);
}

static void test_an_error_repeats_only_what_keeps_the_rules(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_with(fixture, counter_json_read_increments,
                               TEXT("{\"increments\":[{\"resource_id\":\"a\",\"counter_type\":\"LIKE\"},"
                                    "{\"resource_id\":\"{\",\"counter_type\":\"like\"},"
                                    "{\"resource_id\":\"b\",\"counter_type\":\"like\",\"x\":1}]}")),
                     STATUS_OK);
    struct buffer out;
    buffer_init(&out);
    counter_json_write_results(&out, fixture->list.items, fixture->list.count, true);
    static const char expected[] =
        "{\"results\":["
        "{\"resource_id\":\"a\",\"error\":{\"type\":\"/problems/invalid-argument\",\"title\":\"Invalid argument\","
        "\"status\":400,\"detail\":\"increments[0].counter_type must start with a letter a-z\","
        "\"outcome\":\"not_applied\"}},"
        "{\"counter_type\":\"like\",\"error\":{\"type\":\"/problems/invalid-argument\",\"title\":\"Invalid argument\","
        "\"status\":400,\"detail\":\"increments[1].resource_id must not have control characters, '{' or '}'\","
        "\"outcome\":\"not_applied\"}},"
        "{\"resource_id\":\"b\",\"counter_type\":\"like\",\"error\":{\"type\":\"/problems/invalid-argument\","
        "\"title\":\"Invalid argument\",\"status\":400,\"detail\":\"increments[2].x is not a field of this call\","
        "\"outcome\":\"not_applied\"}}]}";
    assert_int_equal(out.len, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.len);
    buffer_done(&out);
}

/* {"queries":[item,...]} */
static void build_batch(struct buffer *body, size_t count)
{
    buffer_append_text(body, TEXT("{\"queries\":["));
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(body, "%s{\"resource_id\":\"r%zu\",\"counter_type\":\"like\"}", i > 0 ? "," : "", i);
    }
    buffer_append_text(body, TEXT("]}"));
}

static void test_a_batch_has_1_to_1000_items(void **state)
{
    struct fixture *fixture = *state;
    struct buffer body;
    buffer_init(&body);
    build_batch(&body, BATCH_ITEMS_MAX);
    assert_int_equal(read_with(fixture, counter_json_read_queries, (struct text){body.data, body.len}), STATUS_OK);
    assert_int_equal(fixture->list.count, BATCH_ITEMS_MAX);
    assert_text(fixture->list.items[999].resource_id, "r999");
    buffer_clear(&body, SIZE_MAX);
    build_batch(&body, BATCH_ITEMS_MAX + 1);
    assert_int_equal(read_with(fixture, counter_json_read_queries, (struct text){body.data, body.len}),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(fixture->detail, "queries must have 1-1000 items");
    buffer_done(&body);
    assert_refused(fixture, counter_json_read_queries, "{\"queries\":[]}", "queries must have 1-1000 items");
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void assert_written(struct buffer *out, const char *expected)
{
    assert_int_equal(out->len, strlen(expected));
    assert_memory_equal(out->data, expected, out->len);
    buffer_done(out);
}

static void test_a_value_is_written_with_all_its_digits(void **state)
{
    (void)state;
    const struct operation operation = {
        .resource_id = TEXT("a\"b\n\xC3\xA9"), .counter_type = TEXT("like"), .value = INT64_MIN};
    struct buffer out;
    buffer_init(&out);
    counter_json_write_counter(&out, &operation);
    assert_written(&out,
                   "{\"resource_id\":\"a\\\"b\\n\xC3\xA9\",\"counter_type\":\"like\",\"value\":-9223372036854775808}");
}

static void test_results_tell_replays_and_errors(void **state)
{
    (void)state;
    const struct operation operations[] = {
        {.resource_id = TEXT("a"), .counter_type = TEXT("like"), .value = INT64_MAX, .done = true},
        {.resource_id = TEXT("b"), .counter_type = TEXT("like"), .value = 2, .replayed = true, .done = true},
        {.resource_id = TEXT("c"), .counter_type = TEXT("like"), .status = STATUS_REPLY_LOST, .done = true},
    };
    struct buffer out;
    buffer_init(&out);
    counter_json_write_results(&out, operations, 3, true);
    assert_written(&out,
                   "{\"results\":["
                   "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"value\":9223372036854775807},"
                   "{\"resource_id\":\"b\",\"counter_type\":\"like\",\"value\":2,\"replayed\":true},"
                   "{\"resource_id\":\"c\",\"counter_type\":\"like\",\"error\":{\"type\":\"/problems/reply-lost\","
                   "\"title\":\"No answer from the store\",\"status\":504,"
                   "\"detail\":\"the request was sent and no answer came\",\"outcome\":\"unknown\"}}]}");
}

static void test_a_reads_error_has_no_outcome(void **state)
{
    (void)state;
    const struct operation operation = {.status = STATUS_NO_SERVICE, .done = true};
    struct buffer out;
    buffer_init(&out);
    counter_json_write_results(&out, &operation, 1, false);
    assert_written(&out, "{\"results\":[{\"error\":{\"type\":\"/problems/no-service\","
                         "\"title\":\"No healthy counter-service\",\"status\":503,"
                         "\"detail\":\"no healthy counter-service is connected\"}}]}");
}

static void test_a_list_is_an_object_of_counters(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    counter_json_begin_list(&out, TEXT("a/b"));
    counter_json_add_to_list(&out, TEXT("like"), 3, true);
    counter_json_add_to_list(&out, TEXT("view"), -1, false);
    counter_json_end_list(&out);
    assert_written(&out, "{\"resource_id\":\"a/b\",\"counters\":{\"like\":3,\"view\":-1}}");
}

static void test_a_list_gives_the_memory_of_a_large_batch_back(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        assert_non_null(operation_list_add(&fixture->list));
    }
    operation_list_clear(&fixture->list);
    assert_int_equal(fixture->list.capacity, 0);
    assert_non_null(operation_list_add(&fixture->list));
    operation_list_clear(&fixture->list);
    assert_int_equal(fixture->list.capacity, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_increment_with_every_field),
        TEST(test_an_absent_increment_is_1),
        TEST(test_an_unknown_field_is_refused_by_its_name),
        TEST(test_a_long_unknown_name_is_cut_between_characters),
        TEST(test_a_name_given_twice_is_refused),
        TEST(test_a_missing_field_is_named),
        TEST(test_a_wrong_type_is_refused),
        TEST(test_an_increment_is_an_integer_but_not_0),
        TEST(test_a_broken_rule_is_told),
        TEST(test_what_is_not_json_is_told_with_its_place),
        TEST(test_null_says_that_an_optional_field_is_absent),
        TEST(test_what_a_string_cannot_be_refuses_its_item),
        TEST(test_a_batch_keeps_the_order),
        TEST(test_a_bad_item_is_that_items_error),
        TEST(test_a_query_has_no_increment),
        TEST(test_an_error_repeats_only_what_keeps_the_rules),
        TEST(test_a_batch_has_1_to_1000_items),
        TEST(test_a_value_is_written_with_all_its_digits),
        TEST(test_results_tell_replays_and_errors),
        TEST(test_a_reads_error_has_no_outcome),
        TEST(test_a_list_is_an_object_of_counters),
        TEST(test_a_list_gives_the_memory_of_a_large_batch_back),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
