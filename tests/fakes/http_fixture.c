#include "tests/fakes/http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/http/http_peer.h"

static void answer(struct http_request *request, int status)
{
    buffer_append(&request->reply, request->body, request->refusal == HTTP_NOT_REFUSED ? request->body_len : 0);
    const struct http_response response = {
        .status = status,
        .content_type = "text/plain",
        .body = {request->reply.data, request->reply.len},
        .headers = {{"X-Test", "yes"}},
        .header_count = 1,
    };
    http_reply(request, &response);
}

static void answer_query(struct http_request *request)
{
    char query[HTTP_FIXTURE_QUERY_MAX];
    const int len = http_request_query(request, query, sizeof(query));
    if (len >= 0) {
        buffer_append(&request->reply, query, (size_t)len);
    }
    answer(request, len >= 0 ? 200 : 414);
}

static void answer_peer(struct http_request *request)
{
    const struct http_peer peer = http_request_peer(request);
    buffer_append_text(&request->reply, text_of(peer.address));
    buffer_append_text(&request->reply, peer.is_loopback ? TEXT(" loopback") : TEXT(" other"));
    answer(request, 200);
}

static struct http_allowance on_headers(void *ctx, struct http_request *request)
{
    (void)ctx;
    const bool is_large = text_equal(request->path, TEXT("/large")) || text_equal(request->path, TEXT("/large-later"));
    return (struct http_allowance){
        .is_refused = text_equal(request->path, TEXT("/refused")),
        .body_max = is_large ? HTTP_FIXTURE_LARGE_BODY_MAX : HTTP_FIXTURE_BODY_MAX,
    };
}

static void on_request(void *ctx, struct http_request *request)
{
    struct http_fixture *fixture = ctx;
    atomic_fetch_add(&fixture->seen, 1);
    if (request->refusal != HTTP_NOT_REFUSED) {
        static const int status_of[] = {[HTTP_MALFORMED] = 400,
                                        [HTTP_BODY_TOO_LARGE] = 413,
                                        [HTTP_OVER_BUDGET] = 503,
                                        [HTTP_REFUSED_BY_APPLICATION] = 403};
        answer(request, status_of[request->refusal]);
    } else if (text_equal(request->path, TEXT("/later")) || text_equal(request->path, TEXT("/large-later"))) {
        fixture->waiting[fixture->waiting_count++] = request;
    } else if (text_equal(request->path, TEXT("/query"))) {
        answer_query(request);
    } else if (text_equal(request->path, TEXT("/peer"))) {
        answer_peer(request);
    } else {
        const bool known = text_equal(request->path, TEXT("/now")) || text_equal(request->path, TEXT("/large"));
        answer(request, known ? 200 : 404);
    }
}

static void on_gone(void *ctx, struct http_request *request)
{
    struct http_fixture *fixture = ctx;
    for (size_t i = 0; i < fixture->waiting_count; i++) {
        if (fixture->waiting[i] == request) {
            fixture->waiting[i] = fixture->waiting[--fixture->waiting_count];
            break;
        }
    }
    atomic_fetch_add(&fixture->gone, 1);
    http_request_release(request);
}

static void on_wake(void *ctx)
{
    struct http_fixture *fixture = ctx;
    while (atomic_load(&fixture->release) && fixture->waiting_count > 0) {
        answer(fixture->waiting[--fixture->waiting_count], 200);
    }
}

/* Answers that are made at the end of a turn must leave without a further event. */
static int64_t on_turn_end(void *ctx)
{
    on_wake(ctx);
    return INT64_MAX;
}

static int start_with(void **state, int max_connections, int idle_timeout_ms, int read_timeout_ms)
{
    struct http_fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->budget.max = HTTP_FIXTURE_BUDGET;
    const struct http_loop_options options = {
        .host = "127.0.0.1",
        .max_connections = max_connections,
        .idle_timeout_ms = idle_timeout_ms,
        .read_timeout_ms = read_timeout_ms,
        .answer_timeout_ms = HTTP_FIXTURE_ANSWER_MS,
        .thread_name = "http-test",
    };
    const struct http_application application = {
        .ctx = fixture,
        .request_state_size = 8,
        .budget = &fixture->budget,
        .on_headers = on_headers,
        .on_request = on_request,
        .on_gone = on_gone,
        .on_wake = on_wake,
        .on_turn_end = on_turn_end,
    };
    struct error error;
    fixture->loop = http_loop_create(&options, &application, &error);
    assert_non_null(fixture->loop);
    assert_int_equal(http_loop_start(fixture->loop, &error), 0);
    *state = fixture;
    return 0;
}

int http_fixture_start(void **state)
{
    return start_with(state, 200, 60000, 400);
}

/* No time-out of the server's ends a connection here. */
int http_fixture_start_patient(void **state)
{
    return start_with(state, HTTP_FIXTURE_CONNECTIONS_FEW, 60000, 60000);
}

int http_fixture_start_tidy(void **state)
{
    return start_with(state, 200, HTTP_FIXTURE_IDLE_MS, 60000);
}

int http_fixture_stop(void **state)
{
    struct http_fixture *fixture = *state;
    http_loop_free(fixture->loop);
    free(fixture);
    return 0;
}

int http_fixture_connect(const struct http_fixture *fixture)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)http_loop_port(fixture->loop)),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void http_fixture_send(int fd, const char *text)
{
    const size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

size_t http_fixture_count(const char *text, const char *wanted)
{
    size_t count = 0;
    for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted)) {
        count++;
    }
    return count;
}

size_t http_fixture_read(int fd, char *text, size_t size, const char *wanted, size_t times)
{
    const int64_t end_us = clock_monotonic_us() + (int64_t)HTTP_FIXTURE_TIMEOUT_MS * 1000;
    size_t len = 0;
    text[0] = '\0';
    while (http_fixture_count(text, wanted) < times && clock_monotonic_us() < end_us) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, 100) == 0) {
            continue;
        }
        ssize_t got = recv(fd, text + len, size - len - 1, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        text[len] = '\0';
    }
    return http_fixture_count(text, wanted);
}

int http_fixture_keep_one_waiting(struct http_fixture *fixture)
{
    int fd = http_fixture_connect(fixture);
    http_fixture_send(fd, POST("/later", "1") "x");
    while (atomic_load(&fixture->seen) < 1) {
        usleep(1000);
    }
    return fd;
}

/* Sends `head`, `filling` bytes and `tail` at once and expects an answer with this status. */
