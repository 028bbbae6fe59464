#include "gateway/batch/session.h"

#include <grpc/grpc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "tests/fakes/fake_counter_client.h"
#include "tests/fakes/metrics_text.h"

enum { START_US = 1000000, HOUR_MS = 3600 * 1000, SECOND_US = 1000 * 1000, MINUTE_US = 60 * SECOND_US };

static struct session *session;
static unsigned failures;
static enum status failed_with;

static void on_failed(void *ctx, enum status status)
{
    assert_ptr_equal(ctx, &failures);
    assert_int_equal(status_outcome(status), OUTCOME_NOT_APPLIED);
    failures++;
    failed_with = status;
}

static int set_up(void **state)
{
    (void)state;
    grpc_init();
    fake_client_init();
    failures = 0;
    session = session_create(NULL, on_failed, &failures);
    return session != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    session_free(session);
    fake_client_done();
    grpc_shutdown();
    return 0;
}

static size_t calls(void)
{
    return fake_client.call_count;
}

/* The last call. */
static const struct client_call *last_call(void)
{
    assert_true(calls() > 0);
    return &fake_client.calls[calls() - 1];
}

/* Wants a session, and gets one of `byte`s. */
static void open_session(uint8_t byte, int64_t idle_timeout_ms, int64_t now_us)
{
    session_turn(session, true, now_us);
    fake_client_answer_open(calls() - 1, byte, idle_timeout_ms);
    assert_true(session_has_place(session));
}

static struct session_place take(void)
{
    struct session_place place;
    assert_true(session_has_place(session));
    session_take(session, &place);
    return place;
}

static void answer_keep(size_t index, int64_t idle_timeout_ms)
{
    Tally__V1__KeepSessionResponse response = TALLY__V1__KEEP_SESSION_RESPONSE__INIT;
    assert_int_equal(fake_client.calls[index].rpc, COUNTER_RPC_KEEP_SESSION);
    response.idle_timeout_ms = idle_timeout_ms;
    fake_client_answer(index, STATUS_OK, &response.base);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void test_a_session_is_opened_when_it_is_wanted(void **state)
{
    (void)state;
    assert_int_equal(session_turn(session, false, START_US), INT64_MAX);
    assert_int_equal(calls(), 0);
    assert_int_equal(session_turn(session, true, START_US), INT64_MAX);
    assert_int_equal(calls(), 1);
    assert_int_equal(last_call()->rpc, COUNTER_RPC_OPEN_SESSION);
    assert_int_equal(last_call()->deadline_us, START_US + SESSION_OPEN_TIMEOUT_US);
    assert_false(session_has_place(session));
    session_turn(session, true, START_US + 1); /* one opening at a time */
    assert_int_equal(calls(), 1);
    fake_client_answer_open(0, 'a', HOUR_MS);
    assert_true(session_has_place(session));
    assert_int_equal(failures, 0);
}

static void test_an_opening_that_failed_is_told_and_tried_again(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        enum status told;
    } cases[] = {
        {STATUS_NO_SERVICE, STATUS_NO_SERVICE},
        {STATUS_UNIMPLEMENTED, STATUS_UNIMPLEMENTED},
        {STATUS_SHED, STATUS_SHED},
        {STATUS_REDIS_DOWN, STATUS_REDIS_DOWN},
        {STATUS_REPLY_LOST, STATUS_REDIS_DOWN},
        {STATUS_DEADLINE_EXCEEDED, STATUS_REDIS_DOWN},
        {STATUS_INVALID_ARGUMENT, STATUS_UNIMPLEMENTED},
        {STATUS_NO_SESSION, STATUS_UNIMPLEMENTED},
    };
    const size_t count = sizeof(cases) / sizeof(cases[0]);
    for (size_t i = 0; i < count; i++) {
        session_turn(session, true, START_US + (int64_t)i);
        assert_int_equal(calls(), i + 1);
        fake_client_answer(i, cases[i].status, NULL);
        assert_int_equal(failures, i + 1);
        assert_string_equal(status_name(failed_with), status_name(cases[i].told));
        assert_false(session_has_place(session));
    }
    open_session('a', HOUR_MS, START_US + 100);
}

static void test_a_reply_without_a_session_is_a_failure(void **state)
{
    (void)state;
    uint8_t bytes[SESSION_LEN + 1] = {1};
    for (size_t len = 0; len <= SESSION_LEN + 1; len++) {
        if (len == SESSION_LEN) {
            continue;
        }
        session_turn(session, true, START_US);
        Tally__V1__OpenSessionResponse response = TALLY__V1__OPEN_SESSION_RESPONSE__INIT;
        response.session = (ProtobufCBinaryData){.len = len, .data = bytes};
        response.idle_timeout_ms = HOUR_MS;
        fake_client_answer(calls() - 1, STATUS_OK, &response.base);
        assert_int_equal(failed_with, STATUS_UNIMPLEMENTED);
        assert_false(session_has_place(session));
    }
    assert_int_equal(failures, SESSION_LEN + 1);
}

static void test_without_memory_for_the_opening_it_failed(void **state)
{
    (void)state;
    fake_client.out_of_memory = true;
    session_turn(session, true, START_US);
    assert_int_equal(failures, 1);
    assert_int_equal(failed_with, STATUS_OUT_OF_MEMORY);
    fake_client.out_of_memory = false;
    open_session('a', HOUR_MS, START_US + 1);
}

/* --- places ------------------------------------------------------------------------------------------------------- */

static void test_every_batch_has_a_place_of_its_own(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    const struct session_place first = take();
    const struct session_place second = take();
    assert_memory_equal(first.session, "aaaaaaaaaaaaaaaa", SESSION_LEN);
    assert_int_equal(first.lane, 0);
    assert_int_equal(first.sequence, 1);
    assert_memory_equal(second.session, "aaaaaaaaaaaaaaaa", SESSION_LEN);
    assert_int_equal(second.lane, 1);
    assert_int_equal(second.sequence, 2);
}

static void test_sequences_grow_over_the_whole_session(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    for (int64_t sequence = 1; sequence <= 100; sequence++) {
        const struct session_place place = take();
        assert_int_equal(place.sequence, sequence);
        assert_int_equal(place.lane, 0);
        session_give_back(session, &place, sequence % 3 == 0);
    }
}

static void test_the_lane_given_up_last_carries_the_next_batch(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    struct session_place places[4];
    for (unsigned i = 0; i < 4; i++) {
        places[i] = take();
    }
    session_give_back(session, &places[0], true);
    session_give_back(session, &places[2], false);
    session_give_back(session, &places[1], false);
    assert_int_equal(metrics_text_value("tally_session_lanes{state=\"open\"}", 0), 1);
    assert_int_equal(metrics_text_value("tally_session_lanes{state=\"given_up\"}", 0), 2);
    assert_int_equal(take().lane, 1);
    assert_int_equal(take().lane, 2);
    assert_int_equal(take().lane, 0);
    assert_int_equal(take().lane, 4);
    assert_int_equal(metrics_text_value("tally_session_lanes{state=\"open\"}", 0), 5);
    assert_int_equal(metrics_text_value("tally_session_lanes{state=\"given_up\"}", 0), 0);
}

static void test_there_is_no_place_while_every_lane_is_open(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    struct session_place place;
    for (unsigned i = 0; i < SESSION_LANES; i++) {
        place = take();
    }
    assert_false(session_has_place(session));
    session_give_back(session, &place, false);
    assert_int_equal(take().lane, SESSION_LANES - 1);
    assert_false(session_has_place(session));
}

/* --- loss --------------------------------------------------------------------------------------------------------- */

static void test_a_lost_session_is_followed_by_another_one(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    take();
    const struct session_place place = take();
    session_lost(session, &place);
    assert_false(session_has_place(session));
    assert_int_equal(metrics_text_value("tally_session_lanes{state=\"open\"}", 0), 0);
    open_session('b', HOUR_MS, START_US + SECOND_US);
    const struct session_place next = take();
    assert_memory_equal(next.session, "bbbbbbbbbbbbbbbb", SESSION_LEN);
    assert_int_equal(next.lane, 0);
    assert_int_equal(next.sequence, 1);
}

static void test_a_storm_of_losses_opens_one_session_in_20_ms(void **state)
{
    (void)state;
    int64_t opened_us = START_US;
    for (size_t i = 0; i < 5; i++) {
        open_session('a', HOUR_MS, opened_us);
        assert_int_equal(calls(), i + 1);
        const struct session_place place = take();
        session_lost(session, &place);
        const int64_t next_us = session_turn(session, true, opened_us + 1);
        assert_int_equal(next_us, opened_us + SESSION_OPEN_PAUSE_US);
        assert_int_equal(session_turn(session, true, next_us - 1), next_us);
        assert_int_equal(session_turn(session, false, next_us - 1), INT64_MAX);
        assert_int_equal(calls(), i + 1);
        opened_us = next_us;
    }
    assert_int_equal(failures, 0);
}

static void test_a_batch_of_an_earlier_session_touches_nothing_of_the_next_one(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    const struct session_place old[3] = {take(), take(), take()};
    session_lost(session, &old[1]);
    session_give_back(session, &old[0], false); /* while there is none */
    open_session('b', HOUR_MS, START_US + SECOND_US);
    const struct session_place place = take();
    assert_int_equal(place.lane, old[0].lane);
    session_give_back(session, &old[0], true);
    session_give_back(session, &old[2], false);
    session_lost(session, &old[0]);
    assert_int_equal(take().lane, 1);
    session_give_back(session, &place, true);
    assert_int_equal(take().lane, 0);
    assert_int_equal(calls(), 2);
}

/* --- keeping ------------------------------------------------------------------------------------------------------ */

static void test_an_open_session_is_kept_once_a_minute(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    int64_t due_us = START_US + MINUTE_US;
    for (size_t call = 1; call < 4; call++) {
        assert_int_equal(session_turn(session, false, due_us - 1), due_us); /* whether or not anything is written */
        assert_int_equal(calls(), call);
        assert_int_equal(session_turn(session, false, due_us), INT64_MAX);
        assert_int_equal(calls(), call + 1);
        assert_int_equal(last_call()->rpc, COUNTER_RPC_KEEP_SESSION);
        assert_int_equal(last_call()->deadline_us, due_us + SESSION_KEEP_TIMEOUT_US);
        assert_int_equal(last_call()->keep->session.len, SESSION_LEN);
        assert_memory_equal(last_call()->keep->session.data, "aaaaaaaaaaaaaaaa", SESSION_LEN);
        session_turn(session, true, due_us + 1); /* one at a time */
        assert_int_equal(calls(), call + 1);
        answer_keep(call, HOUR_MS);
        due_us += MINUTE_US;
    }
    take();
}

static void test_a_short_idle_timeout_is_renewed_three_times(void **state)
{
    (void)state;
    static const struct {
        int64_t idle_timeout_ms;
        int64_t keep_us;
    } cases[] = {
        {30 * 1000, 10 * SECOND_US},
        {3 * 60 * 1000, MINUTE_US},
        {INT64_MAX, MINUTE_US},
        {600, 200 * 1000},
        {1, SESSION_KEEP_EVERY_MIN_US},
        {0, SESSION_KEEP_EVERY_MIN_US},
        {INT64_MIN, SESSION_KEEP_EVERY_MIN_US},
    };
    open_session('a', 300, START_US);
    int64_t due_us = START_US + 100 * 1000;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        session_turn(session, false, due_us);
        answer_keep(i + 1, cases[i].idle_timeout_ms); /* the service may be configured anew */
        assert_int_equal(session_turn(session, false, due_us), due_us + cases[i].keep_us);
        due_us += cases[i].keep_us;
    }
}

static void test_a_keep_that_finds_no_session_loses_it_early(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    session_turn(session, false, START_US + MINUTE_US);
    fake_client_answer(1, STATUS_NO_SESSION, NULL);
    assert_false(session_has_place(session));
    assert_int_equal(session_turn(session, false, START_US + MINUTE_US), INT64_MAX);
    assert_int_equal(calls(), 2);
    open_session('b', HOUR_MS, START_US + MINUTE_US + 1);
}

static void test_a_keep_that_fails_otherwise_is_tried_again(void **state)
{
    (void)state;
    static const enum status statuses[] = {STATUS_NO_SERVICE, STATUS_REDIS_DOWN,    STATUS_SHED,
                                           STATUS_REPLY_LOST, STATUS_UNIMPLEMENTED, STATUS_DEADLINE_EXCEEDED};
    open_session('a', HOUR_MS, START_US);
    int64_t due_us = START_US + MINUTE_US;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        session_turn(session, false, due_us);
        fake_client_answer(i + 1, statuses[i], NULL);
        due_us += SESSION_KEEP_TIMEOUT_US;
        assert_int_equal(session_turn(session, false, due_us - 1), due_us);
        assert_true(session_has_place(session));
    }
    fake_client.out_of_memory = true;
    assert_int_equal(session_turn(session, false, due_us), due_us + SESSION_KEEP_TIMEOUT_US);
    fake_client.out_of_memory = false;
    session_turn(session, false, due_us + SESSION_KEEP_TIMEOUT_US);
    answer_keep(calls() - 1, HOUR_MS);
    assert_memory_equal(take().session, "aaaaaaaaaaaaaaaa", SESSION_LEN);
}

static void test_a_lost_session_is_not_kept(void **state)
{
    (void)state;
    open_session('a', HOUR_MS, START_US);
    const struct session_place place = take();
    session_turn(session, false, START_US + MINUTE_US);
    session_lost(session, &place);
    assert_true(fake_client.calls[1].abandoned);
    open_session('b', HOUR_MS, START_US + MINUTE_US + 1);
    assert_int_equal(session_turn(session, false, START_US + MINUTE_US + 1), START_US + 2 * MINUTE_US + 1);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void test_free_abandons_the_call_that_is_out(void **state)
{
    (void)state;
    session_free(NULL);
    session_turn(session, true, START_US);
    session_free(session);
    assert_true(fake_client.calls[0].abandoned);
    session = session_create(NULL, on_failed, &failures);
    open_session('a', HOUR_MS, START_US);
    session_turn(session, false, START_US + MINUTE_US);
    session_free(session);
    assert_true(fake_client.calls[2].abandoned);
    session = NULL;
    assert_int_equal(failures, 0);
}

static void test_openings_and_losses_are_counted(void **state)
{
    (void)state;
    const double opened = metrics_text_value("tally_sessions_opened_total", 0);
    const double lost = metrics_text_value("tally_sessions_lost_total", 0);
    open_session('a', HOUR_MS, START_US);
    const struct session_place place = take();
    session_lost(session, &place);
    session_lost(session, &place);
    open_session('b', HOUR_MS, START_US + SECOND_US);
    assert_int_equal(metrics_text_value("tally_sessions_opened_total", 0) - opened, 2);
    assert_int_equal(metrics_text_value("tally_sessions_lost_total", 0) - lost, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_session_is_opened_when_it_is_wanted),
        TEST(test_an_opening_that_failed_is_told_and_tried_again),
        TEST(test_a_reply_without_a_session_is_a_failure),
        TEST(test_without_memory_for_the_opening_it_failed),
        TEST(test_every_batch_has_a_place_of_its_own),
        TEST(test_sequences_grow_over_the_whole_session),
        TEST(test_the_lane_given_up_last_carries_the_next_batch),
        TEST(test_there_is_no_place_while_every_lane_is_open),
        TEST(test_a_lost_session_is_followed_by_another_one),
        TEST(test_a_storm_of_losses_opens_one_session_in_20_ms),
        TEST(test_a_batch_of_an_earlier_session_touches_nothing_of_the_next_one),
        TEST(test_an_open_session_is_kept_once_a_minute),
        TEST(test_a_short_idle_timeout_is_renewed_three_times),
        TEST(test_a_keep_that_finds_no_session_loses_it_early),
        TEST(test_a_keep_that_fails_otherwise_is_tried_again),
        TEST(test_a_lost_session_is_not_kept),
        TEST(test_free_abandons_the_call_that_is_out),
        TEST(test_openings_and_losses_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
