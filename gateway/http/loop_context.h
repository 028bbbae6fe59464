/* What the requests of one event loop share. Made once for each loop, by gateway_loop; loop thread only after that. */
#ifndef TALLY_GATEWAY_HTTP_LOOP_CONTEXT_H
#define TALLY_GATEWAY_HTTP_LOOP_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/prng.h"
#include "common/config/config.h"
#include "common/process/operator_desk.h"
#include "gateway/http/cors.h"
#include "gateway/http/request_metrics.h"
#include "gateway/http/request_wait.h"

struct batcher;
struct channel_pool;
struct counter_client;
struct gateway_health;
struct read_cache;
struct route;

struct loop_context {
    /* immutable */
    int64_t request_timeout_us;
    size_t max_body;
    size_t max_pending;
    size_t max_pending_large; /* that many operations of batch calls; more wait unread (admission_line.h) */
    struct cors cors;
    struct channel_pool *pool;
    enum status_page status_page;
    /* immutable; gateway_loop sets them */
    const struct config *config;
    const struct gateway_health *health;
    /* owned by the loop thread; gateway_loop makes them, and they are NULL once the loop has finished */
    struct batcher *batcher;
    struct counter_client *client;
    /* owned by the loop thread; gateway_loop makes it */
    struct read_cache *read_cache;
    /* owned by the loop thread */
    size_t pending;             /* operations of requests submitted that have no result yet */
    size_t pending_large;       /* those of batch calls among them */
    struct list line;           /* batch calls that wait unread (admission_line.h) */
    struct list lone_calls;     /* requests that wait for a call of their own (lone_call.h) */
    struct list operator_waits; /* those that a writer of the desk answers later */
    struct operator_desk operators;
    bool is_draining; /* nothing can be submitted any more */
    struct prng prng; /* of request ids */
    struct request_metrics metrics;
    struct arena arena; /* for one reply at a time */
};

/* All but config, health, batcher, client and read_cache, which are NULL, and the desk, which serves nothing yet.
 * routes: those that requests are counted by. All that is pointed to outlives the context. */
void loop_context_init(struct loop_context *context, const struct config *config, const struct route *routes,
                       size_t route_count, struct channel_pool *pool);
/* No request waits any more. A context that is all zero may be given too. */
void loop_context_done(struct loop_context *context);

#endif
