/* The write script's answer (write_script.lua says what it looks like), read into the items. Pure functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_WRITE_REPLY_H
#define TALLY_COUNTER_SERVICE_COMMANDS_WRITE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"
#include "counter-service/commands/store_call.h"

struct write_reply {
    enum status status;     /* of the whole call */
    const char *detail;     /* static sentence, or NULL */
    struct text trouble;    /* for the log: what Redis said of a command that it refused, or an answer that is none of
                               the script's; a part of text, empty if all is well */
    bool closes_connection; /* this Redis is no longer one to write to; trouble says why */
    bool outbox_full;       /* and therefore refused */
    int64_t events_dropped; /* the oldest of the outbox, which was full */
    size_t applied;         /* items applied now */
    size_t replayed;        /* items answered from an idempotency record or a lane's */
};

/* Fills status, detail, value and replayed of the items, which are STATUS_OK before. An answer that cannot be
 * understood is STATUS_REPLY_LOST: what was applied is not known. */
struct write_reply write_reply_parse(struct text text, struct store_item *items, size_t item_count);

#endif
