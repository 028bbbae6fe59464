/* Which Redis the sentinels name as the master. Private to topology_look.c. Owned by the topology's thread.
 *
 *     every sentinel ── GET-MASTER-ADDR-BY-NAME, MASTER ──> address, config-epoch ──> that of the highest epoch
 *
 * Each failover has a higher epoch than those before it, and the sentinels that take part in it know its result. One
 * that is cut off from the others goes on naming a former master: so all are asked, and an epoch lower than one that
 * was seen is not believed. Only if more than half of the sentinels say the same for long it is: they were set up anew.
 */
#ifndef TALLY_COUNTER_SERVICE_TOPOLOGY_SENTINEL_LOOK_H
#define TALLY_COUNTER_SERVICE_TOPOLOGY_SENTINEL_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_conn.h"

struct sentinel {
    struct redis_address address;
    struct redis_conn *conn; /* NULL: none */
    int64_t rests_until_us;  /* monotonic: it has not answered, and is left alone until then; 0: it has */
    /* of the look under way */
    bool was_asked;
    bool was_reached; /* a connection was there */
};

struct sentinel_look {
    const struct config *config; /* outlives it */
    struct sentinel *sentinels;  /* those that answered last come first */
    size_t count;                /* 0: there are none to be asked */
    uint64_t epoch;              /* the highest that was believed */
    int64_t older_since_us;      /* monotonic: since then looks have only found a lower one; 0: they have not */
};

/* Returns 0, also where configuration names no sentinels; or -1 with error filled. */
int sentinel_look_init(struct sentinel_look *look, const struct config *config, struct error *error) MUST_CHECK;
void sentinel_look_done(struct sentinel_look *look);

/* Blocks, for each sentinel, for redis.timeout, and for a connection if it has none; one that has not answered is tried
 * again after some seconds, or when no other answers. Returns 0, or -1 with error filled: a sentence. */
int sentinel_look(struct sentinel_look *look, struct redis_address *ret_master, struct error *error) MUST_CHECK;

#endif
