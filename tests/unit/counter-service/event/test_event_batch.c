#include "counter-service/event/event_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/prng.h"
#include "common/contract/limits.h"

#include <cmocka.h>

enum { PARTITION = 3, RANDOM_BATCHES = 300, RANDOM_ITEMS_MAX = 50 };

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

/* ---- items ------------------------------------------------------------------------------------------------------- */

static void test_the_bytes_of_an_item_are_those_of_the_format(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    event_batch_begin(&out);
    event_batch_put(&out, &(struct event_batch_item){TEXT("post"), TEXT("likes"), {NULL, 0}, -65});
    assert_true(text_equal(text_in(&out), TEXT("\1\4post\5likes\0\x81\1")));
    buffer_done(&out);
}

static void test_an_event_has_its_item_and_its_place(void **state)
{
    (void)state;
    static const char items[] = "\1\4post\5likes\2me\5\1p\1l\0\2";
    struct event_batch_reader reader;
    assert_int_equal(event_batch_open(&reader, PARTITION, entry, TEXT(items), TEXT("-7 8")), 0);
    struct event event;
    assert_int_equal(event_batch_next(&reader, &event), 1);
    assert_true(event.partition == PARTITION && stream_id_compare(event.entry, entry) == 0 && event.place == 0);
    assert_true(text_equal(event.resource_id, TEXT("post")) && text_equal(event.counter_type, TEXT("likes")));
    assert_true(text_equal(event.user_id, TEXT("me")) && event.delta == -3);
    assert_true(event.has_value && event.value == -7);
    assert_int_equal(event_batch_next(&reader, &event), 1);
    assert_true(event.place == 1 && event.user_id.len == 0 && event.delta == 1 && event.value == 8);
    assert_int_equal(event_batch_next(&reader, &event), 0);
    assert_int_equal(event_batch_next(&reader, &event), 0);
}

static struct text random_text(struct prng *prng, char *data, uint32_t len_min, uint32_t len_max)
{
    const uint32_t kind = prng_up_to(prng, 3);
    const uint32_t len = kind == 0 ? len_min : kind == 1 ? len_max : len_min + prng_up_to(prng, len_max - len_min);
    for (uint32_t i = 0; i < len; i++) {
        data[i] = (char)prng_up_to(prng, 255);
    }
    return (struct text){data, len};
}

static int64_t random_number(struct prng *prng)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, -1, 0, 1, 63, 64, -64, -65};
    const uint32_t kind = prng_up_to(prng, 15);
    return kind < 10 ? extremes[kind] : (int64_t)prng_next(prng) >> prng_up_to(prng, 63);
}

struct random_item {
    struct event_batch_item item;
    int64_t value;
    char resource_id[RESOURCE_ID_LEN_MAX];
    char counter_type[COUNTER_TYPE_LEN_MAX];
    char user_id[USER_ID_LEN_MAX];
};

static void make_random_item(struct prng *prng, struct random_item *made)
{
    made->item.resource_id = random_text(prng, made->resource_id, 1, sizeof(made->resource_id));
    made->item.counter_type = random_text(prng, made->counter_type, 1, sizeof(made->counter_type));
    made->item.user_id = random_text(prng, made->user_id, 0, sizeof(made->user_id));
    made->item.delta = random_number(prng);
    made->value = random_number(prng);
}

static void check_random_batch(struct prng *prng)
{
    static struct random_item made[RANDOM_ITEMS_MAX];
    const size_t count = prng_up_to(prng, RANDOM_ITEMS_MAX);
    struct buffer items, results;
    buffer_init(&items);
    buffer_init(&results);
    event_batch_begin(&items);
    for (size_t i = 0; i < count; i++) {
        make_random_item(prng, &made[i]);
        event_batch_put(&items, &made[i].item);
        buffer_append(&results, " ", i > 0);
        buffer_append_int64(&results, made[i].value);
    }
    struct event_batch_reader reader;
    assert_int_equal(event_batch_open(&reader, PARTITION, entry, text_in(&items), text_in(&results)), 0);
    struct event event;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(event_batch_next(&reader, &event), 1);
        assert_int_equal(event.place, i);
        assert_true(text_equal(event.resource_id, made[i].item.resource_id));
        assert_true(text_equal(event.counter_type, made[i].item.counter_type));
        assert_true(text_equal(event.user_id, made[i].item.user_id));
        assert_true(event.delta == made[i].item.delta && event.has_value && event.value == made[i].value);
    }
    assert_int_equal(event_batch_next(&reader, &event), 0);
    buffer_done(&items);
    buffer_done(&results);
}

static void test_random_items_come_back_as_they_were(void **state)
{
    (void)state;
    struct prng prng = {.state = 1};
    for (int i = 0; i < RANDOM_BATCHES; i++) {
        check_random_batch(&prng);
    }
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
        {"W17", 17}, {"W-3", -3}, {"W0", 0},
    };
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
    static const char *const tokens[] = {
        "+5",
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
        "WW5",
    };
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
    } damaged[] = {
        {0, "5"},  {0, " "},    {1, ""},     {1, " "},    {1, "5 "},    {1, " 5"},  {1, "5 6"}, {2, "5"},
        {2, "5 "}, {2, "5  6"}, {2, " 5 6"}, {2, "5 6 "}, {2, "5 6 7"}, {2, "5,6"}, {3, "O O"},
    };
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
    static const struct text heads[] = {
        /* no resource_id, no counter_type; lengths beyond the end */
        {"\1\0\1l\0\2", 6}, {"\1\1p\0\0\2", 6}, {"\1\7p\1l\0\2", 7}, {"\1\1p\7l\0\2", 7}, {"\1\1p\1l\7\2", 7},
    };
    struct event event;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        assert_int_equal(read_entry(heads[i], TEXT("5"), &event), -1);
    }
    static const struct text over[] = {
        {"\1\x81\2", 3},
        {"\1\1p\x41", 4},
        {"\1\1p\1l\x81\1", 7}, /* 257, 65, 129 */
        {"\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11},
    };
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
    struct event event;
    assert_int_equal(read_entry(TEXT("\1\1p\1l\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), TEXT("5"), &event), 1);
    assert_true(event.delta == INT64_MIN);
    assert_int_equal(read_entry(TEXT("\1\1p\1l\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"), TEXT("5"), &event), -1);
    assert_int_equal(read_entry(TEXT("\1\1p\1l\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\0"), TEXT("5"), &event), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bytes_of_an_item_are_those_of_the_format),
        cmocka_unit_test(test_an_event_has_its_item_and_its_place),
        cmocka_unit_test(test_random_items_come_back_as_they_were),
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
