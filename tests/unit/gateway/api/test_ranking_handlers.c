#include "gateway/api/ranking_handlers.h"

#include "tests/fakes/gateway_fixture.h"

enum { RESOURCES_MAX = 1001 };

static Tally__V1__RankingState ranking;
static Tally__V1__RankedResource resources[RESOURCES_MAX];
static Tally__V1__RankedResource *entries[RESOURCES_MAX];

static ProtobufCBinaryData bytes(const char *string)
{
    return grpc_message_bytes(text_of(string));
}

/* What the service answers to a request for the first `count`. */
static Tally__V1__TopCountersResponse top_of(size_t count)
{
    assert_true(count <= RESOURCES_MAX);
    ranking = (Tally__V1__RankingState)TALLY__V1__RANKING_STATE__INIT;
    ranking.period = bytes("2026-11-25");
    ranking.as_of_ms = INT64_C(1795600800123);
    ranking.complete = true;
    for (size_t i = 0; i < count; i++) {
        resources[i] = (Tally__V1__RankedResource)TALLY__V1__RANKED_RESOURCE__INIT;
        resources[i].resource_id = bytes("r");
        resources[i].rank = (int64_t)i + 1;
        resources[i].score = 100;
        entries[i] = &resources[i];
    }
    Tally__V1__TopCountersResponse response = TALLY__V1__TOP_COUNTERS_RESPONSE__INIT;
    response.state = &ranking;
    response.entries = entries;
    response.n_entries = count;
    return response;
}

static Tally__V1__RankOfResponse rank_of(int64_t rank)
{
    top_of(rank > 0 ? 1 : 0);
    Tally__V1__RankOfResponse response = TALLY__V1__RANK_OF_RESPONSE__INIT;
    response.state = &ranking;
    response.rank = rank;
    response.score = 100;
    response.entries = entries;
    response.n_entries = rank > 0 ? 1 : 0;
    return response;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void test_the_best_are_asked_for(void **state)
{
    (void)state;
    get("/api/v1/rankings/li%6Be?window=day&limit=20&offset=40&period=2026-11-25");
    assert_int_equal(fixture->rpc, COUNTER_RPC_TOP_COUNTERS);
    assert_int_equal(fixture->context.pending, 1);
    const Tally__V1__TopCountersRequest *asked = (const Tally__V1__TopCountersRequest *)fixture->asked;
    assert_true(text_equal(grpc_message_text(asked->counter_type), TEXT("like")));
    assert_true(text_equal(grpc_message_text(asked->window), TEXT("day")));
    assert_true(text_equal(grpc_message_text(asked->period), TEXT("2026-11-25")));
    assert_int_equal(asked->limit, 20);
    assert_int_equal(asked->offset, 40);
    const Tally__V1__TopCountersResponse response = top_of(2);
    finish_call(STATUS_OK, &response.base);
    assert_answer(
        200, "application/json",
        "{\"counter_type\":\"like\",\"window\":\"day\",\"period\":\"2026-11-25\","
        "\"as_of\":\"2026-11-25T10:00:00.123Z\",\"complete\":true,\"entries\":["
        "{\"rank\":1,\"resource_id\":\"r\",\"score\":100},{\"rank\":2,\"resource_id\":\"r\",\"score\":100}]}");
    assert_int_equal(fixture->context.pending, 0);
}

static void test_a_rank_is_asked_for(void **state)
{
    (void)state;
    get("/api/v1/rankings/like/a%2Fb?window=24h&neighbours=2");
    assert_int_equal(fixture->rpc, COUNTER_RPC_RANK_OF);
    const Tally__V1__RankOfRequest *asked = (const Tally__V1__RankOfRequest *)fixture->asked;
    assert_true(text_equal(grpc_message_text(asked->counter_type), TEXT("like")));
    assert_true(text_equal(grpc_message_text(asked->resource_id), TEXT("a/b")));
    assert_true(text_equal(grpc_message_text(asked->window), TEXT("24h")));
    assert_int_equal(asked->period.len, 0);
    assert_int_equal(asked->neighbours, 2);
    Tally__V1__RankOfResponse response = rank_of(1);
    ranking.period = bytes("");
    ranking.since_ms = INT64_C(1795600800000);
    finish_call(STATUS_OK, &response.base);
    assert_answer(200, "application/json",
                  "{\"counter_type\":\"like\",\"window\":\"24h\",\"period\":null,"
                  "\"as_of\":\"2026-11-25T10:00:00.123Z\",\"complete\":true,\"since\":\"2026-11-25T10:00:00.000Z\","
                  "\"resource_id\":\"a/b\",\"rank\":1,\"score\":100,"
                  "\"entries\":[{\"rank\":1,\"resource_id\":\"r\",\"score\":100}]}");
}

static void test_a_resource_without_a_rank_has_null(void **state)
{
    (void)state;
    get("/api/v1/rankings/like/a?window=24h");
    const Tally__V1__RankOfResponse response = rank_of(0);
    finish_call(STATUS_OK, &response.base);
    assert_int_equal(fixture->status, 200);
    assert_non_null(strstr(fixture->body, "\"rank\":null,\"score\":100,\"entries\":[]}"));
}

/* --- caches ------------------------------------------------------------------------------------------------------- */

static void answer_of_age(int64_t age_ms, int64_t max_age_ms)
{
    static unsigned asked;
    char target[80];
    snprintf(target, sizeof(target), "/api/v1/rankings/like?window=day&offset=%u", asked++); /* no one is kept */
    get(target);
    const Tally__V1__TopCountersResponse response = top_of(1);
    ranking.age_ms = age_ms;
    ranking.max_age_ms = max_age_ms;
    finish_call(STATUS_OK, &response.base);
}

static void test_caches_are_told_age_rounded_up_and_max_age_rounded_down(void **state)
{
    static const struct {
        int64_t age_ms;
        int64_t max_age_ms;
        const char *age;
        const char *cache_control;
    } cases[] = {
        /* the age goes on here, for less than a millisecond or two */
        {0, 0, "1", "no-store"},
        {500, 1999, "1", "max-age=1, must-revalidate"},
        {2000, 5000, "3", "max-age=5, must-revalidate"},
        {500, 999, "1", "no-store"},
        {3000, 2999, "4", "no-store"},
        {0, INT64_MAX, "1", "max-age=31536000, must-revalidate"},
        {INT64_MAX, INT64_MAX, "31536001", "no-store"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        answer_of_age(cases[i].age_ms, cases[i].max_age_ms);
        assert_int_equal(fixture->status, 200);
        assert_string_equal(header("Age"), cases[i].age);
        assert_string_equal(header("Cache-Control"), cases[i].cache_control);
    }
}

static void test_the_age_is_that_of_one_answer(void **state)
{
    (void)state;
    answer_of_age(1000, 5000);
    assert_non_null(header("Age"));
    get("/api/v1/rankings/like?window=day");
    finish_call(STATUS_REDIS_DOWN, NULL);
    assert_null(header("Age"));
    assert_string_equal(header("Cache-Control"), "no-store");
}

/* --- what is wrong ------------------------------------------------------------------------------------------------ */

static void test_bad_requests_are_refused(void **state)
{
    static const struct {
        const char *target;
        const char *detail;
    } bad[] = {
        {"/api/v1/rankings/Like?window=day", "counter_type must start with a letter"},
        {"/api/v1/rankings/li%ke?window=day", "counter_type must have two hexadecimal digits"},
        {"/api/v1/rankings/like/%7B?window=day", "resource_id must not have"},
        {"/api/v1/rankings/like/a%zz?window=day", "resource_id must have two hexadecimal digits"},
        {"/api/v1/rankings/like", "window is missing"},
        {"/api/v1/rankings/like/a?neighbours=1", "window is missing"},
        {"/api/v1/rankings/like?window=day&top=3", "top is not a parameter of this call"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        get(bad[i].target);
        assert_problem(400, bad[i].detail);
        assert_string_equal(header("Cache-Control"), "no-store");
    }
    assert_null(fixture->asked);
}

static void test_no_such_ranking_is_told_in_the_service_s_words(void **state)
{
    (void)state;
    get("/api/v1/rankings/like?window=year");
    fixture->said = "like has the windows hour, day";
    finish_call(STATUS_NO_SUCH_RANKING, NULL);
    assert_answer(404, "application/problem+json",
                  "{\"type\":\"/problems/no-such-ranking\",\"title\":\"No such ranking\",\"status\":404,"
                  "\"detail\":\"like has the windows hour, day\"}");
}

static void top_is_damaged(const Tally__V1__TopCountersResponse *response)
{
    get("/api/v1/rankings/like?window=day");
    finish_call(STATUS_OK, &response->base);
    assert_problem(500, "/problems/data-damaged");
    assert_null(header("Age"));
    assert_string_equal(header("Cache-Control"), "no-store");
}

static void test_a_state_that_cannot_be_is_damage(void **state)
{
    (void)state;
    Tally__V1__TopCountersResponse response = top_of(1);
    response.state = NULL;
    top_is_damaged(&response);
    response = top_of(1);
    ranking.period = bytes("a b");
    top_is_damaged(&response);
    response = top_of(1);
    ranking.period = bytes("123456789012345678901234567890123");
    top_is_damaged(&response);
    response = top_of(1);
    ranking.as_of_ms = -1;
    top_is_damaged(&response);
    response = top_of(1);
    ranking.as_of_ms = INT64_C(253402300800000);
    top_is_damaged(&response);
    response = top_of(1);
    ranking.since_ms = INT64_MAX;
    top_is_damaged(&response);
    response = top_of(1);
    ranking.age_ms = -1;
    top_is_damaged(&response);
    response = top_of(1);
    ranking.max_age_ms = -1;
    top_is_damaged(&response);
}

static void test_entries_that_cannot_be_are_damage(void **state)
{
    (void)state;
    Tally__V1__TopCountersResponse response = top_of(2);
    resources[1].resource_id = bytes("\xFF");
    top_is_damaged(&response);
    response = top_of(2);
    resources[1].resource_id = bytes("");
    top_is_damaged(&response);
    response = top_of(2);
    resources[1].rank = 0;
    top_is_damaged(&response);
    response = top_of(RESOURCES_MAX);
    top_is_damaged(&response);
    get("/api/v1/rankings/like/a?window=day");
    const Tally__V1__RankOfResponse rank = rank_of(-1);
    finish_call(STATUS_OK, &rank.base);
    assert_problem(500, "/problems/data-damaged");
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

static void test_one_whose_client_left_is_given_up(void **state)
{
    (void)state;
    get("/api/v1/rankings/like/a?window=day");
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    assert_true(fixture->call_abandoned);
    assert_int_equal(fixture->context.pending, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_best_are_asked_for),
        TEST(test_a_rank_is_asked_for),
        TEST(test_a_resource_without_a_rank_has_null),
        TEST(test_caches_are_told_age_rounded_up_and_max_age_rounded_down),
        TEST(test_the_age_is_that_of_one_answer),
        TEST(test_bad_requests_are_refused),
        TEST(test_no_such_ranking_is_told_in_the_service_s_words),
        TEST(test_a_state_that_cannot_be_is_damage),
        TEST(test_entries_that_cannot_be_are_damage),
        TEST(test_one_whose_client_left_is_given_up),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
