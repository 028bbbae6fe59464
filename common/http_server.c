/* How a request moves, all on the loop's thread:
 *
 *   NOTIFY_CONNECTION ─> connection (until closed)
 *     handler, first call ─> request RECEIVING ── body ──> handler, last call ─> WAITING ─> on_request
 *        └─ refused: on_request at once                                            │
 *     http_reply ─> ANSWERED ─> handler, called again at the next run: response queued ─> SENDING
 *     NOTIFY_COMPLETED ─> request back to the free list; or, while WAITING, on_gone
 *
 * A turn runs libmicrohttpd up to three times: http_progress.h says why. */
#include "common/http_server.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http_connections.h"
#include "common/http_exchange.h"
#include "common/http_head.h"
#include "common/http_progress.h"
#include "common/http_receive.h"
#include "common/limits.h"
#include "common/listener.h"
#include "common/thread.h"
#include "common/wakeup.h"

enum {
    /* Over max_connections, for those that come while none is idle: a probe gets through. */
    CONNECTIONS_RESERVE = 16,
};

struct http_loop {
    /* immutable after http_loop_start */
    struct http_application application;
    struct http_loop_options options;
    struct MHD_Daemon *daemon;
    int mhd_epoll_fd;
    int port;
    pthread_t thread;
    bool started;
    /* owned by the loop thread */
    struct http_connections connections;
    struct http_exchange_list free_exchanges;
    struct http_progress progress;
    bool accepting;
    /* any thread */
    struct wakeup wakeup;
    atomic_bool close_announced;
    atomic_bool stop_accepting_asked;
    atomic_bool stop_asked;
    atomic_uint in_flight;
    atomic_uint connection_count;
};

static enum MHD_Result note_field(void *head, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    (void)kind;
    http_head_field(head, (struct text){name, name_len}, (struct text){value, value_len});
    return MHD_YES;
}

/* --- the handler -------------------------------------------------------------------------------------------------- */

static enum MHD_Result queue_response(struct http_exchange *exchange, struct MHD_Connection *connection)
{
    const struct http_response *answer = &exchange->response;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, (void *)(uintptr_t)answer->body.data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    bool added = true;
    if (answer->content_type != NULL) {
        added = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type) == MHD_YES;
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        const struct http_header *header = &answer->headers[i];
        added = added && MHD_add_response_header(response, header->name, header->value) == MHD_YES;
    }
    if (exchange->request.refusal != HTTP_NOT_REFUSED ||
        atomic_load_explicit(&exchange->loop->close_announced, memory_order_relaxed)) {
        added = added && MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
    }
    enum MHD_Result queued = added ? MHD_queue_response(connection, (unsigned)answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    if (queued == MHD_YES) {
        exchange->phase = EXCHANGE_SENDING;
        exchange->loop->progress.answered--;
        exchange->loop->progress.sending++;
        exchange->loop->progress.ended = true;
    }
    return queued;
}

/* What http_intake has found in this request so far, in its body too. */
static void take_fault(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const char *fault = http_intake_fault(&exchange->connection->intake, exchange->number);
    if (fault != NULL) {
        request->refusal = HTTP_MALFORMED;
        request->refusal_detail = fault;
    }
}

/* Gives a complete or refused request to the application. */
static enum MHD_Result dispatch(struct http_exchange *exchange, struct MHD_Connection *connection)
{
    struct http_loop *loop = exchange->loop;
    take_fault(exchange);
    exchange->phase = EXCHANGE_WAITING;
    loop->progress.waiting++;
    if (exchange->piece_run == loop->progress.run) {
        loop->progress.arriving--;
    }
    exchange->request.complete_us = clock_monotonic_us();
    exchange->connection->receiving_since_us = 0;
    http_connections_answering(&loop->connections, exchange->connection);
    loop->application.on_request(loop->application.ctx, &exchange->request);
    return exchange->phase == EXCHANGE_ANSWERED ? queue_response(exchange, connection) : MHD_YES;
}

/* Returns NULL when out of memory. */
static struct http_exchange *begin_request(struct http_loop *loop, struct MHD_Connection *mhd_connection,
                                           const char *url, const char *method, const char *version)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd_connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_exchange *exchange =
        info->socket_context == NULL ? NULL : http_exchange_take(&loop->free_exchanges, loop, &loop->application);
    if (exchange == NULL) {
        return NULL;
    }
    http_exchange_reset(exchange);
    exchange->connection = info->socket_context;
    exchange->connection->in_request = true;
    exchange->number = ++exchange->connection->requests;
    assert(exchange->number <= exchange->connection->intake.request); /* no request goes past http_intake */
    if (exchange->connection->receiving_since_us == 0) {
        exchange->connection->receiving_since_us = clock_monotonic_us();
    }
    atomic_fetch_add_explicit(&loop->in_flight, 1, memory_order_relaxed);
    http_head_begin(&exchange->head, &exchange->request, method, url);
    MHD_get_connection_values_n(mhd_connection, MHD_HEADER_KIND, note_field, &exchange->head);
    exchange->request.refusal_detail = http_head_end(&exchange->head, version);
    exchange->request.refusal = exchange->request.refusal_detail != NULL ? HTTP_MALFORMED : HTTP_NOT_REFUSED;
    return exchange;
}

/* First call of the handler: the header block is complete. */
static enum MHD_Result on_headers(struct http_exchange *exchange, struct MHD_Connection *connection)
{
    struct http_loop *loop = exchange->loop;
    struct http_request *request = &exchange->request;
    take_fault(exchange);
    if (request->refusal != HTTP_NOT_REFUSED) {
        return dispatch(exchange, connection);
    }
    exchange->body_max = loop->application.body_max(loop->application.ctx, request);
    const size_t content_length = exchange->head.content_length;
    if (content_length > exchange->body_max) {
        request->refusal = HTTP_BODY_TOO_LARGE;
        return dispatch(exchange, connection);
    }
    if (http_exchange_reserve_body(exchange, content_length) != 0) {
        return MHD_NO;
    }
    return request->refusal == HTTP_NOT_REFUSED ? MHD_YES : dispatch(exchange, connection);
}

/* More may be in the socket, and no event will tell: the library's epoll is edge-triggered. */
static void note_piece(struct http_exchange *exchange)
{
    if (exchange->piece_run != exchange->loop->progress.run) {
        exchange->piece_run = exchange->loop->progress.run;
        exchange->loop->progress.arriving++;
    }
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls)
{
    struct http_exchange *exchange = *con_cls;
    if (exchange == NULL) {
        exchange = begin_request(cls, connection, url, method, version);
        if (exchange == NULL) {
            return MHD_NO;
        }
        *con_cls = exchange;
        note_piece(exchange);
        return on_headers(exchange, connection);
    }
    if (*upload_data_size != 0) {
        size_t len = *upload_data_size;
        *upload_data_size = 0;
        note_piece(exchange);
        return http_exchange_add_body(exchange, upload_data, len) == 0 ? MHD_YES : MHD_NO;
    }
    switch (exchange->phase) {
    case EXCHANGE_RECEIVING:
        return dispatch(exchange, connection);
    case EXCHANGE_ANSWERED:
        return queue_response(exchange, connection);
    case EXCHANGE_WAITING:
    case EXCHANGE_SENDING:
    default:
        return MHD_YES;
    }
}

static void on_completed(void *cls, struct MHD_Connection *mhd_connection, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    (void)mhd_connection;
    (void)why;
    struct http_loop *loop = cls;
    struct http_exchange *exchange = *con_cls;
    if (exchange == NULL) {
        return;
    }
    *con_cls = NULL;
    loop->progress.ended = true;
    http_connections_answered(&loop->connections, exchange->connection, clock_monotonic_us());
    atomic_fetch_sub_explicit(&loop->in_flight, 1, memory_order_relaxed);
    if (exchange->phase == EXCHANGE_SENDING) {
        loop->progress.sending--;
    } else if (exchange->phase == EXCHANGE_ANSWERED) {
        loop->progress.answered--;
    }
    if (exchange->phase == EXCHANGE_WAITING) {
        loop->progress.waiting--;
        loop->application.on_gone(loop->application.ctx, &exchange->request);
        return;
    }
    http_exchange_give_back(&loop->free_exchanges, exchange);
}

void http_reply(struct http_request *request, const struct http_response *response)
{
    struct http_exchange *exchange = (struct http_exchange *)request;
    http_exchange_keep_response(exchange, response);
    exchange->phase = EXCHANGE_ANSWERED;
    exchange->loop->progress.waiting--;
    exchange->loop->progress.answered++;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void on_connection_started(struct http_loop *loop, struct MHD_Connection *mhd_connection, void **socket_context)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd_connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *connection =
        http_connections_add(&loop->connections, info->connect_fd, clock_monotonic_us());
    if (connection == NULL) {
        return; /* begin_request refuses what comes on it */
    }
    *socket_context = connection;
    const unsigned before = atomic_fetch_add_explicit(&loop->connection_count, 1, memory_order_relaxed);
    if (before >= (unsigned)loop->options.max_connections) {
        http_connections_make_room(&loop->connections, connection, connection->idle_since_us);
    }
}

static void on_connection_closed(struct http_loop *loop, struct http_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    loop->progress.ended = true; /* at the connection limit, the next run accepts one that waits */
    http_connections_remove(&loop->connections, connection);
    atomic_fetch_sub_explicit(&loop->connection_count, 1, memory_order_relaxed);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        on_connection_started(cls, connection, socket_context);
    } else {
        on_connection_closed(cls, *socket_context);
    }
}

static void close_listener_and_idle_connections(struct http_loop *loop)
{
    MHD_socket listener = MHD_quiesce_daemon(loop->daemon);
    if (listener != MHD_INVALID_SOCKET) {
        close(listener);
    }
    loop->accepting = false;
    http_connections_close(&loop->connections);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void run_library(struct http_loop *loop)
{
    http_progress_begin_turn(&loop->progress);
    while (http_progress_begin_run(&loop->progress)) {
        MHD_run(loop->daemon);
        http_progress_end_run(&loop->progress);
    }
}

/* Milliseconds until the library is to be run again without an event; -1: never. */
static int library_sleep_ms(const struct http_loop *loop)
{
    const int ms = http_progress_sleep_ms(&loop->progress);
    if (ms >= 0) {
        return ms;
    }
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    return MHD_get_timeout(loop->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0 ? 0 : -1;
}

static int sleep_ms(const struct http_loop *loop, int64_t now_us, int64_t application_next_us)
{
    const int library_ms = library_sleep_ms(loop);
    const int64_t sweep_us = loop->connections.next_sweep_us;
    const int64_t next_us = application_next_us < sweep_us ? application_next_us : sweep_us;
    if (library_ms == 0 || next_us <= now_us) {
        return 0;
    }
    const int64_t ms = (next_us - now_us + 999) / 1000;
    if (library_ms > 0 && library_ms < ms) {
        return library_ms;
    }
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void turn(struct http_loop *loop)
{
    if (wakeup_take(&loop->wakeup) && loop->application.on_wake != NULL) {
        loop->application.on_wake(loop->application.ctx);
    }
    run_library(loop);
    int64_t next_us = INT64_MAX;
    if (loop->application.on_turn_end != NULL) {
        next_us = loop->application.on_turn_end(loop->application.ctx);
    }
    int64_t now_us = clock_monotonic_us();
    http_connections_turn(&loop->connections, now_us);
    if (loop->accepting && atomic_load_explicit(&loop->stop_accepting_asked, memory_order_acquire)) {
        close_listener_and_idle_connections(loop);
    }
    struct pollfd fds[] = {{.fd = loop->mhd_epoll_fd, .events = POLLIN}, {.fd = loop->wakeup.fd, .events = POLLIN}};
    const int timeout_ms = sleep_ms(loop, now_us, next_us);
    poll(fds, 2, timeout_ms);
    http_progress_slept(&loop->progress, timeout_ms == 0 || fds[0].revents != 0);
}

static void *loop_main(void *cls)
{
    struct http_loop *loop = cls;
    http_receive_for(&loop->connections);
    while (!atomic_load_explicit(&loop->stop_asked, memory_order_acquire)) {
        turn(loop);
    }
    return NULL;
}

void http_loop_wake(struct http_loop *loop)
{
    wakeup_signal(&loop->wakeup);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* The path is split before it is decoded, so the library must not decode it: %2F is not a slash, %00 does not end it.
 */
static size_t keep_percent_encoding(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/* Of inactivity: longer than any of ours, which are kept by http_connections. What is left to the library is a client
 * that does not read its answer. */
static unsigned library_timeout_s(const struct http_loop_options *options)
{
    int longest_ms = options->idle_timeout_ms;
    longest_ms = options->read_timeout_ms > longest_ms ? options->read_timeout_ms : longest_ms;
    longest_ms = options->answer_timeout_ms > longest_ms ? options->answer_timeout_ms : longest_ms;
    return (unsigned)longest_ms / 1000 + 2;
}

static int start_daemon(struct http_loop *loop, int listener, struct error *error)
{
    const struct http_loop_options *options = &loop->options;
    loop->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, handle, loop, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, loop, MHD_OPTION_NOTIFY_CONNECTION, on_connection, loop, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_percent_encoding, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_POOL_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->max_connections + CONNECTIONS_RESERVE,
        MHD_OPTION_CONNECTION_TIMEOUT, library_timeout_s(options), MHD_OPTION_END);
    if (loop->daemon == NULL) {
        error_set(error, "libmicrohttpd did not start on %s:%d: %s", options->host, loop->port, strerror(errno));
        return -1;
    }
    loop->mhd_epoll_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    loop->accepting = true;
    return 0;
}

struct http_loop *http_loop_create(const struct http_loop_options *options, const struct http_application *application,
                                   struct error *error)
{
    struct http_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    loop->application = *application;
    loop->options = *options;
    http_connections_init(&loop->connections, options->idle_timeout_ms, options->read_timeout_ms);
    int listener = -1;
    if (wakeup_init(&loop->wakeup) != 0) {
        error_set(error, "cannot create an eventfd: %s", strerror(errno));
        goto fail;
    }
    listener = listener_open(options->host, options->port, options->reuse_port, error);
    if (listener < 0) {
        goto fail;
    }
    loop->port = listener_port(listener);
    if (start_daemon(loop, listener, error) != 0) {
        goto fail;
    }
    return loop;
fail:
    if (listener >= 0) {
        close(listener);
    }
    http_loop_free(loop);
    return NULL;
}

int http_loop_start(struct http_loop *loop, struct error *error)
{
    if (thread_start(&loop->thread, loop->options.thread_name, loop_main, loop, error) != 0) {
        return -1;
    }
    loop->started = true;
    return 0;
}

void http_loop_free(struct http_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    atomic_store_explicit(&loop->stop_asked, true, memory_order_release);
    if (loop->started) {
        http_loop_wake(loop);
        pthread_join(loop->thread, NULL);
    }
    if (loop->daemon != NULL) {
        MHD_stop_daemon(loop->daemon);
    }
    http_connections_done(&loop->connections);
    http_exchange_list_free(&loop->free_exchanges);
    wakeup_done(&loop->wakeup);
    free(loop);
}

int http_loop_port(const struct http_loop *loop)
{
    return loop->port;
}

void http_loop_announce_close(struct http_loop *loop)
{
    atomic_store_explicit(&loop->close_announced, true, memory_order_relaxed);
}

void http_loop_stop_accepting(struct http_loop *loop)
{
    atomic_store_explicit(&loop->stop_accepting_asked, true, memory_order_release);
    http_loop_wake(loop);
}

unsigned http_loop_requests_in_flight(const struct http_loop *loop)
{
    return atomic_load_explicit(&loop->in_flight, memory_order_relaxed);
}

unsigned http_loop_connections(const struct http_loop *loop)
{
    return atomic_load_explicit(&loop->connection_count, memory_order_relaxed);
}
