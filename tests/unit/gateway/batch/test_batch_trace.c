/* What a batch of traced and other requests sends, and which spans come of it. */
#include "gateway/batch/batch_trace.h"

#include "tests/fakes/batcher_fixture.h"

static struct span_queue spans;

static int start(void **state)
{
    span_queue_init(&spans, 100);
    const int result = set_up(state);
    tracer_start(0, &spans);
    return result;
}

static int end(void **state)
{
    tracer_stop();
    span_queue_done(&spans);
    return tear_down(state);
}

/* The step of a request that came with the trace id tt...tt. */
static struct trace_step step_of(char digit)
{
    char parent[] = "00-tttttttttttttttttttttttttttttttt-00000000000000aa-01";
    memset(strchr(parent, 't'), digit, 32);
    return tracer_begin(text_of(parent), START_US - 500);
}

static void ask_traced(struct asked *asked, size_t count, const struct trace_step *step, struct text trace_state)
{
    make(asked, BATCH_INCREMENT, count, START_US + TIMEOUT_US);
    asked->request->trace = step;
    asked->request->trace_state = trace_state;
    asked->request->waits_since_us = START_US - 300;
    submit(asked);
}

static bool is_named(const struct queued_span *queued, const char *name)
{
    return text_equal(queued->span.name, text_of(name));
}

static bool is_of(const struct span *span, const struct trace_step *step)
{
    return memcmp(span->context.trace_id, step->context.trace_id, TRACE_ID_BYTES) == 0;
}

static int64_t number_of(const struct span *span, const char *key)
{
    for (size_t i = 0; i < span->attribute_count; i++) {
        if (strcmp(span->attributes[i].key, key) == 0) {
            return span->attributes[i].number;
        }
    }
    fail_msg("%s is not there", key);
    return 0;
}

static struct queued_span *take(size_t expected)
{
    size_t count;
    struct queued_span *taken = span_queue_take(&spans, 1, 100, 0, &count);
    assert_int_equal(count, expected);
    return taken;
}

static void test_each_request_has_its_wait_and_its_call_and_the_batch_links_them(void **state)
{
    (void)state;
    static struct asked asked[3];
    const struct trace_step first = step_of('1');
    const struct trace_step last = step_of('2');
    ask_traced(&asked[0], 2, &first, TEXT("a=1"));
    ask(&asked[1], BATCH_INCREMENT, 3);
    ask_traced(&asked[2], 1, &last, TEXT(""));
    batcher_turn(batcher, START_US);
    answer_increment(0);

    struct queued_span *taken = take(5);
    const struct span *wait = &taken->span;
    const struct span *call = &taken->next->span;
    assert_true(is_named(taken, "queue wait") && is_of(wait, &first) && wait->kind == SPAN_INTERNAL);
    assert_memory_equal(wait->parent_id, first.context.span_id, TRACE_SPAN_ID_BYTES);
    assert_int_equal(taken->end_ns - taken->start_ns, 300 * 1000);
    assert_true(is_named(taken->next, "tally.v1.CounterService/SessionIncrement") && is_of(call, &first));
    assert_memory_equal(call->parent_id, first.context.span_id, TRACE_SPAN_ID_BYTES);
    assert_true(call->kind == SPAN_CLIENT && !call->has_failed && text_equal(call->state, TEXT("a=1")));
    assert_int_equal(number_of(call, "tally.items"), 2);

    const struct queued_span *other = taken->next->next->next;
    const struct span *batch = &other->next->span;
    assert_true(is_of(&other->span, &last) && number_of(&other->span, "tally.items") == 1);
    assert_true(is_named(other->next, "batch tally.v1.CounterService/SessionIncrement"));
    assert_true(!is_of(batch, &first) && !is_of(batch, &last) && number_of(batch, "tally.items") == 6);
    assert_int_equal(batch->link_count, 2);
    assert_memory_equal(batch->links[0].span_id, call->context.span_id, TRACE_SPAN_ID_BYTES);
    assert_memory_equal(batch->links[1].trace_id, last.context.trace_id, TRACE_ID_BYTES);
    assert_true(call->link_count == 1 && other->span.link_count == 1);
    assert_memory_equal(call->links[0].span_id, batch->context.span_id, TRACE_SPAN_ID_BYTES);
    queued_spans_free(taken);
}

static void test_the_first_item_of_a_request_carries_its_trace(void **state)
{
    (void)state;
    static struct asked asked[2];
    const struct trace_step step = step_of('1');
    ask(&asked[0], BATCH_INCREMENT, 1);
    ask_traced(&asked[1], 2, &step, TEXT("a=1"));
    batcher_turn(batcher, START_US);
    const Tally__V1__SessionIncrementRequest *sent = fake_client.calls[0].increment;
    assert_null(sent->items[0]->trace);
    assert_null(sent->items[2]->trace);
    assert_non_null(sent->items[1]->trace);
    assert_int_equal(sent->items[1]->trace->traceparent.len, TRACE_PARENT_LEN);
    assert_memory_equal(sent->items[1]->trace->traceparent.data, "00-11111111111111111111111111111111-", 36);
    assert_memory_equal(sent->items[1]->trace->tracestate.data, "a=1", 3);
    assert_int_equal(sent->items[1]->trace->items, 2);
    answer_increment(0);
    queued_spans_free(take(3));
}

static void test_a_batch_without_traced_requests_has_no_spans(void **state)
{
    (void)state;
    static struct asked asked;
    ask(&asked, BATCH_INCREMENT, 2);
    batcher_turn(batcher, START_US);
    assert_null(fake_client.calls[0].increment->items[0]->trace);
    answer_increment(0);
    assert_null(take(0));
}

/* A request that was answered is gone: its spans are not. */
static void test_a_call_that_ends_after_its_request_is_told_all_the_same(void **state)
{
    (void)state;
    static struct asked asked;
    char trace_state[] = "a=1";
    const struct trace_step step = step_of('1');
    ask_traced(&asked, 1, &step, text_of(trace_state));
    batcher_turn(batcher, START_US);
    batcher_turn(batcher, START_US + TIMEOUT_US);
    assert_status(&asked, 0, STATUS_DEADLINE_EXCEEDED);
    memset(trace_state, 'x', sizeof(trace_state) - 1);
    fake_client_answer(0, STATUS_REPLY_LOST, NULL);
    struct queued_span *taken = take(3);
    const struct span *call = &taken->next->span;
    assert_true(call->has_failed && text_equal(call->state, TEXT("a=1")));
    assert_true(text_equal(call->failure, text_of(status_title(STATUS_REPLY_LOST))));
    queued_spans_free(taken);
}

/* It waits again: two waits, two calls. */
static void test_what_was_shed_is_told_each_time(void **state)
{
    (void)state;
    static struct asked asked;
    const struct trace_step step = step_of('1');
    ask_traced(&asked, 1, &step, TEXT(""));
    batcher_turn(batcher, START_US);
    fake_client_answer(0, STATUS_SHED, NULL);
    struct queued_span *taken = take(3);
    assert_true(taken->next->span.has_failed);
    queued_spans_free(taken);
    batcher_turn(batcher, START_US + 1);
    batcher_turn(batcher, START_US + TIMEOUT_US / 2);
    assert_int_equal(calls(), 2);
    assert_non_null(fake_client.calls[1].increment->items[0]->trace);
    answer_increment(1);
    queued_spans_free(take(3));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_request_has_its_wait_and_its_call_and_the_batch_links_them),
        TEST(test_the_first_item_of_a_request_carries_its_trace),
        TEST(test_a_batch_without_traced_requests_has_no_spans),
        TEST(test_a_call_that_ends_after_its_request_is_told_all_the_same),
        TEST(test_what_was_shed_is_told_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
