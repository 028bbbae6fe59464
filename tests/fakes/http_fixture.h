/* The HTTP server over real sockets, with an application that answers at once, later, or never, and a client that reads
 * with a bound. */
#ifndef TALLY_TESTS_FAKES_HTTP_FIXTURE_H
#define TALLY_TESTS_FAKES_HTTP_FIXTURE_H

#include <stdatomic.h>
#include <stddef.h>

#include "common/http/http_budget.h"
#include "common/http/http_server.h"

enum {
    HTTP_FIXTURE_TIMEOUT_MS = 5000,
    HTTP_FIXTURE_CONNECTIONS_FEW = 8,
    HTTP_FIXTURE_WAITING_MAX = 256,
    HTTP_FIXTURE_IDLE_MS = 300,
    HTTP_FIXTURE_ANSWER_MS = 1000,
    HTTP_FIXTURE_BUDGET = 100 * 1024, /* one of the largest bodies, and not two */
};

enum { HTTP_FIXTURE_QUERY_MAX = 64 };

/* Bodies that /now and /large take. */
enum { HTTP_FIXTURE_BODY_MAX = 100, HTTP_FIXTURE_LARGE_BODY_MAX = 64 * 1024 };

#define POST(path, body_len) "POST " path " HTTP/1.1\r\nHost: t\r\nContent-Length: " body_len "\r\n\r\n"

/* Paths: /now is answered at once, /large too and takes larger bodies, /later when `release` is set, anything else with
 * 404. /large-later is both. /refused is refused at its headers, with 403. /query is answered with its query,
 * or 414, and /peer with where it comes from. */
struct http_fixture {
    struct http_budget budget;
    struct http_loop *loop;
    struct http_request *waiting[HTTP_FIXTURE_WAITING_MAX];
    size_t waiting_count;
    atomic_bool release;
    atomic_uint seen;
    atomic_uint gone;
};

/* cmocka's setup and teardown. At most 200 connections, and 400 ms for a request to arrive. */
int http_fixture_start(void **state);
/* At most HTTP_FIXTURE_CONNECTIONS_FEW, and no time-out of the server's ends a connection. */
int http_fixture_start_patient(void **state);
/* Connections without a request are ended after HTTP_FIXTURE_IDLE_MS. */
int http_fixture_start_tidy(void **state);
int http_fixture_stop(void **state);

/* Returns the socket. */
int http_fixture_connect(const struct http_fixture *fixture);
void http_fixture_send(int fd, const char *text);
/* How often wanted is in text. */
size_t http_fixture_count(const char *text, const char *wanted);
/* Reads until `wanted` was seen `times` times, or the connection ended, or time is up. NUL-terminates. Returns how
 * often. */
size_t http_fixture_read(int fd, char *text, size_t size, const char *wanted, size_t times);
/* Leaves a request waiting, so that the library cannot say whether it has something to do. Returns its connection. */
int http_fixture_keep_one_waiting(struct http_fixture *fixture);

#endif
