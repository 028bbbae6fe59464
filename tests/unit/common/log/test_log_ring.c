#include "common/log/log_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct log_ring ring;

static int empty_ring(void **state)
{
    (void)state;
    memset(&ring, 0, sizeof(ring));
    return 0;
}

static bool push(const char *line)
{
    return log_ring_push(&ring, line, strlen(line));
}

static void test_lines_come_out_in_their_order(void **state)
{
    (void)state;
    assert_true(push("one\n"));
    assert_true(push("two\n"));
    char out[64];
    assert_int_equal(log_ring_pop(&ring, out, sizeof(out)), 8);
    assert_memory_equal(out, "one\ntwo\n", 8);
    assert_int_equal(log_ring_pop(&ring, out, sizeof(out)), 0);
}

static void test_a_line_is_never_cut_in_two(void **state)
{
    (void)state;
    assert_true(push("one\n"));
    assert_true(push("two\n"));
    char out[7];
    assert_int_equal(log_ring_pop(&ring, out, sizeof(out)), 4);
    assert_memory_equal(out, "one\n", 4);
    assert_int_equal(log_ring_pop(&ring, out, sizeof(out)), 4);
    assert_memory_equal(out, "two\n", 4);
}

static void test_a_full_ring_refuses_and_stays_as_it_is(void **state)
{
    (void)state;
    static char line[1000];
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    unsigned pushed = 0;
    while (log_ring_push(&ring, line, sizeof(line))) {
        pushed++;
    }
    assert_int_equal(pushed, LOG_RING_BYTES / sizeof(line));
    char out[1000];
    while (log_ring_pop(&ring, out, sizeof(out)) > 0) {
        assert_memory_equal(out, line, sizeof(line));
        pushed--;
    }
    assert_int_equal(pushed, 0);
}

static void test_lines_survive_the_end_of_the_memory(void **state)
{
    (void)state;
    unsigned written = 0;
    unsigned read = 0;
    while (written < 100000) { /* about 1.2 MB: several times around */
        char line[32];
        snprintf(line, sizeof(line), "line %u\n", written);
        if (push(line)) {
            written++;
            continue;
        }
        char out[13];
        char expected[32];
        const size_t len = log_ring_pop(&ring, out, sizeof(out));
        assert_int_equal(len, snprintf(expected, sizeof(expected), "line %u\n", read));
        assert_memory_equal(out, expected, len);
        read++;
    }
    assert_true(read > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines_come_out_in_their_order, empty_ring),
        cmocka_unit_test_setup(test_a_line_is_never_cut_in_two, empty_ring),
        cmocka_unit_test_setup(test_a_full_ring_refuses_and_stays_as_it_is, empty_ring),
        cmocka_unit_test_setup(test_lines_survive_the_end_of_the_memory, empty_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
