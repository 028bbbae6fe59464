#include "counter-service/event/event_batch.h"

#include <assert.h>

#include "common/base/decimal.h"
#include "common/base/varint.h"
#include "common/contract/limits.h"

enum {
    /* Three lengths and a delta. */
    ITEM_VARINTS_LEN_MAX = 4 * VARINT_LEN_MAX,
    TRACES_FOOTER_LEN = 5,
};

/* ---- pack -------------------------------------------------------------------------------------------------------- */

static inline char *write_text(char *at, struct text text)
{
    at = varint_put(at, text.len);
    if (text.len > 0) {
        memcpy(at, text.data, text.len);
    }
    return at + text.len;
}

static void put_varint(struct buffer *out, uint64_t value)
{
    char bytes[VARINT_LEN_MAX];
    buffer_append(out, bytes, (size_t)(varint_put(bytes, value) - bytes));
}

void event_batch_begin(struct buffer *out)
{
    const char version = EVENT_BATCH_VERSION;
    buffer_append(out, &version, 1);
}

size_t event_batch_begin_traces(struct buffer *out)
{
    buffer_append(out, &(const char){0}, 1);
    return out->len;
}

void event_batch_end_traces(struct buffer *out, size_t start)
{
    const size_t len = out->len - start;
    const char footer[TRACES_FOOTER_LEN] = {(char)len, (char)(len >> 8), (char)(len >> 16), (char)(len >> 24), 0};
    buffer_append(out, footer, sizeof(footer));
}

void event_batch_put_trace(struct buffer *out, size_t place, size_t count, const struct trace_context *context,
                           struct text state)
{
    const bool is_short = state.len <= EVENT_TRACE_STATE_LEN_MAX;
    put_varint(out, place);
    put_varint(out, count);
    buffer_append(out, context->trace_id, sizeof(context->trace_id));
    buffer_append(out, context->span_id, sizeof(context->span_id));
    put_varint(out, is_short ? state.len : 0);
    buffer_append(out, state.data, is_short ? state.len : 0);
}

void event_batch_put(struct buffer *out, const struct event_batch_item *item)
{
    assert(item->resource_id.len >= 1 && item->resource_id.len <= RESOURCE_ID_LEN_MAX);
    assert(item->counter_type.len >= 1 && item->counter_type.len <= COUNTER_TYPE_LEN_MAX);
    assert(item->user_id.len <= USER_ID_LEN_MAX);
    const size_t room = ITEM_VARINTS_LEN_MAX + item->resource_id.len + item->counter_type.len + item->user_id.len;
    if (out->capacity - out->len < room && buffer_reserve(out, room) != 0) {
        return;
    }
    char *at = out->data + out->len;
    at = write_text(at, item->resource_id);
    at = write_text(at, item->counter_type);
    at = write_text(at, item->user_id);
    at = varint_put(at, varint_zigzag(item->delta));
    out->len = (size_t)(at - out->data);
}

/* ---- read -------------------------------------------------------------------------------------------------------- */

/* What a result says of its item. */
enum verdict { EVENT, NO_EVENT, DAMAGED };

static void skip(struct text *rest, size_t len)
{
    rest->data += len;
    rest->len -= len;
}

static bool take_text(struct text *rest, size_t len_min, size_t len_max, struct text *ret_text)
{
    uint64_t len;
    if (!varint_take(rest, &len) || len < len_min || len > len_max || len > rest->len) {
        return false;
    }
    *ret_text = (struct text){rest->data, (size_t)len};
    skip(rest, (size_t)len);
    return true;
}

static bool take_item(struct text *rest, struct event *event)
{
    uint64_t delta;
    if (!take_text(rest, 1, RESOURCE_ID_LEN_MAX, &event->resource_id) ||
        !take_text(rest, 1, COUNTER_TYPE_LEN_MAX, &event->counter_type) ||
        !take_text(rest, 0, USER_ID_LEN_MAX, &event->user_id) || !varint_take(rest, &delta)) {
        return false;
    }
    event->delta = varint_unzigzag(delta);
    return event->delta != 0;
}

/* Takes a token, which is empty if there is none, and before it the blank that parts it from the one before. */
static bool take_token(struct text *rest, bool is_first, struct text *ret_token)
{
    if (!is_first) {
        if (rest->len == 0 || rest->data[0] != ' ') {
            return false;
        }
        skip(rest, 1);
    }
    size_t len = 0;
    while (len < rest->len && rest->data[len] != ' ') {
        len++;
    }
    *ret_token = (struct text){rest->data, len};
    skip(rest, len);
    return len > 0;
}

static enum verdict read_value(struct text digits, struct event *event)
{
    if (!decimal_parse(digits, &event->value)) {
        return DAMAGED;
    }
    event->has_value = true;
    return EVENT;
}

/* Sets value and has_value, if the item was applied. */
static enum verdict read_token(struct text token, struct event *event)
{
    const bool is_letter = token.len == 1;
    switch (token.data[0]) {
    case 'r':
        return NO_EVENT;
    case 'O':
    case 'K':
    case 'T':
    case 'D':
    case 'X':
        return is_letter ? NO_EVENT : DAMAGED;
    case 'U':
        event->value = 0;
        event->has_value = false;
        return is_letter ? EVENT : DAMAGED;
    case 'W':
        return read_value((struct text){token.data + 1, token.len - 1}, event);
    default:
        return read_value(token, event);
    }
}

/* ---- traces ---- */

static bool take_bytes(struct text *rest, size_t len, const uint8_t **ret_bytes)
{
    if (len > rest->len) {
        return false;
    }
    *ret_bytes = (const uint8_t *)rest->data;
    skip(rest, len);
    return true;
}

/* What a trace says, and of which items. */
struct placed_trace {
    uint64_t place;
    uint64_t count;
    struct event_trace trace;
};

static bool take_trace(struct text *rest, struct placed_trace *taken)
{
    return varint_take(rest, &taken->place) && varint_take(rest, &taken->count) && taken->place <= BATCH_ITEMS_MAX &&
           taken->count <= BATCH_ITEMS_MAX && take_bytes(rest, TRACE_ID_BYTES, &taken->trace.trace_id) &&
           take_bytes(rest, TRACE_SPAN_ID_BYTES, &taken->trace.span_id) &&
           take_text(rest, 0, EVENT_TRACE_STATE_LEN_MAX, &taken->trace.state);
}

static bool are_traces(struct text text)
{
    struct placed_trace trace;
    while (text.len > 0) {
        if (!take_trace(&text, &trace)) {
            return false;
        }
    }
    return true;
}

/* Moves the traces from the end of reader->items to reader->traces. What is there and is none is left: it is found as
 * damage behind the events, which are told. */
static void part_traces(struct event_batch_reader *reader)
{
    const struct text all = reader->items;
    if (all.len <= TRACES_FOOTER_LEN || all.data[all.len - 1] != 0) {
        return;
    }
    const uint8_t *footer = (const uint8_t *)all.data + all.len - TRACES_FOOTER_LEN;
    const size_t len = footer[0] | (size_t)footer[1] << 8 | (size_t)footer[2] << 16 | (size_t)footer[3] << 24;
    const size_t room = all.len - TRACES_FOOTER_LEN;
    if (len >= room || all.data[room - len - 1] != 0) {
        return;
    }
    const struct text traces = {all.data + room - len, len};
    if (are_traces(traces)) {
        reader->items.len = room - len - 1;
        reader->traces = traces;
    }
}

/* Of the item at reader->place. */
static struct event_trace trace_of_item(struct event_batch_reader *reader)
{
    struct placed_trace next;
    while (reader->traces.len > 0 && reader->place >= reader->trace_end) {
        const bool is_taken = take_trace(&reader->traces, &next);
        assert(is_taken); /* are_traces has seen it */
        (void)is_taken;
        reader->trace = next.trace;
        reader->trace_place = next.place;
        reader->trace_end = next.place + next.count;
    }
    const bool is_its = reader->trace_place <= reader->place && reader->place < reader->trace_end;
    return is_its ? reader->trace : (struct event_trace){0};
}

/* ---- the whole ---- */

int event_batch_open(struct event_batch_reader *reader, unsigned partition, struct stream_id entry, struct text items,
                     struct text results)
{
    if (items.len == 0 || items.data[0] != EVENT_BATCH_VERSION) {
        return -1;
    }
    *reader = (struct event_batch_reader){
        .partition = partition, .entry = entry, .items = {items.data + 1, items.len - 1}, .results = results};
    part_traces(reader);
    return 0;
}

int event_batch_next(struct event_batch_reader *reader, struct event *ret_event)
{
    while (reader->items.len > 0 || reader->results.len > 0) {
        struct event event = {.partition = reader->partition, .entry = reader->entry, .place = reader->place};
        struct text token;
        if (!take_item(&reader->items, &event) || !take_token(&reader->results, reader->place == 0, &token)) {
            return -1;
        }
        event.trace = trace_of_item(reader);
        reader->place++;
        const enum verdict verdict = read_token(token, &event);
        if (verdict == DAMAGED) {
            return -1;
        }
        if (verdict == EVENT) {
            *ret_event = event;
            return 1;
        }
    }
    return 0;
}
