#include "counter-service/rpc/rpc_access.h"

#include <grpc/support/alloc.h>

#include "common/base/clock.h"
#include "common/contract/grpc_code.h"

enum { FIELDS_MAX = 6 };

void rpc_access_write(const struct rpc_call *call, int code)
{
    struct log_field fields[FIELDS_MAX];
    size_t count = 0;
    char *peer = grpc_call_get_peer(call->native); /* "ipv4:192.0.2.7:40000" */
    fields[count++] = LOG_STR("rpc", call->served->method->name);
    fields[count++] = LOG_STR("code", grpc_code_name(code));
    fields[count++] = LOG_INT("duration_us", clock_monotonic_us() - call->arrived_us);
    if (call->item_count > 0) {
        fields[count++] = LOG_INT("items", call->item_count);
    }
    fields[count++] = LOG_STR("peer", peer);
    char trace_id[TRACE_ID_SIZE];
    if (call->trace.step.context.is_sampled) {
        trace_context_write_id(&call->trace.step.context, trace_id);
        fields[count++] = LOG_STR("trace_id", trace_id);
    }
    log_write(LOG_LEVEL_DEBUG, "rpc", "call answered", fields, count);
    gpr_free(peer);
}
