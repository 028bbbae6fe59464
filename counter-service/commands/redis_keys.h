/* The names of Tally's keys in Redis (ARCHITECTURE.md, "Data in Redis"). Every key of a partition bears its hash tag
 * {p0}, so that a partition lives on one node of a Redis Cluster.
 *
 *     tally:{p0}:c:<resource_id>                                     counters of a resource
 *     tally:{p0}:s:<session>                                         lanes of a session
 *     tally:{p0}:events, tally:{p0}:outbox                           the outbox: entries, and their numbers
 *     tally:{p0}:pos:<consumer>, tally:{p0}:lease:<consumer>         how far a consumer of it is, and who follows it
 *     tally:{p0}:ask:<consumer>                                      who would like to
 *     tally:{p0}:store                                               on a Redis Cluster: whose data the partition is of
 *     tally:{p0}:i:<length of resource_id>:<resource_id>:<counter_type>:<key>   record of an applied increment
 *
 * The length keeps the parts of the last one apart: a resource_id may hold ':' (a counter_type may not).
 *
 * redis_key_put_* append a RESP bulk string, see resp.h. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_REDIS_KEYS_H
#define TALLY_COUNTER_SERVICE_COMMANDS_REDIS_KEYS_H

#include "common/base/buffer.h"
#include "common/base/decimal.h"
#include "common/base/text.h"

enum { REDIS_KEY_PREFIX_MAX = 7 + 2 + DECIMAL_LEN_MAX + 2 }; /* "tally:{p" number "}:" */

/* What all keys of a partition begin with. */
struct redis_key_prefix {
    char data[REDIS_KEY_PREFIX_MAX];
    size_t len;
};

struct redis_key_prefix redis_key_prefix_of(int partition);

/* In which of the partitions (at least one) the resource is: its hash (XXH3, 64 bits, seed 0) modulo their number. */
int redis_partition_of(struct text resource_id, int partitions);

void redis_key_put_counters(struct buffer *out, const struct redis_key_prefix *prefix, struct text resource_id);
void redis_key_put_session(struct buffer *out, const struct redis_key_prefix *prefix, struct text session);
void redis_key_put_idempotency(struct buffer *out, const struct redis_key_prefix *prefix, struct text resource_id,
                               struct text counter_type, struct text key);
/* Names of the outbox's keys, for redis_key_put_single. */
extern const struct text outbox_stream;
extern const struct text outbox_marks;
/* Of the key that says whose data a partition is of. */
extern const struct text store_mark;

/* name: "events", "outbox", "pos:kafka": any key that a partition has once. */
void redis_key_put_single(struct buffer *out, const struct redis_key_prefix *prefix, struct text name);
/* The whole command GET of such a key. */
void redis_key_put_get(struct buffer *out, const struct redis_key_prefix *prefix, struct text name);

#endif
