/* An entry of the outbox: the items of one write call, packed by the service, and the results that the write script
 * gave them (write_script.lua has the tokens). Pure functions.
 *
 *     byte      EVENT_BATCH_VERSION
 *     an item   varint length and bytes of resource_id, of counter_type, of user_id; zigzag varint delta, not 0
 *     [traces   byte 0, the traces, their length as 4 bytes, least significant first, byte 0]
 *
 * A trace: varint place of its first item, from 0; varint count of its items; trace id of 16 bytes, span id of 8;
 * varint length and bytes of tracestate. An entry with traces is known by its last byte, which no delta ends with. A
 * reader of before there were traces finds all events, and then damage.
 *
 * Varints are protobuf's (base 128, least significant first). The format is part of the data in Redis: entries outlive
 * a deployment. The results are a token an item, with a blank between two:
 *
 *     -?digits          applied, and the value          U            applied, the value is not known
 *     W and -?digits    applied, and the value; its idempotency key was not kept
 *     r and anything    replayed: no event              O K T D X    refused: no event */
#ifndef TALLY_COUNTER_SERVICE_EVENT_EVENT_BATCH_H
#define TALLY_COUNTER_SERVICE_EVENT_EVENT_BATCH_H

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "counter-service/event/event.h"

enum {
    EVENT_BATCH_VERSION = 1,
    /* A longer tracestate is left out: so a trace takes 160 bytes at most. */
    EVENT_TRACE_STATE_LEN_MAX = 128,
};

struct event_batch_item {
    struct text resource_id;
    struct text counter_type;
    struct text user_id;
    int64_t delta;
};

/* Begins a batch. When out of memory out->failed is set, as by those below. */
void event_batch_begin(struct buffer *out);
/* item: has the lengths of common/contract/limits.h, checked by whoever took it from a caller. */
void event_batch_put(struct buffer *out, const struct event_batch_item *item);
/* Behind all items: begins the traces, of which there is one at least. Returns what event_batch_end_traces takes. */
size_t event_batch_begin_traces(struct buffer *out);
/* In the order of their items: of so many from place on, which is counted from 0. */
void event_batch_put_trace(struct buffer *out, size_t place, size_t count, const struct trace_context *context,
                           struct text state);
void event_batch_end_traces(struct buffer *out, size_t start);

/* Reads the events of an entry: the items that were applied, in their order. */
struct event_batch_reader {
    unsigned partition;
    struct stream_id entry;
    /* what is left */
    struct text traces;
    struct text items;
    struct text results;
    unsigned place; /* of the next item */
    /* The trace read last. */
    struct event_trace trace;
    uint64_t trace_place; /* of its first item */
    uint64_t trace_end;
};

/* items: what was packed. results: the tokens. Returns 0, or -1 if this is no batch of a version that is known. Both
 * texts stay in use. */
int event_batch_open(struct event_batch_reader *reader, unsigned partition, struct stream_id entry, struct text items,
                     struct text results) MUST_CHECK;
/* Returns 1 with an event, whose texts point into items; 0 at the end; -1 if the entry is damaged: lengths that no item
 * may have, a token that is none of the above, more of the one than of the other. Damage is met where it lies: events
 * may have come before it, and none come after it. The bytes of a text are not looked at. */
int event_batch_next(struct event_batch_reader *reader, struct event *ret_event) MUST_CHECK;

#endif
