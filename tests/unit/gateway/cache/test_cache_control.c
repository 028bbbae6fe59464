#include "gateway/cache/cache_control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct cache_demand read_one(const char *cache_control, const char *pragma)
{
    const struct http_field none = {0};
    const struct http_field fields[] = {
        cache_control != NULL ? (struct http_field){text_of(cache_control), 1} : none,
        pragma != NULL ? (struct http_field){text_of(pragma), 1} : none,
    };
    return cache_control_read(&fields[0], &fields[1]);
}

static void test_what_a_request_demands(void **state)
{
    static const struct {
        const char *cache_control;
        const char *pragma;
        int64_t max_age_us;
        bool no_store;
    } cases[] = {
        {NULL, NULL, INT64_MAX, false},
        {"", "", INT64_MAX, false},
        {"no-cache", NULL, 0, false},
        {"No-Cache", NULL, 0, false},
        {"no-cache=\"X-A\"", NULL, 0, false},
        {"no-store", NULL, 0, true},
        {"max-age=0", NULL, 0, false},
        {"max-age=5", NULL, 5000000, false},
        {"MAX-AGE=\"5\"", NULL, 5000000, false},
        {"max-age=5, max-age=3", NULL, 3000000, false},
        {"max-age=86401", NULL, INT64_C(86400000000), false},
        {"max-age=18446744073709551615", NULL, INT64_C(86400000000), false},
        {"max-age", NULL, 0, false},
        {"max-age=", NULL, 0, false},
        {"max-age=-1", NULL, 0, false},
        {"max-age=1.5", NULL, 0, false},
        {"max-age=18446744073709551616", NULL, 0, false},
        {"max-stale=100, only-if-cached, min-fresh=3", NULL, INT64_MAX, false},
        {" ,no-transform ,\tno-cache\t,", NULL, 0, false},
        {"xno-cache, no-cachex", NULL, INT64_MAX, false},
        {NULL, "no-cache", 0, false},
        {"max-age=7", "x, No-Cache", 0, false},
        {NULL, "x", INT64_MAX, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cache_demand demand = read_one(cases[i].cache_control, cases[i].pragma);
        if (demand.max_age_us != cases[i].max_age_us || demand.no_store != cases[i].no_store) {
            fail_msg("%s: %lld, %d", cases[i].cache_control, (long long)demand.max_age_us, demand.no_store);
        }
    }
}

static void test_a_repeated_field_demands_the_most(void **state)
{
    const struct http_field none = {0};
    const struct http_field twice = {TEXT("max-age=5"), 2};
    (void)state;
    assert_int_equal(cache_control_read(&twice, &none).max_age_us, 0);
    assert_true(cache_control_read(&twice, &none).no_store);
    assert_int_equal(cache_control_read(&none, &twice).max_age_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_request_demands),
        cmocka_unit_test(test_a_repeated_field_demands_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
