#include "counter-service/topology/redis_slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The check value of CRC16/XMODEM, and what CLUSTER KEYSLOT of Redis 7.0 says. */
static void test_slots_are_those_of_redis(void **state)
{
    (void)state;
    assert_int_equal(redis_slot_of(TEXT("123456789")), 0x31C3);
    assert_int_equal(redis_slot_of(TEXT("")), 0);
    assert_int_equal(redis_slot_of(TEXT("foo")), 12182);
    assert_int_equal(redis_slot_of(TEXT("bar")), 5061);
    assert_int_equal(redis_slot_of((struct text){"a\0b", 3}), redis_slot_of((struct text){"{a\0b}", 5}));
}

static void test_a_tag_stands_for_its_key(void **state)
{
    (void)state;
    const int slot = redis_slot_of(TEXT("foo"));
    assert_int_equal(redis_slot_of(TEXT("{foo}")), slot);
    assert_int_equal(redis_slot_of(TEXT("bar{foo}bar")), slot);
    assert_int_equal(redis_slot_of(TEXT("{foo}{bar}")), slot);
    assert_int_equal(redis_slot_of(TEXT("}{foo}")), slot);
    assert_int_equal(redis_slot_of(TEXT("{{foo}")), redis_slot_of(TEXT("x{{foo}x")));
    assert_int_not_equal(redis_slot_of(TEXT("{{foo}")), slot); /* the tag is "{foo" */
}

static void test_what_is_no_tag_is_a_part_of_the_key(void **state)
{
    (void)state;
    const int slot = redis_slot_of(TEXT("foo"));
    assert_int_not_equal(redis_slot_of(TEXT("{foo")), slot);
    assert_int_not_equal(redis_slot_of(TEXT("foo}")), slot);
    assert_int_not_equal(redis_slot_of(TEXT("{}foo")), 0);
    /* An empty tag is none, whatever comes after it. */
    assert_int_not_equal(redis_slot_of(TEXT("{}{foo}")), slot);
}

static void test_a_partition_is_in_the_slot_of_its_keys(void **state)
{
    (void)state;
    for (int i = 0; i < 1024; i++) {
        char key[64];
        const int len = snprintf(key, sizeof(key), "tally:{p%d}:c:r{x}", i);
        assert_int_equal(redis_slot_of((struct text){key, (size_t)len}), redis_slot_of_partition(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_those_of_redis),
        cmocka_unit_test(test_a_tag_stands_for_its_key),
        cmocka_unit_test(test_what_is_no_tag_is_a_part_of_the_key),
        cmocka_unit_test(test_a_partition_is_in_the_slot_of_its_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
