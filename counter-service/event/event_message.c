#include "counter-service/event/event_message.h"

#include <assert.h>
#include <stdio.h>

#include "tally/v1/event.pb-c.h"

/* 9999-12-31T23:59:59.999Z, the last time that RFC 3339 can write. Redis says a later one only if its clock is wrong.
 */
#define TIME_MS_MAX UINT64_C(253402300799999)

/* Those that every event has come first. */
enum header { SPECVERSION, ID, SOURCE, TYPE, SUBJECT, TIME, CONTENT_TYPE, TRACEPARENT, TRACESTATE, HEADERS };

_Static_assert((int)HEADERS == (int)EVENT_HEADERS_MAX, "every header has its place");

void event_writer_init(struct event_writer *writer, enum event_format format, const char *store_id)
{
    assert(strlen(store_id) == STORE_ID_LEN);
    *writer = (struct event_writer){.format = format, .time_ms = 0};
    memcpy(writer->store_id, store_id, STORE_ID_SIZE);
    snprintf(writer->source, sizeof(writer->source), "urn:tally:store:%s", store_id);
    timestamp_write(0, writer->time);
    const struct text content_type =
        format == EVENT_FORMAT_JSON ? TEXT("application/json") : TEXT("application/protobuf");
    const struct named_text headers[HEADERS] = {
        [SPECVERSION] = {"ce_specversion", TEXT("1.0")},
        [ID] = {"ce_id", TEXT("")},
        [SOURCE] = {"ce_source", text_of(writer->source)},
        [TYPE] = {"ce_type", TEXT(EVENT_TYPE)},
        [SUBJECT] = {"ce_subject", TEXT("")},
        [TIME] = {"ce_time", text_of(writer->time)},
        [CONTENT_TYPE] = {"content-type", content_type},
        [TRACEPARENT] = {"traceparent", {writer->traceparent, sizeof(writer->traceparent)}},
        [TRACESTATE] = {"tracestate", TEXT("")},
    };
    memcpy(writer->headers, headers, sizeof(headers));
}

static uint64_t time_of(const struct event *event)
{
    return event->entry.ms < TIME_MS_MAX ? event->entry.ms : TIME_MS_MAX;
}

static size_t set_trace(struct event_writer *writer, const struct event_trace *trace)
{
    struct trace_context context = {.is_sampled = true};
    if (trace->trace_id == NULL) {
        return TRACEPARENT;
    }
    memcpy(context.trace_id, trace->trace_id, sizeof(context.trace_id));
    memcpy(context.span_id, trace->span_id, sizeof(context.span_id));
    trace_context_write(&context, writer->traceparent);
    writer->headers[TRACESTATE].value = trace->state;
    return trace->state.len > 0 ? HEADERS : TRACESTATE;
}

static void set_headers(struct event_writer *writer, const struct event *event)
{
    writer->id = event_id_of(writer->store_id, event);
    const uint64_t time_ms = time_of(event);
    /* Thousands of events may share a millisecond. */
    if (time_ms != writer->time_ms) {
        timestamp_write((int64_t)time_ms * 1000, writer->time);
        writer->time_ms = time_ms;
    }
    writer->headers[ID].value = (struct text){writer->id.text, writer->id.len};
    writer->headers[SUBJECT].value = event->resource_id;
    writer->headers[TIME].value = text_of(writer->time);
    writer->header_count = set_trace(writer, &event->trace);
}

static void put_json(struct event_writer *writer, const struct event *event, struct buffer *out)
{
    buffer_append_text(out, TEXT("{\"event_id\":\""));
    buffer_append_text(out, writer->headers[ID].value);
    buffer_append_text(out, TEXT("\",\"resource_id\":"));
    buffer_append_json_string(out, event->resource_id);
    buffer_append_text(out, TEXT(",\"counter_type\":"));
    buffer_append_json_string(out, event->counter_type);
    if (event->user_id.len > 0) {
        buffer_append_text(out, TEXT(",\"user_id\":"));
        buffer_append_json_string(out, event->user_id);
    }
    buffer_append_text(out, TEXT(",\"delta\":"));
    buffer_append_int64(out, event->delta);
    buffer_append_text(out, TEXT(",\"value\":"));
    if (event->has_value) {
        buffer_append_int64(out, event->value);
    } else {
        buffer_append_text(out, TEXT("null"));
    }
    buffer_append_text(out, TEXT(",\"occurred_at\":\""));
    buffer_append_text(out, writer->headers[TIME].value);
    buffer_append_text(out, TEXT("\"}"));
}

/* protobuf-c only reads them. */
static ProtobufCBinaryData bytes_of(struct text text)
{
    return (ProtobufCBinaryData){.len = text.len, .data = (uint8_t *)text.data};
}

static void put_protobuf(struct event_writer *writer, const struct event *event, struct buffer *out)
{
    Tally__V1__CounterChanged message = TALLY__V1__COUNTER_CHANGED__INIT;
    message.event_id = bytes_of(writer->headers[ID].value);
    message.resource_id = bytes_of(event->resource_id);
    message.counter_type = bytes_of(event->counter_type);
    message.user_id = bytes_of(event->user_id);
    message.delta = event->delta;
    message.value = event->has_value ? event->value : 0;
    message.value_unknown = !event->has_value;
    message.occurred_at_ms = (int64_t)writer->time_ms;
    const size_t size = tally__v1__counter_changed__get_packed_size(&message);
    if (buffer_reserve(out, size) == 0) {
        out->len += tally__v1__counter_changed__pack(&message, (uint8_t *)out->data + out->len);
    }
}

void event_writer_put(struct event_writer *writer, const struct event *event, struct buffer *out)
{
    set_headers(writer, event);
    if (writer->format == EVENT_FORMAT_JSON) {
        put_json(writer, event, out);
    } else {
        put_protobuf(writer, event, out);
    }
}
