/* The line that the log has of each call at `debug`. It has nothing of what is asked but how much. */
#ifndef TALLY_COUNTER_SERVICE_RPC_RPC_ACCESS_H
#define TALLY_COUNTER_SERVICE_RPC_RPC_ACCESS_H

#include "common/log/log.h"
#include "counter-service/rpc/rpc_call.h"

/* Logs a call that is about to end with a gRPC code. Whoever has the call. */
void rpc_access_write(const struct rpc_call *call, int code);

/* The same, where lines of that level are logged. */
static inline void rpc_access_log(const struct rpc_call *call, int code)
{
    if (log_level() == LOG_LEVEL_DEBUG) {
        rpc_access_write(call, code);
    }
}

#endif
