/* The text of counter-service/commands/open_session.lua, NUL-terminated. Built in by common/base/embed.S. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_OPEN_SESSION_H
#define TALLY_COUNTER_SERVICE_COMMANDS_OPEN_SESSION_H

#include <stddef.h>

extern const char open_session[];
extern const size_t open_session_len; /* without the NUL */

#endif
