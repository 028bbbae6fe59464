/* What an error reply of Redis says about the command it answers. Pure functions.
 *
 * Errors that Redis gives before it runs a command are known by their first words: the write was not applied.
 * Everything else is unknown, and so is every text with " script: ", which tells that a script was already running. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_ERROR_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_ERROR_H

#include <stdbool.h>

#include "common/base/text.h"
#include "common/contract/status.h"

struct redis_refusal {
    /* STATUS_REDIS_DOWN (not applied), STATUS_WRITES_REFUSED (likewise; reads are answered), STATUS_DATA_DAMAGED, or
     * STATUS_REPLY_LOST (unknown) */
    enum status status;
    const char *detail;     /* static sentence */
    bool unknown_script;    /* NOSCRIPT: not applied; send it again by EVAL */
    bool out_of_memory;     /* Redis runs nothing that may write more */
    bool closes_connection; /* this Redis is no longer one to write to */
};

/* What is said of STATUS_DATA_DAMAGED wherever a counter was expected. */
extern const char redis_not_a_counter[];

/* error: the text after the '-' of the reply. */
struct redis_refusal redis_error_of_write(struct text error);
/* Whether the error stands for STATUS_WRITES_REFUSED. */
bool redis_error_refuses_writes(struct text error);
/* Whether Redis, or an operator, refuses the command as such: no right, renamed, disabled. */
bool redis_error_refuses_command(struct text error);
/* Of a command inside the write script that Redis refused, so that it applied nothing; the script went on, or returned.
 * Never STATUS_REPLY_LOST. error: what Redis told the script. */
struct redis_refusal redis_error_of_refused_item(struct text error);
/* Of a command that only reads. STATUS_DATA_DAMAGED: the key is of another type. Never STATUS_REPLY_LOST. */
struct redis_refusal redis_error_of_read(struct text error);

#endif
