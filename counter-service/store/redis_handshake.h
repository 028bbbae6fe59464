/* What is settled with Redis on every connection, after redis_login, before a first counter command is sent on it:
 *
 *     GET tally:meta, tally:store     whose data it holds; written where there is none
 *     or GET tally:{pN}:store         the same, for each partition that a node of a Redis Cluster has
 *     SCRIPT LOAD, a write on trial   that a write would work (redis_trial.h)
 *
 * and the heartbeat that looks whether it still is. */
#ifndef TALLY_COUNTER_SERVICE_STORE_REDIS_HANDSHAKE_H
#define TALLY_COUNTER_SERVICE_STORE_REDIS_HANDSHAKE_H

#include <stdbool.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/store_id.h"
#include "counter-service/commands/write_command.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/redis/redis_script.h"
#include "counter-service/store/store_assignment.h"

/* What a handshake has found out. */
struct redis_session {
    char store_id[STORE_ID_SIZE];
    char script_sha[REDIS_SCRIPT_SHA_LEN]; /* not NUL-terminated */
    bool outbox_is_followed;               /* an instance has the lease of the relay or of the aggregator */
    struct error refusal;                  /* why Redis writes nothing for now, and answers reads; "": it writes */
};

/* Blocks, for redis.timeout six times at most. Returns 0, or -1 with error filled: a sentence without secrets. */
int redis_handshake(struct redis_conn *conn, const struct config *config, const struct store_assignment *assignment,
                    const struct write_settings *settings, struct redis_session *ret_session, struct error *error)
    MUST_CHECK;

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
