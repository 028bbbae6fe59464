/* How a request moves, all on the loop's thread:
 *
 *   NOTIFY_CONNECTION ─> connection (until closed)
 *     handler, first call ─> request RECEIVING ── body ──> handler, last call ─> WAITING ─> on_request
 *        └─ refused: on_request at once                                            │
 *     http_reply ─> ANSWERED ─> handler, called again at the next run: response queued ─> SENDING
 *     NOTIFY_COMPLETED ─> request back to the free list; or, while WAITING, on_gone
 *
 * A turn runs libmicrohttpd up to three times: run 1 sends header and body, run 2 resets the connection, and a request
 * that arrived in between needs run 3. With one run only, each next answer would wait for the next event.
 *
 * The library's epoll is edge-triggered and it reads a piece a run, so bytes may be left in a socket for which no event
 * comes any more. While no request is WAITING, the library tells (MHD_get_timeout is 0). While one is, it always says
 * 0: then the loop looks again after what it can see of progress, and else each millisecond for a while. */
#include "common/http_server.h"

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
#include "common/http_request.h"
#include "common/limits.h"
#include "common/listener.h"
#include "common/wakeup.h"

enum {
    RUNS_A_TURN_MAX = 3,
    /* While a request waits: a look each millisecond for as many turns as the longest header block takes in pieces of
     * 128 bytes, then, since thousands may be waiting for a stuck service, more rarely. */
    LOOKS_MAX = 64,
    LOOK_MS = 1,
    RARE_LOOK_MS = 10,
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
    struct request_list free_requests;
    unsigned waiting;         /* requests in REQUEST_WAITING */
    unsigned answered;        /* requests in REQUEST_ANSWERED */
    unsigned sending;         /* responses queued and not sent in full */
    bool settled;             /* the last turn's runs ended without visible progress */
    unsigned looks;           /* turns without an event of the library's or progress, since the last with */
    unsigned arriving;        /* requests that got a piece in the last MHD_run and are not complete */
    unsigned run;             /* number of the last MHD_run */
    bool progressed_in_a_run; /* a response was queued, a request or a connection ended, in the last MHD_run */
    bool accepting;
    /* any thread */
    struct wakeup wakeup;
    atomic_bool close_announced;
    atomic_bool stop_accepting_asked;
    atomic_bool stop_asked;
    atomic_uint in_flight;
    atomic_uint connection_count;
};

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                   const char *data, size_t data_len)
{
    (void)kind;
    request_note_header(cls, (struct text){key, key_len}, (struct text){data, data_len});
    return MHD_YES;
}

/* --- the handler -------------------------------------------------------------------------------------------------- */

static enum MHD_Result queue_response(struct request *request, struct MHD_Connection *connection)
{
    const struct http_response *answer = &request->response;
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
    if (request->public.refusal != HTTP_NOT_REFUSED ||
        atomic_load_explicit(&request->loop->close_announced, memory_order_relaxed)) {
        added = added && MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
    }
    enum MHD_Result queued = added ? MHD_queue_response(connection, (unsigned)answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    if (queued == MHD_YES) {
        request->phase = REQUEST_SENDING;
        request->loop->answered--;
        request->loop->sending++;
        request->loop->progressed_in_a_run = true;
    }
    return queued;
}

/* Gives a complete or refused request to the application. */
static enum MHD_Result dispatch(struct request *request, struct MHD_Connection *connection)
{
    struct http_loop *loop = request->loop;
    request->phase = REQUEST_WAITING;
    loop->waiting++;
    if (request->piece_run == loop->run) {
        loop->arriving--;
    }
    request->public.complete_us = clock_monotonic_us();
    request->connection->receiving_since_us = 0;
    loop->application.on_request(loop->application.ctx, &request->public);
    return request->phase == REQUEST_ANSWERED ? queue_response(request, connection) : MHD_YES;
}

/* Returns NULL when out of memory. */
static struct request *begin_request(struct http_loop *loop, struct MHD_Connection *mhd_connection, const char *url,
                                     const char *method)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd_connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct request *request =
        info->socket_context == NULL ? NULL : request_take(&loop->free_requests, loop, &loop->application);
    if (request == NULL) {
        return NULL;
    }
    request_reset(request, url, method);
    request->connection = info->socket_context;
    request->connection->in_request = true;
    if (request->connection->receiving_since_us == 0) {
        request->connection->receiving_since_us = clock_monotonic_us();
    }
    atomic_fetch_add_explicit(&loop->in_flight, 1, memory_order_relaxed);
    MHD_get_connection_values_n(mhd_connection, MHD_HEADER_KIND, note_header, request);
    return request;
}

/* First call of the handler: the header block is complete. */
static enum MHD_Result on_headers(struct request *request, struct MHD_Connection *connection)
{
    struct http_loop *loop = request->loop;
    struct http_request *public = &request->public;
    public->refusal_detail = http_framing_fault(&request->framing);
    if (public->refusal_detail != NULL) {
        public->refusal = HTTP_BAD_FRAMING;
        return dispatch(request, connection);
    }
    request->body_max = loop->application.body_max(loop->application.ctx, public);
    const size_t content_length = request->framing.content_length;
    if (content_length > request->body_max) {
        public->refusal = HTTP_BODY_TOO_LARGE;
        return dispatch(request, connection);
    }
    return request_reserve_body(request, content_length) == 0 ? MHD_YES : MHD_NO;
}

/* More may be in the socket, and no event will tell: the library's epoll is edge-triggered. */
static void note_piece(struct request *request)
{
    if (request->piece_run != request->loop->run) {
        request->piece_run = request->loop->run;
        request->loop->arriving++;
    }
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls)
{
    (void)version;
    struct request *request = *con_cls;
    if (request == NULL) {
        request = begin_request(cls, connection, url, method);
        if (request == NULL) {
            return MHD_NO;
        }
        *con_cls = request;
        note_piece(request);
        return on_headers(request, connection);
    }
    if (*upload_data_size != 0) {
        size_t len = *upload_data_size;
        *upload_data_size = 0;
        note_piece(request);
        return request_add_body(request, upload_data, len) == 0 ? MHD_YES : MHD_NO;
    }
    switch (request->phase) {
    case REQUEST_RECEIVING:
        return dispatch(request, connection);
    case REQUEST_ANSWERED:
        return queue_response(request, connection);
    case REQUEST_WAITING:
    case REQUEST_SENDING:
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
    struct request *request = *con_cls;
    if (request == NULL) {
        return;
    }
    *con_cls = NULL;
    loop->progressed_in_a_run = true;
    request->connection->in_request = false;
    request->connection->receiving_since_us = 0;
    request->connection->idle_since_us = clock_monotonic_us();
    atomic_fetch_sub_explicit(&loop->in_flight, 1, memory_order_relaxed);
    if (request->phase == REQUEST_SENDING) {
        loop->sending--;
    } else if (request->phase == REQUEST_ANSWERED) {
        loop->answered--;
    }
    if (request->phase == REQUEST_WAITING) {
        loop->waiting--;
        loop->application.on_gone(loop->application.ctx, &request->public);
        return;
    }
    request_give_back(&loop->free_requests, request);
}

void http_reply(struct http_request *request, const struct http_response *response)
{
    struct request *whole = (struct request *)request;
    whole->response = *response;
    for (size_t i = 0; i < response->header_count; i++) {
        char *value = whole->header_values[i];
        const size_t len = strnlen(response->headers[i].value, RESPONSE_HEADER_VALUE_SIZE - 1);
        memcpy(value, response->headers[i].value, len);
        value[len] = '\0';
        whole->response.headers[i].value = value;
    }
    whole->phase = REQUEST_ANSWERED;
    whole->loop->waiting--;
    whole->loop->answered++;
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
    atomic_fetch_add_explicit(&loop->connection_count, 1, memory_order_relaxed);
}

static void on_connection_closed(struct http_loop *loop, struct http_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    loop->progressed_in_a_run = true; /* at the connection limit, the next run accepts one that waits */
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

/* Runs the library until it makes no visible progress. While a response is on its way that takes two runs, since
 * sending and resetting a connection are not seen. */
static void run_library(struct http_loop *loop)
{
    loop->settled = false;
    int quiet_runs = 0;
    for (int runs = 0; runs < RUNS_A_TURN_MAX && !loop->settled; runs++) {
        loop->progressed_in_a_run = false;
        loop->arriving = 0;
        loop->run++;
        MHD_run(loop->daemon);
        quiet_runs = loop->progressed_in_a_run || loop->arriving > 0 ? 0 : quiet_runs + 1;
        loop->settled = quiet_runs >= (loop->sending > 0 ? 2 : 1);
    }
}

/* Milliseconds until the library is to be run again without an event; -1: never. */
static int library_sleep_ms(const struct http_loop *loop)
{
    if (!loop->settled || loop->answered > 0) {
        return 0;
    }
    if (loop->waiting > 0) {
        return loop->looks < LOOKS_MAX ? LOOK_MS : RARE_LOOK_MS;
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
    loop->looks = timeout_ms == 0 || fds[0].revents != 0 ? 0 : loop->looks + 1;
}

static void *loop_main(void *cls)
{
    struct http_loop *loop = cls;
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

static int start_daemon(struct http_loop *loop, int listener, struct error *error)
{
    const struct http_loop_options *options = &loop->options;
    loop->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, handle, loop, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, loop, MHD_OPTION_NOTIFY_CONNECTION, on_connection, loop, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_percent_encoding, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_POOL_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)((options->idle_timeout_ms + 999) / 1000), MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
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
    http_connections_init(&loop->connections, options->read_timeout_ms);
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
    int failure = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (failure != 0) {
        error_set(error, "cannot start a thread: %s", strerror(failure));
        return -1;
    }
    loop->started = true;
    pthread_setname_np(loop->thread, loop->options.thread_name);
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
    request_list_free(&loop->free_requests);
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
