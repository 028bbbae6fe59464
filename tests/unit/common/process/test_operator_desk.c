#include "common/process/operator_desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/metrics/metrics.h"

static int wakes;

/* Instead of the HTTP server's. */
void http_loop_wake(struct http_loop *loop)
{
    (void)loop;
    wakes++;
}

static int put_back; /* times that a connection was given its usual time again */

void http_request_expect(struct http_request *request, int answer_timeout_ms)
{
    assert_true(request != NULL && answer_timeout_ms == 0);
    put_back++;
}

static const char *accept_value = "";

void http_request_whole_field(const struct http_request *request, const char *name, struct buffer *out)
{
    assert_non_null(request);
    assert_string_equal(name, "Accept");
    buffer_append_text(out, text_of(accept_value));
}

/* What was answered last, and to whom. */
static struct {
    const struct http_request *request;
    int status;
    const char *content_type;
    bool is_cacheable;
    const char *vary;
    char body[256];
} last;
static int replies;

static void reply(struct http_request *request, const struct operator_head *head)
{
    replies++;
    last.request = request;
    last.status = head->status;
    last.content_type = head->content_type;
    last.is_cacheable = head->is_cacheable;
    last.vary = head->vary;
    snprintf(last.body, sizeof(last.body), "%.*s", (int)request->reply.len,
             request->reply.len > 0 ? request->reply.data : "");
}

static struct operator_answer *kept; /* of the last one that asked for /later */

static int write_at_once(void *ctx, struct operator_answer *answer)
{
    buffer_append_text(&answer->body, text_of(ctx));
    return 200;
}

static int write_later(void *ctx, struct operator_answer *answer)
{
    (void)ctx;
    kept = answer;
    return OPERATOR_LATER;
}

static int write_refusal(void *ctx, struct operator_answer *answer)
{
    (void)ctx;
    buffer_append_text(&answer->body, TEXT("half of an ans"));
    return operator_answer_problem(answer, 409, "busy", "Busy", "one runs");
}

static const struct operator_endpoint endpoints[] = {
    {"/once", "text/plain", true, write_at_once},
    {"/later", "text/html", false, write_later},
    {"/refusal", "text/plain", true, write_refusal},
    {"/metrics", METRICS_CONTENT_TYPE, false, operator_write_metrics},
};

static char word[] = "word";
static struct operator_desk desk = {.endpoints = endpoints, .count = 4, .ctx = word, .reply = reply};
static struct http_request requests[2];

static int start(void **state)
{
    (void)state;
    wakes = replies = 0;
    buffer_init(&requests[0].reply);
    buffer_init(&requests[1].reply);
    return 0;
}

static int end(void **state)
{
    (void)state;
    operator_desk_done(&desk);
    buffer_done(&requests[0].reply);
    buffer_done(&requests[1].reply);
    return 0;
}

static void ask(const char *path, struct http_request *request)
{
    operator_desk_answer(&desk, operator_desk_find(&desk, text_of(path)), request);
}

static void assert_last(const struct http_request *request, int status, const char *content_type, const char *body)
{
    assert_ptr_equal(last.request, request);
    assert_int_equal(last.status, status);
    assert_string_equal(last.content_type, content_type);
    assert_string_equal(last.body, body);
}

static void test_a_path_is_found_as_it_is(void **state)
{
    (void)state;
    assert_ptr_equal(operator_desk_find(&desk, TEXT("/later")), &endpoints[1]);
    assert_null(operator_desk_find(&desk, TEXT("/late")));
    assert_null(operator_desk_find(&desk, TEXT("/later/")));
}

static void test_a_writer_answers_at_once(void **state)
{
    (void)state;
    ask("/once", &requests[0]);
    assert_last(&requests[0], 200, "text/plain", "word");
    assert_true(last.is_cacheable);
    assert_int_equal(wakes, 0);
}

static void test_metrics_have_the_format_that_is_wanted(void **state)
{
    (void)state;
    ask("/metrics", &requests[0]);
    assert_last(&requests[0], 200, METRICS_CONTENT_TYPE, "");
    assert_string_equal(last.vary, "Accept");
    accept_value = "application/openmetrics-text";
    ask("/metrics", &requests[1]);
    accept_value = "";
    assert_last(&requests[1], 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF\n");
    assert_string_equal(last.vary, "Accept");
    ask("/once", &requests[0]);
    assert_null(last.vary);
}

static void test_a_writer_answers_later_and_others_meanwhile(void **state)
{
    (void)state;
    ask("/later", &requests[0]);
    ask("/once", &requests[1]);
    assert_last(&requests[1], 200, "text/plain", "word");
    operator_desk_turn(&desk);
    assert_int_equal(replies, 1);
    buffer_append_text(&kept->body, TEXT("at last"));
    operator_answer_finish(kept, 203);
    assert_int_equal(wakes, 1);
    assert_int_equal(replies, 1);
    operator_desk_turn(&desk);
    assert_last(&requests[0], 203, "text/html", "at last");
    assert_false(last.is_cacheable);
    assert_int_equal(put_back, 0);
}

static void test_who_has_waited_long_has_the_usual_time_again(void **state)
{
    (void)state;
    put_back = 0;
    ask("/later", &requests[0]);
    kept->takes_long = true;
    operator_answer_finish(kept, 200);
    operator_desk_turn(&desk);
    assert_int_equal(put_back, 1);
}

static void test_answers_finished_together_go_to_those_who_asked(void **state)
{
    (void)state;
    struct operator_answer *answers[2];
    for (size_t i = 0; i < 2; i++) {
        ask("/later", &requests[i]);
        answers[i] = kept;
        buffer_append_format(&kept->body, "%zu", i);
    }
    operator_answer_finish(answers[1], 201);
    operator_answer_finish(answers[0], 200);
    operator_desk_turn(&desk);
    assert_int_equal(replies, 2);
    assert_memory_equal(requests[0].reply.data, "0", 1);
    assert_memory_equal(requests[1].reply.data, "1", 1);
}

static void test_a_client_that_has_left_is_not_answered(void **state)
{
    (void)state;
    ask("/later", &requests[0]);
    struct operator_answer *orphan = kept;
    operator_desk_gone(&desk, &requests[0]);
    ask("/later", &requests[0]); /* the next client's request, in the same place */
    buffer_append_text(&orphan->body, TEXT("for nobody"));
    operator_answer_finish(orphan, 200);
    operator_desk_turn(&desk);
    assert_int_equal(replies, 0);
    operator_answer_finish(kept, 200);
    operator_desk_turn(&desk);
    assert_last(&requests[0], 200, "text/html", "");
}

static void test_what_is_finished_after_the_last_turn_is_freed(void **state)
{
    (void)state;
    ask("/later", &requests[0]);
    operator_desk_gone(&desk, &requests[0]);
    operator_answer_finish(kept, 200);
    operator_desk_done(&desk);
    assert_int_equal(replies, 0);
}

static void test_a_writer_may_refuse(void **state)
{
    (void)state;
    ask("/refusal", &requests[0]);
    assert_last(&requests[0], 409, "application/problem+json",
                "{\"type\":\"/problems/busy\",\"title\":\"Busy\",\"status\":409,\"detail\":\"one runs\"}");
    assert_false(last.is_cacheable);
}

int main(void)
{
#define TEST_CASE(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST_CASE(test_a_path_is_found_as_it_is),
        TEST_CASE(test_a_writer_answers_at_once),
        TEST_CASE(test_metrics_have_the_format_that_is_wanted),
        TEST_CASE(test_a_writer_answers_later_and_others_meanwhile),
        TEST_CASE(test_who_has_waited_long_has_the_usual_time_again),
        TEST_CASE(test_answers_finished_together_go_to_those_who_asked),
        TEST_CASE(test_a_client_that_has_left_is_not_answered),
        TEST_CASE(test_what_is_finished_after_the_last_turn_is_freed),
        TEST_CASE(test_a_writer_may_refuse),
    };
#undef TEST_CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
