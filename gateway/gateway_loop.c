#include "gateway/gateway_loop.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/compiler.h"
#include "gateway/api/dispatcher.h"
#include "gateway/api/operator_handlers.h"
#include "gateway/cache/read_cache.h"
#include "gateway/http/admission_line.h"
#include "gateway/http/loop_context.h"
#include "gateway/http/request_fields.h"
#include "gateway/http/request_state.h"

enum { LONG_TURN_US = 2000 };

struct gateway_loop {
    /* immutable after gateway_loop_start */
    struct http_loop *http;
    bool is_started;
    /* owned by the loop thread while it runs */
    struct loop_context context;
    int64_t request_us; /* when the first request after the batcher's last turn was complete; 0: none was */
    /* any thread */
    atomic_bool finish_asked;
    sem_t finished;
};

/* --- callbacks, on the loop's thread ------------------------------------------------------------------------------ */

static struct gateway_loop *loop_of(struct loop_context *context)
{
    return CONTAINER_OF(context, struct gateway_loop, context);
}

/* The line first: it fills the batcher. The client last: a call that the batcher starts may end at once. */
static int64_t on_turn_end(void *ctx)
{
    struct loop_context *context = ctx;
    if (context->client == NULL) {
        return INT64_MAX;
    }
    const int64_t now_us = clock_monotonic_us();
    loop_of(context)->request_us = 0;
    const int64_t line_us = admission_line_turn(context, now_us);
    const int64_t batcher_us = batcher_turn(context->batcher, now_us);
    const int64_t client_us = counter_client_poll(context->client, now_us);
    return clock_earlier(line_us, clock_earlier(batcher_us, client_us));
}

/* Many large requests make a long turn: batches leave and replies are taken in before it ends. */
static void on_request(void *ctx, struct http_request *request)
{
    struct loop_context *context = ctx;
    struct gateway_loop *loop = loop_of(context);
    const int64_t complete_us = request->complete_us;
    dispatcher_handle(context, request);
    if (loop->request_us == 0) {
        loop->request_us = complete_us;
    } else if (complete_us - loop->request_us > LONG_TURN_US) {
        (void)on_turn_end(context);
    }
}

/* Not on the thread that calls gateway_loop_finish, because batcher and client belong to the loop's thread. */
static void finish(struct gateway_loop *loop)
{
    struct loop_context *context = &loop->context;
    context->is_draining = true;
    request_wait_abort_all(&context->lone_calls);
    request_wait_abort_all(&context->line);
    request_wait_abort_all(&context->operator_waits);
    batcher_abort(context->batcher);
    batcher_free(context->batcher);
    context->batcher = NULL;
    counter_client_free(context->client);
    context->client = NULL;
    sem_post(&loop->finished);
}

static void on_wake(void *ctx)
{
    struct loop_context *context = ctx;
    struct gateway_loop *loop = loop_of(context);
    operator_desk_turn(&context->operators);
    if (context->client == NULL) {
        return;
    }
    counter_client_poll(context->client, clock_monotonic_us());
    if (atomic_load_explicit(&loop->finish_asked, memory_order_acquire)) {
        finish(loop);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static struct http_loop *create_http(struct gateway_loop *loop, const struct gateway_loop_options *options,
                                     struct error *error)
{
    const struct http_loop_options http_options = {
        .host = options->config->server.host,
        .port = options->port,
        .sharing = options->sharing,
        .max_connections = options->max_connections,
        .idle_timeout_ms = options->config->server.idle_timeout_ms,
        .read_timeout_ms = options->config->server.read_timeout_ms,
        .answer_timeout_ms = options->config->server.request_timeout_ms,
        .thread_name = "http-loop",
    };
    const struct http_application application = {
        .ctx = &loop->context,
        .request_state_size = sizeof(struct request_state),
        .budget = options->bodies,
        .wanted_fields = request_fields,
        .wanted_count = REQUEST_FIELDS,
        .is_notable = request_field_is_misnamed_key,
        .on_headers = dispatcher_on_headers,
        .on_request = on_request,
        .on_gone = dispatcher_on_gone,
        .on_wake = on_wake,
        .on_turn_end = on_turn_end,
        .state_done = request_state_done,
    };
    return http_loop_create(&http_options, &application, error);
}

static void wake(void *ctx)
{
    http_loop_wake(ctx);
}

struct gateway_loop *gateway_loop_create(const struct gateway_loop_options *options, struct error *error)
{
    const int attempt_timeout_ms = options->config->grpc.counter_service.attempt_timeout_ms;
    struct gateway_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    sem_init(&loop->finished, 0, 0);
    size_t route_count;
    const struct route *routes = dispatcher_routes(&route_count);
    loop_context_init(&loop->context, options->config, routes, route_count, options->pool);
    loop->context.config = options->config;
    loop->context.health = options->health;
    loop->http = create_http(loop, options, error);
    if (loop->http == NULL) {
        goto fail;
    }
    operator_handlers_init(&loop->context.operators, options->health, loop->http);
    loop->context.client = counter_client_create(options->pool, attempt_timeout_ms, wake, loop->http, error);
    if (loop->context.client == NULL) {
        goto fail;
    }
    loop->context.batcher = batcher_create(loop->context.client, (size_t)options->config->grpc.counter_service.window);
    loop->context.read_cache = read_cache_create(options->config);
    if (loop->context.batcher == NULL || loop->context.read_cache == NULL) {
        error_set(error, "out of memory");
        goto fail;
    }
    return loop;

fail:
    gateway_loop_free(loop);
    return NULL;
}

int gateway_loop_start(struct gateway_loop *loop, struct error *error)
{
    const int result = http_loop_start(loop->http, error);
    loop->is_started = result == 0;
    return result;
}

struct http_loop *gateway_loop_http(const struct gateway_loop *loop)
{
    return loop->http;
}

void gateway_loop_finish(struct gateway_loop *loop)
{
    if (!loop->is_started || atomic_exchange(&loop->finish_asked, true)) {
        return;
    }
    http_loop_wake(loop->http);
    while (sem_wait(&loop->finished) != 0) {
        /* interrupted by a signal */
    }
}

void gateway_loop_free(struct gateway_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    gateway_loop_finish(loop);
    /* Batcher and client are left only if the loop never started: then there are no calls, so no poller wakes http. */
    batcher_free(loop->context.batcher);
    counter_client_free(loop->context.client);
    http_loop_free(loop->http);
    read_cache_free(loop->context.read_cache);
    loop_context_done(&loop->context);
    sem_destroy(&loop->finished);
    free(loop);
}
