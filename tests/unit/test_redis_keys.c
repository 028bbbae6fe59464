#include "counter-service/redis_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "counter-service/resp.h"

static void assert_key(const char *key, const char *out, const char *end)
{
    char expected[1024];
    const size_t len = (size_t)snprintf(expected, sizeof(expected), "$%zu\r\n%s\r\n", strlen(key), key);
    assert_int_equal(end - out, len);
    assert_memory_equal(out, expected, len);
}

static void test_keys_bear_the_hash_tag_of_their_partition(void **state)
{
    (void)state;
    char out[1024];
    const struct redis_key_prefix first = redis_key_prefix_of(0);
    const struct redis_key_prefix later = redis_key_prefix_of(123);
    assert_key("tally:{p0}:c:post:1", out, redis_key_put_counters(out, &first, TEXT("post:1")));
    assert_key("tally:{p123}:c:post:1", out, redis_key_put_counters(out, &later, TEXT("post:1")));
    assert_key("tally:{p0}:s:0123456789abcdef", out, redis_key_put_session(out, &first, TEXT("0123456789abcdef")));
    assert_key("tally:{p0}:i:6:post:1:like:k", out,
               redis_key_put_idempotency(out, &first, TEXT("post:1"), TEXT("like"), TEXT("k")));
}

static void test_a_session_may_hold_any_byte(void **state)
{
    (void)state;
    static const char id[16] = "a\0b\r\n}{\xff\x80zzzzzzz";
    static const char expected[] = "$29\r\ntally:{p0}:s:a\0b\r\n}{\xff\x80zzzzzzz\r\n";
    char out[128];
    const struct redis_key_prefix prefix = redis_key_prefix_of(0);
    char *end = redis_key_put_session(out, &prefix, (struct text){id, sizeof(id)});
    assert_int_equal(end - out, sizeof(expected) - 1);
    assert_memory_equal(out, expected, sizeof(expected) - 1);
}

static void test_the_parts_of_an_idempotency_key_cannot_run_together(void **state)
{
    (void)state;
    char left[256];
    char right[256];
    const struct redis_key_prefix prefix = redis_key_prefix_of(0);
    char *left_end = redis_key_put_idempotency(left, &prefix, TEXT("a:b"), TEXT("c"), TEXT("d"));
    char *right_end = redis_key_put_idempotency(right, &prefix, TEXT("a"), TEXT("b"), TEXT("c:d"));
    assert_int_equal(left_end - left, right_end - right);
    assert_memory_not_equal(left, right, (size_t)(left_end - left));
}

static void test_the_longest_key_fits_what_is_reserved(void **state)
{
    (void)state;
    char resource_id[256];
    memset(resource_id, 'r', sizeof(resource_id));
    char out[1024];
    const struct redis_key_prefix prefix = redis_key_prefix_of(INT32_MAX);
    char *end = redis_key_put_idempotency(out, &prefix, (struct text){resource_id, sizeof(resource_id)}, TEXT("like"),
                                          TEXT("key"));
    assert_in_range(end - out, 1, RESP_PART_BYTES + REDIS_KEY_FIXED_BYTES + sizeof(resource_id) + 4 + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_bear_the_hash_tag_of_their_partition),
        cmocka_unit_test(test_a_session_may_hold_any_byte),
        cmocka_unit_test(test_the_parts_of_an_idempotency_key_cannot_run_together),
        cmocka_unit_test(test_the_longest_key_fits_what_is_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
