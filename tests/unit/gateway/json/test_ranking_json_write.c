#include "gateway/json/ranking_json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_written(struct buffer *out, const char *wanted)
{
    buffer_append(out, "", 1);
    assert_false(out->failed);
    assert_string_equal(out->data, wanted);
    buffer_done(out);
}

static void test_the_best(void **state)
{
    const struct ranking_json_head head = {
        .counter_type = TEXT("like"),
        .window = TEXT("day"),
        .period = TEXT("2026-11-25"),
        .as_of_ms = INT64_C(1795600800123),
        .complete = true,
    };
    const struct ranking_json_place entries[] = {
        {.resource_id = TEXT("a \"b\""), .rank = 1, .score = 4711},
        {.resource_id = TEXT("\xC3\xA9"), .rank = 2, .score = INT64_MIN},
    };
    struct buffer out;
    (void)state;
    buffer_init(&out);
    ranking_json_begin(&out, &head);
    ranking_json_begin_entries(&out);
    ranking_json_add_entry(&out, &entries[0], true);
    ranking_json_add_entry(&out, &entries[1], false);
    ranking_json_end(&out);
    assert_written(&out, "{\"counter_type\":\"like\",\"window\":\"day\",\"period\":\"2026-11-25\","
                         "\"as_of\":\"2026-11-25T10:00:00.123Z\",\"complete\":true,\"entries\":["
                         "{\"rank\":1,\"resource_id\":\"a \\\"b\\\"\",\"score\":4711},"
                         "{\"rank\":2,\"resource_id\":\"\xC3\xA9\",\"score\":-9223372036854775808}]}");
}

static void test_one_resource_without_a_rank(void **state)
{
    const struct ranking_json_head head = {
        .counter_type = TEXT("like"),
        .window = TEXT("24h"),
        .as_of_ms = INT64_C(1795600800000),
        .since_ms = 1,
    };
    const struct ranking_json_place place = {.resource_id = TEXT("a"), .rank = 0, .score = INT64_MAX};
    struct buffer out;
    (void)state;
    buffer_init(&out);
    ranking_json_begin(&out, &head);
    ranking_json_write_place(&out, &place);
    ranking_json_begin_entries(&out);
    ranking_json_end(&out);
    assert_written(&out, "{\"counter_type\":\"like\",\"window\":\"24h\",\"period\":null,"
                         "\"as_of\":\"2026-11-25T10:00:00.000Z\",\"complete\":false,"
                         "\"since\":\"1970-01-01T00:00:00.001Z\",\"resource_id\":\"a\",\"rank\":null,"
                         "\"score\":9223372036854775807,\"entries\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best),
        cmocka_unit_test(test_one_resource_without_a_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
