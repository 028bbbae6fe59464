/* The request for one STORE_INCREMENT call: an EVALSHA (or EVAL) of write_script.lua, which says what its arguments
 * are. Pure functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_WRITE_COMMAND_H
#define TALLY_COUNTER_SERVICE_COMMANDS_WRITE_COMMAND_H

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/commands/store_call.h"

/* What the script does with events (write_script.lua). */
struct outbox_settings {
    struct text stream; /* key names without the prefix; stream.len 0: no events are kept */
    struct text marks;
    int64_t events_max; /* at least BATCH_ITEMS_MAX */
    bool refuse_when_full;
};

/* What all write commands of a worker have in common. */
struct write_settings {
    struct redis_key_prefix prefix;
    int64_t idempotency_ttl_ms;
    struct outbox_settings outbox;
};

/* How the script is named: EVALSHA and its hash, or EVAL and its text. */
struct write_script_name {
    struct text verb;
    struct text script;
};

/* Appends the command for the call's items, at least one. packed: memory for the outbox's entry, which grows. Returns
 * 0, or -1 when out of memory: then out is as before. */
int write_command_append(struct buffer *out, struct buffer *packed, const struct write_settings *settings,
                         struct write_script_name name, const struct store_call *call) MUST_CHECK;

#endif
