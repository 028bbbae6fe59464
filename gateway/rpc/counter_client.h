/* Calls to counter-service: attempts, time-outs and re-sends of one request message, until an answer or the deadline.
 * Each event loop owns one, with its own completion queue and the poller thread that hands finished attempts back.
 *
 *     client_call_start ──> attempt on a READY channel ──> (poller thread) ──> counter_client_poll ──> on_done
 *                                └── failed or silent for attempt_timeout: backoff, again, same bytes
 *
 * A call of a batch that was shed, with no attempt unknown, is not sent again here: it ends STATUS_SHED, and whoever
 * started it knows what may be sent when. A call for which no instance takes calls waits for one, as long as the pool
 * awaits it (channel_pool_is_awaited).
 *
 * Functions run on the loop's thread unless said otherwise. */
#ifndef TALLY_GATEWAY_RPC_COUNTER_CLIENT_H
#define TALLY_GATEWAY_RPC_COUNTER_CLIENT_H

#include <grpc/byte_buffer.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/contract/status.h"
#include "common/trace/trace_context.h"
#include "gateway/pool/channel_pool.h"
#include "gateway/rpc/counter_rpc.h"

struct client_call; /* one call with all its attempts */

/* The call's end. status STATUS_OK: reply is the response message, valid during the callback. Otherwise reply is NULL
 * and status says the outcome of the whole call: once an attempt ended unknown, only an answer with results settles it.
 */
typedef void (*client_call_done)(void *ctx, enum status status, grpc_byte_buffer *reply);

struct counter_client;

struct client_call_options {
    enum counter_rpc rpc;
    int64_t deadline_us;               /* monotonic */
    const struct trace_context *trace; /* of the step that makes the call; copied. NULL: it is not traced */
    client_call_done on_done;
    void *ctx;
};

/* wake is called by the poller thread when counter_client_poll has something to do. */
struct counter_client *counter_client_create(struct channel_pool *pool, int attempt_timeout_ms, void (*wake)(void *ctx),
                                             void *wake_ctx, struct error *error) MUST_CHECK;
/* Cancels what is out (without on_done), joins the poller. NULL is fine. */
void counter_client_free(struct counter_client *client);

/* Whether a call waits for an instance: the next one would too. */
bool counter_client_awaits_instance(const struct counter_client *client);

/* Starts a call. Takes ownership of message. Never calls on_done from inside. Returns NULL when out of memory (message
 * is freed). The call is the client's, valid until on_done returns. */
struct client_call *client_call_start(struct counter_client *client, const struct client_call_options *options,
                                      grpc_byte_buffer *message, int64_t now_us) MUST_CHECK;
/* Gives a call up: it is cancelled and on_done will not be called. Also from inside another call's on_done. */
void client_call_abandon(struct client_call *call);
/* What the service said when the last attempt failed: any bytes; empty for nothing. Valid inside on_done only. */
struct text client_call_said(const struct client_call *call);
/* How often the call was sent so far. Valid inside on_done too. */
unsigned client_call_attempts(const struct client_call *call);
/* Whether an attempt ended unknown so far. Valid inside on_done too: what the answer does not settle is unknown. */
bool client_call_was_unknown(const struct client_call *call);

/* Ends finished calls, starts due re-sends, times silent attempts out. Returns the monotonic time at which it wants to
 * be called again, INT64_MAX for never. */
int64_t counter_client_poll(struct counter_client *client, int64_t now_us);

#endif
