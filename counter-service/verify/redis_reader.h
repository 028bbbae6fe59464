/* One partition of the counters in Redis, and what is asked of it once or again and again. It changes nothing there.
 * Owned by one thread. Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_REDIS_READER_H
#define TALLY_COUNTER_SERVICE_VERIFY_REDIS_READER_H

#include <stdbool.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/event/event.h"
#include "counter-service/redis/redis_conn.h"

enum { REDIS_READER_WHERE_SIZE = 12 + DECIMAL_LEN_MAX + 2 }; /* " (partition number)" */

struct redis_reader {
    struct redis_conn *conn; /* not its own, and shared: one exchange at a time */
    int timeout_ms;
    int partition;
    bool is_cluster; /* it is on a node of a Redis Cluster */
    struct redis_key_prefix prefix;
    char where[REDIS_READER_WHERE_SIZE]; /* for a sentence: " (partition 3)"; "": there is one partition only */
    struct buffer requests;
};

/* partition: one of `partitions`. conn is to be set. */
void redis_reader_init(struct redis_reader *reader, int partition, int partitions, int timeout_ms);
void redis_reader_done(struct redis_reader *reader);

/* The id of the last entry that the outbox ever had; 0-0: it never had one. */
int redis_reader_last_entry(struct redis_reader *reader, struct stream_id *ret_id, struct error *error) MUST_CHECK;
/* The same, as a request and the answer to it, to be asked in one step with others. */
void redis_reader_put_last_entry(struct redis_reader *reader);
int redis_reader_take_last_entry(const struct redis_reply *reply, struct stream_id *ret_id, struct error *error)
    MUST_CHECK;

/* How far the relay is. */
struct relay_position {
    struct stream_id id; /* of its last entry; 0-0: it has none */
    uint64_t waiting;    /* events that are not published */
    uint64_t appended;   /* events that the outbox ever had */
    struct stream_id last_entry;
};
int redis_reader_position(struct redis_reader *reader, struct relay_position *ret_position, struct error *error)
    MUST_CHECK;
/* Whether the outbox's keys belong together: not where one was deleted, or made by somebody else. Then events are
 * missing, and cuts mean nothing. Returns 0, or -1 with error filled. */
int redis_reader_check_outbox(struct redis_reader *reader, struct error *error) MUST_CHECK;

#endif
