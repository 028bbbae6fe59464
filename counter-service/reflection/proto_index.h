/* An index of proto files by name and by the symbols they define, made of a serialized
 * google.protobuf.FileDescriptorSet. Immutable after create: any thread may read it. Texts point into the set, which
 * outlives the index, or into the index. */
#ifndef TALLY_COUNTER_SERVICE_REFLECTION_PROTO_INDEX_H
#define TALLY_COUNTER_SERVICE_REFLECTION_PROTO_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"

struct proto_index;

enum { PROTO_SERVICES_MAX = 16 };

/* NULL with error filled. */
struct proto_index *proto_index_create(struct text descriptor_set, struct error *error) MUST_CHECK;
/* NULL is fine. */
void proto_index_free(struct proto_index *index);

/* Both give the file's serialized google.protobuf.FileDescriptorProto, or return false. symbol: the full name of a
 * service, method, message, field, oneof, enum or enum value. */
bool proto_index_find_file(const struct proto_index *index, struct text name, struct text *ret_file);
bool proto_index_find_symbol(const struct proto_index *index, struct text symbol, struct text *ret_file);

/* Full names of the services, in the order of the files. */
size_t proto_index_service_count(const struct proto_index *index);
const char *proto_index_service(const struct proto_index *index, size_t number);

#endif
