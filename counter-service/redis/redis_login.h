/* Connects to a Redis and finds out whether it is fit for any use: AUTH, SELECT, then ROLE and INFO: it must be a
 * master, of a version and with a policy that Tally can rely on. Whose data it holds, and what else a user of the
 * connection needs to know, that user asks (redis_handshake.h). */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_LOGIN_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_LOGIN_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/thread/heartbeat.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_conn.h"

/* Connects, AUTH and SELECT only: to ask a Redis of any kind, as a replica that knows its cluster. As redis_login. */
struct redis_conn *redis_connect(const struct redis_address *address, const struct config *config,
                                 struct heartbeat *heartbeat, struct error *error) MUST_CHECK;

/* heartbeat: of the thread that will use the connection, which waits meanwhile; NULL if nobody watches it. Blocks for
 * the look-up of the name, config's redis.connect_timeout for each of its addresses, and redis.timeout. Returns NULL
 * with error filled: a sentence without secrets. */
struct redis_conn *redis_login(const struct redis_address *address, const struct config *config,
                               struct heartbeat *heartbeat, struct error *error) MUST_CHECK;

/* Whether the answer to ROLE is a master's: it may change at any time. Returns 0, or -1 with error filled. */
int redis_login_check_role(const struct redis_reply *reply, struct error *error) MUST_CHECK;

#endif
