/* Whether a Redis has all keys, or is a node of a Redis Cluster, asked by a command with two keys: a node refuses it,
 * since they are in different slots. Pure. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_REDIS_ALONE_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_REDIS_ALONE_H

#include <stdbool.h>

#include "common/base/buffer.h"
#include "counter-service/redis/redis_conn.h"

/* One command (EVAL, which writes nothing). Its reply: what tally:meta holds, or nil; or an error. */
void redis_alone_put(struct buffer *requests);
/* Whether the reply, or that to another command, is an error that a node of a Redis Cluster gives. */
bool redis_alone_is_denied(const struct redis_reply *reply);

#endif
