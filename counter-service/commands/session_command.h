/* The requests for STORE_OPEN_SESSION and STORE_KEEP_SESSION calls, and what their replies mean. Each call asks first
 * for the store's id: a FLUSHALL cuts no connection. No I/O. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_SESSION_COMMAND_H
#define TALLY_COUNTER_SERVICE_COMMANDS_SESSION_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/redis/redis_conn.h"

/* Appends the question whose store it is: of a Redis, or of the partition, on a Redis Cluster. Returns 0, or -1 when
 * out of memory: out is as before. */
int session_command_append_store(struct buffer *out, const struct redis_key_prefix *prefix, bool is_cluster) MUST_CHECK;
/* Appends the call's other command. Returns as above. */
int session_command_append(struct buffer *out, const struct redis_key_prefix *prefix, int64_t ttl_ms,
                           const struct store_call *call) MUST_CHECK;
/* Appends only the command that makes a session, of any name; for the handshake's trial too. */
int session_command_append_open(struct buffer *out, const struct redis_key_prefix *prefix, struct text session,
                                int64_t ttl_ms) MUST_CHECK;

/* Whether the reply names the store that is expected (STORE_ID_LEN digits). */
bool session_command_store_is(const struct redis_reply *reply, const char *store_id) MUST_CHECK;
/* Reads the reply to the other command: how the call ends, *ret_detail a static sentence or NULL. */
enum status session_command_reply(const struct redis_reply *reply, const struct store_call *call,
                                  const char **ret_detail) MUST_CHECK;

#endif
