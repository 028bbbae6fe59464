/* Answers one message of the server reflection protocol
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). Pure functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_REFLECTION_REFLECTION_ANSWER_H
#define TALLY_COUNTER_SERVICE_REFLECTION_REFLECTION_ANSWER_H

#include <grpc/byte_buffer.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "counter-service/reflection/proto_index.h"

/* The response to a serialized ServerReflectionRequest; one that cannot be fulfilled is answered with an
 * error_response. Needs memory of arena for a while. NULL if request is not such a message, or out of memory. */
grpc_byte_buffer *reflection_answer(const struct proto_index *index, grpc_byte_buffer *request, struct arena *arena)
    MUST_CHECK;

#endif
