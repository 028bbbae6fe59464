/* Which store a pool takes, keeps and follows to. */
#include "gateway/pool/pool_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OURS "00000000000000000000000000000001"
#define THEIRS "00000000000000000000000000000002"
#define NEW "00000000000000000000000000000003"

enum { COUNT_MAX = 4 };

/* A pool with up to four members, whose memory is kept between updates as the pool does. */
struct scene {
    struct pool_store store;
    struct pool_store_member members[COUNT_MAX];
    size_t count;
};

static size_t join(struct scene *scene, const char *store)
{
    scene->members[scene->count] = (struct pool_store_member){.store = store, .is_up = true, .was_up_lately = true};
    return scene->count++;
}

/* Lately, too. */
static void go_down(struct scene *scene, size_t i)
{
    scene->members[i].is_up = false;
    scene->members[i].was_up_lately = false;
}

static void come_back(struct scene *scene, size_t i, const char *store)
{
    scene->members[i].is_up = true;
    scene->members[i].was_up_lately = true;
    scene->members[i].store = store;
}

static void leave(struct scene *scene, size_t i)
{
    scene->members[i] = scene->members[--scene->count];
}

static void expect(struct scene *scene, enum pool_store_change change, const char *store)
{
    size_t from = COUNT_MAX;
    assert_int_equal(pool_store_update(&scene->store, scene->members, scene->count, &from), change);
    assert_string_equal(scene->store.id, store);
    if (change != POOL_STORE_STAYS) {
        assert_true(from < scene->count);
        assert_string_equal(scene->members[from].store, store);
    }
    /* And then it stays. */
    assert_int_equal(pool_store_update(&scene->store, scene->members, scene->count, &from), POOL_STORE_STAYS);
    assert_string_equal(scene->store.id, store);
}

/* Two instances of ours. */
static struct scene a_pair(void)
{
    struct scene scene = {.count = 0};
    join(&scene, OURS);
    join(&scene, OURS);
    expect(&scene, POOL_STORE_TAKEN, OURS);
    return scene;
}

/* --- the first store ---------------------------------------------------------------------------------------------- */

static void test_nobody_is_of_no_store(void **state)
{
    (void)state;
    struct scene scene = {.count = 0};
    expect(&scene, POOL_STORE_STAYS, "");
    assert_false(pool_store_is(&scene.store, ""));
    join(&scene, "");
    expect(&scene, POOL_STORE_STAYS, "");
    assert_false(pool_store_is(&scene.store, ""));
}

static void test_the_first_that_is_up_and_tells_a_store_gives_it(void **state)
{
    (void)state;
    struct scene scene = {.count = 0};
    go_down(&scene, join(&scene, THEIRS));
    join(&scene, "");
    expect(&scene, POOL_STORE_STAYS, "");
    join(&scene, OURS);
    join(&scene, THEIRS);
    expect(&scene, POOL_STORE_TAKEN, OURS);
    assert_true(pool_store_is(&scene.store, OURS));
    assert_false(pool_store_is(&scene.store, THEIRS));
    assert_false(pool_store_is(&scene.store, ""));
}

static void test_the_static_host_comes_first_while_it_is_awaited(void **state)
{
    (void)state;
    struct scene scene = {.count = 0};
    const size_t host = join(&scene, "");
    scene.members[host].is_up = false;
    scene.members[host].is_awaited = true;
    join(&scene, THEIRS);
    expect(&scene, POOL_STORE_STAYS, "");
    scene.members[host].is_up = true; /* and has no store yet */
    expect(&scene, POOL_STORE_STAYS, "");
    come_back(&scene, host, OURS);
    expect(&scene, POOL_STORE_TAKEN, OURS);
}

static void test_a_static_host_that_does_not_come_is_not_awaited_for_ever(void **state)
{
    (void)state;
    struct scene scene = {.count = 0};
    const size_t host = join(&scene, "");
    go_down(&scene, host);
    scene.members[host].is_awaited = true;
    join(&scene, THEIRS);
    expect(&scene, POOL_STORE_STAYS, "");
    scene.members[host].is_awaited = false;
    expect(&scene, POOL_STORE_TAKEN, THEIRS);
    come_back(&scene, host, OURS);
    expect(&scene, POOL_STORE_STAYS, THEIRS);
}

/* --- it stays ----------------------------------------------------------------------------------------------------- */

static void test_another_store_that_joins_changes_nothing(void **state)
{
    (void)state;
    struct scene scene = a_pair();
    join(&scene, THEIRS);
    join(&scene, "");
    expect(&scene, POOL_STORE_STAYS, OURS);
}

static void test_no_store_is_taken_from_others_when_the_right_ones_are_down_or_gone(void **state)
{
    (void)state;
    struct scene scene = a_pair();
    join(&scene, THEIRS);
    go_down(&scene, 0);
    go_down(&scene, 1);
    expect(&scene, POOL_STORE_STAYS, OURS);
    leave(&scene, 1);
    leave(&scene, 0);
    assert_int_equal(scene.count, 1);
    expect(&scene, POOL_STORE_STAYS, OURS);
    join(&scene, OURS);
    expect(&scene, POOL_STORE_STAYS, OURS);
}

static void test_a_right_one_that_comes_back_is_right(void **state)
{
    (void)state;
    struct scene scene = a_pair();
    go_down(&scene, 0);
    go_down(&scene, 1);
    join(&scene, THEIRS);
    expect(&scene, POOL_STORE_STAYS, OURS);
    come_back(&scene, 0, OURS);
    expect(&scene, POOL_STORE_STAYS, OURS);
}

static void test_an_instance_that_tells_no_store_any_more_leads_nowhere(void **state)
{
    (void)state;
    struct scene scene = a_pair();
    come_back(&scene, 0, "");
    come_back(&scene, 1, "");
    expect(&scene, POOL_STORE_STAYS, OURS);
}

/* --- it is followed ----------------------------------------------------------------------------------------------- */

static void test_a_store_that_is_wiped_under_all_is_followed_when_the_last_one_says_so(void **state)
{
    (void)state;
    struct scene scene = a_pair();
    join(&scene, THEIRS);
    come_back(&scene, 0, NEW);
    expect(&scene, POOL_STORE_STAYS, OURS);
    come_back(&scene, 1, NEW);
    expect(&scene, POOL_STORE_FOLLOWED, NEW);
    assert_false(scene.members[2].has_told_store);
}

static void test_a_store_that_is_wiped_under_one_of_two_is_not_followed(void **state)
{
    (void)state;
    struct scene scene = a_pair();
    come_back(&scene, 0, NEW);
    expect(&scene, POOL_STORE_STAYS, OURS);
    scene.members[1].is_up = false; /* a moment */
    expect(&scene, POOL_STORE_STAYS, OURS);
    come_back(&scene, 1, OURS);
    expect(&scene, POOL_STORE_STAYS, OURS);
}

static void test_it_is_followed_when_the_last_of_the_old_one_is_down_for_long(void **state)
{
    (void)state;
    struct scene scene = a_pair();
    come_back(&scene, 0, NEW);
    scene.members[1].is_up = false;
    expect(&scene, POOL_STORE_STAYS, OURS);
    scene.members[1].was_up_lately = false;
    expect(&scene, POOL_STORE_FOLLOWED, NEW);
    come_back(&scene, 1, OURS); /* a stranger from now on */
    go_down(&scene, 0);
    expect(&scene, POOL_STORE_STAYS, NEW);
}

static void test_a_lost_connection_is_not_forgetting_who_was_of_the_store(void **state)
{
    (void)state;
    struct scene scene = {.count = 0};
    join(&scene, OURS);
    expect(&scene, POOL_STORE_TAKEN, OURS);
    go_down(&scene, 0);
    expect(&scene, POOL_STORE_STAYS, OURS);
    scene.members[0].store = ""; /* its Redis is not there yet */
    expect(&scene, POOL_STORE_STAYS, OURS);
    scene.members[0].store = NEW;
    expect(&scene, POOL_STORE_STAYS, OURS);
    come_back(&scene, 0, NEW);
    expect(&scene, POOL_STORE_FOLLOWED, NEW);
}

static void test_it_is_never_followed_to_those_who_never_were_of_it(void **state)
{
    (void)state;
    struct scene scene = {.count = 0};
    join(&scene, OURS);
    expect(&scene, POOL_STORE_TAKEN, OURS);
    const size_t stranger = join(&scene, THEIRS);
    go_down(&scene, 0);
    expect(&scene, POOL_STORE_STAYS, OURS);
    come_back(&scene, stranger, NEW);
    expect(&scene, POOL_STORE_STAYS, OURS);
    come_back(&scene, 0, NEW);
    expect(&scene, POOL_STORE_FOLLOWED, NEW);
}

static void test_after_it_was_followed_the_old_one_is_another_store(void **state)
{
    (void)state;
    struct scene scene = {.count = 0};
    join(&scene, OURS);
    expect(&scene, POOL_STORE_TAKEN, OURS);
    const size_t late = join(&scene, OURS);
    go_down(&scene, late);
    come_back(&scene, 0, NEW);
    expect(&scene, POOL_STORE_FOLLOWED, NEW);
    go_down(&scene, 0);
    come_back(&scene, late, OURS);
    expect(&scene, POOL_STORE_STAYS, NEW);
    come_back(&scene, late, NEW);
    expect(&scene, POOL_STORE_STAYS, NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_is_of_no_store),
        cmocka_unit_test(test_the_first_that_is_up_and_tells_a_store_gives_it),
        cmocka_unit_test(test_the_static_host_comes_first_while_it_is_awaited),
        cmocka_unit_test(test_a_static_host_that_does_not_come_is_not_awaited_for_ever),
        cmocka_unit_test(test_another_store_that_joins_changes_nothing),
        cmocka_unit_test(test_no_store_is_taken_from_others_when_the_right_ones_are_down_or_gone),
        cmocka_unit_test(test_a_right_one_that_comes_back_is_right),
        cmocka_unit_test(test_an_instance_that_tells_no_store_any_more_leads_nowhere),
        cmocka_unit_test(test_a_store_that_is_wiped_under_all_is_followed_when_the_last_one_says_so),
        cmocka_unit_test(test_a_store_that_is_wiped_under_one_of_two_is_not_followed),
        cmocka_unit_test(test_it_is_followed_when_the_last_of_the_old_one_is_down_for_long),
        cmocka_unit_test(test_a_lost_connection_is_not_forgetting_who_was_of_the_store),
        cmocka_unit_test(test_it_is_never_followed_to_those_who_never_were_of_it),
        cmocka_unit_test(test_after_it_was_followed_the_old_one_is_another_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
