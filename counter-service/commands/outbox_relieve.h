/* What is asked of a Redis that is out of memory, if its outbox may lose its oldest events. Pure functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_OUTBOX_RELIEVE_H
#define TALLY_COUNTER_SERVICE_COMMANDS_OUTBOX_RELIEVE_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "counter-service/commands/write_command.h"

/* The text of outbox_relieve.lua, NUL-terminated. Built in by common/base/embed.S. */
extern const char outbox_relieve[];
extern const size_t outbox_relieve_len; /* without the NUL */

/* Appends an EVAL of the script. Its answer is an integer: how many events were dropped. Returns 0, or -1 when out of
 * memory: then out is as before. */
int outbox_relieve_append(struct buffer *out, const struct write_settings *settings) MUST_CHECK;

#endif
