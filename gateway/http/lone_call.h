/* A request that is answered by an RPC of its own instead of through the batcher: a listing, a ranking. Loop thread
 * only.
 *
 *     lone_call_start ─┬─> its answer ─> kind->write ─> 200
 *                      ├─> it failed: problem; of a request that the service refuses, in the service's words
 *                      └─> client gone: the call is given up, unless others wait for it; the gateway ends: 503
 */
#ifndef TALLY_GATEWAY_HTTP_LONE_CALL_H
#define TALLY_GATEWAY_HTTP_LONE_CALL_H

#include <protobuf-c/protobuf-c.h>

#include "common/contract/status.h"
#include "gateway/http/request_state.h"
#include "gateway/rpc/counter_rpc.h"

/* Static. */
struct lone_call_kind {
    enum counter_rpc rpc;
    const ProtobufCMessageDescriptor *response;
    /* Writes the answer into request->reply, as JSON. STATUS_OK, or what is wrong with the response, which lives until
     * the function returns. */
    enum status (*write)(struct request_state *state, const ProtobufCMessage *response);
    /* The call has ended, and its request is not answered yet: others may wait for its answer (cached_read.h). What was
     * written is in request->reply; else status and detail, which may be NULL, are those of the problem. NULL: nobody
     * does. */
    void (*end)(struct request_state *state, enum status status, const char *detail);
};

/* Sends the request message; if nothing more may wait, or there is no memory, answers with 503 at once, and returns
 * false. The message is read before the function returns. The call counts as one operation. */
bool lone_call_start(struct request_state *state, const struct lone_call_kind *kind, const ProtobufCMessage *message);

#endif
