#include "common/trace/tracer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"
#define SAMPLED_PARENT TEXT("00-" TRACE "-" SPAN "-01")
#define UNSAMPLED_PARENT TEXT("00-" TRACE "-" SPAN "-00")

enum { TRIES = 20000 };

static const struct text no_parent;
static struct span_queue queue;

static int start_queue(void **state)
{
    (void)state;
    span_queue_init(&queue, 10);
    return 0;
}

static int stop_queue(void **state)
{
    (void)state;
    tracer_stop();
    span_queue_done(&queue);
    return 0;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    static const uint8_t zeros[TRACE_ID_BYTES];
    return memcmp(bytes, zeros, count) == 0;
}

static bool same_id(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, TRACE_SPAN_ID_BYTES) == 0;
}

/* Of requests without a parent. */
static int traced_of(double ratio)
{
    int traced = 0;
    tracer_start(ratio, 1000000, &queue);
    for (int i = 0; i < TRIES; i++) {
        traced += tracer_begin(no_parent, 1).context.is_sampled;
    }
    return traced;
}

static void test_so_many_are_traced_as_the_ratio_says(void **state)
{
    (void)state;
    assert_int_equal(traced_of(0), 0);
    assert_int_equal(traced_of(1), TRIES);
    /* The standard deviations are 71 and 14: twelve of them, and more. */
    assert_in_range(traced_of(0.5), TRIES / 2 - 900, TRIES / 2 + 900);
    assert_in_range(traced_of(0.01), TRIES / 100 - 170, TRIES / 100 + 170);
}

static void test_the_parent_decides_whatever_the_ratio(void **state)
{
    (void)state;
    static const double ratios[] = {0, 1};
    for (size_t i = 0; i < 2; i++) {
        tracer_start(ratios[i], 1000000, &queue);
        assert_true(tracer_begin(SAMPLED_PARENT, 1).context.is_sampled);
        assert_false(tracer_begin(UNSAMPLED_PARENT, 1).context.is_sampled);
    }
}

static void test_a_parent_that_is_malformed_is_none(void **state)
{
    (void)state;
    tracer_start(1, 1000000, &queue);
    const struct trace_step step = tracer_begin(TEXT("00-" TRACE "-" SPAN), 1);
    assert_true(step.context.is_sampled);
    assert_true(is_zero(step.parent_id, TRACE_SPAN_ID_BYTES));
    assert_int_not_equal(step.context.trace_id[0], 0);
    tracer_start(0, 1000000, &queue);
    assert_false(tracer_begin(TEXT("00-" TRACE "-" SPAN), 1).context.is_sampled);
}

static void test_a_request_goes_on_with_its_caller_s_trace(void **state)
{
    (void)state;
    struct trace_context caller;
    tracer_start(0, 1000000, &queue);
    assert_int_equal(trace_context_parse(SAMPLED_PARENT, &caller), 0);
    const struct trace_step step = tracer_begin(SAMPLED_PARENT, 5);
    assert_memory_equal(step.context.trace_id, caller.trace_id, TRACE_ID_BYTES);
    assert_true(same_id(step.parent_id, caller.span_id));
    assert_false(same_id(step.context.span_id, caller.span_id));
    assert_false(is_zero(step.context.span_id, TRACE_SPAN_ID_BYTES));
    assert_true(step.has_remote_parent);
    assert_int_equal(step.start_us, 5);
}

static void test_a_step_within_another_is_its_child(void **state)
{
    (void)state;
    tracer_start(1, 1000000, &queue);
    const struct trace_step first = tracer_begin(no_parent, 1);
    const struct trace_step child = tracer_begin_child(&first, 2);
    const struct trace_step sibling = tracer_begin_child(&first, 3);
    assert_false(first.has_remote_parent || child.has_remote_parent);
    assert_true(is_zero(first.parent_id, TRACE_SPAN_ID_BYTES));
    assert_memory_equal(child.context.trace_id, first.context.trace_id, TRACE_ID_BYTES);
    assert_true(same_id(child.parent_id, first.context.span_id));
    assert_false(same_id(child.context.span_id, sibling.context.span_id));
    const struct trace_step untraced = tracer_begin(UNSAMPLED_PARENT, 1);
    assert_false(tracer_begin_child(&untraced, 2).context.is_sampled);
    assert_true(tracer_begin_root(1).context.is_sampled);
}

static void test_a_step_that_is_over_becomes_a_span(void **state)
{
    (void)state;
    struct span span = {.kind = SPAN_SERVER, .name = TEXT("GET /x")};
    size_t count;
    tracer_start(1, 1000000, &queue);
    const struct trace_step step = tracer_begin(SAMPLED_PARENT, clock_monotonic_us());
    tracer_end(&step, &span, step.start_us + 42);
    struct queued_span *queued = span_queue_take(&queue, 1, 1, clock_monotonic_us(), &count);
    assert_non_null(queued);
    assert_memory_equal(queued->span.context.trace_id, step.context.trace_id, TRACE_ID_BYTES);
    assert_true(same_id(queued->span.context.span_id, step.context.span_id));
    assert_true(same_id(queued->span.parent_id, step.parent_id));
    assert_true(queued->span.has_remote_parent && queued->span.context.is_sampled);
    assert_int_equal(queued->end_ns - queued->start_ns, 42000);
    queued_spans_free(queued);
}

static void test_a_second_has_a_bound_of_traces(void **state)
{
    (void)state;
    enum { SECOND_US = 1000000, MAX = 3 };
    tracer_start(1, MAX, &queue);
    for (int64_t second = 1; second < 4; second++) {
        int traced = 0;
        for (int i = 0; i < 10; i++) {
            const struct text parent = i % 2 == 0 ? no_parent : SAMPLED_PARENT;
            traced += tracer_begin(parent, second * SECOND_US + i).context.is_sampled;
        }
        assert_int_equal(traced, MAX);
        assert_false(tracer_begin(UNSAMPLED_PARENT, second * SECOND_US).context.is_sampled);
    }
}

/* What a gateway has chosen is traced, and nothing else. */
static void test_what_another_program_has_chosen_goes_on_without_bound(void **state)
{
    (void)state;
    tracer_start(1, 1, &queue);
    for (int i = 0; i < 10; i++) {
        assert_true(tracer_continue(SAMPLED_PARENT, 1).has_remote_parent);
        assert_false(tracer_continue(UNSAMPLED_PARENT, 1).context.is_sampled);
        assert_false(tracer_continue(no_parent, 1).context.is_sampled);
    }
}

static void test_what_is_not_traced_is_no_span(void **state)
{
    (void)state;
    struct span span = {.kind = SPAN_SERVER, .name = TEXT("GET /x")};
    tracer_start(1, 1000000, &queue);
    const struct trace_step untraced = tracer_begin(UNSAMPLED_PARENT, 1);
    const struct trace_step traced = tracer_begin(SAMPLED_PARENT, 1);
    tracer_end(&untraced, &span, 2);
    tracer_stop();
    tracer_end(&traced, &span, 2);
    assert_false(tracer_is_on());
    assert_false(tracer_begin(SAMPLED_PARENT, 1).context.is_sampled);
    assert_false(tracer_begin(no_parent, 1).context.is_sampled);
    assert_int_equal(queue.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_so_many_are_traced_as_the_ratio_says, start_queue, stop_queue),
        cmocka_unit_test_setup_teardown(test_the_parent_decides_whatever_the_ratio, start_queue, stop_queue),
        cmocka_unit_test_setup_teardown(test_a_parent_that_is_malformed_is_none, start_queue, stop_queue),
        cmocka_unit_test_setup_teardown(test_a_request_goes_on_with_its_caller_s_trace, start_queue, stop_queue),
        cmocka_unit_test_setup_teardown(test_a_step_within_another_is_its_child, start_queue, stop_queue),
        cmocka_unit_test_setup_teardown(test_a_step_that_is_over_becomes_a_span, start_queue, stop_queue),
        cmocka_unit_test_setup_teardown(test_a_second_has_a_bound_of_traces, start_queue, stop_queue),
        cmocka_unit_test_setup_teardown(test_what_another_program_has_chosen_goes_on_without_bound, start_queue,
                                        stop_queue),
        cmocka_unit_test_setup_teardown(test_what_is_not_traced_is_no_span, start_queue, stop_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
