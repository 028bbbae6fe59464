/* The text of counter-service/outbox/outbox_step.lua, NUL-terminated. Built in by common/base/embed.S. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SCRIPT_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_SCRIPT_H

#include <stddef.h>

extern const char outbox_step[];
extern const size_t outbox_step_len; /* without the NUL */

#endif
