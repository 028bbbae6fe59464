#include "common/otlp/otlp_message.h"

#include <assert.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/utf8.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest Request;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans ResourceSpans;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans ScopeSpans;
typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Trace__V1__Span__Link Link;
typedef Opentelemetry__Proto__Trace__V1__Status Status;
typedef Opentelemetry__Proto__Resource__V1__Resource Resource;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope Scope;
typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;
typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;

enum {
    SAMPLED = 1,
    IS_REMOTE_IS_KNOWN = OPENTELEMETRY__PROTO__TRACE__V1__SPAN_FLAGS__SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK,
    IS_REMOTE = OPENTELEMETRY__PROTO__TRACE__V1__SPAN_FLAGS__SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK,
};

/* Everything made is in the arena, but texts and ids, which are where they were. */
struct maker {
    struct arena arena;
    bool failed;
};

static void *allocate(struct maker *maker, size_t count, size_t size)
{
    void *memory = maker->failed ? NULL : arena_alloc(&maker->arena, count * size + 1);
    maker->failed |= memory == NULL;
    return memory;
}

static void *allocate_pointers(struct maker *maker, size_t count)
{
    return allocate(maker, count, sizeof(void *));
}

#define ALLOCATE(maker, pointer, count) ((pointer) = allocate((maker), (count), sizeof(*(pointer))))

static ProtobufCBinaryData bytes_of(const void *data, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
}

static ProtobufCBinaryData ascii_of(struct maker *maker, struct text text)
{
    char *ascii;
    if (ALLOCATE(maker, ascii, text.len) == NULL) {
        return bytes_of(NULL, 0);
    }
    for (size_t i = 0; i < text.len; i++) {
        ascii[i] = (char)((unsigned char)text.data[i] < 0x80 ? text.data[i] : '?');
    }
    return bytes_of(ascii, text.len);
}

static ProtobufCBinaryData string_of(struct maker *maker, struct text text)
{
    return utf8_is_valid(text) ? bytes_of(text.data, text.len) : ascii_of(maker, text);
}

/* ---- attributes ---- */

static AnyValue *make_value(struct maker *maker, const struct span_attribute *attribute)
{
    AnyValue *value;
    if (ALLOCATE(maker, value, 1) == NULL) {
        return NULL;
    }
    opentelemetry__proto__common__v1__any_value__init(value);
    if (attribute->text.data != NULL) {
        value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
        value->string_value = string_of(maker, attribute->text);
    } else {
        value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
        value->int_value = attribute->number;
    }
    return value;
}

static KeyValue **make_attributes(struct maker *maker, const struct span_attribute *attributes, size_t count)
{
    KeyValue **pairs = allocate_pointers(maker, count);
    KeyValue *pair;
    for (size_t i = 0; i < count && ALLOCATE(maker, pair, 1) != NULL; i++) {
        opentelemetry__proto__common__v1__key_value__init(pair);
        pair->key = string_of(maker, text_of(attributes[i].key));
        pair->value = make_value(maker, &attributes[i]);
        pairs[i] = pair;
    }
    return pairs;
}

/* ---- spans ---- */

static Link **make_links(struct maker *maker, const struct span *span)
{
    Link **links = allocate_pointers(maker, span->link_count);
    Link *link;
    for (size_t i = 0; i < span->link_count && ALLOCATE(maker, link, 1) != NULL; i++) {
        opentelemetry__proto__trace__v1__span__link__init(link);
        link->trace_id = bytes_of(span->links[i].trace_id, TRACE_ID_BYTES);
        link->span_id = bytes_of(span->links[i].span_id, TRACE_SPAN_ID_BYTES);
        links[i] = link;
    }
    return links;
}

/* A step that went well is left unset: "Ok" is for people to say. */
static Status *make_status(struct maker *maker, const struct span *span)
{
    Status *status;
    if (!span->has_failed || ALLOCATE(maker, status, 1) == NULL) {
        return NULL;
    }
    opentelemetry__proto__trace__v1__status__init(status);
    status->code = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
    status->message = string_of(maker, span->failure);
    return status;
}

static bool has_parent(const struct span *span)
{
    static const uint8_t none[TRACE_SPAN_ID_BYTES];
    return memcmp(span->parent_id, none, sizeof(none)) != 0;
}

static uint32_t flags_of(const struct span *span)
{
    return (span->context.is_sampled ? SAMPLED : 0U) | IS_REMOTE_IS_KNOWN | (span->has_remote_parent ? IS_REMOTE : 0U);
}

static void fill_span(struct maker *maker, const struct queued_span *queued, Span *message)
{
    const struct span *span = &queued->span;
    opentelemetry__proto__trace__v1__span__init(message);
    message->trace_id = bytes_of(span->context.trace_id, TRACE_ID_BYTES);
    message->span_id = bytes_of(span->context.span_id, TRACE_SPAN_ID_BYTES);
    message->parent_span_id = bytes_of(span->parent_id, has_parent(span) ? TRACE_SPAN_ID_BYTES : 0);
    message->flags = flags_of(span);
    message->trace_state = string_of(maker, span->state);
    message->name = string_of(maker, span->name);
    message->kind = (Opentelemetry__Proto__Trace__V1__Span__SpanKind)span->kind;
    message->start_time_unix_nano = (uint64_t)queued->start_ns;
    message->end_time_unix_nano = (uint64_t)queued->end_ns;
    message->n_attributes = span->attribute_count;
    message->attributes = make_attributes(maker, span->attributes, span->attribute_count);
    message->n_links = span->link_count;
    message->links = make_links(maker, span);
    message->status = make_status(maker, span);
}

static Span **make_spans(struct maker *maker, const struct queued_span *queued, size_t count)
{
    Span **spans = allocate_pointers(maker, count);
    Span *span;
    for (size_t i = 0; i < count && ALLOCATE(maker, span, 1) != NULL; i++, queued = queued->next) {
        assert(queued != NULL);
        fill_span(maker, queued, span);
        spans[i] = span;
    }
    return spans;
}

static void pack(struct maker *maker, Request *request, struct buffer *out)
{
    const size_t size =
        opentelemetry__proto__collector__trace__v1__export_trace_service_request__get_packed_size(request);
    if (buffer_reserve(out, size) != 0) {
        maker->failed = true;
        return;
    }
    out->len += opentelemetry__proto__collector__trace__v1__export_trace_service_request__pack(
        request, (uint8_t *)out->data + out->len);
}

int otlp_message_pack(const struct span_attribute *resource, size_t resource_count, const struct queued_span *spans,
                      size_t count, struct buffer *out)
{
    struct maker maker = {.failed = false};
    arena_init(&maker.arena);
    Resource about = OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
    about.n_attributes = resource_count;
    about.attributes = make_attributes(&maker, resource, resource_count);
    Scope scope = OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
    scope.name = string_of(&maker, TEXT("tally"));
    scope.version = string_of(&maker, TEXT(TALLY_VERSION));
    ScopeSpans of_scope = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
    of_scope.scope = &scope;
    of_scope.n_spans = count;
    of_scope.spans = make_spans(&maker, spans, count);
    ResourceSpans of_resource = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
    of_resource.resource = &about;
    of_resource.n_scope_spans = 1;
    of_resource.scope_spans = (ScopeSpans *[]){&of_scope};
    Request request = OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    request.n_resource_spans = 1;
    request.resource_spans = (ResourceSpans *[]){&of_resource};
    if (!maker.failed) {
        pack(&maker, &request, out);
    }
    arena_done(&maker.arena);
    return maker.failed ? -1 : 0;
}
