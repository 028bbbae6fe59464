/* The text of counter-service/commands/write_script.lua, NUL-terminated. Built in by common/base/embed.S. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_WRITE_SCRIPT_H
#define TALLY_COUNTER_SERVICE_COMMANDS_WRITE_SCRIPT_H

#include <stddef.h>

extern const char write_script[];
extern const size_t write_script_len; /* without the NUL */

#endif
