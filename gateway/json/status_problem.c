#include "gateway/json/status_problem.h"

#include "common/contract/problem.h"

/* What a caller is told when nothing more special is known; NULL: the title says it all. */
static const char *const usual_details[STATUS_COUNT] = {
    [STATUS_INVALID_ARGUMENT] = "the request breaks a rule of the service",
    [STATUS_OVERFLOW] = "the increment would take the counter out of the range of a signed 64-bit integer",
    [STATUS_TOO_MANY_COUNTER_TYPES] = "the resource already has 1000 counter types",
    [STATUS_NO_SUCH_RANKING] = "no such ranking, or no such window or period of it, is configured",
    [STATUS_KEY_REUSED] = "the idempotency key was used before with another increment or user_id",
    [STATUS_NO_SESSION] = "the session of this server with the service has ended",
    [STATUS_DATA_DAMAGED] = "what is stored under this counter is not a counter",
    [STATUS_UNIMPLEMENTED] = "gateway and counter-service do not understand each other",
    [STATUS_SHED] = "too many requests are waiting",
    [STATUS_OUT_OF_MEMORY] = "there is no memory for the request",
    [STATUS_REDIS_DOWN] = "the store is down or refuses requests",
    [STATUS_WRITES_REFUSED] = "the store answers reads and refuses writes for now",
    [STATUS_EXPIRED] = "the deadline passed before the store took the request",
    [STATUS_DRAINING] = "this server is shutting down",
    [STATUS_NO_SERVICE] = "no healthy counter-service is connected",
    [STATUS_NOT_SENT_IN_TIME] = "the request was not sent before its deadline",
    [STATUS_REPLY_LOST] = "the request was sent and no answer came",
    [STATUS_NOT_REPLICATED] = "the increment was applied, and is lost if Redis is before its replicas have it",
    [STATUS_DEADLINE_EXCEEDED] = "the request was sent and no answer came before its deadline",
};

void status_problem_write(struct buffer *out, enum status status, const char *detail, bool is_write)
{
    if (detail == NULL) {
        detail = usual_details[status] != NULL ? usual_details[status] : status_title(status);
    }
    problem_write(out, status_slug(status), status_title(status), status_http_code(status), detail,
                  is_write ? outcome_name(status_outcome(status)) : NULL);
}
