/* A Lua script that Redis knows by its hash. Owned by the connection's thread. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_SCRIPT_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_SCRIPT_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/redis/redis_conn.h"

enum { REDIS_SCRIPT_SHA_LEN = 40 };

/* SCRIPT LOAD. Writes the hash, not NUL-terminated, under which EVALSHA runs the script until somebody flushes it.
 * Returns 0, or -1 with error filled. */
int redis_script_load(struct redis_conn *conn, struct text script, int timeout_ms, char ret_sha[REDIS_SCRIPT_SHA_LEN],
                      struct error *error) MUST_CHECK;

#endif
