#include "counter-service/write_command.h"

#include <assert.h>

#include "common/limits.h"
#include "counter-service/fingerprint.h"
#include "counter-service/resp.h"

enum {
    HEAD_STRINGS = 9, /* verb, script, number of keys, session key, and the five arguments before the items */
    HEAD_ARGUMENTS = 5,
    ITEM_STRINGS_MAX = 5, /* counter key, idempotency key, type, delta, fingerprint */
    SEQUENCE_DIGITS = 19, /* of 2^63 - 1; with leading zeros, so that the script can cut it in two */
};

/* What must be known before the first byte can be written. */
struct shape {
    size_t items;
    size_t keyed; /* items with an idempotency key */
    size_t bytes; /* enough for the command */
};

static struct shape measure(const struct write_settings *settings, struct write_script_name name,
                            const struct store_call *call)
{
    struct shape shape = {0};
    size_t texts = 0;
    for (size_t i = 0; i < call->item_count; i++) {
        const struct store_item *item = &call->items[i];
        if (item->status != STATUS_OK) {
            continue;
        }
        shape.items++;
        shape.keyed += item->idempotency_key.len > 0;
        texts += 2 * item->resource_id.len + 2 * item->counter_type.len + item->idempotency_key.len;
    }
    const size_t item_bytes =
        ITEM_STRINGS_MAX * RESP_PART_BYTES + 2 * REDIS_KEY_FIXED_BYTES + DECIMAL_LEN_MAX + FINGERPRINT_LEN;
    const size_t head_bytes = (1 + HEAD_STRINGS) * RESP_PART_BYTES + name.verb.len + name.script.len +
                              settings->prefix.len + 2 + SESSION_LEN + CALL_FINGERPRINT_LEN +
                              (HEAD_ARGUMENTS + 1) * DECIMAL_LEN_MAX;
    shape.bytes = head_bytes + shape.items * item_bytes + texts;
    return shape;
}

static char *put_keys(char *out, const struct redis_key_prefix *prefix, const struct store_call *call)
{
    if (call->session.id != NULL) {
        out = redis_key_put_session(out, prefix, (struct text){(const char *)call->session.id, SESSION_LEN});
    }
    for (size_t i = 0; i < call->item_count; i++) {
        const struct store_item *item = &call->items[i];
        if (item->status != STATUS_OK) {
            continue;
        }
        out = redis_key_put_counters(out, prefix, item->resource_id);
        if (item->idempotency_key.len > 0) {
            out = redis_key_put_idempotency(out, prefix, item->resource_id, item->counter_type, item->idempotency_key);
        }
    }
    return out;
}

static char *put_sequence(char *out, int64_t sequence)
{
    char digits[SEQUENCE_DIGITS];
    for (size_t i = SEQUENCE_DIGITS; i-- > 0;) {
        digits[i] = (char)('0' + sequence % 10);
        sequence /= 10;
    }
    return resp_put_string(out, (struct text){digits, SEQUENCE_DIGITS});
}

/* Sequence, lane and fingerprint. */
static char *put_place_in_session(char *out, const struct store_call *call)
{
    if (call->session.id == NULL) {
        return resp_put_string(resp_put_string(resp_put_string(out, TEXT("")), TEXT("")), TEXT(""));
    }
    assert(call->session.lane < SESSION_LANES && call->session.sequence > 0);
    const struct call_fingerprint fingerprint = fingerprint_of_call(call->items, call->item_count);
    out = put_sequence(out, call->session.sequence);
    out = resp_put_integer(out, call->session.lane);
    return resp_put_string(out, (struct text){fingerprint.bytes, CALL_FINGERPRINT_LEN});
}

static char *put_head_arguments(char *out, const struct write_settings *settings, const struct store_call *call,
                                bool keyed)
{
    out = put_place_in_session(out, call);
    out = resp_put_integer(out, settings->idempotency_ttl_ms);
    return resp_put_string(out, keyed ? TEXT("3") : TEXT("2"));
}

static char *put_item_arguments(char *out, const struct store_item *item, bool keyed)
{
    out = resp_put_string(out, item->counter_type);
    out = resp_put_integer(out, item->delta);
    if (keyed && item->idempotency_key.len > 0) {
        const struct fingerprint fingerprint = fingerprint_of_increment(item->delta, item->user_id);
        out = resp_put_string(out, (struct text){fingerprint.bytes, FINGERPRINT_LEN});
    } else if (keyed) {
        out = resp_put_string(out, TEXT(""));
    }
    return out;
}

int write_command_append(struct buffer *out, const struct write_settings *settings, struct write_script_name name,
                         const struct store_call *call)
{
    const struct shape shape = measure(settings, name, call);
    assert(shape.items > 0);
    if (buffer_reserve(out, shape.bytes) != 0) {
        return -1;
    }
    const bool keyed = shape.keyed > 0;
    const size_t key_count = shape.items + shape.keyed + (call->session.id != NULL);
    const size_t argument_count = HEAD_ARGUMENTS + shape.items * (keyed ? 3 : 2);

    char *const start = out->data + out->len;
    char *end = resp_put_array(start, 3 + key_count + argument_count);
    end = resp_put_string(end, name.verb);
    end = resp_put_string(end, name.script);
    end = resp_put_integer(end, (int64_t)key_count);
    end = put_keys(end, &settings->prefix, call);
    end = put_head_arguments(end, settings, call, keyed);
    for (size_t i = 0; i < call->item_count; i++) {
        if (call->items[i].status == STATUS_OK) {
            end = put_item_arguments(end, &call->items[i], keyed);
        }
    }
    assert((size_t)(end - start) <= shape.bytes);
    out->len += (size_t)(end - start);
    return 0;
}
