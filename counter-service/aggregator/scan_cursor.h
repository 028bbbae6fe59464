/* HSCAN and SCAN, a step at a time. What is there from the first step to the last comes at least once; Redis may tell
 * it twice. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_AGGREGATOR_SCAN_CURSOR_H
#define TALLY_COUNTER_SERVICE_AGGREGATOR_SCAN_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_conn.h"

/* Zero-initialised is at the beginning. */
struct scan_cursor {
    char text[DECIMAL_LEN_MAX + 1];
};

/* The next step over a hash, of some `count` fields. */
void scan_cursor_append_hash(const struct scan_cursor *cursor, struct buffer *out,
                             const struct redis_key_prefix *prefix, struct text key, int count);
/* The next step over the keys that match the pattern. */
void scan_cursor_append_keys(const struct scan_cursor *cursor, struct buffer *out, struct text pattern, int count);
/* Reads the answer. *ret_found: REDIS_ARRAY, of fields and values in turn, or of keys; valid as long as the reply.
 * *ret_end: that was the last step, and the cursor is at the beginning again. Returns 0, or -1 with error filled. */
int scan_cursor_read(struct scan_cursor *cursor, const struct redis_reply *reply, struct redis_reply *ret_found,
                     bool *ret_end, struct error *error) MUST_CHECK;

#endif
