/* Protobuf messages as gRPC carries them. Thread-safe: nothing is shared but the arguments. */
#ifndef TALLY_COMMON_CONTRACT_GRPC_MESSAGE_H
#define TALLY_COMMON_CONTRACT_GRPC_MESSAGE_H

#include <grpc/byte_buffer.h>
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/text.h"

/* Packs message into one slice of exactly its size. Returns a buffer to be freed with grpc_byte_buffer_destroy, or
 * NULL when out of memory. */
grpc_byte_buffer *grpc_message_pack(const ProtobufCMessage *message) MUST_CHECK;

/* Unpacks the whole of buffer, which stays the caller's, into arena: texts and bytes are copied, the message is valid
 * until the arena is reset. Returns NULL if it is not such a message, or has so many parts that it would take far more
 * memory than its bytes (see MESSAGE_MEMORY in grpc_message.c), or when out of memory. */
ProtobufCMessage *grpc_message_unpack(const ProtobufCMessageDescriptor *descriptor, grpc_byte_buffer *buffer,
                                      struct arena *arena) MUST_CHECK;

/* Text as a field of a message holds it; the bytes stay where they are, and a message that is packed does not change
 * them. */
static inline ProtobufCBinaryData grpc_message_bytes(struct text text)
{
    return (ProtobufCBinaryData){.len = text.len, .data = (uint8_t *)(uintptr_t)text.data};
}

static inline struct text grpc_message_text(ProtobufCBinaryData bytes)
{
    return (struct text){(const char *)bytes.data, bytes.len};
}

#endif
