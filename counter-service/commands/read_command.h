/* The requests for STORE_GET and STORE_LIST calls, and what their replies mean. No I/O. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_READ_COMMAND_H
#define TALLY_COUNTER_SERVICE_COMMANDS_READ_COMMAND_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/redis/redis_conn.h"

/* Appends the HGET of an item. Returns 0, or -1 when out of memory: out is as before. */
int read_command_append_get(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_item *item)
    MUST_CHECK;
/* Reads the answer to one HGET into the item. */
void read_command_get_reply(const struct redis_reply *reply, struct store_item *item);

/* Appends one command for the resource of items[0]. Returns 0, or -1 when out of memory: out is as before. */
int read_command_append_list(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_call *call)
    MUST_CHECK;
/* Reads its answer into the call: status, detail, listed, list_memory. */
void read_command_list_reply(const struct redis_reply *reply, struct store_call *call);

#endif
