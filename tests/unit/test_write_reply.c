#include "counter-service/write_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ITEMS = 3 };

static struct write_reply parse(const char *text, struct store_item items[ITEMS])
{
    memset(items, 0, ITEMS * sizeof(*items));
    return write_reply_parse(text_of(text), items, ITEMS);
}

static void test_applied_items_have_their_values(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    const struct write_reply reply = parse("A1700000000 123456 5 -7 9223372036854775807", items);
    assert_int_equal(reply.status, STATUS_OK);
    assert_true(reply.redis_time_us == INT64_C(1700000000123456));
    assert_int_equal(reply.applied, 3);
    assert_int_equal(reply.replayed, 0);
    assert_true(items[0].value == 5 && items[1].value == -7 && items[2].value == INT64_MAX);
    assert_false(items[0].replayed);
}

static void test_a_replayed_item_says_so(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    const struct write_reply reply = parse("A1700000000 0 r5 r-9223372036854775808 1", items);
    assert_int_equal(reply.applied, 1);
    assert_int_equal(reply.replayed, 2);
    assert_true(items[0].replayed && items[1].replayed && !items[2].replayed);
    assert_true(items[0].value == 5 && items[1].value == INT64_MIN);
}

static void test_each_refusal_is_its_own_status(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } refusals[] = {
        {"A1700000000 0 1 O 3", STATUS_OVERFLOW},
        {"A1700000000 0 1 K 3", STATUS_KEY_REUSED},
        {"A1700000000 0 1 T 3", STATUS_TOO_MANY_COUNTER_TYPES},
        {"A1700000000 0 1 D 3", STATUS_DATA_DAMAGED},
        {"A1700000000 0 1 r 3", STATUS_DATA_DAMAGED},
        {"A1700000000 0 1 rx 3", STATUS_DATA_DAMAGED},
        {"A1700000000 0 1 U 3", STATUS_REPLY_LOST},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct store_item items[ITEMS];
        const struct write_reply reply = parse(refusals[i].text, items);
        assert_int_equal(reply.status, STATUS_OK);
        assert_int_equal(reply.applied, 2);
        assert_int_equal(items[1].status, refusals[i].status);
        assert_non_null(items[1].detail);
        assert_true(items[0].status == STATUS_OK && items[2].status == STATUS_OK && items[2].value == 3);
    }
}

static void test_a_seen_batch_has_its_results_as_they_were(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    const struct write_reply reply = parse("S1700000000 0 5 r6 O", items);
    assert_int_equal(reply.status, STATUS_OK);
    assert_int_equal(reply.applied, 0);
    assert_int_equal(reply.replayed, 2);
    assert_true(!items[0].replayed && items[1].replayed);
    assert_int_equal(items[2].status, STATUS_OVERFLOW);
}

static void test_answers_for_the_whole_call(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    struct write_reply reply = parse("E1700000000 5", items);
    assert_int_equal(reply.status, STATUS_EXPIRED);
    assert_true(reply.redis_time_us == INT64_C(1700000000000005));
    reply = parse("M1700000000 5", items);
    assert_int_equal(reply.status, STATUS_KEY_REUSED);
    assert_non_null(reply.detail);
}

static void test_items_that_were_not_sent_have_no_token(void **state)
{
    (void)state;
    struct store_item items[ITEMS] = {
        {.status = STATUS_OK}, {.status = STATUS_INVALID_ARGUMENT}, {.status = STATUS_OK}};
    const struct write_reply reply = write_reply_parse(TEXT("A1700000000 0 1 2"), items, ITEMS);
    assert_int_equal(reply.status, STATUS_OK);
    assert_int_equal(items[1].status, STATUS_INVALID_ARGUMENT);
    assert_true(items[0].value == 1 && items[2].value == 2);
}

static void test_what_is_not_understood_is_unknown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "A",
        "X1700000000 0 1 2 3",
        "A1700000000 0",
        "A1700000000 0 1 2",
        "A1700000000 0 1 2 ",
        "A1700000000 0 1 2 3 4",
        "A1700000000 0  1 2 3",
        "A1700000000 0 1 2 x",
        "A1700000000 0 1 2 OO",
        "A1700000000 0 1 2 9223372036854775808",
        "A1700000000 x 1 2 3",
        "A-1 0 1 2 3",
        "A99999999999999999 0 1 2 3",
        "E",
        "M",
        "S1700000000 0 1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct store_item items[ITEMS];
        const struct write_reply reply = parse(texts[i], items);
        assert_int_equal(reply.status, STATUS_REPLY_LOST);
        assert_int_equal(reply.applied, 0);
        assert_int_equal(reply.redis_time_us, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applied_items_have_their_values),
        cmocka_unit_test(test_a_replayed_item_says_so),
        cmocka_unit_test(test_each_refusal_is_its_own_status),
        cmocka_unit_test(test_a_seen_batch_has_its_results_as_they_were),
        cmocka_unit_test(test_answers_for_the_whole_call),
        cmocka_unit_test(test_items_that_were_not_sent_have_no_token),
        cmocka_unit_test(test_what_is_not_understood_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
