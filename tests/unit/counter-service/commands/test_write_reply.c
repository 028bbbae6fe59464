#include "counter-service/commands/write_reply.h"

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
    const struct write_reply reply = parse("A 5 -7 9223372036854775807", items);
    assert_int_equal(reply.status, STATUS_OK);
    assert_int_equal(reply.applied, 3);
    assert_int_equal(reply.replayed, 0);
    assert_true(items[0].value == 5 && items[1].value == -7 && items[2].value == INT64_MAX);
    assert_false(items[0].replayed);
}

static void test_a_replayed_item_says_so(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    const struct write_reply reply = parse("A r5 r-9223372036854775808 1", items);
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
        {"A 1 O 3", STATUS_OVERFLOW},     {"A 1 K 3", STATUS_KEY_REUSED},   {"A 1 T 3", STATUS_TOO_MANY_COUNTER_TYPES},
        {"A 1 D 3", STATUS_DATA_DAMAGED}, {"A 1 r 3", STATUS_DATA_DAMAGED}, {"A 1 rx 3", STATUS_DATA_DAMAGED},
        {"A 1 U 3", STATUS_REPLY_LOST},   {"A 1 W 3", STATUS_REPLY_LOST},   {"A 1 W-17 3", STATUS_REPLY_LOST},
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

static void test_a_replayed_call_has_its_results_as_they_were(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    const struct write_reply reply = parse("S 5 r6 O", items);
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
    assert_int_equal(parse("N", items).status, STATUS_NO_SESSION);
    assert_int_equal(parse("C", items).status, STATUS_NO_SESSION);
    assert_non_null(strstr(parse("C", items).detail, "sequence"));
    assert_int_equal(parse("M", items).status, STATUS_KEY_REUSED);
    assert_non_null(strstr(parse("M", items).detail, "sequence"));
}

static void test_a_refusal_before_anything_was_written_is_not_applied(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    struct write_reply reply = parse("XWRONGTYPE Operation against a key", items);
    assert_int_equal(reply.status, STATUS_REDIS_DOWN);
    assert_true(text_equal(reply.trouble, TEXT("WRONGTYPE Operation against a key")));
    assert_false(reply.closes_connection);
    reply = parse("XNOPERM User has no permissions", items);
    assert_int_equal(reply.status, STATUS_REDIS_DOWN);
    assert_true(reply.closes_connection);
}

/* Written, and no record of it: a copy could count again, so the session was deleted and nobody is told "applied". */
static void test_results_that_could_not_be_kept_are_unknown(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    const struct write_reply reply = parse("LOOM command not allowed", items);
    assert_int_equal(reply.status, STATUS_REPLY_LOST);
    assert_true(text_equal(reply.trouble, TEXT("OOM command not allowed")));
    assert_int_equal(reply.applied, 0);
}

static void test_what_redis_refused_in_a_part_keeps_its_words(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    struct write_reply reply = parse("A 1 X 3\nNOPERM User may not", items);
    assert_int_equal(reply.status, STATUS_OK);
    assert_int_equal(items[1].status, STATUS_REDIS_DOWN);
    assert_string_equal(items[1].detail, "Redis does not permit a command");
    assert_true(text_equal(reply.trouble, TEXT("NOPERM User may not")));
    assert_true(reply.closes_connection);
    assert_int_equal(reply.applied, 2);
    reply = parse("A 1 W 3\nsome other words", items);
    assert_int_equal(items[1].status, STATUS_REPLY_LOST);
    assert_non_null(strstr(items[1].detail, "idempotency_key"));
    assert_false(reply.closes_connection);
    assert_true(text_equal(reply.trouble, TEXT("some other words")));
}

static void test_what_is_not_understood_is_unknown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "A",
        "B 1 2 3",
        "A ",
        "A 1 2",
        "A 1 2 ",
        "A 1 2 3 4",
        "A  1 2 3",
        "A1 2 3",
        "A 1 2 x",
        "A 1 2 OO",
        "A 1 2\n3",
        "A 1 2 9223372036854775808",
        "S 1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct store_item items[ITEMS];
        const struct write_reply reply = parse(texts[i], items);
        assert_int_equal(reply.status, STATUS_REPLY_LOST);
        assert_int_equal(reply.applied, 0);
    }
}

static void test_a_full_outbox_refuses_the_call(void **state)
{
    (void)state;
    struct store_item items[ITEMS];
    const struct write_reply reply = parse("F", items);
    assert_int_equal(reply.status, STATUS_WRITES_REFUSED);
    assert_true(reply.outbox_full);
    assert_non_null(reply.detail);
    assert_false(parse("A 1 2 3", items).outbox_full);
}

static void test_an_item_with_a_result_of_its_own_is_decided(void **state)
{
    (void)state;
    static const char *const results[] = {"A 1 O 3", "S 1 r2 3", "A X U K\nOOM command not allowed"};
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        struct store_item items[3] = {{.status = STATUS_OK}};
        assert_int_equal(parse(results[i], items).status, STATUS_OK);
        for (size_t item = 0; item < 3; item++) {
            assert_true(items[item].is_decided);
        }
    }
    static const char *const refusals[] = {"N", "C", "M", "F", "XOOM command not allowed", "LOOM command not allowed"};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct store_item items[3] = {{.status = STATUS_OK}};
        assert_int_not_equal(parse(refusals[i], items).status, STATUS_OK);
        assert_false(items[0].is_decided);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_item_with_a_result_of_its_own_is_decided),
        cmocka_unit_test(test_applied_items_have_their_values),
        cmocka_unit_test(test_a_replayed_item_says_so),
        cmocka_unit_test(test_a_full_outbox_refuses_the_call),
        cmocka_unit_test(test_each_refusal_is_its_own_status),
        cmocka_unit_test(test_a_replayed_call_has_its_results_as_they_were),
        cmocka_unit_test(test_answers_for_the_whole_call),
        cmocka_unit_test(test_a_refusal_before_anything_was_written_is_not_applied),
        cmocka_unit_test(test_results_that_could_not_be_kept_are_unknown),
        cmocka_unit_test(test_what_redis_refused_in_a_part_keeps_its_words),
        cmocka_unit_test(test_what_is_not_understood_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
