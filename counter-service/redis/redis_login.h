/* Connects to a Redis and finds out whether it is fit for any use: AUTH, SELECT, then ROLE and INFO: it must be a
 * master, of a version and with a policy that Tally can rely on. What it does not tell (managed services hide fields
 * and commands) is not held against it: a warning, once in the process, says what could not be checked. Whose data it
 * holds, and what else a user of the connection needs to know, that user asks (redis_handshake.h). The connections have
 * no name (CLIENT SETNAME): repartition_guard.h knows them by that. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_LOGIN_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_LOGIN_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/thread/heartbeat.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_conn.h"

/* heartbeat: of the thread that will use the connection, which waits meanwhile; NULL if nobody watches it. Blocks for
 * the look-up of the name, config's redis.connect_timeout for each of its addresses, and redis.timeout. Returns NULL
 * with error filled: a sentence without secrets. */
struct redis_conn *redis_login(const struct redis_address *address, const struct config *config,
                               struct heartbeat *heartbeat, struct error *error) MUST_CHECK;

/* The same for a Redis of any role, as a replica that knows its cluster. */
struct redis_conn *redis_connect(const struct redis_address *address, const struct config *config, struct error *error)
    MUST_CHECK;

/* After the first exchange has failed: a TLS port closes on whoever does not speak TLS, without a word. Then error says
 * so instead. */
void redis_login_doubt_port(const struct redis_conn *conn, const struct redis_address *address,
                            const struct config *config, struct error *error);

/* Warns of what Redis does not tell: each bit (enum redis_untold) once in the process. */
void redis_login_untold(unsigned untold);

/* Commands that have no words but these, and what their answers must say; it may change at any time. */
enum redis_login_question { REDIS_LOGIN_ROLE, REDIS_LOGIN_INFO_SERVER, REDIS_LOGIN_INFO_MEMORY, REDIS_LOGIN_QUESTIONS };
/* Returns 0, also if Redis does not tell, of which it warns once; or -1 with error filled. */
int redis_login_check(enum redis_login_question question, const struct redis_reply *reply, struct error *error)
    MUST_CHECK;

#endif
