/* The request for STORE_RANKING calls, and what its reply means. No I/O. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_RANKING_READ_H
#define TALLY_COUNTER_SERVICE_COMMANDS_RANKING_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/ranking/ranking_question.h"
#include "counter-service/ranking/ranking_snapshot.h"
#include "counter-service/redis/redis_conn.h"

/* The text of ranking_read.lua, NUL-terminated. Built in by common/base/embed.S. */
extern const char ranking_read_script[];
extern const size_t ranking_read_script_len; /* without the NUL */

/* What of the ranking that a question is about. */
struct ranking_wanted {
    bool order; /* who stands where, which is all of the top's string; false: its length */
    bool total; /* of the resource that is asked about */
};

/* What such a call asks, and what it was told: store_call.ranking. */
struct ranking_read {
    const struct ranking_question *question; /* outlives the call */
    struct ranking_wanted wanted;
    /* Results of a call that ends STATUS_OK. */
    struct ranking_snapshot *snapshot; /* this has one hold on it */
    struct buffer total;               /* as ranking_answer_make takes it */
};

/* The caller's, before the call is submitted and after it is done. */
void ranking_read_init(struct ranking_read *read, const struct ranking_question *question,
                       struct ranking_wanted wanted);
void ranking_read_done(struct ranking_read *read);

static inline struct text ranking_read_total(const struct ranking_read *read)
{
    return (struct text){read->total.data, read->total.len};
}

/* Appends an EVAL of the script. It is sent with its text each time: what it tells is cached, so that it is rare.
 * Returns 0, or -1 when out of memory: then out is as before. */
int ranking_read_append(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_call *call)
    MUST_CHECK;
/* Reads its answer into the call: status, detail, ranking. */
void ranking_read_reply(const struct redis_reply *reply, struct store_call *call);

#endif
