#include "gateway/cache/cached_ranking.h"

#include "tests/fakes/gateway_fixture.h"

#define TOP "/api/v1/rankings/like?window=day"

static Tally__V1__RankingState ranking;

static void ask(size_t index, const char *target)
{
    handle(prepare(index, HTTP_GET, target));
}

static void finish_top(int64_t age_ms, int64_t max_age_ms)
{
    Tally__V1__TopCountersResponse response = TALLY__V1__TOP_COUNTERS_RESPONSE__INIT;
    ranking = (Tally__V1__RankingState)TALLY__V1__RANKING_STATE__INIT;
    ranking.age_ms = age_ms;
    ranking.max_age_ms = max_age_ms;
    response.state = &ranking;
    finish_call(STATUS_OK, &response.base);
}

static void assert_asks(const char *target, bool asks)
{
    const unsigned before = fixture->calls;
    ask(0, target);
    assert_int_equal(fixture->calls, before + asks);
    assert_int_equal(fixture->status, asks ? 0 : 200);
    if (asks) {
        finish_call(STATUS_REDIS_DOWN, NULL);
    }
}

static void test_a_ranking_is_given_until_its_max_age(void **state)
{
    (void)state;
    ask(0, TOP);
    finish_top(100, 60000);
    char body[sizeof(fixture->body)];
    memcpy(body, fixture->body, sizeof(body));
    assert_asks(TOP, false);
    assert_string_equal(fixture->body, body);
    assert_string_equal(header("Age"), "1");
    assert_string_equal(header("Cache-Control"), "max-age=60, must-revalidate");
}

static void test_the_whole_question_is_the_key(void **state)
{
    static const char *const others[] = {
        TOP "&limit=11",
        TOP "&offset=1",
        TOP "&period=2026-11-24",
        "/api/v1/rankings/like?window=hour",
        "/api/v1/rankings/view?window=day",
        "/api/v1/rankings/like/a?window=day",
    };
    (void)state;
    ask(0, TOP);
    finish_top(0, 60000);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_asks(others[i], true);
    }
    assert_asks("/api/v1/rankings/li%6be?limit=10&window=day&period=", false);
}

static void test_one_that_is_too_old_or_may_not_be_kept_is_not(void **state)
{
    (void)state;
    ask(0, TOP);
    finish_top(5000, 5000);
    assert_int_equal(fixture->status, 200);
    assert_asks(TOP, true);
    ask(0, TOP);
    finish_top(0, 0);
    assert_asks(TOP, true);
}

static void test_one_asks_for_all(void **state)
{
    (void)state;
    ask(0, TOP);
    ask(1, TOP);
    ask(2, TOP);
    assert_int_equal(fixture->calls, 1);
    assert_int_equal(fixture->context.pending, 1);
    finish_top(0, 1000);
    assert_int_equal(fixture->replies, 3);
}

static void test_who_waited_for_one_that_may_not_be_kept_asks_itself(void **state)
{
    (void)state;
    ask(0, TOP);
    ask(1, TOP);
    finish_top(0, 0);
    assert_int_equal(fixture->replies, 1);
    assert_int_equal(fixture->calls, 2);
    finish_top(0, 0);
    assert_int_equal(fixture->replies, 2);
}

static void test_nobody_waits_for_one_that_may_not_be_kept(void **state)
{
    (void)state;
    ask(0, TOP);
    finish_top(0, 0);
    ask(1, TOP "&limit=3");
    ask(2, TOP "&limit=3");
    assert_int_equal(fixture->calls, 3);
}

static void test_one_that_may_be_kept_again_is_waited_for_again(void **state)
{
    (void)state;
    ask(0, TOP);
    finish_top(0, 0);
    ask(1, TOP);
    finish_top(0, 60000);
    assert_asks(TOP, false);
    ask(1, TOP "&limit=3");
    ask(2, TOP "&limit=3");
    assert_int_equal(fixture->calls, 3);
    finish_top(0, 60000);
    assert_int_equal(fixture->replies, 2 + 1 + 2);
}

static void test_a_failure_is_everybody_s_in_the_service_s_words(void **state)
{
    (void)state;
    ask(0, TOP);
    ask(1, TOP);
    fixture->said = "no such window";
    finish_call(STATUS_NO_SUCH_RANKING, NULL);
    assert_int_equal(fixture->replies, 2);
    assert_problem(404, "no such window");
    assert_asks(TOP, true);
}

static void test_the_call_goes_on_for_those_that_wait(void **state)
{
    (void)state;
    ask(0, TOP);
    ask(1, TOP);
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    assert_false(fixture->call_abandoned);
    assert_int_equal(fixture->releases, 0);
    finish_top(0, 60000);
    assert_int_equal(fixture->replies, 1);
    assert_int_equal(fixture->releases, 1);
    assert_int_equal(fixture->context.pending, 0);
    assert_asks(TOP, false);
}

static void test_without_any_it_is_given_up(void **state)
{
    (void)state;
    ask(0, TOP);
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    assert_true(fixture->call_abandoned);
    assert_int_equal(fixture->releases, 1);
    assert_asks(TOP, true);
}

static void test_the_shutdown_answers_all(void **state)
{
    (void)state;
    ask(0, TOP);
    ask(1, TOP);
    ask(2, TOP);
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    fixture->context.is_draining = true;
    request_wait_abort_all(&fixture->context.lone_calls);
    assert_int_equal(fixture->replies, 2);
    assert_int_equal(fixture->releases, 1);
    assert_problem(503, "/problems/draining");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_ranking_is_given_until_its_max_age),
        TEST(test_the_whole_question_is_the_key),
        TEST(test_one_that_is_too_old_or_may_not_be_kept_is_not),
        TEST(test_one_asks_for_all),
        TEST(test_who_waited_for_one_that_may_not_be_kept_asks_itself),
        TEST(test_nobody_waits_for_one_that_may_not_be_kept),
        TEST(test_one_that_may_be_kept_again_is_waited_for_again),
        TEST(test_a_failure_is_everybody_s_in_the_service_s_words),
        TEST(test_the_call_goes_on_for_those_that_wait),
        TEST(test_without_any_it_is_given_up),
        TEST(test_the_shutdown_answers_all),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
