#include "counter-service/rpc/rpc_server.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/compiler.h"
#include "common/contract/limits.h"
#include "common/thread/condition.h"
#include "counter-service/rpc/rpc_limits.h"
#include "counter-service/rpc/rpc_queue.h"
#include "counter-service/rpc/rpc_server_metrics.h"

struct rpc_server {
    /* immutable after create */
    grpc_server *native; /* the library's */
    struct rpc_served_method *methods;
    size_t method_count;
    struct rpc_method_metrics *metrics; /* of each method */
    struct rpc_queue **queues;
    size_t queue_count;
    int port;
    /* owned by the creating thread */
    bool started;
    bool shutting_down;
    /* guarded by lock, under which no other is taken */
    pthread_mutex_t lock;
    pthread_cond_t over_changed;
    bool over; /* the library has no call left */
    /* an operation of the library's */
    struct rpc_event shut_down;
};

/* A call of no service. */
static void refuse_unknown(void *ctx, struct rpc_call *call)
{
    (void)ctx;
    rpc_call_fail(call, STATUS_UNIMPLEMENTED, "There is no such method");
}

static const struct rpc_method unknown_method = {
    .name = "other", .client_streams = true, .armed = 8, .handle = refuse_unknown};

static grpc_arg integer_arg(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static grpc_server *create_native(const struct rpc_server_options *options)
{
    grpc_arg args[] = {
        /* Without it two services on one port would each get some of the connections. */
        integer_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
        integer_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, RPC_STREAMS_PER_CONNECTION_MAX),
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, GRPC_MESSAGE_BYTES_MAX),
        integer_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, GRPC_COMPRESSION_NONE_ONLY),
        integer_arg(GRPC_ARG_KEEPALIVE_TIME_MS, options->keep_alive_ms),
        integer_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, GRPC_KEEP_ALIVE_TIMEOUT_MS),
        integer_arg(GRPC_ARG_MAX_CONNECTION_AGE_MS, options->max_age_ms == 0 ? INT_MAX : options->max_age_ms),
        integer_arg(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, options->max_age_grace_ms),
        integer_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, RPC_PING_INTERVAL_MIN_MS),
    };
    const grpc_channel_args all = {.num_args = sizeof(args) / sizeof(args[0]), .args = args};
    return grpc_server_create(&all, NULL);
}

static int listen_on(struct rpc_server *server, const char *host, int port, struct error *error)
{
    char address[300];
    snprintf(address, sizeof(address), strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
    grpc_server_credentials *insecure = grpc_insecure_server_credentials_create();
    server->port = grpc_server_add_http2_port(server->native, address, insecure);
    grpc_server_credentials_release(insecure);
    if (server->port == 0) {
        error_set(error, "cannot listen on %s: the address is not one of this machine, or the port is taken", address);
        return -1;
    }
    return 0;
}

static int add_method(struct rpc_server *server, const struct rpc_method *method, void *ctx, struct error *error)
{
    struct rpc_served_method *served = &server->methods[server->method_count];
    *served = (struct rpc_served_method){
        .method = method,
        .ctx = ctx,
        .metrics = &server->metrics[server->method_count],
    };
    rpc_method_metrics_init(served->metrics, method->name);
    if (method->path != NULL) {
        served->registered = grpc_server_register_method(
            server->native, method->path, NULL,
            method->client_streams ? GRPC_SRM_PAYLOAD_NONE : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
        if (served->registered == NULL) {
            error_set(error, "the method %s is served twice", method->path);
            return -1;
        }
    }
    server->method_count++;
    return 0;
}

static int add_methods(struct rpc_server *server, const struct rpc_service *services, size_t service_count,
                       struct error *error)
{
    size_t count = 1;
    for (size_t i = 0; i < service_count; i++) {
        count += services[i].method_count;
    }
    server->methods = calloc(count, sizeof(*server->methods));
    server->metrics = calloc(count, sizeof(*server->metrics));
    if (server->methods == NULL || server->metrics == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < service_count; i++) {
        for (size_t k = 0; k < services[i].method_count; k++) {
            if (add_method(server, &services[i].methods[k], services[i].ctx, error) != 0) {
                return -1;
            }
        }
    }
    return add_method(server, &unknown_method, NULL, error);
}

static int create_queues(struct rpc_server *server, size_t count, struct error *error)
{
    server->queues = calloc(count, sizeof(struct rpc_queue *));
    if (server->queues == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    while (server->queue_count < count) {
        struct rpc_queue *queue = rpc_queue_create(server->native, (int)server->queue_count, error);
        if (queue == NULL) {
            return -1;
        }
        server->queues[server->queue_count++] = queue;
    }
    return 0;
}

static int start(struct rpc_server *server, struct error *error)
{
    grpc_server_start(server->native);
    server->started = true;
    for (size_t i = 0; i < server->queue_count; i++) {
        for (size_t k = 0; k < server->method_count; k++) {
            if (rpc_queue_arm(server->queues[i], &server->methods[k]) != 0) {
                error_set(error, "out of memory");
                return -1;
            }
        }
    }
    return 0;
}

static void on_shut_down(struct rpc_event *event, bool ok)
{
    (void)ok;
    struct rpc_server *server = CONTAINER_OF(event, struct rpc_server, shut_down);
    pthread_mutex_lock(&server->lock);
    server->over = true;
    pthread_cond_signal(&server->over_changed);
    pthread_mutex_unlock(&server->lock);
}

static struct rpc_server *create_empty(const struct rpc_server_options *options)
{
    struct rpc_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    grpc_init();
    pthread_mutex_init(&server->lock, NULL);
    condition_init(&server->over_changed);
    server->shut_down.on_event = on_shut_down;
    server->native = create_native(options);
    return server;
}

struct rpc_server *rpc_server_create(const struct rpc_server_options *options, const struct rpc_service *services,
                                     size_t service_count, struct error *error)
{
    struct rpc_server *server = create_empty(options);
    if (server == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (create_queues(server, (size_t)options->threads, error) != 0 ||
        add_methods(server, services, service_count, error) != 0 ||
        listen_on(server, options->host, options->port, error) != 0 || start(server, error) != 0) {
        rpc_server_free(server);
        return NULL;
    }
    return server;
}

int rpc_server_port(const struct rpc_server *server)
{
    return server->port;
}

void rpc_server_watch(const struct rpc_server *server, struct heartbeats *heartbeats)
{
    for (size_t i = 0; i < server->queue_count; i++) {
        heartbeats_add(heartbeats, "rpc", (int)i, &server->queues[i]->heartbeat);
    }
}

static int64_t time_in_ms(int timeout_ms)
{
    return clock_monotonic_us() + (int64_t)timeout_ms * 1000;
}

/* Waits until all calls are over, until until_us at most. Whether they are. */
static bool wait_until_over(struct rpc_server *server, int64_t until_us)
{
    pthread_mutex_lock(&server->lock);
    while (!server->over && condition_wait(&server->over_changed, &server->lock, until_us)) {
        /* woken for nothing */
    }
    const bool over = server->over;
    pthread_mutex_unlock(&server->lock);
    return over;
}

static void begin_shutdown(struct rpc_server *server)
{
    if (!server->shutting_down) {
        server->shutting_down = true;
        rpc_event_give(&server->shut_down);
        grpc_server_shutdown_and_notify(server->native, server->queues[0]->home.completions, &server->shut_down);
    }
}

static unsigned open_calls(const struct rpc_server *server)
{
    unsigned sum = 0;
    for (size_t i = 0; i < server->queue_count; i++) {
        sum += atomic_load_explicit(&server->queues[i]->open_calls, memory_order_relaxed);
    }
    return sum;
}

/* Waits for a moment without calls, and then for the clients to read their answers. The library closes a connection as
 * soon as its last answer is written; if the client's acknowledgement of an earlier one is unread then, the kernel
 * resets the connection, and the client's library throws away what it had not read yet: answers of applied writes among
 * it. Under steady load that moment never comes: the wait ends after RPC_QUIET_MS_MAX, and GOAWAY sends the clients
 * elsewhere. */
static void wait_until_quiet(const struct rpc_server *server, int timeout_ms)
{
    const int longest_ms = timeout_ms / 2 < RPC_QUIET_MS_MAX ? timeout_ms / 2 : RPC_QUIET_MS_MAX;
    for (int waited_ms = 0; open_calls(server) > 0 && waited_ms < longest_ms; waited_ms += RPC_QUIET_LOOK_MS) {
        clock_sleep_ms(RPC_QUIET_LOOK_MS);
    }
    if (timeout_ms > 0) {
        clock_sleep_ms(RPC_ANSWERS_READ_MS);
    }
}

/* Waits until all calls are over, until until_us at most. Returns whether they are. The library also counts calls whose
 * message has not come. No handler has such a call or will get it: the shutdown has disarmed the methods. When no
 * handler has had a call for RPC_SILENT_MS, the calls that are left are cancelled. */
static bool wait_until_answered(struct rpc_server *server, int64_t until_us)
{
    int64_t silent_us = time_in_ms(RPC_SILENT_MS);
    bool over;
    do {
        over = wait_until_over(server, clock_earlier(time_in_ms(RPC_QUIET_LOOK_MS), until_us));
        if (open_calls(server) > 0) {
            silent_us = time_in_ms(RPC_SILENT_MS);
        } else if (!over && clock_monotonic_us() >= silent_us) {
            grpc_server_cancel_all_calls(server->native);
            return wait_until_over(server, until_us);
        }
    } while (!over && clock_monotonic_us() < until_us);
    return over;
}

bool rpc_server_drain(struct rpc_server *server, int timeout_ms)
{
    const int64_t until_us = time_in_ms(timeout_ms);
    if (!server->shutting_down) {
        wait_until_quiet(server, timeout_ms);
    }
    begin_shutdown(server);
    const bool over = wait_until_answered(server, until_us);
    for (size_t i = 0; i < server->queue_count; i++) {
        rpc_queue_refuse(server->queues[i]);
    }
    return over;
}

void rpc_server_free(struct rpc_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->started) {
        begin_shutdown(server);
        wait_until_over(server, time_in_ms(RPC_FLUSH_MS));
        grpc_server_cancel_all_calls(server->native);
        wait_until_over(server, INT64_MAX);
    }
    grpc_server_destroy(server->native);
    for (size_t i = 0; i < server->queue_count; i++) {
        rpc_queue_free(server->queues[i]);
    }
    free(server->queues);
    free(server->methods);
    free(server->metrics);
    pthread_cond_destroy(&server->over_changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
    grpc_shutdown_blocking();
}
