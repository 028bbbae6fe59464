#include "common/otlp/otlp_reply.h"

#include <stdbool.h>

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse Response;
typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess PartialSuccess;

/* All that is printable; a google.rpc.Status, which an error is to have, shows its message then. */
static void copy_said(struct text text, char said[OTLP_SAID_SIZE])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < OTLP_SAID_SIZE - 1; i++) {
        if (text.data[i] >= 0x20 && text.data[i] <= 0x7E) {
            said[len++] = text.data[i];
        }
    }
    said[len] = '\0';
}

/* What cannot be read says nothing: 200 alone means that the spans were taken. */
static void read_accepted(struct text body, struct otlp_reply *reply)
{
    Response *response = opentelemetry__proto__collector__trace__v1__export_trace_service_response__unpack(
        NULL, body.len, (const uint8_t *)body.data);
    if (response == NULL) {
        return;
    }
    const PartialSuccess *partial = response->partial_success;
    if (partial != NULL) {
        reply->rejected = partial->rejected_spans > 0 ? partial->rejected_spans : 0;
        copy_said((struct text){(const char *)partial->error_message.data, partial->error_message.len}, reply->said);
    }
    opentelemetry__proto__collector__trace__v1__export_trace_service_response__free_unpacked(response, NULL);
}

static bool may_be_tried_again(int status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

void otlp_reply_read(int status, struct text body, struct otlp_reply *ret_reply)
{
    *ret_reply = (struct otlp_reply){.verdict = OTLP_ACCEPTED};
    if (status >= 200 && status <= 299) {
        read_accepted(body, ret_reply);
        return;
    }
    ret_reply->verdict = may_be_tried_again(status) ? OTLP_TRY_AGAIN : OTLP_REFUSED;
    copy_said(body, ret_reply->said);
}
