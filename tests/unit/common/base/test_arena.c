#include "common/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_allocations_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    unsigned char *pieces[2000];
    for (size_t i = 0; i < 2000; i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < 2000; i++) {
        for (size_t at = 0; at < i; at++) {
            assert_int_equal(pieces[i][at], i % 251);
        }
    }
    arena_done(&arena);
}

static void test_reset_hands_out_the_first_block_again(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    arena_reset(&arena);
    void *first = arena_alloc(&arena, 100);
    for (int i = 0; i < 100; i++) {
        assert_non_null(arena_alloc(&arena, 5000));
    }
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    arena_done(&arena);
}

static void test_one_allocation_may_be_larger_than_every_block(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    char *small = arena_alloc(&arena, 10);
    const size_t size = 3 * 1024 * 1024;
    char *large = arena_alloc(&arena, size);
    assert_non_null(large);
    memset(small, 1, 10);
    memset(large, 2, size);
    assert_int_equal(small[9], 1);
    arena_done(&arena);
}

static void test_an_impossible_size_is_refused(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    assert_non_null(arena_alloc(&arena, 1));
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations_are_aligned_and_do_not_overlap),
        cmocka_unit_test(test_reset_hands_out_the_first_block_again),
        cmocka_unit_test(test_one_allocation_may_be_larger_than_every_block),
        cmocka_unit_test(test_an_impossible_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
