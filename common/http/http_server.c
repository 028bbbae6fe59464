/* The loop and its connections; http_handler.c has the requests on them.
 *
 * A turn runs libmicrohttpd up to three times: http_progress.h says why. */
#include "common/http/http_server.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/contract/limits.h"
#include "common/http/http_held.h"
#include "common/http/http_loop.h"
#include "common/http/http_receive.h"
#include "common/thread/thread.h"

enum {
    /* Connections over max_connections, for clients that come while no connection is idle: a probe gets through. */
    CONNECTIONS_RESERVE = 16,
};

/* --- connections -------------------------------------------------------------------------------------------------- */

static unsigned connections_max(const struct http_loop *loop)
{
    return (unsigned)loop->options.max_connections + CONNECTIONS_RESERVE;
}

static bool has_room(const struct http_loop *loop)
{
    return http_loop_connections(loop) < connections_max(loop);
}

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

/* Accepts what waits at one of the loop's own listeners: the library has place for one listener only. */
static void accept_all(struct http_loop *loop, int listener)
{
    while (has_room(loop)) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        const int fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 || MHD_add_connection(loop->daemon, fd, (struct sockaddr *)&address, size) != MHD_YES) {
            return; /* nobody is left, or there is no memory: the library has closed it */
        }
    }
}

static void close_listeners_and_idle_connections(struct http_loop *loop)
{
    listeners_close(&loop->listeners);
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
    const int64_t next_us = clock_earlier(application_next_us, loop->connections.next_sweep_us);
    if (library_ms == 0 || next_us <= now_us) {
        return 0;
    }
    const int64_t ms = (next_us - now_us + 999) / 1000;
    if (library_ms > 0 && library_ms < ms) {
        return library_ms;
    }
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* A full loop does not poll its listeners: poll() would tell of the clients that wait again and again. */
static void wait_for_events(struct http_loop *loop, int timeout_ms)
{
    struct pollfd fds[2 + LISTENERS_MAX] = {{.fd = loop->mhd_epoll_fd, .events = POLLIN},
                                            {.fd = loop->wakeup.fd, .events = POLLIN}};
    const size_t listeners = has_room(loop) ? loop->listeners.count : 0;
    for (size_t i = 0; i < listeners; i++) {
        fds[2 + i] = (struct pollfd){.fd = loop->listeners.fds[i], .events = POLLIN};
    }
    poll(fds, 2 + listeners, timeout_ms);
    http_progress_slept(&loop->progress, timeout_ms == 0 || fds[0].revents != 0);
    for (size_t i = 0; i < listeners; i++) {
        if (fds[2 + i].revents != 0) {
            accept_all(loop, fds[2 + i].fd);
        }
    }
}

/* At least once a second: so often are connections swept. */
static void turn(struct http_loop *loop)
{
    heartbeat_turn(&loop->heartbeat);
    if (wakeup_take(&loop->wakeup) && loop->application.on_wake != NULL) {
        loop->application.on_wake(loop->application.ctx);
    }
    http_held_turn(loop);
    run_library(loop);
    int64_t next_us = INT64_MAX;
    if (loop->application.on_turn_end != NULL) {
        next_us = loop->application.on_turn_end(loop->application.ctx);
    }
    int64_t now_us = clock_monotonic_us();
    http_connections_turn(&loop->connections, now_us);
    if (loop->accepting && atomic_load_explicit(&loop->stop_accepting_asked, memory_order_acquire)) {
        close_listeners_and_idle_connections(loop);
    }
    wait_for_events(loop, sleep_ms(loop, now_us, clock_earlier(next_us, http_held_next_us(loop))));
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

/* The application splits the path before decoding, so the library must not decode: %2F is no slash, %00 no end. */
static size_t keep_percent_encoding(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

unsigned http_loop_library_timeout_s(const struct http_loop_options *options)
{
    int longest_ms = options->idle_timeout_ms;
    longest_ms = options->read_timeout_ms > longest_ms ? options->read_timeout_ms : longest_ms;
    longest_ms = options->answer_timeout_ms > longest_ms ? options->answer_timeout_ms : longest_ms;
    return (unsigned)longest_ms / 1000 + 2;
}

static int start_daemon(struct http_loop *loop, struct error *error)
{
    const struct http_loop_options *options = &loop->options;
    struct listeners *listeners = &loop->listeners;
    const int listener = listeners->fds[--listeners->count];
    loop->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, http_handler_call, loop, MHD_OPTION_LISTEN_SOCKET,
        listener, MHD_OPTION_NOTIFY_COMPLETED, http_handler_completed, loop, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, loop, MHD_OPTION_UNESCAPE_CALLBACK, keep_percent_encoding, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        connections_max(loop), MHD_OPTION_CONNECTION_TIMEOUT, http_loop_library_timeout_s(options), MHD_OPTION_END);
    if (loop->daemon == NULL) {
        close(listener);
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
    assert(application->wanted_count <= HTTP_WANTED_FIELDS_MAX);
    loop->application = *application;
    loop->options = *options;
    http_connections_init(&loop->connections, options->idle_timeout_ms, options->read_timeout_ms);
    if (wakeup_init(&loop->wakeup) != 0) {
        error_set(error, "cannot create an eventfd: %s", strerror(errno));
        goto fail;
    }
    if (listeners_open(options->host, options->port, options->sharing, &loop->listeners, error) != 0) {
        goto fail;
    }
    loop->port = listener_port(loop->listeners.fds[0]);
    if (start_daemon(loop, error) != 0) {
        goto fail;
    }
    return loop;
fail:
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
    http_held_release_all(loop);
    if (loop->daemon != NULL) {
        MHD_stop_daemon(loop->daemon);
        assert(http_loop_requests_in_flight(loop) == 0 && http_loop_connections(loop) == 0);
        assert(loop->progress.waiting == 0 && loop->progress.answered == 0 && loop->progress.sending == 0);
    }
    listeners_close(&loop->listeners);
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

const struct heartbeat *http_loop_heartbeat(const struct http_loop *loop)
{
    return &loop->heartbeat;
}

unsigned http_loop_connections(const struct http_loop *loop)
{
    return atomic_load_explicit(&loop->connection_count, memory_order_relaxed);
}
