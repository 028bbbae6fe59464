/* One step of a request, as it is told to whoever collects traces: OpenTelemetry's span
 * (https://opentelemetry.io/docs/specs/otel/trace/api/#span). Names of spans and attributes are those of its semantic
 * conventions, where they have one. */
#ifndef TALLY_COMMON_TRACE_SPAN_H
#define TALLY_COMMON_TRACE_SPAN_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/trace/trace_context.h"

enum { SPAN_ATTRIBUTES_MAX = 10 };

/* As opentelemetry.proto.trace.v1.Span.SpanKind has them. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3, SPAN_PRODUCER = 4, SPAN_CONSUMER = 5 };

struct span_attribute {
    const char *key;  /* static */
    struct text text; /* UTF-8; .data NULL: it is a number */
    int64_t number;
};

/* Another span that this one is about. */
struct span_link {
    uint8_t trace_id[TRACE_ID_BYTES];
    uint8_t span_id[TRACE_SPAN_ID_BYTES];
};

struct span {
    struct trace_context context;           /* its own */
    uint8_t parent_id[TRACE_SPAN_ID_BYTES]; /* all zero: it has none */
    bool has_remote_parent;                 /* the parent is of another process */
    struct text state;                      /* tracestate; may be empty */
    enum span_kind kind;
    struct text name;
    int64_t start_us; /* monotonic */
    int64_t end_us;
    bool has_failed;
    struct text failure; /* with has_failed: in words; may be empty */
    struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
    size_t attribute_count;
    const struct span_link *links;
    size_t link_count;
};

static inline void span_add_text(struct span *span, const char *key, struct text text)
{
    assert(span->attribute_count < SPAN_ATTRIBUTES_MAX && text.data != NULL);
    span->attributes[span->attribute_count++] = (struct span_attribute){.key = key, .text = text};
}

static inline void span_add_number(struct span *span, const char *key, int64_t number)
{
    assert(span->attribute_count < SPAN_ATTRIBUTES_MAX);
    span->attributes[span->attribute_count++] = (struct span_attribute){.key = key, .number = number};
}

#endif
