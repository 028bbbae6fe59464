/* The names of Tally's keys in Redis (ARCHITECTURE.md, "Data in Redis"). Every key of a partition bears its hash tag
 * {p0}, so that a partition lives on one node of a Redis Cluster.
 *
 *     tally:{p0}:c:<resource_id>                                     counters of a resource
 *     tally:{p0}:s:<session>                                         lanes of a session
 *     tally:{p0}:i:<length of resource_id>:<resource_id>:<counter_type>:<key>   record of an applied increment
 *
 * The length keeps the parts of the last one apart: a resource_id may hold ':' (a counter_type may not).
 *
 * redis_key_put_* write a RESP bulk string through a cursor, see resp.h: room for RESP_PART_BYTES +
 * REDIS_KEY_FIXED_BYTES + the parts must be reserved. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_KEYS_H
#define TALLY_COUNTER_SERVICE_REDIS_KEYS_H

#include "common/decimal.h"
#include "common/text.h"

enum {
    REDIS_KEY_PREFIX_MAX = 7 + 2 + DECIMAL_LEN_MAX + 2, /* "tally:{p" number "}:" */
    /* What a key has besides the caller's parts: prefix, kind, a length, colons. */
    REDIS_KEY_FIXED_BYTES = REDIS_KEY_PREFIX_MAX + 2 + DECIMAL_LEN_MAX + 3,
};

/* What all keys of a partition begin with. */
struct redis_key_prefix {
    char data[REDIS_KEY_PREFIX_MAX];
    size_t len;
};

struct redis_key_prefix redis_key_prefix_of(int partition);

char *redis_key_put_counters(char *out, const struct redis_key_prefix *prefix, struct text resource_id);
char *redis_key_put_session(char *out, const struct redis_key_prefix *prefix, struct text session);
char *redis_key_put_idempotency(char *out, const struct redis_key_prefix *prefix, struct text resource_id,
                                struct text counter_type, struct text key);

#endif
