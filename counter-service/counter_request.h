/* From a request message of tally.v1.CounterService to what the store is asked: unpacked and validated. Pure
 * functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_COUNTER_REQUEST_H
#define TALLY_COUNTER_SERVICE_COUNTER_REQUEST_H

#include <grpc/byte_buffer.h>

#include "common/arena.h"
#include "common/compiler.h"
#include "counter-service/store.h"

/* Each has a row in three tables: how it is served (counter_rpc.c), read (counter_request.c) and answered
 * (counter_reply.c). A new one goes last, before COUNTER_METHODS: then a forgotten row does not compile. */
enum counter_method {
    COUNTER_INCREMENT,
    COUNTER_BATCH_INCREMENT,
    COUNTER_GET,
    COUNTER_BATCH_GET,
    COUNTER_LIST_COUNTERS,
    COUNTER_SESSION_INCREMENT,
    COUNTER_OPEN_SESSION,
    COUNTER_KEEP_SESSION,
    COUNTER_METHODS
};

/* Fills call->operation, session, items and item_count; everything lies in arena. An item of a batch that breaks a
 * rule has its status and detail set, and does not fail the call. payload stays the caller's; NULL: there was none.
 * Returns STATUS_OK, or the status of the whole call with *ret_detail, a static sentence. */
enum status counter_request_read(enum counter_method method, grpc_byte_buffer *payload, struct arena *arena,
                                 struct store_call *call, const char **ret_detail) MUST_CHECK;

/* Whether each item has a status of its own in the answer; otherwise the one item's is the call's. */
bool counter_request_is_batch(enum counter_method method);
/* Whether there is anything to ask the store. */
bool counter_request_has_valid_item(const struct store_call *call);

#endif
