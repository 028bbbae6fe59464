/* From the store's results to a response message of tally.v1.CounterService. Pure functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_API_COUNTER_REPLY_H
#define TALLY_COUNTER_SERVICE_API_COUNTER_REPLY_H

#include <grpc/byte_buffer.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "counter-service/api/counter_request.h"

/* The response to a call that the store has done with STATUS_OK; for a method of one item, that item's status is
 * STATUS_OK too. Needs memory of arena for a while. NULL when out of memory. */
grpc_byte_buffer *counter_reply_make(enum counter_method method, const struct counter_request *request,
                                     struct arena *arena) MUST_CHECK;

#endif
