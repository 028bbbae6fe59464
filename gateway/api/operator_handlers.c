#include "gateway/api/operator_handlers.h"

#include "gateway/api/gateway_health.h"
#include "gateway/api/openapi_document.h"
#include "gateway/http/admission.h"
#include "gateway/http/reply.h"

/* RFC 9512. */
#define YAML_CONTENT_TYPE "application/yaml"

void handle_health(struct request_state *state)
{
    reply_json(state, gateway_health_write(state->loop->health, &state->request->reply));
}

void handle_live(struct request_state *state)
{
    reply_json(state, gateway_health_write_live(state->loop->health, &state->request->reply));
}

void handle_ready(struct request_state *state)
{
    reply_json(state, gateway_health_write_ready(state->loop->health, &state->request->reply));
}

void handle_metrics(struct request_state *state)
{
    struct buffer *reply = &state->request->reply;
    if (metrics_render(reply) != 0) {
        admission_out_of_memory(state);
        return;
    }
    reply_body(state, METRICS_CONTENT_TYPE, (struct text){reply->data, reply->len});
}

void handle_openapi(struct request_state *state)
{
    reply_cacheable_body(state, YAML_CONTENT_TYPE, (struct text){(const char *)openapi_document, openapi_document_len});
}
