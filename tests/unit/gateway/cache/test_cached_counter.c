#include "gateway/cache/cached_counter.h"

#include "tests/fakes/gateway_fixture.h"

#define COUNTER "/api/v1/counter/a/like"

static int set_up_cached(void **state)
{
    max_staleness_ms = 2000;
    return set_up(state);
}

static int set_up_subsecond(void **state)
{
    max_staleness_ms = 999;
    return set_up(state);
}

static int set_up_off(void **state)
{
    max_staleness_ms = 0;
    return set_up(state);
}

static void assert_value(const char *value)
{
    char body[100];
    snprintf(body, sizeof(body), "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"value\":%s}", value);
    assert_answer(200, "application/json", body);
}

/* Asks with request `index`, which says so. */
static void ask(size_t index, const char *cache_control)
{
    struct http_request *request = prepare(index, HTTP_GET, COUNTER);
    if (cache_control != NULL) {
        set_field(request, FIELD_CACHE_CONTROL, text_of(cache_control));
    }
    handle(request);
}

/* As if the request had come so long ago. */
static void asked_before(size_t index, int64_t ms)
{
    ((struct request_state *)fixture->requests[index].state)->cached.asked_us -= ms * 1000;
}

/* A read that is asked for, and answered. */
static void fill(int64_t value)
{
    const unsigned before = fixture->submits;
    ask(0, "no-cache");
    assert_int_equal(fixture->submits, before + 1);
    finish(STATUS_OK, value, false);
}

static void assert_held(const char *value)
{
    const unsigned before = fixture->submits;
    ask(0, NULL);
    assert_int_equal(fixture->submits, before);
    assert_value(value);
}

static void assert_not_held(void)
{
    const unsigned before = fixture->submits;
    ask(0, NULL);
    assert_int_equal(fixture->submits, before + 1);
    finish(STATUS_REDIS_DOWN, 0, false);
}

/* --- hits --------------------------------------------------------------------------------------------------------- */

static void test_a_value_is_given_again(void **state)
{
    (void)state;
    const long hits = metric("tally_read_cache_total{result=\"hit\"}");
    const long entries = metric("tally_read_cache_entries");
    fixture->late_us = 1000;
    ask(0, NULL);
    finish(STATUS_OK, 5, false);
    assert_value("5");
    assert_string_equal(header("Age"), "1");
    assert_string_equal(header("Cache-Control"), "max-age=2, must-revalidate");
    assert_held("5");
    assert_string_equal(header("Age"), "1");
    assert_string_equal(header("Cache-Control"), "max-age=2, must-revalidate");
    assert_int_equal(metric("tally_read_cache_total{result=\"hit\"}") - hits, 1);
    assert_int_equal(metric("tally_read_cache_entries") - entries, 1);
}

static void test_its_age_is_told_rounded_up(void **state)
{
    (void)state;
    fixture->late_us = 1100 * 1000;
    fill(5);
    assert_string_equal(header("Age"), "2");
    assert_held("5");
    assert_string_equal(header("Age"), "2");
}

static void test_head_is_answered_too(void **state)
{
    (void)state;
    fill(5);
    handle(prepare(0, HTTP_HEAD, COUNTER));
    assert_value("5");
    assert_null(header("Age"));
    assert_string_equal(header("Cache-Control"), "no-store");
}

static void test_what_comes_too_late_is_given_but_not_kept(void **state)
{
    (void)state;
    ask(0, NULL);
    ask(1, NULL);
    asked_before(0, 2000);
    asked_before(1, 2000);
    fixture->late_us = 2000 * 1000 + 1;
    finish(STATUS_OK, 5, false);
    assert_int_equal(fixture->replies, 2);
    assert_value("5");
    assert_string_equal(header("Age"), "3");
    assert_string_equal(header("Cache-Control"), "no-store");
    assert_not_held();
}

static void test_an_error_is_not_kept(void **state)
{
    (void)state;
    ask(0, NULL);
    finish(STATUS_REDIS_DOWN, 0, false);
    assert_problem(503, "/problems/store-unavailable");
    assert_string_equal(header("Cache-Control"), "no-store");
    assert_null(header("Age"));
    assert_not_held();
}

static void test_below_a_second_clients_keep_nothing(void **state)
{
    (void)state;
    fixture->late_us = 1000;
    fill(5);
    assert_held("5");
    assert_string_equal(header("Age"), "1");
    assert_string_equal(header("Cache-Control"), "no-store");
}

static void test_off_nothing_is_kept_and_nothing_told(void **state)
{
    (void)state;
    fill(5);
    assert_null(header("Age"));
    assert_string_equal(header("Cache-Control"), "no-store");
    assert_not_held();
    ask(0, NULL);
    struct submission *first = fixture->submitted;
    ask(1, NULL);
    assert_ptr_not_equal(fixture->submitted, first);
    finish(STATUS_OK, 1, false);
    fixture->submitted = first;
    finish(STATUS_OK, 1, false);
}

/* --- what a request says ------------------------------------------------------------------------------------------ */

static void test_no_cache_goes_through_and_updates(void **state)
{
    (void)state;
    fill(5);
    fill(6);
    assert_held("6");
}

static void test_pragma_goes_through(void **state)
{
    (void)state;
    fill(5);
    struct http_request *request = prepare(0, HTTP_GET, COUNTER);
    set_field(request, FIELD_PRAGMA, TEXT("no-cache"));
    handle(request);
    assert_int_equal(fixture->status, 0);
    finish(STATUS_OK, 6, false);
    assert_held("6");
}

static void test_the_answer_to_no_store_is_not_kept(void **state)
{
    (void)state;
    ask(0, "no-store");
    finish(STATUS_OK, 5, false);
    assert_value("5");
    assert_not_held();
}

static void test_a_max_age_is_heeded(void **state)
{
    (void)state;
    fixture->late_us = 1100 * 1000;
    fill(5);
    ask(0, "max-age=2");
    assert_value("5");
    ask(0, "max-age=1");
    assert_int_equal(fixture->status, 0);
    finish(STATUS_OK, 6, false);
    assert_value("6");
}

static void test_who_goes_through_waits_for_nobody(void **state)
{
    (void)state;
    ask(0, NULL);
    struct submission *first = fixture->submitted;
    ask(1, "no-cache");
    assert_int_equal(fixture->submits, 2);
    finish(STATUS_OK, 6, false);
    assert_int_equal(fixture->replies, 1);
    fixture->submitted = first;
    finish(STATUS_OK, 5, false);
    assert_int_equal(fixture->replies, 2);
}

/* --- one asks, others wait ---------------------------------------------------------------------------------------- */

static void test_one_asks_for_all(void **state)
{
    (void)state;
    const long waits = metric("tally_read_cache_total{result=\"wait\"}");
    for (size_t i = 0; i < REQUESTS; i++) {
        ask(i, NULL);
    }
    assert_int_equal(fixture->submits, 1);
    assert_int_equal(fixture->context.pending, 1);
    finish(STATUS_OK, 5, false);
    assert_int_equal(fixture->replies, REQUESTS);
    assert_value("5");
    assert_int_equal(metric("tally_read_cache_total{result=\"wait\"}") - waits, REQUESTS - 1);
}

static void test_the_answer_comes_though_the_asker_is_gone(void **state)
{
    (void)state;
    ask(0, NULL);
    ask(1, NULL);
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    ask(2, NULL);
    finish(STATUS_OK, 5, false);
    assert_int_equal(fixture->submits, 1);
    assert_int_equal(fixture->replies, 2);
    assert_int_equal(fixture->releases, 1);
    assert_held("5");
}

static void test_one_that_waits_may_go(void **state)
{
    (void)state;
    ask(0, NULL);
    ask(1, NULL);
    dispatcher_on_gone(&fixture->context, &fixture->requests[1]);
    assert_int_equal(fixture->releases, 1);
    finish(STATUS_OK, 5, false);
    assert_int_equal(fixture->replies, 1);
}

static void test_a_failure_is_everybody_s(void **state)
{
    (void)state;
    ask(0, NULL);
    ask(1, NULL);
    ask(2, NULL);
    finish(STATUS_REDIS_DOWN, 0, false);
    assert_int_equal(fixture->replies, 3);
    assert_problem(503, "/problems/store-unavailable");
    assert_int_equal(fixture->submits, 1);
    assert_not_held();
}

static void test_the_end_of_the_asker_s_time_is_its_own(void **state)
{
    (void)state;
    ask(0, NULL);
    ask(1, NULL);
    ask(2, NULL);
    fixture->requests[2].complete_us -= TIMEOUT_US; /* its time is over too */
    finish(STATUS_DEADLINE_EXCEEDED, 0, false);
    assert_int_equal(fixture->replies, 2);
    assert_problem(504, "");
    assert_int_equal(fixture->submits, 2);
    assert_ptr_equal(fixture->submitted, &((struct request_state *)fixture->requests[1].state)->submission);
    finish(STATUS_OK, 5, false);
    assert_value("5");
}

static void test_the_shutdown_answers_those_that_wait(void **state)
{
    (void)state;
    ask(0, NULL);
    ask(1, NULL);
    fixture->context.is_draining = true;
    finish(STATUS_DEADLINE_EXCEEDED, 0, false);
    assert_int_equal(fixture->replies, 2);
    assert_int_equal(fixture->submits, 1);
}

static void test_an_asker_that_asked_too_long_ago_is_not_waited_for(void **state)
{
    (void)state;
    ask(0, NULL);
    struct submission *first = fixture->submitted;
    asked_before(0, 2000);
    ask(1, NULL);
    assert_int_equal(fixture->submits, 2);
    finish(STATUS_OK, 6, false);
    fixture->submitted = first;
    fixture->late_us = 1900 * 1000;
    finish(STATUS_OK, 5, false);
    assert_not_held(); /* they overlap, and either may be the later one */
}

static void test_what_may_not_be_submitted_is_not_waited_for(void **state)
{
    (void)state;
    fixture->submit_status = STATUS_OUT_OF_MEMORY;
    ask(0, NULL);
    assert_problem(503, "there is no memory");
    fixture->submit_status = STATUS_OK;
    assert_not_held();
}

/* --- writes ------------------------------------------------------------------------------------------------------- */

static void write_ends(enum status status, int64_t value, bool replayed)
{
    post("/api/v1/counter/increment", LIKE);
    finish(status, value, replayed);
}

static void test_a_write_is_seen_at_once(void **state)
{
    (void)state;
    fill(5);
    write_ends(STATUS_OK, 6, false);
    assert_held("6");
    post_batch(0, "/api/v1/counter/increment/batch", 1);
    finish(STATUS_OK, 7, false);
    assert_held("7");
}

static void test_a_write_that_nobody_waits_for_any_more_is_seen(void **state)
{
    (void)state;
    fill(5);
    post("/api/v1/counter/increment", LIKE);
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    finish(STATUS_OK, 6, false);
    assert_held("6");
}

static void test_an_unknown_write_drops_the_value(void **state)
{
    (void)state;
    fill(5);
    write_ends(STATUS_REPLY_LOST, 0, false);
    assert_not_held();
}

static void test_a_replayed_write_drops_the_value(void **state)
{
    (void)state;
    fill(5);
    write_ends(STATUS_OK, 3, true);
    assert_not_held();
}

static void test_a_write_that_was_not_applied_changes_nothing(void **state)
{
    (void)state;
    fill(5);
    write_ends(STATUS_REDIS_DOWN, 0, false);
    post("/api/v1/counter/increment/batch",
         "{\"increments\":[{\"resource_id\":\"a\",\"counter_type\":\"like\",\"increment\":0}]}");
    assert_held("5");
}

static void test_whoever_comes_after_a_write_does_not_wait_for_an_earlier_read(void **state)
{
    (void)state;
    ask(1, NULL);
    struct submission *read = fixture->submitted;
    write_ends(STATUS_REPLY_LOST, 0, false);
    ask(2, NULL);
    assert_ptr_not_equal(fixture->submitted, read);
    finish(STATUS_OK, 6, false);
    fixture->late_us = 1000;
    fixture->submitted = read;
    finish(STATUS_OK, 5, false);
    assert_value("5");
    assert_not_held(); /* the two overlap */
}

static void test_a_batch_of_reads_is_not_kept(void **state)
{
    (void)state;
    fill(5);
    const unsigned before = fixture->submits;
    post_batch(0, "/api/v1/counter/batch", 1);
    assert_int_equal(fixture->submits, before + 1);
    finish(STATUS_OK, 6, false);
    assert_null(header("Age"));
    assert_string_equal(header("Cache-Control"), "no-store");
    assert_held("5");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_cached, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_value_is_given_again),
        TEST(test_its_age_is_told_rounded_up),
        TEST(test_head_is_answered_too),
        TEST(test_what_comes_too_late_is_given_but_not_kept),
        TEST(test_an_error_is_not_kept),
        cmocka_unit_test_setup_teardown(test_below_a_second_clients_keep_nothing, set_up_subsecond, tear_down),
        cmocka_unit_test_setup_teardown(test_off_nothing_is_kept_and_nothing_told, set_up_off, tear_down),
        TEST(test_no_cache_goes_through_and_updates),
        TEST(test_pragma_goes_through),
        TEST(test_the_answer_to_no_store_is_not_kept),
        TEST(test_a_max_age_is_heeded),
        TEST(test_who_goes_through_waits_for_nobody),
        TEST(test_one_asks_for_all),
        TEST(test_the_answer_comes_though_the_asker_is_gone),
        TEST(test_one_that_waits_may_go),
        TEST(test_a_failure_is_everybody_s),
        TEST(test_the_end_of_the_asker_s_time_is_its_own),
        TEST(test_the_shutdown_answers_those_that_wait),
        TEST(test_an_asker_that_asked_too_long_ago_is_not_waited_for),
        TEST(test_what_may_not_be_submitted_is_not_waited_for),
        TEST(test_a_write_is_seen_at_once),
        TEST(test_a_write_that_nobody_waits_for_any_more_is_seen),
        TEST(test_an_unknown_write_drops_the_value),
        TEST(test_a_replayed_write_drops_the_value),
        TEST(test_a_write_that_was_not_applied_changes_nothing),
        TEST(test_whoever_comes_after_a_write_does_not_wait_for_an_earlier_read),
        TEST(test_a_batch_of_reads_is_not_kept),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
