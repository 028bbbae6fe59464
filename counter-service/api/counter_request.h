/* From a request message of tally.v1.CounterService to what the store is asked: unpacked and validated. Pure
 * functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_API_COUNTER_REQUEST_H
#define TALLY_COUNTER_SERVICE_API_COUNTER_REQUEST_H

#include <grpc/byte_buffer.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "counter-service/commands/item_trace.h"
#include "counter-service/commands/store_call.h"

/* Each method has a row in three tables: how it is served (counter_rpc.c), read (counter_request.c) and answered
 * (counter_reply.c). A new method goes last, before COUNTER_METHODS: then a forgotten row does not compile. */
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

/* An item of a batch that breaks a rule: it does not fail the others. */
struct refused_item {
    size_t place;     /* among those asked, from 0 */
    const char *rule; /* static sentence */
};

/* What is asked, in two lists: the items for the store and the refused ones, each in the order asked. */
struct counter_request {
    struct store_call call;
    size_t asked_count;
    struct refused_item *refused; /* NULL unless the method is a batch */
    size_t refused_count;
    struct item_trace *traces; /* of those items for the store that are traced, in their order; NULL: none */
};

/* Fills the request: its counts, the refused items, the traces, whose steps have begun now, and call's operation,
 * session, items and item_count; everything lies in arena. payload stays the caller's; NULL: the call had no message.
 * Returns STATUS_OK, or the status of the whole call with *ret_detail, a static sentence. */
enum status counter_request_read(enum counter_method method, grpc_byte_buffer *payload, struct arena *arena,
                                 struct counter_request *request, const char **ret_detail) MUST_CHECK;

/* Whether each item has a status of its own in the answer; otherwise the one item's is the call's. */
bool counter_request_is_batch(enum counter_method method);

#endif
