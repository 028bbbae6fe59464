/* The heartbeat of a connection: commands that look whether Redis still is as the handshake has found it, and who else
 * uses its data. */
#ifndef TALLY_COUNTER_SERVICE_STORE_REDIS_HEARTBEAT_H
#define TALLY_COUNTER_SERVICE_STORE_REDIS_HEARTBEAT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/store/redis_handshake.h"
#include "counter-service/store/store_assignment.h"

/* Updates session->refusal from the answer to a write. False: the answer does not tell whether Redis writes. */
bool redis_session_note_write(struct redis_session *session, const struct redis_reply *reply);

/* The heartbeat's commands, and how many replies they have. ROLE and not PING: a master that was made a replica answers
 * PING, and reads, as before. INFO and GET, because CONFIG SET, FLUSHALL and the like close no connection. Who
 * publishes events. A script that is flagged as one that may write, to see whether Redis lets such a script run: it
 * does nothing, or tells whoever keeps rankings that this instance adds no events. Out of memory: out->failed is set.
 */
void redis_heartbeat_append(struct buffer *out, const struct config *config, const struct store_assignment *assignment);
size_t redis_heartbeat_replies(const struct config *config, const struct store_assignment *assignment);
/* Checks reply `index` of a heartbeat, and updates session's refusal and outbox_is_followed. Returns 0, or -1 with
 * error filled. */
int redis_heartbeat_check(size_t index, const struct redis_reply *reply, const struct config *config,
                          const struct store_assignment *assignment, struct redis_session *session, struct error *error)
    MUST_CHECK;

#endif
