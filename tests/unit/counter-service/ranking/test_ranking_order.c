#include "counter-service/ranking/ranking_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/prng.h"
#include "counter-service/ranking/ranking_place.h"
#include "counter-service/ranking/ranking_places.h"

static void begin(struct buffer *places)
{
    buffer_init(places);
    ranking_places_begin(places);
}

static void put(struct buffer *places, const char *resource_id, int64_t score)
{
    ranking_places_put(places, text_of(resource_id), score);
}

static struct text text_in(const struct buffer *places)
{
    assert_false(places->failed);
    return (struct text){places->data, places->len};
}

/* "d 10, a 9": in the order; each is found where it stands. */
static void assert_order(const struct ranking_order *order, const char *expected)
{
    char text[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < order->count; i++) {
        const struct ranking_entry *entry = &order->entries[i];
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s %lld", i > 0 ? ", " : "",
                                (int)entry->resource_id.len, entry->resource_id.data, (long long)entry->score);
        assert_int_equal(ranking_order_find(order, entry->resource_id), i);
    }
    assert_string_equal(text, expected);
}

static void test_the_last_place_of_a_resource_counts(void **state)
{
    (void)state;
    struct buffer places;
    struct ranking_order order;
    begin(&places);
    put(&places, "a", 1);
    put(&places, "b", 5);
    put(&places, "left", 7);
    put(&places, "c", -3);
    put(&places, "a", 9);
    put(&places, "left", 0);
    put(&places, "back", 3);
    put(&places, "back", 0);
    put(&places, "back", 2);
    put(&places, "never", 0);
    const struct text text = text_in(&places);
    assert_int_equal(ranking_order_read(&text, 1, &order), STATUS_OK);
    memset(places.data, 'x', places.len); /* the order has copies */
    buffer_done(&places);
    assert_order(&order, "a 9, b 5, back 2, c -3");
    assert_int_equal(ranking_order_find(&order, TEXT("left")), -1);
    assert_int_equal(ranking_order_find(&order, TEXT("")), -1);
    assert_true(order.bytes > 4 * sizeof(struct ranking_entry));
    ranking_order_done(&order);
    assert_int_equal(ranking_order_find(&order, TEXT("a")), -1);
}

static void test_equal_scores_stand_in_the_order_of_their_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"B", "z", "a", "\xC3\xA9", "aa", "A"};
    struct buffer places;
    struct ranking_order order;
    begin(&places);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put(&places, names[i], 5);
    }
    put(&places, "least", INT64_MIN);
    put(&places, "most", INT64_MAX);
    const struct text text = text_in(&places);
    assert_int_equal(ranking_order_read(&text, 1, &order), STATUS_OK);
    assert_order(&order, "most 9223372036854775807, A 5, B 5, a 5, aa 5, z 5, \xC3\xA9 5, least -9223372036854775808");
    ranking_order_done(&order);
    buffer_done(&places);
}

static void test_nobody_is_an_order_too(void **state)
{
    (void)state;
    const char version = RANKING_PLACES_VERSION;
    const struct text texts[] = {{NULL, 0}, {&version, 1}};
    struct ranking_order order;
    for (size_t count = 0; count <= 2; count++) {
        assert_int_equal(ranking_order_read(texts, count, &order), STATUS_OK);
        assert_order(&order, "");
        assert_int_equal(ranking_order_find(&order, TEXT("a")), -1);
        ranking_order_done(&order);
    }
    order = (struct ranking_order){.count = 0};
    assert_int_equal(ranking_order_find(&order, TEXT("a")), -1);
    ranking_order_done(&order);
}

static void test_several_partitions_become_one_order(void **state)
{
    (void)state;
    struct buffer places[3];
    struct text texts[4] = {{NULL, 0}};
    struct ranking_order order;
    for (size_t i = 0; i < 3; i++) {
        begin(&places[i]);
    }
    put(&places[0], "a", 9);
    put(&places[0], "b", 5);
    put(&places[0], "c", -1);
    put(&places[1], "d", 10);
    put(&places[1], "e", 1);
    put(&places[1], "e", 6);
    put(&places[2], "f", 7);
    for (size_t i = 0; i < 3; i++) {
        texts[i + 1] = text_in(&places[i]);
    }
    assert_int_equal(ranking_order_read(texts, 4, &order), STATUS_OK);
    assert_order(&order, "d 10, a 9, f 7, e 6, b 5, c -1");
    ranking_order_done(&order);
    places[1].data[0] = RANKING_PLACES_VERSION + 1;
    assert_int_equal(ranking_order_read(texts, 4, &order), STATUS_DATA_DAMAGED);
    for (size_t i = 0; i < 3; i++) {
        buffer_done(&places[i]);
    }
}

/* ---- damage ---- */

/* In memory of exactly that size: a read behind it is seen. */
static enum status read_cut(struct text text, struct ranking_order *ret_order)
{
    char *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.len);
    const enum status status = ranking_order_read(&(const struct text){copy, text.len}, 1, ret_order);
    free(copy);
    return status;
}

static void test_a_text_that_is_cut_is_damaged_unless_a_place_ends_there(void **state)
{
    (void)state;
    enum { PLACES = 40 };
    struct buffer places;
    size_t ends[PLACES + 1];
    char name[32];
    begin(&places);
    ends[0] = places.len;
    for (int i = 0; i < PLACES; i++) {
        snprintf(name, sizeof(name), "resource-%d", i);
        put(&places, name, ((int64_t)1 << i) * (i % 2 == 0 ? 1 : -1));
        ends[i + 1] = places.len;
    }
    size_t whole = 0;
    for (size_t len = 1; len <= places.len; len++) {
        struct ranking_order order;
        const enum status status = read_cut((struct text){places.data, len}, &order);
        if (len != ends[whole]) {
            assert_int_equal(status, STATUS_DATA_DAMAGED);
            continue;
        }
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(order.count, whole);
        ranking_order_done(&order);
        whole++;
    }
    assert_int_equal(whole, PLACES + 1);
    buffer_done(&places);
}

static void test_other_damage_is_told(void **state)
{
    (void)state;
    char long_name[RESOURCE_ID_LEN_MAX + 4] = "\x01\x81\x02"; /* a place whose name has 257 bytes */
    const struct text texts[] = {
        TEXT("\x02\x01"
             "a\x02"),        /* another version */
        TEXT("\x01\x00\x02"), /* no name */
        TEXT("\x01\x01"
             "a\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), /* a number of more than 64 bits */
        {long_name, sizeof(long_name)},
    };
    struct ranking_order order;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(read_cut(texts[i], &order), STATUS_DATA_DAMAGED);
    }
}

static void test_bytes_of_any_kind_are_read_or_refused(void **state)
{
    (void)state;
    struct prng prng = {.state = 17};
    for (int round = 0; round < 20000; round++) {
        char bytes[64] = {RANKING_PLACES_VERSION};
        const size_t len = 1 + prng_up_to(&prng, sizeof(bytes) - 2);
        struct ranking_order order;
        for (size_t i = 1; i < len; i++) {
            bytes[i] = (char)prng_up_to(&prng, i % 4 == 1 ? 6 : 255);
        }
        if (read_cut((struct text){bytes, len}, &order) == STATUS_OK) {
            ranking_order_done(&order);
        }
    }
}

/* ---- a model ---- */

enum { RESOURCES = 300 };

/* The scores by the resource's number; 0: it has no place. */
static void assert_like_model(const struct ranking_order *order, const int64_t scores[RESOURCES])
{
    size_t count = 0;
    for (int i = 0; i < RESOURCES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "r%d", i);
        const int64_t place = ranking_order_find(order, text_of(name));
        count += scores[i] != 0;
        assert_int_equal(place >= 0, scores[i] != 0);
        if (place >= 0) {
            assert_true(text_equal(order->entries[place].resource_id, text_of(name)));
            assert_true(order->entries[place].score == scores[i]);
        }
    }
    assert_int_equal(order->count, count);
    for (size_t i = 1; i < count; i++) {
        const struct ranking_entry *a = &order->entries[i - 1];
        const struct ranking_entry *b = &order->entries[i];
        assert_true(ranking_place_compare(a->score, a->resource_id, b->score, b->resource_id) < 0);
    }
}

static void test_any_log_is_read_as_a_model_has_it(void **state)
{
    (void)state;
    struct prng prng = {.state = 4711};
    for (int round = 0; round < 200; round++) {
        int64_t scores[RESOURCES] = {0};
        struct buffer places;
        struct ranking_order order;
        begin(&places);
        const uint32_t length = prng_up_to(&prng, 1500);
        const uint32_t resource_max = prng_up_to(&prng, RESOURCES - 1);
        const uint32_t score_max = prng_up_to(&prng, 3) == 0 ? 1000000 : 8;
        for (uint32_t i = 0; i < length; i++) {
            const uint32_t resource = prng_up_to(&prng, resource_max);
            char name[16];
            snprintf(name, sizeof(name), "r%u", resource);
            scores[resource] = (int64_t)prng_up_to(&prng, score_max) - score_max / 2;
            put(&places, name, scores[resource]);
        }
        const struct text text = text_in(&places);
        assert_int_equal(ranking_order_read(&text, 1, &order), STATUS_OK);
        assert_like_model(&order, scores);
        ranking_order_done(&order);
        buffer_done(&places);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_place_of_a_resource_counts),
        cmocka_unit_test(test_equal_scores_stand_in_the_order_of_their_bytes),
        cmocka_unit_test(test_nobody_is_an_order_too),
        cmocka_unit_test(test_several_partitions_become_one_order),
        cmocka_unit_test(test_a_text_that_is_cut_is_damaged_unless_a_place_ends_there),
        cmocka_unit_test(test_other_damage_is_told),
        cmocka_unit_test(test_bytes_of_any_kind_are_read_or_refused),
        cmocka_unit_test(test_any_log_is_read_as_a_model_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
