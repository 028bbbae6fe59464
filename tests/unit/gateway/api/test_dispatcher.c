#include "gateway/api/dispatcher.h"

#include "tests/fakes/gateway_fixture.h"

/* --- checks of all routes ----------------------------------------------------------------------------------------- */

static void test_other_paths_are_404(void **state)
{
    (void)state;
    get("/api/v1/counters");
    assert_problem(404, "/problems/not-found");
    get("/health/");
    assert_problem(404, "/problems/not-found");
    assert_non_null(header("X-Request-Id"));
}

static void test_other_methods_are_405(void **state)
{
    (void)state;
    handle(prepare(0, HTTP_OTHER_METHOD, "/api/v1/counter/increment"));
    assert_problem(405, "/problems/method-not-allowed");
    assert_string_equal(header("Allow"), "GET, HEAD, POST, OPTIONS");
    post("/metrics", "");
    assert_problem(405, "/problems/method-not-allowed");
    assert_string_equal(header("Allow"), "GET, HEAD, OPTIONS");
}

static void test_only_json_is_taken(void **state)
{
    static const char *const bad[] = {"", "text/plain", "application/jsonx", "application/json x", "application/jso"};
    static const char *const good[] = {"application/json", "Application/JSON", "application/json;charset=utf-8"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
        set_field(request, FIELD_CONTENT_TYPE, text_of(bad[i]));
        handle(request);
        assert_problem(415, "\"outcome\":\"not_applied\"");
    }
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/batch");
    request->fields[FIELD_CONTENT_TYPE] = (struct http_field){0};
    handle(request);
    assert_problem(415, "Content-Type must be application/json");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
        set_field(request, FIELD_CONTENT_TYPE, text_of(good[i]));
        handle(request);
        assert_problem(400, "the body is empty");
    }
}

static void test_compressed_bodies_are_not_taken(void **state)
{
    (void)state;
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
    set_field(request, FIELD_CONTENT_ENCODING, TEXT("gzip"));
    handle(request);
    assert_problem(415, "Content-Encoding must be identity");
    assert_string_equal(header("Accept-Encoding"), "identity");
    request = prepare(0, HTTP_GET, "/health/live");
    set_field(request, FIELD_CONTENT_ENCODING, TEXT("gzip"));
    handle(request);
    assert_int_equal(fixture->status, 200);
}

static void test_options_lists_the_methods(void **state)
{
    (void)state;
    handle(prepare(0, HTTP_OPTIONS, "*"));
    assert_int_equal(fixture->status, 204);
    assert_string_equal(header("Allow"), "GET, HEAD, POST, OPTIONS");
    handle(prepare(0, HTTP_OPTIONS, "/metrics"));
    assert_int_equal(fixture->status, 204);
    assert_string_equal(header("Allow"), "GET, HEAD, OPTIONS");
    assert_null(header("Access-Control-Allow-Methods"));
    handle(prepare(0, HTTP_OPTIONS, "/nothing"));
    assert_problem(404, "/problems/not-found");
}

static void test_no_answer_is_to_be_kept(void **state)
{
    (void)state;
    get("/health");
    assert_string_equal(header("Cache-Control"), "no-store");
    get("/nothing");
    assert_string_equal(header("Cache-Control"), "no-store");
}

static struct http_request *preflight(const char *origin)
{
    struct http_request *request = prepare(0, HTTP_OPTIONS, "/api/v1/counter/increment");
    set_field(request, FIELD_ORIGIN, text_of(origin));
    set_field(request, FIELD_REQUESTED_METHOD, TEXT("POST"));
    return request;
}

static void test_pages_of_the_origins_configured_may_call(void **state)
{
    static char *origins[] = {"https://shop.example"};
    (void)state;
    handle(preflight("https://shop.example"));
    assert_null(header("Access-Control-Allow-Origin"));
    fixture->context.cors = (struct cors){origins, 1};
    handle(preflight("https://shop.example"));
    assert_int_equal(fixture->status, 204);
    assert_string_equal(header("Access-Control-Allow-Origin"), "https://shop.example");
    assert_string_equal(header("Access-Control-Allow-Methods"), "GET, HEAD, POST, OPTIONS");
    assert_non_null(strstr(header("Access-Control-Allow-Headers"), "Idempotency-Key"));
    handle(preflight("https://other.example"));
    assert_int_equal(fixture->status, 204);
    assert_null(header("Access-Control-Allow-Origin"));
    assert_null(header("Access-Control-Allow-Methods"));
    assert_string_equal(header("Vary"), "Origin");
    struct http_request *request = prepare(0, HTTP_GET, "/nothing");
    set_field(request, FIELD_ORIGIN, TEXT("https://shop.example"));
    handle(request);
    assert_problem(404, "/problems/not-found");
    assert_string_equal(header("Access-Control-Allow-Origin"), "https://shop.example");
    assert_non_null(strstr(header("Access-Control-Expose-Headers"), "Retry-After"));
}

static void test_a_body_over_the_budget_is_shed(void **state)
{
    (void)state;
    const long before = metric("tally_shed_total{reason=\"max_body_memory\"}");
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment/batch");
    request->refusal = HTTP_OVER_BUDGET;
    handle(request);
    assert_problem(503, "\"outcome\":\"not_applied\"");
    assert_non_null(header("Retry-After"));
    assert_int_equal(metric("tally_shed_total{reason=\"max_body_memory\"}"), before + 1);
}

static void test_what_the_server_refused_is_explained(void **state)
{
    (void)state;
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
    request->refusal = HTTP_BODY_TOO_LARGE;
    handle(request);
    assert_problem(413, "the body must be at most 1024 bytes");
    request = prepare(0, HTTP_POST, "/api/v1/counter/increment/batch");
    request->refusal = HTTP_BODY_TOO_LARGE;
    handle(request);
    assert_problem(413, "the body must be at most 1048576 bytes");
    request = prepare(0, HTTP_GET, "/nowhere");
    request->refusal = HTTP_MALFORMED;
    request->refusal_detail = "Content-Length is given twice";
    handle(request);
    assert_problem(400, "Content-Length is given twice");
}

static size_t allowed_body(enum http_method method, const char *path)
{
    const struct http_allowance allowance = dispatcher_on_headers(&fixture->context, prepare(0, method, path));
    assert_false(allowance.is_refused);
    return allowance.body_max;
}

static void test_the_body_limit_is_the_routes(void **state)
{
    (void)state;
    assert_int_equal(allowed_body(HTTP_POST, "/api/v1/counter/increment"), MAX_BODY);
    assert_int_equal(allowed_body(HTTP_POST, "/api/v1/counter/batch"), HTTP_BATCH_BODY_MAX);
    assert_int_equal(allowed_body(HTTP_GET, "/api/v1/counter/batch"), MAX_BODY);
    assert_int_equal(allowed_body(HTTP_POST, "/nowhere"), MAX_BODY);
}

static void test_a_request_id_comes_back(void **state)
{
    (void)state;
    struct http_request *request = prepare(0, HTTP_GET, "/health/live");
    set_field(request, FIELD_REQUEST_ID, TEXT("id-1"));
    handle(request);
    assert_string_equal(header("X-Request-Id"), "id-1");
    request = prepare(0, HTTP_GET, "/health/live");
    set_field(request, FIELD_REQUEST_ID, TEXT("not an id"));
    handle(request);
    assert_int_equal(strlen(header("X-Request-Id")), 16);
}

/* --- health ------------------------------------------------------------------------------------------------------- */

static void test_health_follows_pool_and_drain(void **state)
{
    (void)state;
    get("/health/ready");
    assert_answer(200, "application/json", "{\"status\":\"ok\"}");
    get("/health");
    assert_int_equal(fixture->status, 200);
    assert_non_null(strstr(fixture->body,
                           "{\"status\":\"ok\",\"components\":{\"counter_service\":{\"status\":\"ok\","
                           "\"store\":\"" FIXTURE_STORE "\","
                           "\"instances\":[{\"target\":\"localhost:50051\",\"status\":\"ok\","
                           "\"store\":\"" FIXTURE_STORE
                           "\",\"serving\":true,\"breaker\":\"closed\",\"ready_channels\":20,\"channels\":20,"
                           "\"last_change\":\"2023-11-14T22:13:20.123Z\"}]},"
                           "\"gateway\":{\"status\":\"ok\",\"last_change\":"));
    fixture->is_ready = false;
    get("/health/ready");
    assert_answer(503, "application/json", "{\"status\":\"unavailable\"}");
    get("/health");
    assert_int_equal(fixture->status, 503);
    gateway_health_drain(&fixture->health);
    get("/health/ready");
    assert_answer(503, "application/json", "{\"status\":\"draining\"}");
    get("/health/live");
    assert_answer(200, "application/json", "{\"status\":\"ok\"}");
}

static void test_health_names_the_instances_of_other_stores(void **state)
{
    (void)state;
    fixture->has_strangers = true;
    get("/health");
    assert_int_equal(fixture->status, 200);
    assert_non_null(strstr(fixture->body, "{\"status\":\"degraded\",\"components\":{\"counter_service\":"
                                          "{\"status\":\"degraded\",\"store\":\"" FIXTURE_STORE "\","
                                          "\"detail\":\"1 instance is of another store: 10.0.0.1:50051; "
                                          "1 instance tells no store: 10.0.0.2:50051\""));
    assert_non_null(strstr(fixture->body, "{\"target\":\"10.0.0.1:50051\",\"status\":\"other_store\","));
    assert_non_null(strstr(fixture->body, "{\"target\":\"10.0.0.2:50051\",\"status\":\"no_store\",\"store\":null,"));
    fixture->is_ready = false;
    get("/health");
    assert_int_equal(fixture->status, 503);
    assert_non_null(strstr(fixture->body, "1 instance is of another store: 10.0.0.1:50051; none of this gateway's"));
}

/* --- answers that come later -------------------------------------------------------------------------------------- */

static struct operator_answer *kept;

static int write_later(void *ctx, struct operator_answer *answer)
{
    assert_ptr_equal(ctx, &fixture->health);
    kept = answer;
    return OPERATOR_LATER;
}

/* GET /metrics, of a gateway whose writer of it keeps the answer. Returns the request. */
static struct http_request *ask_later(void)
{
    static const struct operator_endpoint later = {"/metrics", "text/plain", false, write_later};
    struct http_request *request = prepare(1, HTTP_GET, "/metrics");
    const struct operator_endpoint *usual = fixture->context.operators.endpoints;
    fixture->context.operators.endpoints = &later;
    handle(request);
    fixture->context.operators.endpoints = usual;
    return request;
}

static void test_others_are_answered_while_a_writer_takes_its_time(void **state)
{
    (void)state;
    ask_later();
    assert_int_equal(fixture->replies, 0);
    get("/health/live");
    assert_answer(200, "application/json", "{\"status\":\"ok\"}");
    buffer_append_text(&kept->body, TEXT("at last"));
    operator_answer_finish(kept, 200);
    assert_int_equal(fixture->wakes, 1);
    operator_desk_turn(&fixture->context.operators);
    assert_answer(200, "text/plain", "at last");
    assert_string_equal(header("Cache-Control"), "no-store");
}

static void test_a_client_that_leaves_before_such_an_answer_is_released(void **state)
{
    (void)state;
    dispatcher_on_gone(&fixture->context, ask_later());
    assert_int_equal(fixture->releases, 1);
    operator_answer_finish(kept, 200);
    operator_desk_turn(&fixture->context.operators);
    assert_int_equal(fixture->replies, 0);
}

static void test_who_waits_for_such_an_answer_when_the_gateway_ends_is_told(void **state)
{
    (void)state;
    ask_later();
    request_wait_abort_all(&fixture->context.operator_waits);
    assert_problem(503, "/problems/draining");
    operator_answer_finish(kept, 200);
    operator_desk_turn(&fixture->context.operators);
    assert_int_equal(fixture->replies, 1);
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static void test_requests_are_counted_by_route_method_and_status(void **state)
{
    (void)state;
    static const char series[] =
        "tally_http_requests_total{route=\"/api/v1/counter/{resource_id}\",method=\"HEAD\",status=\"400\"}";
    const long before = metric(series);
    handle(prepare(0, HTTP_HEAD, "/api/v1/counter/%FF"));
    handle(prepare(0, HTTP_HEAD, "/api/v1/counter/%FF"));
    assert_int_equal(metric(series) - before, 2);
    const long unmatched = metric("tally_http_requests_total{route=\"unmatched\",method=\"other\",status=\"404\"}");
    handle(prepare(0, HTTP_OTHER_METHOD, "/x"));
    assert_int_equal(metric("tally_http_requests_total{route=\"unmatched\",method=\"other\",status=\"404\"}"),
                     unmatched + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_other_paths_are_404),
        TEST(test_other_methods_are_405),
        TEST(test_only_json_is_taken),
        TEST(test_compressed_bodies_are_not_taken),
        TEST(test_options_lists_the_methods),
        TEST(test_no_answer_is_to_be_kept),
        TEST(test_pages_of_the_origins_configured_may_call),
        TEST(test_a_body_over_the_budget_is_shed),
        TEST(test_what_the_server_refused_is_explained),
        TEST(test_the_body_limit_is_the_routes),
        TEST(test_a_request_id_comes_back),
        TEST(test_health_follows_pool_and_drain),
        TEST(test_health_names_the_instances_of_other_stores),
        TEST(test_others_are_answered_while_a_writer_takes_its_time),
        TEST(test_a_client_that_leaves_before_such_an_answer_is_released),
        TEST(test_who_waits_for_such_an_answer_when_the_gateway_ends_is_told),
        TEST(test_requests_are_counted_by_route_method_and_status),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
