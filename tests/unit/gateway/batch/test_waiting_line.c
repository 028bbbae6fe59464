#include "gateway/batch/waiting_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/batch/batcher.h"

enum { SUBMISSIONS = 64 };

/* Number n is due at n. */
static struct submission submissions[SUBMISSIONS];

static struct entry entry(size_t number)
{
    submissions[number].deadline_us = (int64_t)number;
    return (struct entry){.submission = &submissions[number]};
}

static void add(struct waiting_line *line, size_t number)
{
    assert_int_equal(waiting_line_reserve(line, 1), 0);
    static struct operation operation;
    struct submission *submission = entry(number).submission;
    submission->operations = &operation;
    submission->operation_count = 1;
    assert_int_equal(waiting_line_add(line, submission), 1);
}

static void put_back(struct waiting_line *line, const struct entry *entries, size_t count)
{
    assert_int_equal(waiting_line_reserve(line, count), 0);
    waiting_line_put_back(line, entries, count);
}

static int64_t due(const struct waiting_line *line, size_t place)
{
    assert_true(place < waiting_line_count(line));
    return line->entries[line->first + place].submission->deadline_us;
}

static void test_first_in_first_out(void **state)
{
    (void)state;
    struct waiting_line line = {0};
    size_t in = 0;
    size_t out = 0;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 7; i++) {
            add(&line, in++ % SUBMISSIONS);
            submissions[(in - 1) % SUBMISSIONS].deadline_us = 0;
        }
        for (int i = 0; i < (round < 50 ? 6 : 8); i++) {
            assert_ptr_equal(line.entries[line.first].submission, &submissions[out++ % SUBMISSIONS]);
            waiting_line_drop_first(&line, 1);
        }
        assert_int_equal(waiting_line_count(&line), in - out);
    }
    assert_int_equal(waiting_line_count(&line), 0);
    waiting_line_done(&line);
}

static void test_what_is_due_earlier_comes_before_what_came_earlier(void **state)
{
    (void)state;
    struct waiting_line line = {0};
    add(&line, 2);
    add(&line, 4);
    add(&line, 6);
    struct operation operations[] = {{.done = false}, {.done = true}, {.done = false}};
    struct submission older = {.operations = operations, .operation_count = 3, .deadline_us = 4};
    assert_int_equal(waiting_line_reserve(&line, 3), 0);
    assert_int_equal(waiting_line_add(&line, &older), 2);
    static const int64_t expected[] = {2, 4, 4, 4, 6};
    assert_int_equal(waiting_line_count(&line), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(due(&line, i), expected[i]);
    }
    assert_ptr_equal(line.entries[line.first + 2].operation, &operations[0]);
    assert_ptr_equal(line.entries[line.first + 3].operation, &operations[2]);
    waiting_line_done(&line);
}

static void test_what_is_put_back_comes_before_what_is_due_no_earlier(void **state)
{
    (void)state;
    struct waiting_line line = {0};
    add(&line, 2);
    add(&line, 4);
    add(&line, 6);
    struct submission as_urgent = {.deadline_us = 4};
    const struct entry entries[] = {entry(1), {.submission = &as_urgent}, entry(5), entry(9)};
    put_back(&line, entries, 4);
    static const int64_t expected[] = {1, 2, 4, 4, 5, 6, 9};
    assert_int_equal(waiting_line_count(&line), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(due(&line, i), expected[i]);
    }
    assert_ptr_equal(line.entries[line.first + 2].submission, &as_urgent);
    waiting_line_done(&line);
}

static void test_what_was_answered_is_not_put_back(void **state)
{
    (void)state;
    struct waiting_line line = {0};
    const struct entry entries[] = {{0}, entry(3), {0}, entry(4), {0}};
    put_back(&line, entries, 5);
    assert_int_equal(waiting_line_count(&line), 2);
    assert_int_equal(due(&line, 0), 3);
    assert_int_equal(due(&line, 1), 4);
    put_back(&line, entries, 1);
    assert_int_equal(waiting_line_count(&line), 2);
    waiting_line_done(&line);
}

/* Every split of a row into what waits and what comes back gives the row again. */
static void test_the_order_of_deadlines_stays(void **state)
{
    (void)state;
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        struct waiting_line line = {0};
        struct entry back[SUBMISSIONS];
        size_t count = 0;
        const size_t dropped = (size_t)random() % 8;
        for (size_t i = 0; i < dropped; i++) {
            add(&line, 0);
        }
        for (size_t i = 0; i < SUBMISSIONS; i++) {
            if (random() % 2 == 0) {
                back[count++] = entry(i);
            } else {
                add(&line, i);
            }
        }
        waiting_line_drop_first(&line, dropped);
        put_back(&line, back, count);
        assert_int_equal(waiting_line_count(&line), SUBMISSIONS);
        for (size_t i = 0; i < SUBMISSIONS; i++) {
            assert_int_equal(due(&line, i), i);
        }
        waiting_line_done(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_what_is_due_earlier_comes_before_what_came_earlier),
        cmocka_unit_test(test_what_is_put_back_comes_before_what_is_due_no_earlier),
        cmocka_unit_test(test_what_was_answered_is_not_put_back),
        cmocka_unit_test(test_the_order_of_deadlines_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
