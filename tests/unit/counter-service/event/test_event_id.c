#include "counter-service/event/event_id.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/prng.h"

#include <cmocka.h>

enum { RANDOM_IDS = 2000 };

static const char store_id[] = "9f86d081884c7d659a2feaa0c55ad015";

static struct event event_at(unsigned partition, uint64_t ms, uint64_t seq, unsigned place)
{
    return (struct event){.partition = partition, .entry = {ms, seq}, .place = place};
}

static struct event parsed(struct event_id id)
{
    char store[EVENT_ID_STORE_LEN + 1];
    struct event event;
    assert_int_equal(event_id_parse((struct text){id.text, id.len}, store, &event), 0);
    assert_string_equal(store, "9f86d081");
    return event;
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static int compare(const struct event *a, const struct event *b)
{
    const int entries = stream_id_compare(a->entry, b->entry);
    return entries != 0 ? entries : (a->place > b->place) - (a->place < b->place);
}

static void test_an_id_says_store_partition_entry_and_place(void **state)
{
    (void)state;
    const struct event event = event_at(0, 1764336793123, 4, 17);
    const struct event_id id = event_id_of(store_id, &event);
    assert_string_equal(id.text, "9f86d081-0-1764336793123-4-17");
    assert_int_equal(id.len, strlen(id.text));
}

static void test_the_longest_id_has_room(void **state)
{
    (void)state;
    const struct event event = event_at(UINT_MAX, UINT64_MAX, UINT64_MAX, UINT_MAX);
    const struct event_id id = event_id_of(store_id, &event);
    assert_string_equal(id.text, "9f86d081-4294967295-18446744073709551615-18446744073709551615-4294967295");
    assert_int_equal(id.len, EVENT_ID_SIZE - 1);
    const struct event again = parsed(id);
    assert_true(again.partition == UINT_MAX && again.place == UINT_MAX);
    assert_true(again.entry.ms == UINT64_MAX && again.entry.seq == UINT64_MAX);
}

static struct event random_event(struct prng *prng)
{
    /* Close together, so that parts are equal and have other counts of digits; or anything. */
    const uint64_t ms = prng_up_to(prng, 1) ? 95 + prng_up_to(prng, 10) : prng_next(prng);
    const uint64_t seq = prng_up_to(prng, 1) ? prng_up_to(prng, 12) : prng_next(prng);
    return event_at(prng_up_to(prng, 64), ms, seq, prng_up_to(prng, 1000));
}

static void test_random_ids_are_read_back_and_compare_as_their_events(void **state)
{
    (void)state;
    struct prng prng = {.state = 1};
    for (int i = 0; i < RANDOM_IDS; i++) {
        const struct event a = random_event(&prng);
        const struct event b = random_event(&prng);
        const struct event read_a = parsed(event_id_of(store_id, &a));
        const struct event read_b = parsed(event_id_of(store_id, &b));
        assert_true(read_a.partition == a.partition && compare(&read_a, &a) == 0);
        assert_int_equal(sign(compare(&read_a, &read_b)), sign(compare(&a, &b)));
        assert_int_equal(compare(&read_a, &read_b), -compare(&read_b, &read_a));
    }
}

static void test_other_texts_are_no_ids(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "9f86d081",
                                        "9f86d08",
                                        "9f86d081-0-1-4",
                                        "9f86d081-0-1-4-",
                                        "9f86d081-0-1-4-17-",
                                        "9f86d081-0-1-4-17-1",
                                        "9f86d081--1-4-17",
                                        "9f86d081-0-1-4-17 ",
                                        " 9f86d081-0-1-4-17",
                                        "9F86D081-0-1-4-17",
                                        "9f86d0811-0-1-4-17",
                                        "9f86d08g-0-1-4-17",
                                        "9f86d081-00-1-4-17",
                                        "9f86d081-0-01-4-17",
                                        "9f86d081-0-1-+4-17",
                                        "9f86d081-0-1-4-0x1",
                                        "9f86d081-4294967296-1-4-17",
                                        "9f86d081-0-1-4-4294967296",
                                        "9f86d081-0-18446744073709551616-4-17",
                                        "9f86d081-0-1-18446744073709551616-17",
                                        "9f86d081_0-1-4-17",
                                        "-0-1-4-17"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char store[EVENT_ID_STORE_LEN + 1] = "before";
        struct event event = {.place = 42};
        assert_int_equal(event_id_parse(text_of(texts[i]), store, &event), -1);
        assert_string_equal(store, "before");
        assert_int_equal(event.place, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_says_store_partition_entry_and_place),
        cmocka_unit_test(test_the_longest_id_has_room),
        cmocka_unit_test(test_random_ids_are_read_back_and_compare_as_their_events),
        cmocka_unit_test(test_other_texts_are_no_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
