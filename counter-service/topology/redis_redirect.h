/* The error replies of a Redis Cluster's node that does not serve a command, which it has not run
 * (https://redis.io/docs/reference/cluster-spec/#redirection-and-resharding). Pure. */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_REDIS_REDIRECT_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_REDIS_REDIRECT_H

#include <stdbool.h>

#include "common/base/text.h"
#include "counter-service/redis/redis_address.h"

enum redis_redirect_kind {
    REDIS_REDIRECT_NONE,  /* another error, or none */
    REDIS_REDIRECT_ASK,   /* this command is for `address`, after ASKING; the slot is still here */
    REDIS_REDIRECT_MOVED, /* the slot is at `address` */
    REDIS_REDIRECT_AGAIN, /* later: the slot is being moved (TRYAGAIN) */
    REDIS_REDIRECT_DOWN,  /* later: the cluster serves nothing for now, or not this slot (CLUSTERDOWN) */
};

struct redis_redirect {
    enum redis_redirect_kind kind;
    struct redis_address address; /* ASK, MOVED; its host is empty where the node knows none: it is the host asked */
};

/* error: the text after the '-' of the reply. One that is not understood, or names no place, is
 * REDIS_REDIRECT_AGAIN. */
struct redis_redirect redis_redirect_read(struct text error);
/* Whether it says that the partition is at another node, or on its way: not where the cluster is down. */
bool redis_redirect_is_elsewhere(struct text error);

#endif
