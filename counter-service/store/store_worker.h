/* One worker of the store: a thread with its own connection to Redis, and the queue before it. While its node has no
 * partitions it has no connection.
 *
 *     connect, handshake ──ok──> open the queue: take all there is ──> one pipeline ──> again
 *          ^    │                                            │
 *       backoff <── refused, wrong ── close the queue <── connection lost, no reply in time, no longer a master */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_WORKER_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_WORKER_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/thread/heartbeat.h"
#include "counter-service/store/store_metrics.h"
#include "counter-service/store/store_owner.h"
#include "counter-service/store/store_queue.h"

struct store_worker;

struct store_worker_options {
    const struct config *config;     /* outlives the worker */
    const struct store_owner *owner; /* likewise */
    struct store_node *node;         /* whose worker it is */
    size_t queue_max;                /* items */
    int index;                       /* among those of its node, for the log and the thread's name */
    struct store_metrics metrics;
    struct heartbeat *heartbeat; /* of the thread; outlives the worker */
};

/* No thread yet. NULL when out of memory. */
struct store_worker *store_worker_create(const struct store_worker_options *options) MUST_CHECK;
/* Starts the thread. Returns 0, or -1 with error filled. */
int store_worker_start(struct store_worker *worker, struct error *error) MUST_CHECK;
/* Tells the thread to end, and does not wait. It first finishes what it is at. With a connection that is an exchange:
 * redis.timeout at most, twice that after a NOSCRIPT. Without one it is an attempt to connect: the look-up of the
 * host's name (the resolver's own time-outs), redis.connect_timeout for each of its addresses, redis.timeout nine
 * times for the handshake. A backoff ends at once. */
void store_worker_stop(struct store_worker *worker);
/* After store_worker_stop: joins the thread, if started. Calls still queued are done with STATUS_DRAINING. */
void store_worker_join(struct store_worker *worker);
/* After store_worker_join. */
void store_worker_free(struct store_worker *worker);

/* Where calls are put. Any thread. */
struct store_queue *store_worker_queue(struct store_worker *worker);
/* Whether another instance keeps events of this store, for Kafka or rankings, and this one, which has neither
 * kafka.brokers nor rankings, adds none. Any thread. */
bool store_worker_misses_events(const struct store_worker *worker);

#endif
