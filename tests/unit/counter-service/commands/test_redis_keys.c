#include "counter-service/commands/redis_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct buffer out;

static int set_up(void **state)
{
    (void)state;
    buffer_init(&out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_false(out.failed);
    buffer_done(&out);
    return 0;
}

/* That what was appended is this key as a bulk string; forgets it. */
static void assert_key(const char *key)
{
    char expected[1024];
    const size_t len = (size_t)snprintf(expected, sizeof(expected), "$%zu\r\n%s\r\n", strlen(key), key);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, expected, len);
    out.len = 0;
}

static void test_keys_bear_the_hash_tag_of_their_partition(void **state)
{
    (void)state;
    const struct redis_key_prefix first = redis_key_prefix_of(0);
    const struct redis_key_prefix later = redis_key_prefix_of(INT32_MAX);
    redis_key_put_counters(&out, &first, TEXT("post:1"));
    assert_key("tally:{p0}:c:post:1");
    redis_key_put_counters(&out, &later, TEXT("post:1"));
    assert_key("tally:{p2147483647}:c:post:1");
    redis_key_put_session(&out, &first, TEXT("0123456789abcdef"));
    assert_key("tally:{p0}:s:0123456789abcdef");
    redis_key_put_idempotency(&out, &first, TEXT("post:1"), TEXT("like"), TEXT("k"));
    assert_key("tally:{p0}:i:6:post:1:like:k");
}

static void test_a_session_may_hold_any_byte(void **state)
{
    (void)state;
    static const char id[16] = "a\0b\r\n}{\xff\x80zzzzzzz";
    static const char expected[] = "$29\r\ntally:{p0}:s:a\0b\r\n}{\xff\x80zzzzzzz\r\n";
    const struct redis_key_prefix prefix = redis_key_prefix_of(0);
    redis_key_put_session(&out, &prefix, (struct text){id, sizeof(id)});
    assert_int_equal(out.len, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, sizeof(expected) - 1);
}

static void test_the_parts_of_an_idempotency_key_cannot_run_together(void **state)
{
    (void)state;
    const struct redis_key_prefix prefix = redis_key_prefix_of(0);
    redis_key_put_idempotency(&out, &prefix, TEXT("a:b"), TEXT("c"), TEXT("d"));
    const size_t len = out.len;
    redis_key_put_idempotency(&out, &prefix, TEXT("a"), TEXT("b"), TEXT("c:d"));
    assert_int_equal(out.len, 2 * len);
    assert_memory_not_equal(out.data, out.data + len, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_bear_the_hash_tag_of_their_partition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_session_may_hold_any_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_parts_of_an_idempotency_key_cannot_run_together, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
