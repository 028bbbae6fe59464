/* The store: what the RPC handlers ask of Redis, and the workers that ask it.
 *
 *     RPC thread ── store_submit ──> a worker's bounded queue ── drained whole ──> one Redis pipeline ──> call->done
 *
 * A worker is a thread with its own connection to one Redis; each Redis of a cluster has workers of its own, so that
 * none waits for another. A call whose items are in several partitions is one call a partition on the way
 * (store_split.h). While a worker's connection is down, store_submit refuses at once instead of queueing. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/thread/heartbeats.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/topology/topology.h"

struct store;

/* Called on each change of whether a Redis is usable: on a worker's thread or the topology's, one report at a time.
 * store_id: of that Redis, "" while none was found yet; valid during the call. store_is_serving says why Redis is not
 * usable. */
typedef void (*store_on_serving)(void *ctx, bool serving, const char *store_id);

/* Starts config->redis.workers threads for each Redis that the topology names, which connect by themselves for ever.
 * config and topology outlive the store. */
struct store *store_create(const struct config *config, struct topology *topology, store_on_serving on_serving,
                           void *ctx, struct error *error) MUST_CHECK;
/* Calls still queued are done with STATUS_DRAINING; joins the workers. NULL is fine. */
void store_free(struct store *store);

/* Queues the call on a worker, or its parts on several. STATUS_OK: done will be called, or was, if its parts have ended
 * already. Otherwise the call was not taken and nothing was done: STATUS_SHED (the queue is full), STATUS_REDIS_DOWN,
 * STATUS_OUT_OF_MEMORY. Any thread, but not once store_free has begun: unless a call's done does it, which gets
 * STATUS_DRAINING then. */
enum status store_submit(struct store *store, struct store_call *call) MUST_CHECK;

/* How many partitions the data have; 0: not known yet. Any thread. */
int store_partitions(const struct store *store);
/* Whether at least one partition can be read: all workers of its Redis are connected. If none can, a sentence that says
 * why is copied to reason (reason_size bytes, or NULL), otherwise "". Any thread. */
bool store_is_serving(struct store *store, char *reason, size_t reason_size);
/* Whether some partitions are served and others are not. If so, a sentence that says how many and why is copied to
 * reason. Any thread. */
bool store_lacks_partitions(struct store *store, char *reason, size_t reason_size);
/* Whether Redis is usable and refuses writes for now (out of memory, cannot save, too few replicas): reads are served,
 * and increments end STATUS_WRITES_REFUSED. If so, a sentence that says why is copied to reason. Any thread. */
bool store_refuses_writes(struct store *store, char *reason, size_t reason_size);
/* Whether another instance keeps events of this store, for Kafka or rankings, and this one, which has neither
 * kafka.brokers nor rankings, adds none. Any thread. */
bool store_misses_events(const struct store *store);
/* Adds the workers' threads, those to come too, until store_free. */
void store_watch(const struct store *store, struct heartbeats *heartbeats);

#endif
