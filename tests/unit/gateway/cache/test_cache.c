#include "gateway/cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { LIFETIME_US = 1000, ENTRIES_MAX = 3, BODY_BYTES_MAX = 100 };

static struct cache *cache;
static int64_t begin_us; /* of the reads to come */

static int set_up(void **state)
{
    (void)state;
    cache = cache_create(ENTRIES_MAX, BODY_BYTES_MAX, 7);
    begin_us = 0;
    return cache != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cache_free(cache);
    return 0;
}

static const struct cache_key *key(const char *resource_id)
{
    static struct cache_key made;
    cache_key_of_counter(&made, text_of(resource_id), TEXT("like"));
    return &made;
}

static struct cache_entry *begin(const char *resource_id, const void *reader)
{
    struct cache_entry *entry = cache_begin_read(cache, key(resource_id), (void *)reader, begin_us);
    assert_non_null(entry);
    return entry;
}

static void end(struct cache_entry *entry, const void *reader, int64_t number, int64_t asked_us, int64_t now_us)
{
    const struct cache_answer answer = {.number = number, .asked_us = asked_us, .lifetime_us = LIFETIME_US};
    cache_end_read(cache, entry, reader, &answer, now_us);
}

/* A read, asked and answered. */
static void read_one(const char *resource_id, int64_t number, int64_t asked_us, int64_t now_us)
{
    end(begin(resource_id, cache), cache, number, asked_us, now_us);
}

static void write_one(const char *resource_id, int64_t value, int64_t delta, int64_t asked_us, int64_t now_us)
{
    const struct cache_write write = {
        .is_known = true, .value = value, .delta = delta, .asked_us = asked_us, .lifetime_us = LIFETIME_US};
    cache_note_write(cache, key(resource_id), &write, now_us);
}

enum { NOTHING = -1000 };

/* What is given at that time. */
static int64_t given(const char *resource_id, int64_t now_us)
{
    struct cache_entry *entry = cache_find(cache, key(resource_id));
    const struct cache_answer *answer = entry != NULL ? cache_get(cache, entry, now_us, INT64_MAX) : NULL;
    return answer != NULL ? answer->number : NOTHING;
}

/* --- ages --------------------------------------------------------------------------------------------------------- */

static void test_an_age_counts_from_the_sending(void **state)
{
    (void)state;
    read_one("a", 5, 100, 900);
    assert_int_equal(given("a", 1099), 5);
    assert_int_equal(given("a", 1100), NOTHING);
}

static void test_what_comes_too_old_is_not_kept(void **state)
{
    (void)state;
    read_one("a", 5, 100, 1100);
    assert_int_equal(given("a", 1100), NOTHING);
    assert_int_equal(cache_count(cache), 0);
    read_one("a", 5, 100, 1099);
    write_one("a", 6, 1, 1200, 2200);
    assert_int_equal(given("a", 2200), NOTHING);
}

static void test_a_request_may_want_it_younger(void **state)
{
    (void)state;
    read_one("a", 5, 100, 200);
    struct cache_entry *entry = cache_find(cache, key("a"));
    assert_non_null(cache_get(cache, entry, 400, 301));
    assert_null(cache_get(cache, entry, 400, 300));
}

static void test_an_age_on_arrival_counts(void **state)
{
    (void)state;
    struct cache_answer answer = {.body = TEXT("{}"), .asked_us = 100, .aged_us = 600, .lifetime_us = LIFETIME_US};
    cache_end_read(cache, begin("a", cache), cache, &answer, 200);
    struct cache_entry *entry = cache_find(cache, key("a"));
    assert_int_equal(cache_answer_age_us(cache_get(cache, entry, 499, INT64_MAX), 499), 999);
    assert_null(cache_get(cache, entry, 500, INT64_MAX));
    answer.lifetime_us = 0;
    cache_end_read(cache, begin("b", cache), cache, &answer, 200);
    assert_null(cache_find(cache, key("b")));
}

static void test_a_failed_read_leaves_what_is_held(void **state)
{
    (void)state;
    read_one("a", 5, 100, 200);
    cache_end_read(cache, begin("a", cache), cache, NULL, 300);
    assert_int_equal(given("a", 300), 5);
    cache_end_read(cache, begin("b", cache), cache, NULL, 300);
    assert_int_equal(cache_count(cache), 1);
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static void test_a_read_that_overlaps_the_last_answer_is_not_kept(void **state)
{
    int first = 0;
    int second = 0;
    (void)state;
    struct cache_entry *entry = begin("a", &first);
    assert_ptr_equal(begin("a", &second), entry);
    end(entry, &second, 6, 200, 300);
    end(entry, &first, 6, 100, 400);
    assert_int_equal(given("a", 1199), 6);
    assert_int_equal(given("a", 1200), NOTHING);
}

static void test_of_reads_that_overlap_and_differ_none_is_kept(void **state)
{
    int first = 0;
    int second = 0;
    int third = 0;
    (void)state;
    struct cache_entry *entry = begin("a", &first);
    begin("a", &second);
    begin("a", &third);
    end(entry, &second, 6, 200, 300);
    end(entry, &first, 5, 100, 400);
    assert_int_equal(given("a", 400), NOTHING);
    end(entry, &third, 6, 350, 450); /* overlaps the first */
    assert_int_equal(given("a", 450), NOTHING);
    read_one("a", 7, 451, 500);
    assert_int_equal(given("a", 500), 7);
}

static void test_a_write_updates_what_is_held(void **state)
{
    (void)state;
    read_one("a", 5, 100, 200);
    write_one("a", 9, 2, 300, 400);
    assert_int_equal(given("a", 1299), 9);
    assert_int_equal(given("a", 1300), NOTHING);
    write_one("b", 9, 2, 300, 400); /* nobody reads it */
    assert_int_equal(cache_count(cache), 1);
}

static void test_a_read_sent_before_a_write_s_answer_is_not_kept(void **state)
{
    (void)state;
    struct cache_entry *entry = begin("a", cache);
    assert_ptr_equal(cache_reader(entry), cache);
    write_one("a", 6, 1, 100, 300);
    assert_null(cache_reader(entry));
    assert_int_equal(given("a", 300), 6);
    end(entry, cache, 5, 200, 400);
    assert_int_equal(given("a", 400), 6);
}

static void test_writes_that_overlap_are_put_in_order_by_their_values(void **state)
{
    (void)state;
    read_one("a", 5, 10, 20);
    write_one("a", 6, 1, 100, 200);
    write_one("a", 8, 2, 110, 210); /* the next */
    assert_int_equal(given("a", 210), 8);
    write_one("a", 9, 1, 100, 220); /* sent with the first, and the next all the same */
    assert_int_equal(given("a", 220), 9);
    write_one("a", 9, 3, 120, 230); /* what is held was seen */
    assert_int_equal(given("a", 230), 9);
    write_one("a", 4, 1, 120, 240); /* before or behind? */
    assert_int_equal(given("a", 240), NOTHING);
    assert_int_equal(cache_count(cache), 0);
}

/* The counter is 5. +1 makes 6, -2 makes 4, +1 makes 5; and the first answers last. */
static void test_values_order_no_writes_while_one_that_lowers_is_out(void **state)
{
    (void)state;
    read_one("a", 5, 10, 20);
    cache_begin_lowering(cache); /* of any counter */
    write_one("a", 5, 1, 100, 200);
    assert_int_equal(given("a", 200), 5);
    write_one("a", 6, 1, 30, 210);
    assert_int_equal(given("a", 210), NOTHING);
    cache_end_lowering(cache, 220);
}

/* The counter is 0. -1 makes -1, then +1 makes 0; and the last answers first. */
static void test_nor_if_it_has_ended_since_they_were_sent(void **state)
{
    (void)state;
    read_one("a", 0, 10, 20);
    cache_begin_lowering(cache);
    write_one("a", 0, 1, 110, 200);
    write_one("a", -1, -1, 100, 210);
    cache_end_lowering(cache, 210);
    assert_int_equal(given("a", 210), NOTHING);
    read_one("a", 5, 220, 230);
    write_one("a", 6, 1, 210, 250);
    assert_int_equal(given("a", 250), NOTHING);
    read_one("a", 6, 260, 270);
    write_one("a", 7, 1, 211, 280);
    assert_int_equal(given("a", 280), 7);
}

static void test_a_read_that_saw_the_write_stays(void **state)
{
    (void)state;
    read_one("a", 6, 200, 300);
    write_one("a", 6, 1, 100, 400);
    assert_int_equal(given("a", 1199), 6);
}

static void test_after_an_unknown_write_nothing_is_held(void **state)
{
    const struct cache_write unknown = {.is_known = false};
    (void)state;
    read_one("a", 5, 100, 200);
    cache_note_write(cache, key("a"), &unknown, 300);
    assert_int_equal(cache_count(cache), 0);
    struct cache_entry *entry = begin("a", cache);
    cache_note_write(cache, key("a"), &unknown, 500);
    assert_null(cache_reader(entry));
    write_one("a", 7, 1, 400, 600); /* overlaps it */
    assert_int_equal(given("a", 600), NOTHING);
    end(entry, cache, 5, 400, 700);
    assert_int_equal(given("a", 700), NOTHING);
}

/* --- bounds ------------------------------------------------------------------------------------------------------- */

static void test_the_least_recently_used_goes_first(void **state)
{
    (void)state;
    read_one("a", 1, 10, 20);
    read_one("b", 2, 10, 20);
    read_one("c", 3, 10, 20);
    assert_int_equal(given("a", 30), 1);
    read_one("d", 4, 10, 20);
    assert_int_equal(given("b", 30), NOTHING);
    assert_int_equal(given("a", 30), 1);
    assert_int_equal(given("d", 30), 4);
    assert_int_equal(cache_count(cache), ENTRIES_MAX);
}

static void test_entries_that_are_asked_for_stay(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    struct cache_entry *entries[NAMES];
    (void)state;
    read_one("z", 1, 10, 20);
    for (size_t i = 0; i < NAMES; i++) {
        entries[i] = begin(names[i], cache);
    }
    assert_int_equal(cache_count(cache), NAMES);
    assert_int_equal(given("z", 30), NOTHING);
    for (size_t i = 0; i < NAMES; i++) {
        end(entries[i], cache, 1, 10, 20);
    }
    assert_int_equal(cache_count(cache), ENTRIES_MAX);
}

static void test_bodies_are_bounded_together(void **state)
{
    static char bytes[BODY_BYTES_MAX + 1];
    struct cache_answer answer = {.body = {bytes, 60}, .asked_us = 10, .lifetime_us = LIFETIME_US};
    (void)state;
    cache_end_read(cache, begin("a", cache), cache, &answer, 20);
    cache_end_read(cache, begin("b", cache), cache, &answer, 20);
    assert_null(cache_find(cache, key("a")));
    assert_non_null(cache_find(cache, key("b")));
    answer.body.len = BODY_BYTES_MAX + 1;
    cache_end_read(cache, begin("c", cache), cache, &answer, 20);
    assert_null(cache_find(cache, key("c")));
    assert_non_null(cache_find(cache, key("b")));
    answer.asked_us = 30;
    answer.body.len = BODY_BYTES_MAX;
    cache_end_read(cache, begin("b", cache), cache, &answer, 40);
    assert_int_equal(cache_get(cache, cache_find(cache, key("b")), 40, INT64_MAX)->body.len, BODY_BYTES_MAX);
}

static void test_many_keys_are_told_apart(void **state)
{
    enum { KEYS = 5000 };
    char name[16];
    (void)state;
    cache_free(cache);
    cache = cache_create(KEYS, 0, 7);
    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof(name), "r-%d", i);
        read_one(name, i, 10, 20);
    }
    assert_int_equal(cache_count(cache), KEYS);
    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof(name), "r-%d", i);
        assert_int_equal(given(name, 30), i);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_age_counts_from_the_sending),
        TEST(test_what_comes_too_old_is_not_kept),
        TEST(test_a_request_may_want_it_younger),
        TEST(test_an_age_on_arrival_counts),
        TEST(test_a_failed_read_leaves_what_is_held),
        TEST(test_a_read_that_overlaps_the_last_answer_is_not_kept),
        TEST(test_of_reads_that_overlap_and_differ_none_is_kept),
        TEST(test_a_write_updates_what_is_held),
        TEST(test_a_read_sent_before_a_write_s_answer_is_not_kept),
        TEST(test_writes_that_overlap_are_put_in_order_by_their_values),
        TEST(test_values_order_no_writes_while_one_that_lowers_is_out),
        TEST(test_nor_if_it_has_ended_since_they_were_sent),
        TEST(test_a_read_that_saw_the_write_stays),
        TEST(test_after_an_unknown_write_nothing_is_held),
        TEST(test_the_least_recently_used_goes_first),
        TEST(test_entries_that_are_asked_for_stay),
        TEST(test_bodies_are_bounded_together),
        TEST(test_many_keys_are_told_apart),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
