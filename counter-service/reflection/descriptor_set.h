/* The descriptors of every proto file that the service serves, as `protoc --include_imports` wrote them: a serialized
 * google.protobuf.FileDescriptorSet. Server reflection answers from it. Built in by common/base/embed.S. */
#ifndef TALLY_COUNTER_SERVICE_REFLECTION_DESCRIPTOR_SET_H
#define TALLY_COUNTER_SERVICE_REFLECTION_DESCRIPTOR_SET_H

#include <stddef.h>

extern const unsigned char descriptor_set[];
extern const size_t descriptor_set_len;

#endif
