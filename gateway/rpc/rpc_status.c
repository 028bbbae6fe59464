#include "gateway/rpc/rpc_status.h"

#include <grpc/status.h>

static enum status unavailable_status(Tally__V1__ErrorReason reason)
{
    switch (reason) {
    case TALLY__V1__ERROR_REASON__WRITES_REFUSED:
        return STATUS_WRITES_REFUSED;
    case TALLY__V1__ERROR_REASON__DEADLINE_PASSED:
        return STATUS_EXPIRED;
    default:
        return STATUS_REDIS_DOWN;
    }
}

enum status rpc_status_of_item(int code, Tally__V1__ErrorReason reason)
{
    switch (code) {
    case GRPC_STATUS_OK:
        return STATUS_OK;
    case GRPC_STATUS_INVALID_ARGUMENT:
        return STATUS_INVALID_ARGUMENT;
    case GRPC_STATUS_OUT_OF_RANGE:
        return STATUS_OVERFLOW;
    case GRPC_STATUS_ALREADY_EXISTS:
        return STATUS_KEY_REUSED;
    case GRPC_STATUS_FAILED_PRECONDITION:
        return reason == TALLY__V1__ERROR_REASON__TOO_MANY_COUNTER_TYPES ? STATUS_TOO_MANY_COUNTER_TYPES
                                                                         : STATUS_DATA_DAMAGED;
    case GRPC_STATUS_RESOURCE_EXHAUSTED:
        return STATUS_SHED;
    case GRPC_STATUS_ABORTED:
        return STATUS_NO_SESSION;
    case GRPC_STATUS_UNAVAILABLE:
        return unavailable_status(reason);
    case GRPC_STATUS_UNKNOWN:
        return reason == TALLY__V1__ERROR_REASON__NOT_REPLICATED ? STATUS_NOT_REPLICATED : STATUS_REPLY_LOST;
    case GRPC_STATUS_DEADLINE_EXCEEDED:
        return STATUS_DEADLINE_EXCEEDED;
    default:
        return STATUS_UNIMPLEMENTED;
    }
}

enum status rpc_status_of_call(int code, struct text outcome, struct text reason, struct text pushback)
{
    if (text_equal(outcome, TEXT("not_applied"))) {
        if (code == GRPC_STATUS_NOT_FOUND) {
            return STATUS_NO_SUCH_RANKING;
        }
        enum status status = rpc_status_of_item(code, TALLY__V1__ERROR_REASON__ERROR_REASON_UNSPECIFIED);
        if (status == STATUS_REDIS_DOWN && pushback.len > 0 && pushback.data[0] == '-') {
            return STATUS_WRITES_REFUSED;
        }
        return status_outcome(status) == OUTCOME_NOT_APPLIED ? status : STATUS_UNIMPLEMENTED;
    }
    if (code == GRPC_STATUS_UNKNOWN && text_equal(reason, text_of(status_slug(STATUS_NOT_REPLICATED)))) {
        return STATUS_NOT_REPLICATED;
    }
    return code == GRPC_STATUS_DEADLINE_EXCEEDED ? STATUS_DEADLINE_EXCEEDED : STATUS_REPLY_LOST;
}
