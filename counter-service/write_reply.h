/* The write script's answer (write_script.lua says what it looks like), read into the items. Pure functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_WRITE_REPLY_H
#define TALLY_COUNTER_SERVICE_WRITE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "counter-service/store.h"

struct write_reply {
    enum status status;    /* of the whole call */
    const char *detail;    /* static sentence, or NULL */
    int64_t redis_time_us; /* Redis's clock when the script ran; 0 if the answer could not be read */
    size_t applied;        /* items applied now */
    size_t replayed;       /* items answered from an idempotency or batch record */
};

/* Fills status, detail, value and replayed of the items whose status is STATUS_OK; those of the others stay. An answer
 * that cannot be understood is STATUS_REPLY_LOST: something was applied, but not known what. */
struct write_reply write_reply_parse(struct text text, struct store_item *items, size_t item_count);

#endif
