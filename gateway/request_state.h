/* What the gateway keeps of one HTTP request (http_request.state), and what all requests of an event loop share.
 *
 *   request_state_begin ─> handler ─┬─> reply_* ─> request_state_end
 *                                   └─> submitted ─┬─> result ─> reply_* ─> request_state_end
 *                                                  └─> client gone: abandoned ─> result ─> end, release
 * Loop thread only. */
#ifndef TALLY_GATEWAY_REQUEST_STATE_H
#define TALLY_GATEWAY_REQUEST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/http_server.h"
#include "common/limits.h"
#include "gateway/batcher.h"
#include "gateway/cors.h"
#include "gateway/counter_client.h"
#include "gateway/operation_list.h"
#include "gateway/request_id.h"
#include "gateway/request_metrics.h"
#include "gateway/router.h"

struct gateway_health;

/* What the requests of one event loop share. */
struct loop_context {
    /* immutable */
    int64_t request_timeout_us;
    size_t max_body;
    size_t max_pending;
    size_t max_pending_large; /* that many operations of batch calls; more wait unread (admission_line.h) */
    struct cors cors;
    struct channel_pool *pool;
    struct gateway_health *health;
    /* owned by the loop thread; NULL once the loop has finished */
    struct batcher *batcher;
    struct counter_client *client;
    /* owned by the loop thread */
    size_t pending;                               /* operations of requests submitted that have no result yet */
    size_t pending_large;                         /* those of batch calls among them */
    struct request_state *line_first, *line_last; /* batch calls that wait unread */
    struct request_state *listings;               /* those of these requests that list a resource */
    bool is_draining;                             /* nothing can be submitted any more */
    struct prng prng;                             /* of request ids */
    struct request_metrics metrics;
    struct arena arena; /* for one reply at a time */
};

enum { PERCENT_ENCODED_BYTE = 3 };

struct request_state {
    struct loop_context *loop; /* NULL: never used */
    struct http_request *request;
    struct route_match match;
    struct http_response response; /* headers gathered so far */
    struct operation_list operations;
    struct submission submission;                /* what the batcher works on */
    void (*answer)(struct request_state *state); /* to its results, once they are all there */
    size_t refused;                              /* operations that broke a rule: not submitted */
    size_t pending;                              /* operations that count in loop->pending */
    bool is_submitted;                           /* to the batcher or the client: a write may be applied from then on */
    bool is_abandoned;                           /* the client is gone: no answer */
    bool is_cacheable;                           /* the answer */
    bool is_large;                               /* a batch call */
    bool is_in_line;                             /* it waits unread ... */
    void (*read)(struct request_state *state);   /* ... and this goes on with it */
    struct client_call *call;                    /* a listing's; NULL: not one that is out */
    /* its place among loop->listings, or in the line */
    struct request_state *next;
    struct request_state *previous;
    /* Decoded texts of path and header: the operations outlive those. */
    char idempotency_key[IDEMPOTENCY_KEY_LEN_MAX];
    char resource_id[RESOURCE_ID_LEN_MAX * PERCENT_ENCODED_BYTE];
    char counter_type[COUNTER_TYPE_LEN_MAX * PERCENT_ENCODED_BYTE];
};

struct request_state *request_state_begin(struct loop_context *loop, struct http_request *request);
/* Ready for the next request; gives back memory beyond the usual. */
void request_state_end(struct request_state *state);
/* For http_application.state_done. */
void request_state_done(struct request_state *state);

/* Monotonic microseconds. */
static inline int64_t request_state_deadline_us(const struct request_state *state)
{
    return state->request->complete_us - state->request->held_us + state->loop->request_timeout_us;
}

static inline bool request_is_write(const struct request_state *state)
{
    return state->match.route != NULL && state->match.route->is_write;
}

#endif
