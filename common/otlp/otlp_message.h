/* Spans as OTLP sends them: ExportTraceServiceRequest of
 * proto/opentelemetry/proto/collector/trace/v1/trace_service.proto. Pure. */
#ifndef TALLY_COMMON_OTLP_OTLP_MESSAGE_H
#define TALLY_COMMON_OTLP_OTLP_MESSAGE_H

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/trace/span.h"
#include "common/trace/span_queue.h"

/* Appends the message to out: the resource's attributes, and the spans, of which there are `count`, one or more. A text
 * that is not UTF-8, for which a collector would refuse all of them, gets '?' for what is not ASCII. Returns 0, or -1
 * when out of memory. */
int otlp_message_pack(const struct span_attribute *resource, size_t resource_count, const struct queued_span *spans,
                      size_t count, struct buffer *out) MUST_CHECK;

#endif
