#include "counter-service/commands/write_command.h"

#include <assert.h>

#include "common/contract/limits.h"
#include "counter-service/commands/fingerprint.h"
#include "counter-service/commands/item_trace.h"
#include "counter-service/event/event_batch.h"
#include "counter-service/redis/resp.h"

enum {
    HEAD_ARGUMENTS = 6,   /* before the items, if no events are kept */
    OUTBOX_ARGUMENTS = 2, /* more if they are */
    OUTBOX_KEYS = 2,
    PACKED_KEEP_BYTES = 64 * 1024,
    SEQUENCE_DIGITS = 19, /* of 2^63 - 1; with leading zeros, so that the script can cut it in two */
};

static bool keeps_events(const struct write_settings *settings)
{
    return settings->outbox.stream.len > 0;
}

static void put_keys(struct buffer *out, const struct write_settings *settings, const struct store_call *call)
{
    const struct redis_key_prefix *prefix = &settings->prefix;
    if (call->session.id != NULL) {
        redis_key_put_session(out, prefix, (struct text){(const char *)call->session.id, SESSION_LEN});
    }
    if (keeps_events(settings)) {
        redis_key_put_single(out, prefix, settings->outbox.marks);
        redis_key_put_single(out, prefix, settings->outbox.stream);
    }
    for (size_t i = 0; i < call->item_count; i++) {
        const struct store_item *item = &call->items[i];
        redis_key_put_counters(out, prefix, item->resource_id);
        if (item->idempotency_key.len > 0) {
            redis_key_put_idempotency(out, prefix, item->resource_id, item->counter_type, item->idempotency_key);
        }
    }
}

static void put_sequence(struct buffer *out, int64_t sequence)
{
    char digits[SEQUENCE_DIGITS];
    for (size_t i = SEQUENCE_DIGITS; i-- > 0;) {
        digits[i] = (char)('0' + sequence % 10);
        sequence /= 10;
    }
    resp_put_string(out, (struct text){digits, SEQUENCE_DIGITS});
}

/* Sequence, lane and fingerprint. */
static void put_place_in_session(struct buffer *out, const struct store_call *call)
{
    if (call->session.id == NULL) {
        for (int i = 0; i < 3; i++) {
            resp_put_string(out, TEXT(""));
        }
        return;
    }
    assert(call->session.lane < SESSION_LANES && call->session.sequence > 0);
    const struct call_fingerprint fingerprint = fingerprint_of_call(call->items, call->item_count);
    put_sequence(out, call->session.sequence);
    resp_put_integer(out, call->session.lane);
    resp_put_string(out, (struct text){fingerprint.bytes, CALL_FINGERPRINT_LEN});
}

static void put_traces(struct buffer *packed, const struct store_call *call)
{
    const size_t start = event_batch_begin_traces(packed);
    for (const struct item_trace *trace = call->traces; trace != NULL; trace = trace->next) {
        const bool is_whole = trace->place == ITEM_TRACE_WHOLE;
        event_batch_put_trace(packed, is_whole ? 0 : trace->place, is_whole ? call->item_count : trace->count,
                              &trace->step.context, trace->state);
    }
    event_batch_end_traces(packed, start);
}

static void put_outbox_arguments(struct buffer *out, struct buffer *packed, const struct outbox_settings *outbox,
                                 const struct store_call *call)
{
    buffer_clear(packed, PACKED_KEEP_BYTES);
    event_batch_begin(packed);
    for (size_t i = 0; i < call->item_count; i++) {
        const struct store_item *item = &call->items[i];
        event_batch_put(packed,
                        &(struct event_batch_item){item->resource_id, item->counter_type, item->user_id, item->delta});
    }
    if (call->traces != NULL) {
        put_traces(packed, call);
    }
    out->failed = out->failed || packed->failed;
    resp_put_string(out, (struct text){packed->data, packed->len});
    resp_put_integer(out, outbox->events_max);
    resp_put_string(out, outbox->refuse_when_full ? TEXT("r") : TEXT("d"));
}

static void put_item_arguments(struct buffer *out, const struct store_item *item, bool keyed)
{
    resp_put_string(out, item->counter_type);
    resp_put_integer(out, item->delta);
    if (keyed && item->idempotency_key.len > 0) {
        const struct fingerprint fingerprint = fingerprint_of_increment(item->delta, item->user_id);
        resp_put_string(out, (struct text){fingerprint.bytes, FINGERPRINT_LEN});
    } else if (keyed) {
        resp_put_string(out, TEXT(""));
    }
}

static size_t count_keyed(const struct store_call *call)
{
    size_t count = 0;
    for (size_t i = 0; i < call->item_count; i++) {
        count += call->items[i].idempotency_key.len > 0;
    }
    return count;
}

static void put_arguments(struct buffer *out, struct buffer *packed, const struct write_settings *settings,
                          const struct store_call *call, bool keyed)
{
    put_place_in_session(out, call);
    resp_put_integer(out, settings->idempotency_ttl_ms);
    resp_put_string(out, keyed ? TEXT("3") : TEXT("2"));
    if (keeps_events(settings)) {
        put_outbox_arguments(out, packed, &settings->outbox, call);
    } else {
        resp_put_string(out, TEXT(""));
    }
    for (size_t i = 0; i < call->item_count; i++) {
        put_item_arguments(out, &call->items[i], keyed);
    }
}

int write_command_append(struct buffer *out, struct buffer *packed, const struct write_settings *settings,
                         struct write_script_name name, const struct store_call *call)
{
    assert(call->item_count > 0);
    const size_t start = out->len;
    const size_t keyed_count = count_keyed(call);
    const bool keyed = keyed_count > 0;
    const bool events = keeps_events(settings);
    const size_t key_count = call->item_count + keyed_count + (call->session.id != NULL) + (events ? OUTBOX_KEYS : 0);
    const size_t argument_count =
        (events ? HEAD_ARGUMENTS + OUTBOX_ARGUMENTS : HEAD_ARGUMENTS) + call->item_count * (keyed ? 3U : 2U);
    resp_put_array(out, 3 + key_count + argument_count);
    resp_put_string(out, name.verb);
    resp_put_string(out, name.script);
    resp_put_integer(out, (int64_t)key_count);
    put_keys(out, settings, call);
    put_arguments(out, packed, settings, call, keyed);
    return resp_end(out, start);
}
