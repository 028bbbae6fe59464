#include "gateway/http/loop_context.h"

#include <assert.h>

#include "gateway/http/admission.h"

void loop_context_init(struct loop_context *context, const struct config *config, const struct route *routes,
                       size_t route_count, struct channel_pool *pool)
{
    const size_t max_pending = (size_t)config->server.max_pending;
    const size_t window = (size_t)config->grpc.counter_service.window;
    *context = (struct loop_context){
        .request_timeout_us = (int64_t)config->server.request_timeout_ms * 1000,
        .max_body = config->server.max_body,
        .max_pending = max_pending,
        .max_pending_large = admission_max_pending_large(max_pending, window),
        .cors = {config->server.cors_origins, config->server.cors_origin_count},
        .pool = pool,
        .status_page = config->server.status_page,
    };
    prng_init(&context->prng);
    arena_init(&context->arena);
    request_metrics_init(&context->metrics, routes, route_count);
}

void loop_context_done(struct loop_context *context)
{
    assert(context->line.first == NULL && context->lone_calls.first == NULL);
    assert(context->operator_waits.first == NULL);
    operator_desk_done(&context->operators);
    arena_done(&context->arena);
}
