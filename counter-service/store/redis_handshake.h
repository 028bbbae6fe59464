/* What is settled with Redis on every connection, after redis_login, before a first counter command is sent on it:
 *
 *     GET tally:meta, tally:store     whose data it holds; written where there is none
 *     or GET tally:{pN}:store         the same, for each partition that a node of a Redis Cluster has
 *     SCRIPT LOAD, a write on trial   that a write would work (redis_trial.h)
 *
 * redis_heartbeat.h looks whether it still is so. */
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

/* Blocks, for redis.timeout eight times at most. Returns 0, or -1 with error filled: a sentence without secrets. */
int redis_handshake(struct redis_conn *conn, const struct config *config, const struct store_assignment *assignment,
                    const struct write_settings *settings, struct redis_session *ret_session, struct error *error)
    MUST_CHECK;

#endif
