#include "counter-service/event/event_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/prng.h"
#include "common/contract/limits.h"

#include <cmocka.h>

enum { PARTITION = 3, RANDOM_BATCHES = 300, RANDOM_ITEMS_MAX = 50 };

static const struct stream_id entry = {1764336793123, 4};

static struct text text_in(const struct buffer *buffer)
{
    return (struct text){buffer->data, buffer->len};
}

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
    made->item.delta = random_number(prng) | 1; /* 0 is none */
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

/* ---- traces ---- */

static const struct trace_context contexts[] = {
    {.trace_id = "0123456789abcdef", .span_id = "ABCDEFGH"},
    {.trace_id = "fedcba9876543210", .span_id = "HGFEDCBA"},
};

static void put_three_items(struct buffer *out)
{
    for (int i = 0; i < 3; i++) {
        event_batch_put(out, &(struct event_batch_item){TEXT("p"), TEXT("l"), {NULL, 0}, 1});
    }
}

/* traced: a digit an item, the context that its event should have; '-': none. */
static void check_traces(const struct buffer *items, const char *results, const char *traced)
{
    struct event_batch_reader reader;
    struct event event;
    assert_int_equal(event_batch_open(&reader, PARTITION, entry, text_in(items), text_of(results)), 0);
    for (; *traced != '\0'; traced++) {
        assert_int_equal(event_batch_next(&reader, &event), 1);
        if (*traced == '-') {
            assert_null(event.trace.trace_id);
            continue;
        }
        const struct trace_context *context = &contexts[*traced - '0'];
        assert_non_null(event.trace.trace_id);
        assert_memory_equal(event.trace.trace_id, context->trace_id, TRACE_ID_BYTES);
        assert_memory_equal(event.trace.span_id, context->span_id, TRACE_SPAN_ID_BYTES);
        assert_true(text_equal(event.trace.state, *traced == '0' ? TEXT("a=1") : TEXT("")));
    }
    assert_int_equal(event_batch_next(&reader, &event), 0);
}

static void test_an_event_has_the_trace_of_its_item(void **state)
{
    (void)state;
    struct buffer items;
    buffer_init(&items);
    event_batch_begin(&items);
    put_three_items(&items);
    const size_t start = event_batch_begin_traces(&items);
    event_batch_put_trace(&items, 0, 1, &contexts[0], TEXT("a=1"));
    event_batch_put_trace(&items, 2, 1, &contexts[1], TEXT(""));
    event_batch_end_traces(&items, start);
    check_traces(&items, "1 2 3", "0-1");
    check_traces(&items, "r1 2 3", "-1"); /* a replay is no event */
    check_traces(&items, "1 2 r3", "0-");
    buffer_done(&items);
}

static void put_one_traced(struct buffer *out, struct text trace_state)
{
    event_batch_begin(out);
    put_three_items(out);
    const size_t start = event_batch_begin_traces(out);
    event_batch_put_trace(out, 1, 2, &contexts[0], trace_state);
    event_batch_end_traces(out, start);
}

static void test_one_trace_may_be_that_of_several_items(void **state)
{
    (void)state;
    struct buffer items;
    buffer_init(&items);
    put_one_traced(&items, TEXT("a=1"));
    check_traces(&items, "1 2 3", "-00");
    check_traces(&items, "1 r2 3", "-0");
    buffer_done(&items);
}

static void test_a_long_tracestate_is_left_out(void **state)
{
    (void)state;
    static char longer[EVENT_TRACE_STATE_LEN_MAX + 1];
    struct event_batch_reader reader;
    struct event event;
    struct buffer items;
    buffer_init(&items);
    memset(longer, 'x', sizeof(longer));
    for (size_t len = sizeof(longer) - 1; len <= sizeof(longer); len++) {
        items.len = 0;
        put_one_traced(&items, (struct text){longer, len});
        assert_int_equal(event_batch_open(&reader, PARTITION, entry, text_in(&items), TEXT("1 2 3")), 0);
        assert_true(event_batch_next(&reader, &event) == 1 && event_batch_next(&reader, &event) == 1);
        assert_non_null(event.trace.trace_id);
        assert_int_equal(event.trace.state.len, len <= EVENT_TRACE_STATE_LEN_MAX ? len : 0);
    }
    buffer_done(&items);
}

/* Whatever is wrong behind the items, all events are told before it is found. */
static void test_damaged_traces_cost_no_event(void **state)
{
    (void)state;
    struct buffer items;
    buffer_init(&items);
    event_batch_begin(&items);
    put_three_items(&items);
    const size_t items_len = items.len;
    items.len = 0;
    put_one_traced(&items, TEXT("a=1"));
    for (size_t i = items_len; i < items.len; i++) {
        for (int byte = 0; byte < 256; byte++) {
            struct event_batch_reader reader;
            struct event event;
            const char was = items.data[i];
            items.data[i] = (char)byte;
            assert_int_equal(event_batch_open(&reader, PARTITION, entry, text_in(&items), TEXT("1 2 3")), 0);
            for (int64_t value = 1; value <= 3; value++) {
                assert_int_equal(event_batch_next(&reader, &event), 1);
                assert_true(event.value == value);
            }
            assert_int_not_equal(event_batch_next(&reader, &event), 1);
            items.data[i] = was;
        }
    }
    for (size_t len = items_len; len < items.len; len++) { /* cut off */
        struct event_batch_reader reader;
        struct event event;
        const struct text cut = {items.data, len};
        assert_int_equal(event_batch_open(&reader, PARTITION, entry, cut, TEXT("1 2 3")), 0);
        for (int told = 0; told < 3; told++) {
            assert_int_equal(event_batch_next(&reader, &event), 1);
        }
    }
    buffer_done(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bytes_of_an_item_are_those_of_the_format),
        cmocka_unit_test(test_an_event_has_its_item_and_its_place),
        cmocka_unit_test(test_random_items_come_back_as_they_were),
        cmocka_unit_test(test_an_event_has_the_trace_of_its_item),
        cmocka_unit_test(test_one_trace_may_be_that_of_several_items),
        cmocka_unit_test(test_a_long_tracestate_is_left_out),
        cmocka_unit_test(test_damaged_traces_cost_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
