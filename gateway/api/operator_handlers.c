#include "gateway/api/operator_handlers.h"

#include "common/metrics/metrics.h"
#include "gateway/api/openapi_document.h"
#include "gateway/http/reply.h"

/* RFC 9512. */
#define YAML_CONTENT_TYPE "application/yaml"

/* --- writers ------------------------------------------------------------------------------------------------------ */

static int write_health(void *ctx, struct operator_answer *answer)
{
    return gateway_health_write(ctx, &answer->body);
}

static int write_live(void *ctx, struct operator_answer *answer)
{
    return gateway_health_write_live(ctx, &answer->body);
}

static int write_ready(void *ctx, struct operator_answer *answer)
{
    return gateway_health_write_ready(ctx, &answer->body);
}

static int write_openapi(void *ctx, struct operator_answer *answer)
{
    (void)ctx;
    buffer_append(&answer->body, openapi_document, openapi_document_len);
    return 200;
}

#define ENDPOINT(path, content_type, is_cacheable, write) {path, content_type, is_cacheable, write},
static const struct operator_endpoint endpoints[] = {OPERATOR_ENDPOINTS(ENDPOINT)};
#undef ENDPOINT

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void on_abandon(struct request_state *state)
{
    operator_desk_gone(&state->loop->operators, state->request);
    request_wait_end(state);
    request_state_release(state);
}

static void on_abort(struct request_state *state)
{
    operator_desk_gone(&state->loop->operators, state->request);
    request_wait_end(state);
    reply_problem(state, STATUS_DRAINING, NULL);
}

static const struct request_wait_kind operator_wait = {on_abandon, on_abort};

/* For operator_desk.reply. */
static void reply(struct http_request *request, const struct operator_head *head)
{
    struct request_state *state = request->state;
    request_wait_end(state);
    if (head->vary != NULL) {
        reply_add_header(state, "Vary", head->vary);
    }
    reply_document(state, head->status, head->content_type, head->is_cacheable);
}

void operator_handlers_init(struct operator_desk *desk, struct gateway_health *health, struct http_loop *http)
{
    *desk = (struct operator_desk){
        .endpoints = endpoints,
        .count = sizeof(endpoints) / sizeof(endpoints[0]),
        .ctx = health,
        .reply = reply,
        .http = http,
    };
}

void handle_operator(struct request_state *state)
{
    struct operator_desk *desk = &state->loop->operators;
    request_wait_begin(state, &operator_wait, &state->loop->operator_waits);
    operator_desk_answer(desk, operator_desk_find(desk, text_of(state->match.route->pattern)), state->request);
}
