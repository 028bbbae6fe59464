/* An event as a Kafka message: its value (JSON or protobuf, proto/tally/v1/event.proto) and its headers,
 * CloudEvents 1.0 in binary mode (the Kafka protocol binding of CloudEvents 1.0.2, section 3.2); of a traced change
 * also traceparent and tracestate. The key is the resource_id. */
#ifndef TALLY_COUNTER_SERVICE_EVENT_EVENT_MESSAGE_H
#define TALLY_COUNTER_SERVICE_EVENT_EVENT_MESSAGE_H

#include "common/base/buffer.h"
#include "common/base/text.h"
#include "common/base/timestamp.h"
#include "common/config/config.h"
#include "counter-service/event/event.h"
#include "counter-service/event/event_id.h"

#define EVENT_TYPE "tally.counter.changed.v1"

enum { EVENT_HEADERS_MAX = 9, EVENT_SOURCE_SIZE = 64 };

/* What the messages of one store have in common; and of the last one its parts, which headers point into. One thread.
 */
struct event_writer {
    /* immutable after init */
    enum event_format format;
    char store_id[STORE_ID_SIZE];
    char source[EVENT_SOURCE_SIZE]; /* urn:tally:store:<store id> */
    /* of the last message */
    struct event_id id;
    uint64_t time_ms; /* what `time` says: of the entry, at most the end of the year 9999, which RFC 3339 ends with */
    char time[TIMESTAMP_SIZE];
    char traceparent[TRACE_PARENT_LEN];
    struct named_text headers[EVENT_HEADERS_MAX]; /* valid until the next message, and as long as the event's texts */
    size_t header_count;
};

/* The writer stays where it is: its headers point into it. store_id: STORE_ID_LEN digits. */
void event_writer_init(struct event_writer *writer, enum event_format format, const char *store_id);
/* Appends the event's value to out, and sets writer->headers. When out of memory out->failed is set, and what was
 * appended is of no use. The same event makes the same bytes each time. Its texts must be UTF-8. */
void event_writer_put(struct event_writer *writer, const struct event *event, struct buffer *out);

#endif
