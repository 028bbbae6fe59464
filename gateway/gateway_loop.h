/* One event loop of the gateway: a thread with its HTTP server, its batcher and its client of counter-service. Loops
 * share only the channel pool, the health, the budget of bodies and the metrics. */
#ifndef TALLY_GATEWAY_GATEWAY_LOOP_H
#define TALLY_GATEWAY_GATEWAY_LOOP_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/http/http_server.h"
#include "gateway/api/gateway_health.h"
#include "gateway/pool/channel_pool.h"

struct gateway_loop_options {
    const struct config *config;
    struct channel_pool *pool;
    struct gateway_health *health;
    struct http_budget *bodies;
    int port;                      /* 0: a free one */
    enum listener_sharing sharing; /* among the loops */
    int max_connections;
};

struct gateway_loop;

/* Listens; no thread yet. options are copied, what they point to outlives the loop. NULL with error filled. */
struct gateway_loop *gateway_loop_create(const struct gateway_loop_options *options, struct error *error) MUST_CHECK;
/* Starts the thread. Returns 0, or -1 with error filled. */
int gateway_loop_start(struct gateway_loop *loop, struct error *error) MUST_CHECK;

/* For the port, the counts and the first steps of the shutdown. */
struct http_loop *gateway_loop_http(const struct gateway_loop *loop);

/* The end of the shutdown: answers every request that still waits, and refuses new ones. Returns when that is done. Not
 * from the loop's thread. */
void gateway_loop_finish(struct gateway_loop *loop);
/* Joins the thread and frees everything. NULL is fine. */
void gateway_loop_free(struct gateway_loop *loop);

#endif
