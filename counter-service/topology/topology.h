/* Where the data are: how many partitions they have, and at which Redis each of them is. One for the process; whoever
 * talks to Redis asks it for addresses, and asks again when it says that they have changed.
 *
 *     topology's thread ── CLUSTER SLOTS, or the sentinels: each second, and when somebody suspects
 *                            └──> table ──> on_change, topology_find
 *
 * Any thread, unless said otherwise. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/store_id.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/topology/topology_table.h"

struct topology;

/* Starts the thread, which looks by itself for ever. config outlives it. Returns NULL with error filled. */
struct topology *topology_create(const struct config *config, struct error *error) MUST_CHECK;
/* The same for whoever changes nothing: on a Redis Cluster that Tally has never used nothing is known. */
struct topology *topology_create_to_read(const struct config *config, struct error *error) MUST_CHECK;
/* NULL is fine. */
void topology_free(struct topology *topology);

/* How many partitions the data have, 1 to PARTITIONS_MAX; 0: not known yet, since no Redis was reached. Once known it
 * stays. */
int topology_partitions(const struct topology *topology);
/* Waits until they are known, timeout_ms at most. Returns how many there are; or 0 with error filled. */
int topology_await(struct topology *topology, int timeout_ms, struct error *error);
/* Grows with each change of an address, and when the partitions become known. */
uint64_t topology_version(const struct topology *topology);
/* The Redis to ask about the partition, below topology_partitions. False: nobody is known to have it at the moment. */
bool topology_find(struct topology *topology, int partition, struct redis_address *ret_address) MUST_CHECK;
/* Whether it is a Redis Cluster, where each key is at the node of its slot; false while that is not known. */
bool topology_is_cluster(struct topology *topology);
/* Of a Redis Cluster: whose data it holds. "": not known, or one Redis, which is asked by each connection. */
void topology_store_id(struct topology *topology, char out[STORE_ID_SIZE]);
/* Of a Redis Cluster: whether the Redis that the connection leads to, which is logged in, is a node of it. Blocks for
 * redis.timeout. Returns 0; or -1 with error filled. */
int topology_check_member(struct topology *topology, struct redis_conn *conn, struct error *error) MUST_CHECK;
/* Why the last look found nothing, a sentence; "": it did. */
void topology_trouble(struct topology *topology, char *out, size_t size);

/* Somebody met a Redis that is gone, or that says that a partition is elsewhere: look again soon. */
void topology_suspect(struct topology *topology);
/* A Redis has said that the partition is at that address: believed until the next look, which comes soon. */
void topology_moved(struct topology *topology, int partition, const struct redis_address *address);

/* on_change is called after each change, on the thread that has found it, one call at a time, and once from inside if
 * the partitions are known. One follower; NULL for none: then no call is under way any more. */
void topology_follow(struct topology *topology, void (*on_change)(void *ctx), void *ctx);

#endif
