/* The request for STORE_TOP and STORE_RANK calls, and what its reply means. No I/O. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_RANKING_READ_H
#define TALLY_COUNTER_SERVICE_COMMANDS_RANKING_READ_H

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/ranking/ranking_answer.h"
#include "counter-service/redis/redis_conn.h"

/* The text of ranking_read.lua, NUL-terminated. Built in by common/base/embed.S. */
extern const char ranking_read_script[];
extern const size_t ranking_read_script_len; /* without the NUL */

/* What such a call asks, and what it was told: store_call.ranking. */
struct ranking_read {
    const struct ranking_question *question; /* outlives the call */
    /* Results of a call that ends STATUS_OK. */
    struct ranking_snapshot snapshot; /* its texts and members lie in the other two */
    struct ranking_entry *members;
    struct buffer memory;
};

/* The caller's, before the call is submitted and after it is done. */
void ranking_read_init(struct ranking_read *read, const struct ranking_question *question);
void ranking_read_done(struct ranking_read *read);

/* Appends an EVAL of the script. It is sent with its text each time: answers are cached, so that it is rare. Returns 0,
 * or -1 when out of memory: then out is as before. */
int ranking_read_append(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_call *call)
    MUST_CHECK;
/* Reads its answer into the call: status, detail, ranking. */
void ranking_read_reply(const struct redis_reply *reply, struct store_call *call);

#endif
