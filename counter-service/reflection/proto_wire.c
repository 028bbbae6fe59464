#include "counter-service/reflection/proto_wire.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64_BIT = 1, WIRE_BYTES = 2, WIRE_32_BIT = 5 };

enum { VARINT_LEN_MAX = 10 };

static bool skip(struct text *message, uint64_t len)
{
    if (len > message->len) {
        return false;
    }
    message->data += len;
    message->len -= (size_t)len;
    return true;
}

static bool take_varint(struct text *message, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_LEN_MAX && i < message->len; i++) {
        const unsigned char byte = (unsigned char)message->data[i];
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *ret_value = value;
            return skip(message, i + 1);
        }
    }
    return false;
}

static bool take_bytes(struct text *message, struct proto_field *field)
{
    uint64_t len;
    if (!take_varint(message, &len)) {
        return false;
    }
    field->has_bytes = true;
    field->bytes = (struct text){.data = message->data, .len = (size_t)len};
    return skip(message, len);
}

static bool take_value(struct text *message, unsigned wire_type, struct proto_field *field)
{
    uint64_t ignored;
    switch (wire_type) {
    case WIRE_VARINT:
        return take_varint(message, &ignored);
    case WIRE_64_BIT:
        return skip(message, 8);
    case WIRE_BYTES:
        return take_bytes(message, field);
    case WIRE_32_BIT:
        return skip(message, 4);
    default:
        return false;
    }
}

int proto_next_field(struct text *message, struct proto_field *ret_field)
{
    if (message->len == 0) {
        return 0;
    }
    uint64_t tag;
    if (!take_varint(message, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX) {
        return -1;
    }
    struct proto_field field = {.number = (uint32_t)(tag >> 3)};
    if (!take_value(message, tag & 7, &field)) {
        return -1;
    }
    *ret_field = field;
    return 1;
}
