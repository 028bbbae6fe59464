/* A write on trial: whether Redis lets this service do all that a write, a read or a session may ever need, on every
 * kind of key, and whether the write script runs. Nothing stays: it is one transaction, which ends by removing what it
 * wrote.
 *
 *     MULTI, each command by itself, open_session.lua, write_script.lua, UNLINK, EXEC
 *
 * Each command by itself comes first, since Redis then says which one it refuses; of one inside a script it does not.
 * The names are of no user's: a resource_id has no braces. */
#ifndef TALLY_COUNTER_SERVICE_STORE_REDIS_TRIAL_H
#define TALLY_COUNTER_SERVICE_STORE_REDIS_TRIAL_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/commands/write_command.h"
#include "counter-service/redis/redis_conn.h"

/* script: known to Redis already. Blocks for timeout_ms at most. Returns 0; or -1 with error filled, in Redis's words;
 * or REDIS_TRIAL_ELSEWHERE with error filled: the partition of settings->prefix is elsewhere, or on its way.
 * *ret_refusal: "", or why Redis writes nothing for now (redis_error.h) although nothing else is wrong: that is no
 * failure. */
enum { REDIS_TRIAL_ELSEWHERE = 1 };
int redis_trial(struct redis_conn *conn, const struct write_settings *settings, struct write_script_name script,
                int timeout_ms, struct error *ret_refusal, struct error *error) MUST_CHECK;

#endif
