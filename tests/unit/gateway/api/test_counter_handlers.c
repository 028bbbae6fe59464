#include "gateway/api/counter_handlers.h"

#include "tests/fakes/gateway_fixture.h"

/* --- increments --------------------------------------------------------------------------------------------------- */

static void test_an_increment_is_answered_when_its_result_comes(void **state)
{
    (void)state;
    post("/api/v1/counter/increment", LIKE);
    assert_int_equal(fixture->status, 0);
    assert_int_equal(fixture->submitted->kind, BATCH_INCREMENT);
    assert_int_equal(fixture->submitted->operation_count, 1);
    assert_int_equal(fixture->submitted->deadline_us, fixture->requests[0].complete_us + TIMEOUT_US);
    finish(STATUS_OK, INT64_MAX, false);
    assert_answer(200, "application/json",
                  "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"value\":9223372036854775807}");
    assert_null(header("Idempotent-Replayed"));
    assert_null(header("Retry-After"));
    assert_int_equal(strlen(header("X-Request-Id")), 16);
    assert_int_equal(fixture->context.pending, 0);
}

static void test_a_replay_says_so_in_a_header(void **state)
{
    (void)state;
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
    char key[] = "key-1";
    set_body(0, LIKE);
    set_field(request, FIELD_IDEMPOTENCY_KEY, text_of(key));
    handle(request);
    memset(key, 'x', sizeof(key)); /* the header's memory is not the operation's */
    assert_true(text_equal(fixture->submitted->operations[0].idempotency_key, TEXT("key-1")));
    finish(STATUS_OK, 3, true);
    assert_int_equal(fixture->status, 200);
    assert_string_equal(header("Idempotent-Replayed"), "true");
}

static void test_a_bad_key_is_refused(void **state)
{
    static const struct text bad[] = {{"", 0}, {"a b", 3}, {"a\x7F", 2}, {"\xC3\xA9", 2}};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
        set_body(0, LIKE);
        set_field(request, FIELD_IDEMPOTENCY_KEY, bad[i]);
        handle(request);
        assert_problem(400, "Idempotency-Key must be 1-128 characters of visible ASCII");
    }
    assert_null(fixture->submitted);
}

static void test_a_repeated_key_header_is_refused(void **state)
{
    (void)state;
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
    set_body(0, LIKE);
    request->fields[FIELD_IDEMPOTENCY_KEY] = (struct http_field){TEXT("k"), 2};
    handle(request);
    assert_problem(400, "Idempotency-Key must be given once");
}

static void test_a_header_that_only_looks_like_a_key_is_refused(void **state)
{
    (void)state;
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
    set_body(0, LIKE);
    request->notable_name = TEXT("X-Idempotency-Key");
    handle(request);
    assert_problem(400, "X-Idempotency-Key is not a header of this call: give the key as Idempotency-Key");
    request = prepare(0, HTTP_POST, "/api/v1/counter/increment/batch");
    set_body(0, "{\"increments\":[" LIKE "]}");
    request->notable_name = TEXT("X-Idempotency-Key");
    handle(request);
    assert_problem(400, "X-Idempotency-Key is not a header of this call: give each item its idempotency_key");
    assert_null(fixture->submitted);
    request = prepare(0, HTTP_POST, "/api/v1/counter/increment");
    set_body(0, LIKE);
    request->notable_name = TEXT("X-Idempotency-Key");
    set_field(request, FIELD_IDEMPOTENCY_KEY, TEXT("k"));
    handle(request);
    assert_non_null(fixture->submitted);
    finish(STATUS_OK, 1, false);
}

static void test_a_batch_takes_no_key_header(void **state)
{
    (void)state;
    struct http_request *request = prepare(0, HTTP_POST, "/api/v1/counter/increment/batch");
    set_body(0, "{\"increments\":[" LIKE "]}");
    set_field(request, FIELD_IDEMPOTENCY_KEY, TEXT("k"));
    handle(request);
    assert_problem(400, "Idempotency-Key must not be given for a batch");
    assert_null(fixture->submitted);
}

static void test_a_body_that_breaks_a_rule_is_not_submitted(void **state)
{
    (void)state;
    post("/api/v1/counter/increment", "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"delta\":5}");
    assert_answer(400, "application/problem+json",
                  "{\"type\":\"/problems/invalid-argument\",\"title\":\"Invalid argument\",\"status\":400,"
                  "\"detail\":\"delta is not a field of this call\",\"outcome\":\"not_applied\"}");
    assert_null(fixture->submitted);
}

static void test_every_status_has_its_http_answer(void **state)
{
    (void)state;
    for (enum status status = STATUS_INVALID_ARGUMENT; status < STATUS_COUNT; status++) {
        char outcome[64];
        snprintf(outcome, sizeof(outcome), "\"outcome\":\"%s\"", outcome_name(status_outcome(status)));
        post("/api/v1/counter/increment", LIKE);
        finish(status, 0, false);
        assert_problem(status_http_code(status), outcome);
        assert_int_equal(header("Retry-After") != NULL, status_http_code(status) == 503);
    }
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static void test_a_bad_item_does_not_hold_the_others_up(void **state)
{
    (void)state;
    post("/api/v1/counter/increment/batch", "{\"increments\":[" LIKE ",7," LIKE "]}");
    assert_int_equal(fixture->submitted->operation_count, 3);
    assert_true(fixture->submitted->operations[1].done);
    finish(STATUS_OK, 4, true);
    assert_answer(200, "application/json",
                  "{\"results\":[{\"resource_id\":\"a\",\"counter_type\":\"like\",\"value\":4,\"replayed\":true},"
                  "{\"error\":{\"type\":\"/problems/invalid-argument\",\"title\":\"Invalid argument\",\"status\":400,"
                  "\"detail\":\"increments[1] must be an object\",\"outcome\":\"not_applied\"}},"
                  "{\"resource_id\":\"a\",\"counter_type\":\"like\",\"value\":4,\"replayed\":true}]}");
}

static void test_a_batch_of_bad_items_is_answered_at_once(void **state)
{
    (void)state;
    post("/api/v1/counter/batch", "{\"queries\":[1]}");
    assert_answer(200, "application/json",
                  "{\"results\":[{\"error\":{\"type\":\"/problems/invalid-argument\",\"title\":\"Invalid argument\","
                  "\"status\":400,\"detail\":\"queries[0] must be an object\"}}]}");
    assert_null(fixture->submitted);
}

static void test_a_batch_that_could_not_be_sent_is_one_503(void **state)
{
    (void)state;
    post("/api/v1/counter/increment/batch", "{\"increments\":[" LIKE ",7," LIKE "]}");
    finish(STATUS_NO_SERVICE, 0, false);
    assert_problem(503, "/problems/no-service");
    assert_string_equal(header("Retry-After"), "1");
}

static void test_a_batch_sent_in_part_tells_of_each_item(void **state)
{
    (void)state;
    post("/api/v1/counter/increment/batch", "{\"increments\":[" LIKE "," LIKE "]}");
    fixture->submitted->operations[0].status = STATUS_REPLY_LOST;
    fixture->submitted->operations[0].done = true;
    finish(STATUS_NO_SERVICE, 0, false);
    assert_int_equal(fixture->status, 200);
    assert_non_null(strstr(fixture->body, "\"status\":504"));
    assert_non_null(strstr(fixture->body, "\"status\":503"));
}

/* --- reads -------------------------------------------------------------------------------------------------------- */

static void test_a_counter_is_read_by_its_decoded_path(void **state)
{
    (void)state;
    get("/api/v1/counter/a%2Fb%C3%A9/like");
    assert_int_equal(fixture->submitted->kind, BATCH_GET);
    assert_true(text_equal(fixture->submitted->operations[0].resource_id, TEXT("a/b\xC3\xA9")));
    finish(STATUS_OK, -7, false);
    assert_answer(200, "application/json", "{\"resource_id\":\"a/b\xC3\xA9\",\"counter_type\":\"like\",\"value\":-7}");
}

static void test_a_reads_problem_has_no_outcome(void **state)
{
    (void)state;
    get("/api/v1/counter/a/like");
    finish(STATUS_DEADLINE_EXCEEDED, 0, false);
    assert_answer(504, "application/problem+json",
                  "{\"type\":\"/problems/deadline-exceeded\",\"title\":\"No answer in time\",\"status\":504,"
                  "\"detail\":\"the request was sent and no answer came before its deadline\"}");
}

static void test_bad_paths_are_refused(void **state)
{
    static const struct {
        const char *path;
        const char *detail;
    } bad[] = {
        {"/api/v1/counter/a%zz/like", "resource_id must have two hexadecimal digits"},
        {"/api/v1/counter/a%00/like", "resource_id must have two hexadecimal digits"},
        {"/api/v1/counter/a/li%ke", "counter_type must have two hexadecimal digits"},
        {"/api/v1/counter/a/Like", "counter_type must start with a letter"},
        {"/api/v1/counter/%7B/like", "resource_id must not have"},
        {"/api/v1/counter/%FF", "resource_id must be UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        get(bad[i].path);
        assert_problem(400, bad[i].detail);
    }
}

static void test_a_long_path_is_refused_however_it_is_encoded(void **state)
{
    (void)state;
    static const char prefix[] = "/api/v1/counter/";
    char path[1024];
    snprintf(path, sizeof(path), "%s", prefix);
    char *end = path + strlen(prefix);
    for (int i = 0; i < 256; i++, end += 3) {
        memcpy(end, "%41", 4);
    }
    get(path);
    assert_int_equal(strlen(fixture->listed), 256);
    request_wait_abort_all(&fixture->context.lone_calls);
    memcpy(end, "%41", 4);
    get(path);
    assert_problem(400, "resource_id must be 1-256 bytes");
}

static void test_a_listing_is_a_call_of_its_own(void **state)
{
    (void)state;
    Tally__V1__Counter like = TALLY__V1__COUNTER__INIT;
    Tally__V1__Counter view = TALLY__V1__COUNTER__INIT;
    Tally__V1__Counter *counters[] = {&like, &view};
    Tally__V1__ListCountersResponse response = TALLY__V1__LIST_COUNTERS_RESPONSE__INIT;
    uint8_t like_name[] = "like";
    uint8_t view_name[] = "view";
    like.counter_type = (ProtobufCBinaryData){4, like_name};
    like.value = 3;
    view.counter_type = (ProtobufCBinaryData){4, view_name};
    view.value = INT64_MIN;
    response.counters = counters;
    response.n_counters = 2;
    get("/api/v1/counter/batch");
    assert_string_equal(fixture->listed, "batch");
    assert_int_equal(fixture->context.pending, 1);
    finish_call(STATUS_OK, &response.base);
    assert_answer(200, "application/json",
                  "{\"resource_id\":\"batch\",\"counters\":{\"like\":3,\"view\":-9223372036854775808}}");
    assert_int_equal(fixture->context.pending, 0);
}

static void test_a_listing_that_failed(void **state)
{
    (void)state;
    get("/api/v1/counter/a");
    fixture->said = "redis:6379 is down";
    finish_call(STATUS_REDIS_DOWN, NULL);
    assert_problem(503, "/problems/store-unavailable");
    assert_null(strstr(fixture->body, "6379"));
}

static void test_a_listing_that_the_service_refuses_is_told_why(void **state)
{
    static const char *const untold[] = {NULL, "", "\xFF"};
    (void)state;
    get("/api/v1/counter/a");
    fixture->said = "resource_id must not be \"a\"";
    finish_call(STATUS_INVALID_ARGUMENT, NULL);
    assert_problem(400, "\"detail\":\"resource_id must not be \\\"a\\\"\"");
    for (size_t i = 0; i < sizeof(untold) / sizeof(untold[0]); i++) {
        get("/api/v1/counter/a");
        fixture->said = untold[i];
        finish_call(STATUS_INVALID_ARGUMENT, NULL);
        assert_problem(400, "\"detail\":\"the request breaks a rule of the service\"");
    }
}

static void test_a_refusal_longer_than_its_bound_is_not_told(void **state)
{
    char said[2049 + 1];
    (void)state;
    memset(said, 'a', sizeof(said));
    for (size_t len = 2048; len <= 2049; len++) {
        said[len] = '\0';
        get("/api/v1/counter/a");
        fixture->said = said;
        finish_call(STATUS_INVALID_ARGUMENT, NULL);
        assert_problem(400, len == 2048 ? said : "the request breaks a rule of the service");
        said[len] = 'a';
    }
}

static void test_a_listing_that_no_counter_service_answers_so(void **state)
{
    (void)state;
    get("/api/v1/counter/a");
    grpc_slice slice = grpc_slice_from_static_string("\xFF");
    grpc_byte_buffer *reply = grpc_raw_byte_buffer_create(&slice, 1);
    fixture->on_done(fixture->on_done_ctx, STATUS_OK, reply);
    grpc_byte_buffer_destroy(reply);
    assert_problem(500, "/problems/version-mismatch");
}

static void test_a_listing_with_a_name_that_no_counter_can_have(void **state)
{
    (void)state;
    Tally__V1__Counter counter = TALLY__V1__COUNTER__INIT;
    Tally__V1__Counter *counters[] = {&counter};
    Tally__V1__ListCountersResponse response = TALLY__V1__LIST_COUNTERS_RESPONSE__INIT;
    uint8_t name[] = "No";
    counter.counter_type = (ProtobufCBinaryData){2, name};
    response.counters = counters;
    response.n_counters = 1;
    get("/api/v1/counter/a");
    finish_call(STATUS_OK, &response.base);
    assert_problem(500, "/problems/data-damaged");
}

/* --- overload, disconnects, shutdown ------------------------------------------------------------------------------ */

static void test_too_many_waiting_requests_are_shed(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUESTS; i++) {
        struct http_request *request = prepare(i, HTTP_POST, "/api/v1/counter/increment");
        set_body(i, LIKE);
        handle(request);
    }
    assert_problem(503, "/problems/overloaded");
    assert_string_equal(header("Retry-After"), "1");
    assert_int_equal(fixture->context.pending, MAX_PENDING);
    assert_int_equal(fixture->replies, 1);
    finish(STATUS_OK, 1, false); /* of the second: its answer comes */
    assert_int_equal(fixture->context.pending, 1);
}

static void test_what_waited_in_vain_counts_as_shed(void **state)
{
    (void)state;
    const long before = metric("tally_shed_total{reason=\"not_in_time\"}");
    post("/api/v1/counter/increment", LIKE);
    finish(STATUS_NOT_SENT_IN_TIME, 0, false);
    assert_problem(503, "/problems/not-sent-in-time");
    assert_int_equal(metric("tally_shed_total{reason=\"not_in_time\"}"), before + 1);
}

static void test_a_batcher_without_memory_sheds(void **state)
{
    (void)state;
    fixture->submit_status = STATUS_OUT_OF_MEMORY;
    post("/api/v1/counter/increment", LIKE);
    assert_problem(503, "/problems/overloaded");
    assert_problem(503, "there is no memory for the request");
    assert_problem(503, "\"outcome\":\"not_applied\"");
    assert_int_equal(fixture->context.pending, 0);
}

static void test_a_request_whose_client_left_is_released_with_its_result(void **state)
{
    (void)state;
    post("/api/v1/counter/increment", LIKE);
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    assert_int_equal(fixture->releases, 0);
    finish(STATUS_OK, 1, false);
    assert_int_equal(fixture->releases, 1);
    assert_int_equal(fixture->replies, 0);
    assert_int_equal(fixture->context.pending, 0);
}

static void test_a_listing_whose_client_left_is_given_up(void **state)
{
    (void)state;
    get("/api/v1/counter/a");
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    assert_true(fixture->call_abandoned);
    assert_int_equal(fixture->releases, 1);
    assert_int_equal(fixture->context.pending, 0);
}

static void test_the_shutdown_answers_listings_and_refuses_new_requests(void **state)
{
    (void)state;
    get("/api/v1/counter/a");
    fixture->context.is_draining = true;
    request_wait_abort_all(&fixture->context.lone_calls);
    assert_problem(503, "/problems/draining");
    assert_null(fixture->context.lone_calls.first);
    post("/api/v1/counter/increment", LIKE);
    assert_problem(503, "/problems/draining");
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

static long written(void)
{
    return metric("tally_writes_total{outcome=\"applied\"}") + metric("tally_writes_total{outcome=\"replayed\"}") +
           metric("tally_writes_total{outcome=\"not_applied\"}") + metric("tally_writes_total{outcome=\"unknown\"}");
}

static void test_every_accepted_write_is_counted_with_its_outcome(void **state)
{
    (void)state;
    const long accepted = metric("tally_writes_accepted_total");
    const long written_before = written();
    const long unknown = metric("tally_writes_total{outcome=\"unknown\"}");
    const long not_applied = metric("tally_writes_total{outcome=\"not_applied\"}");
    const long replayed = metric("tally_writes_total{outcome=\"replayed\"}");
    post("/api/v1/counter/increment/batch", "{\"increments\":[" LIKE ",7," LIKE "]}");
    finish(STATUS_REPLY_LOST, 0, false);
    post("/api/v1/counter/increment/batch", "{\"increments\":[" LIKE ",7]}");
    finish(STATUS_OK, 1, true);
    post("/api/v1/counter/increment", LIKE);
    dispatcher_on_gone(&fixture->context, &fixture->requests[0]);
    finish(STATUS_OVERFLOW, 0, false);
    get("/api/v1/counter/a/like");
    finish(STATUS_OK, 1, false);
    assert_int_equal(metric("tally_writes_accepted_total") - accepted, 4);
    assert_int_equal(metric("tally_writes_total{outcome=\"unknown\"}") - unknown, 2);
    assert_int_equal(metric("tally_writes_total{outcome=\"not_applied\"}") - not_applied, 1);
    assert_int_equal(metric("tally_writes_total{outcome=\"replayed\"}") - replayed, 1);
    assert_int_equal(written() - written_before, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_increment_is_answered_when_its_result_comes),
        TEST(test_a_replay_says_so_in_a_header),
        TEST(test_a_bad_key_is_refused),
        TEST(test_a_repeated_key_header_is_refused),
        TEST(test_a_header_that_only_looks_like_a_key_is_refused),
        TEST(test_a_batch_takes_no_key_header),
        TEST(test_a_body_that_breaks_a_rule_is_not_submitted),
        TEST(test_every_status_has_its_http_answer),
        TEST(test_a_bad_item_does_not_hold_the_others_up),
        TEST(test_a_batch_of_bad_items_is_answered_at_once),
        TEST(test_a_batch_that_could_not_be_sent_is_one_503),
        TEST(test_a_batch_sent_in_part_tells_of_each_item),
        TEST(test_a_counter_is_read_by_its_decoded_path),
        TEST(test_a_reads_problem_has_no_outcome),
        TEST(test_bad_paths_are_refused),
        TEST(test_a_long_path_is_refused_however_it_is_encoded),
        TEST(test_a_listing_is_a_call_of_its_own),
        TEST(test_a_listing_that_failed),
        TEST(test_a_listing_that_the_service_refuses_is_told_why),
        TEST(test_a_refusal_longer_than_its_bound_is_not_told),
        TEST(test_a_listing_that_no_counter_service_answers_so),
        TEST(test_a_listing_with_a_name_that_no_counter_can_have),
        TEST(test_too_many_waiting_requests_are_shed),
        TEST(test_what_waited_in_vain_counts_as_shed),
        TEST(test_a_batcher_without_memory_sheds),
        TEST(test_a_request_whose_client_left_is_released_with_its_result),
        TEST(test_a_listing_whose_client_left_is_given_up),
        TEST(test_the_shutdown_answers_listings_and_refuses_new_requests),
        TEST(test_every_accepted_write_is_counted_with_its_outcome),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
