#include "counter-service/redis/redis_checks.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_redis_7_and_later_will_do(void **state)
{
    (void)state;
    struct error error;
    unsigned untold = 0;
    assert_int_equal(redis_check_version(TEXT("# Server\r\nredis_version:7.0.15\r\nos:x\r\n"), &untold, &error), 0);
    assert_int_equal(redis_check_version(TEXT("redis_version:7.4.0"), &untold, &error), 0);
    assert_int_equal(redis_check_version(TEXT("redis_version:10.0.0\n"), &untold, &error), 0);
    assert_int_equal(untold, 0);
}

static void test_an_older_version_is_named(void **state)
{
    (void)state;
    struct error error;
    unsigned untold = 0;
    assert_int_equal(redis_check_version(TEXT("a:b\r\nredis_version:6.2.14\r\n"), &untold, &error), -1);
    assert_string_equal(error.message, "Redis is of version \"6.2.14\": 7.0 or later is needed");
    assert_int_equal(redis_check_version(TEXT("redis_version:\r\n"), &untold, &error), -1);
    assert_string_equal(error.message, "Redis is of version \"\": 7.0 or later is needed");
    assert_int_equal(untold, 0);
}

static void test_only_noeviction_keeps_records(void **state)
{
    (void)state;
    struct error error;
    unsigned untold = 0;
    assert_int_equal(redis_check_policy(TEXT("maxmemory:0\r\nmaxmemory_policy:noeviction\r\n"), &untold, &error), 0);
    assert_int_equal(redis_check_policy(TEXT("maxmemory_policy:volatile-ttl\r\n"), &untold, &error), -1);
    assert_non_null(strstr(error.message, "volatile-ttl"));
    assert_int_equal(redis_check_policy(TEXT("maxmemory_policy:noeviction-not\r\n"), &untold, &error), -1);
    assert_int_equal(redis_check_policy(TEXT("maxmemory_policy:\r\n"), &untold, &error), -1);
    assert_int_equal(untold, 0);
}

static void test_a_field_that_is_hidden_is_not_held_against_redis(void **state)
{
    (void)state;
    static const struct text infos[] = {{"", 0}, {"# Server\r\nos:x\r\n", 16}, {"redis_version", 13}};
    for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
        unsigned untold = 0;
        assert_int_equal(redis_check_version(infos[i], &untold, NULL), 0);
        assert_int_equal(untold, REDIS_UNTOLD_VERSION);
        assert_int_equal(redis_check_policy(infos[i], &untold, NULL), 0);
        assert_int_equal(untold, REDIS_UNTOLD_VERSION | REDIS_UNTOLD_POLICY);
    }
    unsigned untold = 0;
    assert_int_equal(redis_check_version(TEXT("xredis_version:7.0.0\r\n"), &untold, NULL), 0);
    assert_int_equal(untold, REDIS_UNTOLD_VERSION);
}

static void test_what_was_not_told_is_named(void **state)
{
    (void)state;
    assert_string_equal(redis_untold_write(0).text, "");
    assert_string_equal(redis_untold_write(REDIS_UNTOLD_VERSION).text, "its version");
    assert_non_null(strstr(redis_untold_write(REDIS_UNTOLD_VIEW).text, "CLUSTER INFO"));
    assert_non_null(strstr(redis_untold_write(UINT_MAX).text, "ids in CLUSTER SLOTS)")); /* all of them fit */
    assert_string_equal(redis_untold_write(REDIS_UNTOLD_ROLE | REDIS_UNTOLD_VERSION | REDIS_UNTOLD_POLICY).text,
                        "whether it is a master, its version, its maxmemory-policy");
}

static void test_a_replica_is_not_written_to(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(redis_check_role(TEXT("master"), &error), 0);
    assert_int_equal(redis_check_role(TEXT("slave"), &error), -1);
    assert_string_equal(error.message, "Redis's role is \"slave\": it must be master");
    assert_int_equal(redis_check_role(TEXT(""), &error), -1);
}

static void test_a_meta_mismatch_names_both_values(void **state)
{
    (void)state;
    struct error error;
    const struct redis_meta meta = redis_meta_of(1);
    assert_string_equal(meta.text, "layout=1 partitions=1");
    assert_int_equal(redis_check_meta((struct text){NULL, 0}, &meta, &error), 0);
    assert_int_equal(redis_check_meta(text_of(meta.text), &meta, &error), 0);
    assert_int_equal(redis_check_meta(TEXT("layout=1 partitions=16"), &meta, &error), -1);
    assert_string_equal(error.message,
                        "Redis holds data of \"layout=1 partitions=16\" (key tally:meta), and this service began with "
                        "\"layout=1 partitions=1\": it must be started again, with redis.partitions 0 or 16");
    static const char *const others[] = {"",
                                         "layout=2 partitions=16",
                                         "layout=1 partitions=16 ",
                                         "layout=1 partitions=0",
                                         "layout=1 partitions=1025",
                                         "layout=1 partitions=016"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(redis_check_meta(text_of(others[i]), &meta, &error), -1);
        assert_non_null(strstr(error.message, ", but this service is set to \"layout=1 partitions=1\""));
        assert_non_null(strstr(error.message, others[i]));
    }
}

static void test_foreign_text_is_cut_and_cleaned(void **state)
{
    (void)state;
    assert_string_equal(redis_quote((struct text){"a\0b\n\x1b[31m\xff", 10}).text, "a?b??[31m?");
    char long_text[1000];
    memset(long_text, 'x', sizeof(long_text));
    assert_int_equal(strlen(redis_quote((struct text){long_text, sizeof(long_text)}).text), REDIS_QUOTE_LEN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redis_7_and_later_will_do),
        cmocka_unit_test(test_an_older_version_is_named),
        cmocka_unit_test(test_only_noeviction_keeps_records),
        cmocka_unit_test(test_a_field_that_is_hidden_is_not_held_against_redis),
        cmocka_unit_test(test_what_was_not_told_is_named),
        cmocka_unit_test(test_a_replica_is_not_written_to),
        cmocka_unit_test(test_a_meta_mismatch_names_both_values),
        cmocka_unit_test(test_foreign_text_is_cut_and_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
