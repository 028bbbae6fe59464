/* What is taken in, what waits unread, what is shed. */
#include "gateway/http/admission.h"
#include "gateway/http/admission_line.h"
#include "tests/fakes/gateway_fixture.h"

#define INCREMENTS "/api/v1/counter/increment/batch"
#define QUERIES "/api/v1/counter/batch"

static struct request_state *state_of(size_t index)
{
    return fixture->requests[index].state;
}

static bool is_in_line(size_t index)
{
    return state_of(index)->wait.list == &fixture->context.line;
}

/* Ends those operations of a request that are out. */
static void end(size_t index)
{
    fixture->submitted = &state_of(index)->submission;
    finish(STATUS_OK, 1, false);
}

static int64_t turn(void)
{
    return admission_line_turn(&fixture->context, clock_monotonic_us());
}

static void test_batches_have_room_for_twice_what_may_be_out(void **state)
{
    (void)state;
    assert_int_equal(admission_max_pending_large(131072, 4096), 8192);
    assert_int_equal(admission_max_pending_large(8192, 4096), 7168); /* the last eighth is for single requests */
    assert_int_equal(admission_max_pending_large(1, 1000000), 1);
}

static void test_operations_count_and_not_requests(void **state)
{
    (void)state;
    fixture->context.max_pending = 100;
    fixture->context.max_pending_large = 100;
    post_batch(0, INCREMENTS, 60);
    assert_int_equal(fixture->context.pending, 60);
    post_batch(1, INCREMENTS, 41);
    assert_problem(503, "/problems/overloaded");
    assert_int_equal(fixture->context.pending, 60);
    assert_int_equal(metric("tally_shed_total{reason=\"max_pending\"}") > 0, 1);
    post_batch(1, INCREMENTS, 40);
    assert_int_equal(fixture->context.pending, 100);
    end(1);
    assert_int_equal(fixture->context.pending, 60);
}

static void test_a_request_however_large_is_taken_when_nothing_else_waits(void **state)
{
    (void)state;
    post_batch(0, INCREMENTS, 10 * MAX_PENDING);
    assert_int_equal(fixture->context.pending, 10 * MAX_PENDING);
    end(0);
    assert_int_equal(fixture->context.pending, 0);
    assert_int_equal(fixture->context.pending_large, 0);
}

static void fill(void)
{
    fixture->context.max_pending = 100;
    fixture->context.max_pending_large = 10;
    post_batch(0, INCREMENTS, 20);
    assert_int_equal(fixture->context.pending_large, 20);
}

static void test_batches_wait_unread_and_leave_a_place_to_single_requests(void **state)
{
    (void)state;
    fill();
    post_batch(1, QUERIES, 5);
    assert_int_equal(fixture->status, 0);
    assert_true(is_in_line(1));
    assert_int_equal(state_of(1)->operations.count, 0);
    (void)turn();
    assert_true(is_in_line(1));
    struct http_request *single = prepare(2, HTTP_POST, "/api/v1/counter/increment");
    set_body(2, LIKE);
    handle(single);
    assert_int_equal(fixture->context.pending, 21);
}

static void test_those_that_wait_are_read_in_their_order(void **state)
{
    (void)state;
    fill();
    post_batch(1, INCREMENTS, 11);
    post_batch(2, INCREMENTS, 2);
    end(0);
    assert_int_equal(turn(), fixture->requests[2].complete_us + TIMEOUT_US);
    assert_false(is_in_line(1));
    assert_true(is_in_line(2));
    assert_int_equal(fixture->context.pending_large, 11);
    end(1);
    assert_int_equal(turn(), INT64_MAX);
    assert_int_equal(fixture->context.pending_large, 2);
}

static void test_one_that_comes_is_behind_those_that_wait(void **state)
{
    (void)state;
    fill();
    post_batch(1, INCREMENTS, 2);
    end(0);
    post_batch(2, INCREMENTS, 2);
    assert_true(is_in_line(2));
    (void)turn();
    assert_int_equal(fixture->context.pending_large, 4);
}

static void test_one_that_waits_in_vain_is_answered_and_counts_as_shed(void **state)
{
    (void)state;
    const long before = metric("tally_shed_total{reason=\"not_in_time\"}");
    fill();
    post_batch(1, INCREMENTS, 2);
    post_batch(2, INCREMENTS, 2);
    fixture->requests[1].held_us = TIMEOUT_US; /* the server had kept it waiting already */
    (void)turn();
    assert_problem(503, "/problems/not-sent-in-time");
    assert_problem(503, "\"outcome\":\"not_applied\"");
    assert_string_equal(header("Retry-After"), "1");
    assert_int_equal(metric("tally_shed_total{reason=\"not_in_time\"}"), before + 1);
    assert_int_equal(fixture->replies, 1);
    assert_true(is_in_line(2));
    assert_int_equal(metric("tally_writes_accepted_total") > 0, 1);
}

static void test_one_whose_client_is_gone_leaves_the_line(void **state)
{
    (void)state;
    fill();
    post_batch(1, INCREMENTS, 2);
    post_batch(2, INCREMENTS, 2);
    dispatcher_on_gone(&fixture->context, &fixture->requests[2]);
    dispatcher_on_gone(&fixture->context, &fixture->requests[1]);
    assert_int_equal(fixture->releases, 2);
    assert_null(fixture->context.line.first);
    assert_null(fixture->context.line.last);
    end(0);
    assert_int_equal(turn(), INT64_MAX);
    assert_int_equal(fixture->context.pending, 0);
}

static void test_a_body_that_breaks_a_rule_does_not_hold_up_the_next(void **state)
{
    (void)state;
    fill();
    struct http_request *bad = prepare(1, HTTP_POST, INCREMENTS);
    set_body(1, "{\"increments\":[");
    handle(bad);
    assert_int_equal(fixture->status, 0); /* nobody has read it yet */
    post_batch(2, INCREMENTS, 2);
    end(0);
    (void)turn();
    assert_int_equal(fixture->context.pending_large, 2);
    assert_int_equal(fixture->replies, 2);
    assert_problem(400, "/problems/invalid-argument");
}

static void test_the_shutdown_answers_those_that_wait(void **state)
{
    (void)state;
    fill();
    post_batch(1, INCREMENTS, 2);
    fixture->context.is_draining = true;
    request_wait_abort_all(&fixture->context.line);
    assert_problem(503, "/problems/draining");
    post_batch(2, INCREMENTS, 2);
    assert_problem(503, "/problems/draining");
    assert_null(fixture->context.line.first);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_batches_have_room_for_twice_what_may_be_out),
        TEST(test_operations_count_and_not_requests),
        TEST(test_a_request_however_large_is_taken_when_nothing_else_waits),
        TEST(test_batches_wait_unread_and_leave_a_place_to_single_requests),
        TEST(test_those_that_wait_are_read_in_their_order),
        TEST(test_one_that_comes_is_behind_those_that_wait),
        TEST(test_one_that_waits_in_vain_is_answered_and_counts_as_shed),
        TEST(test_one_whose_client_is_gone_leaves_the_line),
        TEST(test_a_body_that_breaks_a_rule_does_not_hold_up_the_next),
        TEST(test_the_shutdown_answers_those_that_wait),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
