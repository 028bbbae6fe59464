#include "common/net/http_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/scripted_http.h"

struct answer {
    int result;
    int status;
    struct buffer body;
    struct error error;
};

/* A server that always answers with these bytes; NULL: never. */
static struct scripted_http *start_server(const char *answer)
{
    struct scripted_http *server = scripted_http_start(scripted_http_always, (void *)(uintptr_t)answer);
    assert_non_null(server);
    return server;
}

/* One GET; bodies over 16 bytes are refused. */
static struct answer get_from(struct scripted_http *server, int timeout_ms)
{
    char url[64];
    struct answer answer = {.status = -1};
    struct http_client *client = http_client_create();
    assert_non_null(client);
    buffer_init(&answer.body);
    snprintf(url, sizeof(url), "http://%s/a?b=c", scripted_http_address(server));
    answer.result = http_client_get(client, url, timeout_ms, 16, &answer.status, &answer.body, &answer.error);
    http_client_free(client);
    return answer;
}

static void test_status_and_body_of_an_answer_are_returned(void **state)
{
    (void)state;
    struct scripted_http *server = start_server("HTTP/1.1 503 Sorry\r\nContent-Length: 5\r\n\r\nhello");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, 0);
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.body.len, 5);
    assert_memory_equal(answer.body.data, "hello", 5);
    assert_non_null(scripted_http_wait(server, "GET /a?b=c HTTP/1.1\r\n", 1));
    buffer_done(&answer.body);
    scripted_http_stop(server);
}

static void test_a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct scripted_http *server =
        start_server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, 0);
    assert_int_equal(answer.status, 302);
    buffer_done(&answer.body);
    scripted_http_stop(server);
}

static void test_a_proxy_of_the_environment_is_not_asked(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct scripted_http *server = start_server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct answer answer = get_from(server, 5000);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(answer.result, 0);
    assert_int_equal(answer.status, 200);
    buffer_done(&answer.body);
    scripted_http_stop(server);
}

static void test_a_body_over_the_limit_is_an_error(void **state)
{
    (void)state;
    struct scripted_http *server = start_server("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n12345678901234567");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, -1);
    assert_true(answer.body.len <= 16);
    buffer_done(&answer.body);
    scripted_http_stop(server);
}

static void test_a_silent_server_is_given_up_in_time(void **state)
{
    (void)state;
    struct scripted_http *server = start_server(NULL);
    const int64_t start_us = clock_monotonic_us();
    struct answer answer = get_from(server, 100);
    assert_int_equal(answer.result, -1);
    assert_true(clock_monotonic_us() - start_us >= 90 * 1000);
    assert_non_null(strstr(answer.error.message, "timed out"));
    buffer_done(&answer.body);
    scripted_http_stop(server);
}

static void test_an_answer_that_is_not_http_is_an_error(void **state)
{
    (void)state;
    struct scripted_http *server = start_server("-ERR unknown command 'GET'\r\n");
    struct answer answer = get_from(server, 5000);
    assert_int_equal(answer.result, -1);
    buffer_done(&answer.body);
    scripted_http_stop(server);
}

static void test_only_http_is_spoken(void **state)
{
    (void)state;
    int status;
    struct buffer body;
    struct error error;
    struct http_client *client = http_client_create();
    buffer_init(&body);
    assert_int_equal(http_client_get(client, "file:///etc/hostname", 1000, 1024, &status, &body, &error), -1);
    assert_ptr_equal(strstr(error.message, "GET file:///etc/hostname: "), error.message);
    buffer_done(&body);
    http_client_free(client);
}

/* What was sent to a server whose answer has the header X-Answer: 42. */
static void answer_42(void *ctx, const char *request, struct buffer *out)
{
    (void)ctx;
    (void)request;
    scripted_http_reply(out, 201, "x-answer: 42\r\n", "made");
}

struct conversation {
    struct scripted_http *server;
    struct http_client *client;
    struct http_client_answer answer;
    struct buffer body;
    struct error error;
    char url[64];
};

static void start_conversation(struct conversation *conversation, scripted_http_script script)
{
    memset(conversation, 0, sizeof(*conversation));
    conversation->server = scripted_http_start(script, NULL);
    conversation->client = http_client_create();
    assert_non_null(conversation->server);
    assert_non_null(conversation->client);
    snprintf(conversation->url, sizeof(conversation->url), "http://%s/x", scripted_http_address(conversation->server));
    buffer_init(&conversation->body);
}

static void end_conversation(struct conversation *conversation)
{
    buffer_done(&conversation->body);
    http_client_free(conversation->client);
    scripted_http_stop(conversation->server);
}

static int ask(struct conversation *conversation, struct http_client_request request)
{
    request.url = conversation->url;
    request.body_max = 1024;
    return http_client_request(conversation->client, &request, &conversation->answer, &conversation->body,
                               &conversation->error);
}

static void test_a_put_sends_its_body_and_headers(void **state)
{
    (void)state;
    struct conversation talk;
    start_conversation(&talk, answer_42);
    static const char *const headers[] = {"Content-Type: application/json", "X-Token: t"};
    const struct http_client_request request = {.method = HTTP_CLIENT_PUT,
                                                .body = TEXT("{\"a\":1}"),
                                                .headers = headers,
                                                .header_count = 2,
                                                .timeout_ms = 5000};
    assert_int_equal(ask(&talk, request), 0);
    assert_int_equal(talk.answer.status, 201);
    assert_int_equal(talk.body.len, 4);
    const char *sent = scripted_http_wait(talk.server, "PUT /x HTTP/1.1\r\n", 1);
    assert_non_null(sent);
    assert_non_null(strstr(sent, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(sent, "\r\nX-Token: t\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n{\"a\":1}"));
    end_conversation(&talk);
}

static void test_a_long_post_is_sent_without_asking_first(void **state)
{
    (void)state;
    enum { LONG = 2 * 1024 * 1024 };
    static char body[LONG];
    struct conversation talk;
    memset(body, 'x', sizeof(body));
    start_conversation(&talk, answer_42);
    const struct http_client_request request = {
        .method = HTTP_CLIENT_POST, .body = {body, sizeof(body)}, .timeout_ms = 5000};
    assert_int_equal(ask(&talk, request), 0);
    const char *sent = scripted_http_wait(talk.server, "POST /x HTTP/1.1\r\n", 1);
    assert_non_null(sent);
    assert_non_null(strstr(sent, "\r\nContent-Length: 2097152\r\n"));
    assert_null(strcasestr(sent, "Expect"));
    end_conversation(&talk);
}

static void answer_1025_bytes(void *ctx, const char *request, struct buffer *out)
{
    (void)ctx;
    (void)request;
    char body[1026];
    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    scripted_http_reply(out, 200, NULL, body);
}

static void test_a_body_that_is_too_long_is_cut_if_wished(void **state)
{
    (void)state;
    struct conversation talk;
    start_conversation(&talk, answer_1025_bytes);
    assert_int_equal(ask(&talk, (struct http_client_request){.timeout_ms = 5000}), -1);
    assert_int_equal(ask(&talk, (struct http_client_request){.timeout_ms = 5000, .cuts_body = true}), 0);
    assert_int_equal(talk.answer.status, 200);
    assert_int_equal(talk.body.len, 1024);
    end_conversation(&talk);
}

static void test_a_get_after_a_put_has_nothing_of_it(void **state)
{
    (void)state;
    struct conversation talk;
    start_conversation(&talk, answer_42);
    static const char *const headers[] = {"X-Token: t"};
    const struct http_client_request put = {
        .method = HTTP_CLIENT_PUT, .headers = headers, .header_count = 1, .timeout_ms = 5000};
    assert_int_equal(ask(&talk, put), 0);
    const char *sent = scripted_http_wait(talk.server, "PUT /x HTTP/1.1\r\n", 1);
    assert_non_null(sent);
    assert_non_null(strstr(sent, "\r\nContent-Length: 0\r\n"));
    assert_int_equal(ask(&talk, (struct http_client_request){.timeout_ms = 5000}), 0);
    sent = scripted_http_wait(talk.server, "GET /x HTTP/1.1\r\n", 1);
    assert_non_null(sent);
    assert_null(strstr(sent, "X-Token"));
    assert_null(strcasestr(sent, "Content-"));
    end_conversation(&talk);
}

static void test_a_wanted_header_and_the_own_address_are_returned(void **state)
{
    (void)state;
    struct conversation talk;
    start_conversation(&talk, answer_42);
    assert_int_equal(ask(&talk, (struct http_client_request){.wanted_header = "X-Answer", .timeout_ms = 5000}), 0);
    assert_string_equal(talk.answer.header, "42");
    assert_string_equal(talk.answer.local_address, "127.0.0.1");
    assert_int_equal(ask(&talk, (struct http_client_request){.wanted_header = "X-Other", .timeout_ms = 5000}), 0);
    assert_string_equal(talk.answer.header, "");
    assert_int_equal(ask(&talk, (struct http_client_request){.timeout_ms = 5000}), 0);
    assert_string_equal(talk.answer.header, "");
    end_conversation(&talk);
}

static void come_back_in_7_s(void *ctx, const char *request, struct buffer *out)
{
    (void)ctx;
    (void)request;
    scripted_http_reply(out, 503, "Retry-After: 7\r\n", "");
}

/* A date that is long over. */
static void come_back_in_1999(void *ctx, const char *request, struct buffer *out)
{
    (void)ctx;
    (void)request;
    scripted_http_reply(out, 503, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", "");
}

static int64_t retry_after_of(scripted_http_script script)
{
    struct conversation talk;
    start_conversation(&talk, script);
    assert_int_equal(ask(&talk, (struct http_client_request){.timeout_ms = 5000}), 0);
    const int64_t seconds = talk.answer.retry_after_s;
    end_conversation(&talk);
    return seconds;
}

static void test_when_to_come_back_is_returned(void **state)
{
    (void)state;
    assert_int_equal(retry_after_of(come_back_in_7_s), 7);
    assert_int_equal(retry_after_of(come_back_in_1999), 0);
    assert_int_equal(retry_after_of(answer_42), 0);
}

static void *ask_for_an_hour(void *ctx)
{
    struct conversation *talk = ctx;
    const int result = ask(talk, (struct http_client_request){.timeout_ms = 3600 * 1000});
    return (void *)(intptr_t)result;
}

static void test_a_cancelled_request_ends_at_once_and_so_does_each_later_one(void **state)
{
    (void)state;
    struct conversation talk;
    pthread_t thread;
    void *result = NULL;
    start_conversation(&talk, scripted_http_always);
    const int64_t start_us = clock_monotonic_us();
    assert_int_equal(pthread_create(&thread, NULL, ask_for_an_hour, &talk), 0);
    assert_non_null(scripted_http_wait(talk.server, "GET /x", 1));
    http_client_cancel(talk.client);
    pthread_join(thread, &result);
    assert_int_equal((intptr_t)result, -1);
    assert_non_null(strstr(talk.error.message, "cancelled"));
    assert_int_equal(ask(&talk, (struct http_client_request){.timeout_ms = 3600 * 1000}), -1);
    assert_true(clock_monotonic_us() - start_us < INT64_C(30) * 1000 * 1000);
    assert_int_equal(scripted_http_count(talk.server, "GET"), 1);
    end_conversation(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_and_body_of_an_answer_are_returned),
        cmocka_unit_test(test_a_redirect_is_not_followed),
        cmocka_unit_test(test_a_proxy_of_the_environment_is_not_asked),
        cmocka_unit_test(test_a_body_over_the_limit_is_an_error),
        cmocka_unit_test(test_a_silent_server_is_given_up_in_time),
        cmocka_unit_test(test_an_answer_that_is_not_http_is_an_error),
        cmocka_unit_test(test_only_http_is_spoken),
        cmocka_unit_test(test_a_put_sends_its_body_and_headers),
        cmocka_unit_test(test_a_long_post_is_sent_without_asking_first),
        cmocka_unit_test(test_a_body_that_is_too_long_is_cut_if_wished),
        cmocka_unit_test(test_a_get_after_a_put_has_nothing_of_it),
        cmocka_unit_test(test_when_to_come_back_is_returned),
        cmocka_unit_test(test_a_wanted_header_and_the_own_address_are_returned),
        cmocka_unit_test(test_a_cancelled_request_ends_at_once_and_so_does_each_later_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
