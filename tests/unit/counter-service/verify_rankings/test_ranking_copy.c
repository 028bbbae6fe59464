/* The copy of a top's string: what it takes, when it begins anew, and what it calls damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "counter-service/ranking/ranking_places.h"
#include "counter-service/verify_rankings/ranking_copy.h"

/* A top in Redis. */
struct setting {
    struct ranking_copy copy;
    struct buffer string;
    struct ranking_top top;
};

static void begin(struct setting *setting)
{
    *setting = (struct setting){.top = {.generation = 3}};
    ranking_copy_init(&setting->copy);
    buffer_init(&setting->string);
    ranking_places_begin(&setting->string);
    setting->top.length = (int64_t)setting->string.len;
}

static void end(struct setting *setting)
{
    ranking_copy_done(&setting->copy);
    buffer_done(&setting->string);
}

/* more: members. */
static void put(struct setting *setting, const char *id, int64_t score, int more)
{
    ranking_places_put(&setting->string, text_of(id), score);
    setting->top.length = (int64_t)setting->string.len;
    setting->top.members += more;
}

/* One exchange: asks for what is behind the copy, and looks at the state. */
static bool read_once(struct setting *setting)
{
    const size_t from = (size_t)setting->copy.length;
    const size_t len = setting->string.len;
    const struct redis_reply length = {.type = REDIS_INTEGER, .integer = (int64_t)len};
    const struct redis_reply added = {.type = REDIS_TEXT,
                                      .text = {setting->string.data + from, len > from ? len - from : 0}};
    if (!ranking_copy_follow(&setting->copy, &setting->top)) {
        return false;
    }
    assert_int_equal(ranking_copy_take(&setting->copy, &setting->top, &length, &added), 0);
    return true;
}

static void check_score(const struct setting *setting, const char *id, int64_t score)
{
    const struct ranking_member *member = ranking_table_find(&setting->copy.table, text_of(id));
    assert_int_equal(setting->copy.damage, RANKING_UNDAMAGED);
    assert_int_equal(member == NULL ? 0 : member->score, score);
}

static void test_a_copy_takes_what_is_added(void **state)
{
    (void)state;
    struct setting setting;
    begin(&setting);
    put(&setting, "a", 5, 1);
    put(&setting, "b", INT64_MIN, 1);
    assert_true(read_once(&setting));
    check_score(&setting, "a", 5);
    check_score(&setting, "b", INT64_MIN);
    put(&setting, "a", INT64_MAX, 0);
    put(&setting, "b", 0, -1);
    put(&setting, "c", 0, 0);
    assert_true(read_once(&setting));
    check_score(&setting, "a", INT64_MAX);
    check_score(&setting, "b", 0);
    assert_true(read_once(&setting));
    assert_int_equal(setting.copy.table.count, 1);
    end(&setting);
}

static void test_another_generation_is_read_from_the_start(void **state)
{
    (void)state;
    struct setting setting;
    begin(&setting);
    put(&setting, "a", 5, 1);
    assert_true(read_once(&setting));
    setting.top.generation++;
    setting.top.members = 0;
    buffer_clear(&setting.string, SIZE_MAX);
    ranking_places_begin(&setting.string);
    put(&setting, "b", 6, 1);
    assert_false(read_once(&setting));
    assert_int_equal(setting.copy.length, 0);
    assert_true(read_once(&setting));
    check_score(&setting, "a", 0);
    check_score(&setting, "b", 6);
    end(&setting);
}

static void test_a_top_without_a_string_is_empty(void **state)
{
    (void)state;
    struct setting setting;
    begin(&setting);
    buffer_clear(&setting.string, SIZE_MAX);
    setting.top.length = 0;
    assert_true(read_once(&setting));
    check_score(&setting, "a", 0);
    ranking_places_begin(&setting.string);
    put(&setting, "a", 7, 1);
    assert_true(read_once(&setting));
    check_score(&setting, "a", 7);
    end(&setting);
}

static void test_a_state_that_goes_back_is_read_from_the_start(void **state)
{
    (void)state;
    struct setting setting;
    begin(&setting);
    put(&setting, "a", 5, 1);
    const size_t len = setting.string.len;
    put(&setting, "b", 6, 1);
    assert_true(read_once(&setting));
    setting.string.len = len;
    setting.top.length = (int64_t)len;
    setting.top.members = 1;
    assert_false(read_once(&setting));
    assert_true(read_once(&setting));
    check_score(&setting, "a", 5);
    check_score(&setting, "b", 0);
    end(&setting);
}

static void check_damage(struct setting *setting, enum ranking_damage damage, int64_t found, int64_t wanted)
{
    assert_true(read_once(setting));
    assert_int_equal(setting->copy.damage, damage);
    assert_int_equal(setting->copy.found, found);
    assert_int_equal(setting->copy.wanted, wanted);
}

/* It stays so until the generation moves on. */
static void check_stays_damaged(struct setting *setting)
{
    const enum ranking_damage damage = setting->copy.damage;
    assert_true(read_once(setting));
    assert_int_equal(setting->copy.damage, damage);
    setting->top.generation++;
    setting->top.members = 0;
    buffer_clear(&setting->string, SIZE_MAX);
    ranking_places_begin(&setting->string);
    put(setting, "z", 9, 1);
    assert_true(read_once(setting) || read_once(setting));
    check_score(setting, "z", 9);
    end(setting);
}

static void test_a_string_of_another_length_is_damaged(void **state)
{
    (void)state;
    struct setting setting;
    begin(&setting);
    put(&setting, "a", 5, 1);
    setting.top.length = 2;
    check_damage(&setting, RANKING_LENGTH, 4, 2);
    check_stays_damaged(&setting);
    begin(&setting);
    put(&setting, "a", 5, 1);
    assert_true(read_once(&setting));
    setting.string.len = 1;
    check_damage(&setting, RANKING_LENGTH, 1, 4);
    check_stays_damaged(&setting);
}

static void test_another_count_of_members_is_damage(void **state)
{
    (void)state;
    struct setting setting;
    begin(&setting);
    put(&setting, "a", 5, 2);
    check_damage(&setting, RANKING_MEMBERS, 1, 2);
    check_stays_damaged(&setting);
}

static void check_bytes(const char *bytes, size_t len)
{
    struct setting setting;
    begin(&setting);
    buffer_clear(&setting.string, SIZE_MAX);
    buffer_append(&setting.string, bytes, len);
    setting.top.length = (int64_t)len;
    check_damage(&setting, RANKING_PLACE, 0, 0);
    check_stays_damaged(&setting);
}

static void test_places_that_are_none_are_damage(void **state)
{
    (void)state;
    check_bytes("\2", 1);             /* no version */
    check_bytes("\1\0\2", 3);         /* no name */
    check_bytes("\1\5ab", 4);         /* a name that ends */
    check_bytes("\1\1a", 3);          /* no score */
    check_bytes("\1\1a\200", 4);      /* a score that does not end */
    check_bytes("\1\1a\2\1\n\2", 7);  /* a name that no resource can have */
    check_bytes("\1\377\377\3aa", 6); /* one that is too long */
}

static void test_a_key_that_holds_no_string_is_damaged(void **state)
{
    (void)state;
    struct setting setting;
    const struct redis_reply error = {.type = REDIS_ERROR, .text = TEXT("WRONGTYPE")};
    begin(&setting);
    assert_true(ranking_copy_follow(&setting.copy, &setting.top));
    assert_int_equal(ranking_copy_take(&setting.copy, &setting.top, &error, &error), 0);
    assert_int_equal(setting.copy.damage, RANKING_NO_STRING);
    check_stays_damaged(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_takes_what_is_added),
        cmocka_unit_test(test_another_generation_is_read_from_the_start),
        cmocka_unit_test(test_a_top_without_a_string_is_empty),
        cmocka_unit_test(test_a_state_that_goes_back_is_read_from_the_start),
        cmocka_unit_test(test_a_string_of_another_length_is_damaged),
        cmocka_unit_test(test_another_count_of_members_is_damage),
        cmocka_unit_test(test_places_that_are_none_are_damage),
        cmocka_unit_test(test_a_key_that_holds_no_string_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
