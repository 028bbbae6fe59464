/* The messages of batched calls: operations to SessionIncrementRequest or BatchGetRequest, replies back to results. Its
 * memory is used again for each batch. Owned by the loop's thread. */
#ifndef TALLY_GATEWAY_BATCH_BATCH_MESSAGE_H
#define TALLY_GATEWAY_BATCH_BATCH_MESSAGE_H

#include <grpc/byte_buffer.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/contract/status.h"
#include "gateway/batch/batch_trace.h"
#include "gateway/batch/operation.h"

struct batch_message;
struct session_place;

struct batch_message *batch_message_create(void) MUST_CHECK;
void batch_message_free(struct batch_message *message);

void batch_message_clear(struct batch_message *message);
/* At most BATCH_ITEMS_MAX since the last clear, all of the same kind. The operation's texts and trace stay the caller's
 * until batch_message_pack. trace: the request's whose first item it is, if that is traced; else NULL. */
void batch_message_add(struct batch_message *message, enum batch_kind kind, const struct operation *operation,
                       const struct traced_request *trace);
/* The packed request; place is an increment's. The caller destroys it. NULL when out of memory. */
grpc_byte_buffer *batch_message_pack(struct batch_message *message, enum batch_kind kind,
                                     const struct session_place *place) MUST_CHECK;

/* Reads a reply, which must hold `count` results. Returns 0, or -1 if it does not. */
int batch_message_read_reply(struct batch_message *message, enum batch_kind kind, grpc_byte_buffer *reply, size_t count)
    MUST_CHECK;
/* Result `index` of the reply read last: fills operation's value and replayed, returns its status. */
enum status batch_message_result(const struct batch_message *message, enum batch_kind kind, size_t index,
                                 struct operation *operation);
/* Whether that is an increment's error which settles nothing of attempts before (part_failed in counter.proto). */
bool batch_message_part_failed(const struct batch_message *message, enum batch_kind kind, size_t index);

#endif
