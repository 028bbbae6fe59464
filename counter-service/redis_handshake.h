/* What is settled with Redis on every connection before a first counter command is sent on it:
 *
 *     AUTH, SELECT, ROLE, INFO          who it is: a master, of a version and with a policy that Tally can rely on
 *     SET tally:meta ... NX GET, TIME,  whose data it holds, its clock, and the write script, only after that
 *     SCRIPT LOAD
 *
 * and the heartbeat that looks whether it still is. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_HANDSHAKE_H
#define TALLY_COUNTER_SERVICE_REDIS_HANDSHAKE_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/error.h"
#include "counter-service/redis_clock.h"
#include "counter-service/redis_conn.h"

enum { SCRIPT_SHA_LEN = 40 };

/* What a handshake has found out. */
struct redis_session {
    struct redis_clock clock;
    char script_sha[SCRIPT_SHA_LEN]; /* not NUL-terminated */
};

/* Blocks, for redis.timeout twice at most. Returns 0, or -1 with error filled: a sentence without secrets. */
int redis_handshake(struct redis_conn *conn, const struct config *config, struct redis_session *ret_session,
                    struct error *error) MUST_CHECK;

/* The heartbeat's commands, and how many replies they have. ROLE and not PING: a master that was made a replica answers
 * PING as before, and reads too. TIME keeps the clock fresh. */
extern const struct text redis_heartbeat_request;
enum { REDIS_HEARTBEAT_REPLIES = 2 };
/* Checks reply `index` of a heartbeat. Returns 0, or -1 with error filled. */
int redis_heartbeat_check(size_t index, const struct redis_reply *reply, struct redis_session *session,
                          struct error *error) MUST_CHECK;

#endif
