#include "counter-service/event/event_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PARTITION = 3 };

static const struct stream_id entry = {1764336793123, 4};

static struct text text_in(const struct buffer *buffer)
{
    return (struct text){buffer->data, buffer->len};
}

/* Memory of exactly this size, for sanitizers to see a read behind it. Freed by free(data). */
static char *copied(struct text text)
{
    char *data = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(data);
    if (text.len > 0) {
        memcpy(data, text.data, text.len);
    }
    return data;
}

/* Reads all of an entry. Returns how many events it has, the last one in *last, whose texts are gone; or -1 if it is
 * damaged. */
static int read_entry(struct text items, struct text results, struct event *last)
{
    char *own_items = copied(items);
    char *own_results = copied(results);
    struct event_batch_reader reader;
    int count = 0;
    int next = event_batch_open(&reader, PARTITION, entry, (struct text){own_items, items.len},
                                (struct text){own_results, results.len});
    if (next == 0) {
        while ((next = event_batch_next(&reader, last)) == 1) {
            count++;
        }
    }
    free(own_items);
    free(own_results);
    return next == 0 ? count : next;
}

/* Of so many items that are all alike. */
static int read_alike(size_t item_count, const char *results, struct event *last)
{
    const struct event_batch_item item = {TEXT("post"), TEXT("likes"), TEXT("u"), -2};
    struct buffer out;
    buffer_init(&out);
    event_batch_begin(&out);
    for (size_t i = 0; i < item_count; i++) {
        event_batch_put(&out, &item);
    }
    assert_false(out.failed);
    const int count = read_entry(text_in(&out), text_of(results), last);
    buffer_done(&out);
    return count;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static void test_an_applied_item_is_an_event_with_its_value(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        int64_t value;
    } applied[] = {
        {"0", 0},    {"5", 5},    {"-7", -7}, {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN},
        {"W17", 17}, {"W-3", -3}, {"W0", 0}};
    for (size_t i = 0; i < sizeof(applied) / sizeof(applied[0]); i++) {
        struct event event;
        assert_int_equal(read_alike(1, applied[i].token, &event), 1);
        assert_true(event.has_value && event.value == applied[i].value && event.delta == -2);
    }
}

static void test_an_applied_item_of_unknown_value_is_an_event_without_one(void **state)
{
    (void)state;
    struct event event;
    assert_int_equal(read_alike(2, "5 U", &event), 2);
    assert_true(!event.has_value && event.value == 0 && event.place == 1);
}

static void test_replayed_and_refused_items_are_no_events(void **state)
{
    (void)state;
    static const char *const tokens[] = {"r5", "r-5", "r", "rx", "O", "K", "T", "D", "X"};
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        struct event event;
        assert_int_equal(read_alike(1, tokens[i], &event), 0);
    }
    struct event event;
    assert_int_equal(read_alike(9, "r5 O K T D X 11 r5 O", &event), 1);
    assert_true(event.place == 6 && event.value == 11);
}

static void test_no_items_are_no_events(void **state)
{
    (void)state;
    struct event event;
    assert_int_equal(read_alike(0, "", &event), 0);
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static void test_other_tokens_are_damage(void **state)
{
    (void)state;
    static const char *const tokens[] = {"+5",
                                         "05",
                                         "-0",
                                         "-",
                                         "5x",
                                         "0x5",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "W",
                                         "Wx",
                                         "W+1",
                                         "W 1",
                                         "U1",
                                         "O1",
                                         "KK",
                                         "TX",
                                         "D0",
                                         "X-",
                                         "Z",
                                         "R5",
                                         "u",
                                         "5\n",
                                         "5.0",
                                         "5\t",
                                         "w5",
                                         "WW5"};
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        struct event event;
        assert_int_equal(read_alike(1, tokens[i], &event), -1);
    }
}

static void test_another_count_of_tokens_than_of_items_is_damage(void **state)
{
    (void)state;
    static const struct {
        size_t item_count;
        const char *results;
    } damaged[] = {{0, "5"},  {0, " "},    {1, ""},     {1, " "},    {1, "5 "},    {1, " 5"},  {1, "5 6"}, {2, "5"},
                   {2, "5 "}, {2, "5  6"}, {2, " 5 6"}, {2, "5 6 "}, {2, "5 6 7"}, {2, "5,6"}, {3, "O O"}};
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct event event;
        assert_int_equal(read_alike(damaged[i].item_count, damaged[i].results, &event), -1);
    }
}

static void test_a_batch_of_another_version_is_not_opened(void **state)
{
    (void)state;
    struct event_batch_reader reader;
    assert_int_equal(event_batch_open(&reader, PARTITION, entry, (struct text){NULL, 0}, TEXT("")), -1);
    assert_int_equal(event_batch_open(&reader, PARTITION, entry, TEXT("\0"), TEXT("")), -1);
    assert_int_equal(event_batch_open(&reader, PARTITION, entry, TEXT("\2\1p\1l\0\2"), TEXT("5")), -1);
}

static void test_an_item_that_is_cut_or_has_bytes_behind_it_is_damage(void **state)
{
    (void)state;
    static const char items[] = "\1\4post\5likes\2me\x81\1";
    const struct text whole = TEXT(items);
    struct event event;
    assert_int_equal(read_entry(whole, TEXT("5"), &event), 1);
    for (size_t len = 1; len < whole.len; len++) {
        assert_int_equal(read_entry((struct text){items, len}, TEXT("5"), &event), -1);
    }
    assert_int_equal(read_entry((struct text){items, whole.len + 1}, TEXT("5"), &event), -1);
}

static void test_lengths_beyond_the_end_or_the_limits_are_damage(void **state)
{
    (void)state;
    static char long_text[1024];
    memset(long_text, 'a', sizeof(long_text));
    static const struct text heads[] = {/* no resource_id, no counter_type; lengths beyond the end */
                                        {"\1\0\1l\0\2", 6},
                                        {"\1\1p\0\0\2", 6},
                                        {"\1\7p\1l\0\2", 7},
                                        {"\1\1p\7l\0\2", 7},
                                        {"\1\1p\1l\7\2", 7}};
    struct event event = {.delta = 0};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        assert_int_equal(read_entry(heads[i], TEXT("5"), &event), -1);
    }
    static const struct text over[] = {{"\1\x81\2", 3},
                                       {"\1\1p\x41", 4},
                                       {"\1\1p\1l\x81\1", 7}, /* 257, 65, 129 */
                                       {"\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11}};
    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
        struct buffer items;
        buffer_init(&items);
        buffer_append_text(&items, over[i]);
        buffer_append(&items, long_text, sizeof(long_text));
        assert_int_equal(read_entry(text_in(&items), TEXT("5"), &event), -1);
        buffer_done(&items);
    }
}

static void test_a_varint_of_more_than_64_bits_is_damage(void **state)
{
    (void)state;
    struct event event = {.delta = 0};
    assert_int_equal(read_entry(TEXT("\1\1p\1l\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), TEXT("5"), &event), 1);
    assert_true(event.delta == INT64_MIN);
    assert_int_equal(read_entry(TEXT("\1\1p\1l\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"), TEXT("5"), &event), -1);
    assert_int_equal(read_entry(TEXT("\1\1p\1l\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\0"), TEXT("5"), &event), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_applied_item_is_an_event_with_its_value),
        cmocka_unit_test(test_an_applied_item_of_unknown_value_is_an_event_without_one),
        cmocka_unit_test(test_replayed_and_refused_items_are_no_events),
        cmocka_unit_test(test_no_items_are_no_events),
        cmocka_unit_test(test_other_tokens_are_damage),
        cmocka_unit_test(test_another_count_of_tokens_than_of_items_is_damage),
        cmocka_unit_test(test_a_batch_of_another_version_is_not_opened),
        cmocka_unit_test(test_an_item_that_is_cut_or_has_bytes_behind_it_is_damage),
        cmocka_unit_test(test_lengths_beyond_the_end_or_the_limits_are_damage),
        cmocka_unit_test(test_a_varint_of_more_than_64_bits_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
