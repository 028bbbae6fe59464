#include "common/trace/trace_context.h"

#include <string.h>

enum { SAMPLED = 1, KEY_LEN_MAX = 256, VALUE_LEN_MAX = 256 };

static const char digits[] = "0123456789abcdef";

/* ---- traceparent ---- */

/* Lower case only. Returns 0, or -1. */
static int read_hex(struct text text, uint8_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.data[i] != '\0' ? strchr(digits, text.data[i]) : NULL;
        if (digit == NULL) {
            return -1;
        }
        const uint8_t value = (uint8_t)(digit - digits);
        out[i / 2] = i % 2 == 0 ? (uint8_t)(value << 4) : out[i / 2] | value;
    }
    return 0;
}

static char *write_hex(const uint8_t *bytes, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 0xF];
    }
    return out;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* Reads one field of so many bytes, and the '-' behind it if there is to be one. */
static int take_field(struct text *rest, uint8_t *out, size_t bytes, bool is_last)
{
    const size_t len = 2 * bytes;
    if (rest->len < len || read_hex((struct text){rest->data, len}, out) != 0) {
        return -1;
    }
    *rest = (struct text){rest->data + len, rest->len - len};
    if (is_last) {
        return 0;
    }
    if (rest->len == 0 || rest->data[0] != '-') {
        return -1;
    }
    *rest = (struct text){rest->data + 1, rest->len - 1};
    return 0;
}

/* What may stand behind the last field: nothing in version 00, and more fields in a later one. */
static bool may_follow(uint8_t version, struct text rest)
{
    return rest.len == 0 || (version != 0 && rest.data[0] == '-');
}

int trace_context_parse(struct text text, struct trace_context *ret_context)
{
    struct trace_context context;
    uint8_t version;
    uint8_t flags;
    if (take_field(&text, &version, 1, false) != 0 || version == 0xFF ||
        take_field(&text, context.trace_id, TRACE_ID_BYTES, false) != 0 ||
        take_field(&text, context.span_id, TRACE_SPAN_ID_BYTES, false) != 0 ||
        take_field(&text, &flags, 1, true) != 0 || !may_follow(version, text) ||
        is_zero(context.trace_id, TRACE_ID_BYTES) || is_zero(context.span_id, TRACE_SPAN_ID_BYTES)) {
        return -1;
    }
    context.is_sampled = (flags & SAMPLED) != 0;
    *ret_context = context;
    return 0;
}

void trace_context_write(const struct trace_context *context, char out[TRACE_PARENT_LEN])
{
    const uint8_t flags = context->is_sampled ? SAMPLED : 0;
    memcpy(out, "00-", 3);
    out = write_hex(context->trace_id, TRACE_ID_BYTES, out + 3);
    *out++ = '-';
    out = write_hex(context->span_id, TRACE_SPAN_ID_BYTES, out);
    *out++ = '-';
    write_hex(&flags, 1, out);
}

void trace_context_write_id(const struct trace_context *context, char out[TRACE_ID_SIZE])
{
    *write_hex(context->trace_id, sizeof(context->trace_id), out) = '\0';
}

/* ---- tracestate ---- */

static bool is_key(struct text key)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@";
    if (key.len == 0 || key.len > KEY_LEN_MAX || strchr("_-*/@", key.data[0]) != NULL) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (key.data[i] == '\0' || strchr(allowed, key.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_value(struct text value)
{
    if (value.len == 0 || value.len > VALUE_LEN_MAX || value.data[value.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7E || value.data[i] == '=') {
            return false;
        }
    }
    return true;
}

static struct text without_blanks(struct text text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = (struct text){text.data + 1, text.len - 1};
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

bool trace_state_is_valid(struct text text)
{
    size_t members = 0;
    if (text.len == 0 || text.len > TRACE_STATE_LEN_MAX) {
        return false;
    }
    while (text.len > 0) {
        struct text member = without_blanks(text_cut(&text, ','));
        if (member.len == 0) {
            continue; /* an empty one is allowed, and none of them */
        }
        const struct text key = text_cut(&member, '=');
        if (++members > TRACE_STATE_MEMBERS_MAX || !is_key(key) || !is_value(member)) {
            return false;
        }
    }
    return members > 0;
}
