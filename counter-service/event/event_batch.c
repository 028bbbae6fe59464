#include "counter-service/event/event_batch.h"

#include <assert.h>

#include "common/base/decimal.h"
#include "common/base/varint.h"
#include "common/contract/limits.h"

enum {
    /* Three lengths and a delta. */
    ITEM_VARINTS_LEN_MAX = 4 * VARINT_LEN_MAX,
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

void event_batch_begin(struct buffer *out)
{
    const char version = EVENT_BATCH_VERSION;
    buffer_append(out, &version, 1);
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
    return true;
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

int event_batch_open(struct event_batch_reader *reader, unsigned partition, struct stream_id entry, struct text items,
                     struct text results)
{
    if (items.len == 0 || items.data[0] != EVENT_BATCH_VERSION) {
        return -1;
    }
    *reader = (struct event_batch_reader){
        .partition = partition, .entry = entry, .items = {items.data + 1, items.len - 1}, .results = results};
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
