#include "common/contract/grpc_message.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

/* Two bytes on the wire can be an empty item of 150 bytes in memory. So a message gets a budget: what an honest one of
 * the largest number of items needs, beside its texts. */
enum {
    MESSAGE_MEMORY = 1024 * 1024,
    MESSAGE_MEMORY_PER_BYTE = 4,
};

struct budget {
    struct arena *arena;
    size_t left;
};

static void *budget_alloc(void *data, size_t size)
{
    struct budget *budget = data;
    if (size > budget->left) {
        return NULL;
    }
    budget->left -= size;
    return arena_alloc(budget->arena, size);
}

static void budget_free(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

grpc_byte_buffer *grpc_message_pack(const ProtobufCMessage *message)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static ProtobufCMessage *unpack_slice(const ProtobufCMessageDescriptor *descriptor, const grpc_slice *slice,
                                      struct arena *arena)
{
    const size_t len = GRPC_SLICE_LENGTH(*slice);
    struct budget budget = {.arena = arena, .left = MESSAGE_MEMORY + MESSAGE_MEMORY_PER_BYTE * len};
    ProtobufCAllocator allocator = {.alloc = budget_alloc, .free = budget_free, .allocator_data = &budget};
    return protobuf_c_message_unpack(descriptor, &allocator, len, GRPC_SLICE_START_PTR(*slice));
}

ProtobufCMessage *grpc_message_unpack(const ProtobufCMessageDescriptor *descriptor, grpc_byte_buffer *buffer,
                                      struct arena *arena)
{
    const grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    if (slices->count == 1) { /* the usual case: read where it lies */
        return unpack_slice(descriptor, &slices->slices[0], arena);
    }
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
        return NULL;
    }
    const grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    ProtobufCMessage *message = unpack_slice(descriptor, &whole, arena);
    grpc_slice_unref(whole);
    return message;
}
