#include "counter-service/commands/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool equal(struct fingerprint a, struct fingerprint b)
{
    return memcmp(a.bytes, b.bytes, FINGERPRINT_LEN) == 0;
}

static struct store_item item_of(const char *resource_id, const char *counter_type, const char *user_id,
                                 const char *key, int64_t delta)
{
    return (struct store_item){
        .resource_id = text_of(resource_id),
        .counter_type = text_of(counter_type),
        .user_id = text_of(user_id),
        .idempotency_key = text_of(key),
        .delta = delta,
    };
}

static bool calls_equal(struct call_fingerprint a, struct call_fingerprint b)
{
    return memcmp(a.bytes, b.bytes, CALL_FINGERPRINT_LEN) == 0;
}

static void test_an_increment_is_its_delta_and_user(void **state)
{
    (void)state;
    const struct fingerprint one = fingerprint_of_increment(1, TEXT("u"));
    assert_true(equal(one, fingerprint_of_increment(1, TEXT("u"))));
    assert_false(equal(one, fingerprint_of_increment(-1, TEXT("u"))));
    assert_false(equal(one, fingerprint_of_increment(2, TEXT("u"))));
    assert_false(equal(one, fingerprint_of_increment(1, TEXT("v"))));
    assert_false(equal(one, fingerprint_of_increment(1, TEXT(""))));
    assert_true(equal(fingerprint_of_increment(1, TEXT("")), fingerprint_of_increment(1, (struct text){NULL, 0})));
}

static void test_every_field_of_an_item_counts(void **state)
{
    (void)state;
    const struct store_item base = item_of("r", "t", "u", "k", 1);
    const struct store_item others[] = {
        item_of("R", "t", "u", "k", 1),  item_of("r", "T", "u", "k", 1), item_of("r", "t", "U", "k", 1),
        item_of("r", "t", "u", "K", 1),  item_of("r", "t", "u", "k", 2), item_of("rt", "", "u", "k", 1),
        item_of("r", "tu", "", "k", 1),  item_of("r", "t", "uk", "", 1), item_of("", "rtuk", "", "", 1),
        item_of("r", "t", "u", "k", -1),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(calls_equal(fingerprint_of_call(&base, 1), fingerprint_of_call(&others[i], 1)));
    }
}

static void test_the_order_and_number_of_items_count(void **state)
{
    (void)state;
    const struct store_item items[] = {item_of("a", "t", "", "", 1), item_of("b", "t", "", "", 1),
                                       item_of("a", "t", "", "", 1)};
    assert_false(calls_equal(fingerprint_of_call(items, 2), fingerprint_of_call(items + 1, 2)));
    assert_false(calls_equal(fingerprint_of_call(items, 2), fingerprint_of_call(items, 3)));
}

/* Records in Redis are compared with fingerprints of later versions: these bytes must never change. */
static void test_fingerprints_are_the_same_for_ever(void **state)
{
    (void)state;
    static const unsigned char increment[] = {0x25, 0xa4, 0xb5, 0x74, 0x36, 0x70, 0x6b, 0x69,
                                              0xb2, 0x2b, 0xc0, 0xa5, 0x1b, 0x6d, 0x4f, 0x99};
    static const unsigned char call[] = {0x9c, 0x2b, 0xfd, 0x04, 0xc4, 0x4f, 0x37, 0x12};
    const struct store_item items[] = {item_of("post:1", "like", "u1", "key-1", 1),
                                       item_of("post:2", "view", "", "", -5)};
    const struct fingerprint of_increment = fingerprint_of_increment(-5, TEXT("user-1"));
    const struct call_fingerprint of_call = fingerprint_of_call(items, 2);
    assert_memory_equal(of_increment.bytes, increment, FINGERPRINT_LEN);
    assert_memory_equal(of_call.bytes, call, CALL_FINGERPRINT_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_increment_is_its_delta_and_user),
        cmocka_unit_test(test_every_field_of_an_item_counts),
        cmocka_unit_test(test_the_order_and_number_of_items_count),
        cmocka_unit_test(test_fingerprints_are_the_same_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
