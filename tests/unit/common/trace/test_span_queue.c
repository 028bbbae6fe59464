#include "common/trace/span_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"

static void put_named(struct span_queue *queue, const char *name)
{
    const struct span span = {.kind = SPAN_INTERNAL, .name = text_of(name)};
    span_queue_put(queue, &span);
}

/* What is there now, at most max. */
static struct queued_span *take_now(struct span_queue *queue, size_t max, size_t *ret_count)
{
    return span_queue_take(queue, 1, max, clock_monotonic_us(), ret_count);
}

static void assert_name(const struct queued_span *queued, const char *name)
{
    assert_non_null(queued);
    assert_true(text_equal(queued->span.name, text_of(name)));
}

static void test_the_oldest_are_taken_first(void **state)
{
    (void)state;
    struct span_queue queue;
    size_t count;
    span_queue_init(&queue, 10);
    put_named(&queue, "a");
    put_named(&queue, "b");
    put_named(&queue, "c");
    struct queued_span *taken = take_now(&queue, 2, &count);
    assert_int_equal(count, 2);
    assert_name(taken, "a");
    assert_name(taken->next, "b");
    assert_null(taken->next->next);
    queued_spans_free(taken);
    put_named(&queue, "d");
    taken = take_now(&queue, 9, &count);
    assert_int_equal(count, 2);
    assert_name(taken, "c");
    assert_name(taken->next, "d");
    queued_spans_free(taken);
    assert_null(take_now(&queue, 9, &count));
    assert_int_equal(count, 0);
    assert_int_equal(span_queue_dropped(&queue), 0);
    span_queue_done(&queue);
}

static void test_a_span_owns_what_it_points_to(void **state)
{
    (void)state;
    char text[] = "abc";
    struct span_link link = {.trace_id = {1}, .span_id = {2}};
    struct span span = {.kind = SPAN_INTERNAL,
                        .name = {text, 3},
                        .state = {text, 2},
                        .has_failed = true,
                        .failure = {text, 1},
                        .links = &link,
                        .link_count = 1,
                        .start_us = clock_monotonic_us()};
    struct span_queue queue;
    size_t count;
    span.end_us = span.start_us + 7;
    span_add_text(&span, "text", (struct text){text + 1, 2});
    span_add_text(&span, "empty", TEXT(""));
    span_add_number(&span, "number", -5);
    span_queue_init(&queue, 1);
    const int64_t before_us = clock_realtime_us();
    span_queue_put(&queue, &span);
    memset(text, 'x', 3);
    memset(&link, 0, sizeof(link));
    struct queued_span *taken = take_now(&queue, 1, &count);
    const struct span *kept = &taken->span;
    assert_name(taken, "abc");
    assert_true(text_equal(kept->state, TEXT("ab")) && text_equal(kept->failure, TEXT("a")));
    assert_true(text_equal(kept->attributes[0].text, TEXT("bc")));
    assert_true(kept->attributes[1].text.data != NULL && kept->attributes[1].text.len == 0);
    assert_true(kept->attributes[2].text.data == NULL && kept->attributes[2].number == -5);
    assert_int_equal(kept->links[0].trace_id[0], 1);
    assert_int_equal(kept->links[0].span_id[0], 2);
    assert_int_equal(taken->end_ns - taken->start_ns, 7000);
    assert_true(llabs(taken->start_ns / 1000 - before_us) < INT64_C(60) * 1000 * 1000);
    queued_spans_free(taken);
    span_queue_done(&queue);
}

static void test_what_ends_when_another_begins_still_does(void **state)
{
    (void)state;
    enum { TIMES = 20000 };
    struct span_queue queue;
    size_t count;
    struct span span = {.kind = SPAN_INTERNAL, .name = TEXT("x"), .start_us = 1000, .end_us = 2000};
    span_queue_init(&queue, TIMES);
    for (int i = 0; i < TIMES; i++) {
        span_queue_put(&queue, &span);
    }
    struct queued_span *taken = take_now(&queue, TIMES, &count);
    assert_int_equal(count, TIMES);
    for (const struct queued_span *at = taken; at != NULL; at = at->next) {
        assert_int_equal(at->start_ns, taken->start_ns);
        assert_int_equal(at->end_ns, taken->start_ns + 1000 * 1000);
    }
    queued_spans_free(taken);
    span_queue_done(&queue);
}

static void test_a_clock_that_was_set_moves_the_spans_after_it(void **state)
{
    (void)state;
    struct span_queue queue;
    size_t count;
    const int64_t now_us = clock_monotonic_us();
    const struct span span = {.kind = SPAN_INTERNAL, .name = TEXT("x"), .start_us = now_us, .end_us = now_us};
    span_queue_init(&queue, 1);
    /* As if it had been set since. */
    atomic_fetch_add(&queue.ahead_us, INT64_C(3600) * 1000 * 1000);
    span_queue_put(&queue, &span);
    struct queued_span *taken = take_now(&queue, 1, &count);
    assert_true(llabs(taken->start_ns / 1000 - clock_realtime_us()) < INT64_C(60) * 1000 * 1000);
    queued_spans_free(taken);
    span_queue_done(&queue);
}

static void test_what_finds_no_room_is_counted(void **state)
{
    (void)state;
    struct span_queue queue;
    size_t count;
    span_queue_init(&queue, 2);
    for (int i = 0; i < 5; i++) {
        put_named(&queue, "x");
    }
    assert_int_equal(span_queue_dropped(&queue), 3);
    queued_spans_free(take_now(&queue, 2, &count));
    put_named(&queue, "y");
    assert_int_equal(span_queue_dropped(&queue), 3);
    span_queue_count_dropped(&queue, 4);
    assert_int_equal(span_queue_dropped(&queue), 7);
    span_queue_done(&queue);
}

static void test_a_closed_queue_gives_what_it_has_and_takes_nothing(void **state)
{
    (void)state;
    struct span_queue queue;
    size_t count;
    span_queue_init(&queue, 2);
    put_named(&queue, "x");
    assert_false(span_queue_is_closed(&queue));
    span_queue_close(&queue);
    assert_true(span_queue_is_closed(&queue));
    put_named(&queue, "y");
    assert_int_equal(span_queue_dropped(&queue), 1);
    struct queued_span *taken = span_queue_take(&queue, 2, 2, INT64_MAX, &count);
    assert_name(taken, "x");
    assert_int_equal(count, 1);
    queued_spans_free(taken);
    assert_null(span_queue_take(&queue, 2, 2, INT64_MAX, &count));
    span_queue_done(&queue);
}

struct waiter {
    struct span_queue queue;
    size_t count;
};

static void *take_three(void *ctx)
{
    struct waiter *waiter = ctx;
    queued_spans_free(span_queue_take(&waiter->queue, 3, 9, INT64_MAX, &waiter->count));
    return NULL;
}

static void test_whoever_takes_waits_for_enough_of_them(void **state)
{
    (void)state;
    struct waiter waiter;
    pthread_t thread;
    span_queue_init(&waiter.queue, 10);
    assert_int_equal(pthread_create(&thread, NULL, take_three, &waiter), 0);
    for (int i = 0; i < 3; i++) {
        clock_sleep_ms(5);
        put_named(&waiter.queue, "x");
    }
    pthread_join(thread, NULL);
    assert_int_equal(waiter.count, 3);
    assert_int_equal(pthread_create(&thread, NULL, take_three, &waiter), 0);
    clock_sleep_ms(5);
    span_queue_close(&waiter.queue);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.count, 0);
    span_queue_done(&waiter.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_oldest_are_taken_first),
        cmocka_unit_test(test_a_span_owns_what_it_points_to),
        cmocka_unit_test(test_what_ends_when_another_begins_still_does),
        cmocka_unit_test(test_a_clock_that_was_set_moves_the_spans_after_it),
        cmocka_unit_test(test_what_finds_no_room_is_counted),
        cmocka_unit_test(test_a_closed_queue_gives_what_it_has_and_takes_nothing),
        cmocka_unit_test(test_whoever_takes_waits_for_enough_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
