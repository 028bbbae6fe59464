#include "counter-service/topology/cluster_member.h"

#include "common/base/buffer.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"

/* "ERR This instance has cluster support disabled"; another error may pass, or is of the user's rights. */
static const char *answers_as(const struct redis_reply *reply)
{
    return text_starts_with(reply->text, TEXT("ERR "))
               ? "the Redis at this address is no node of a Redis Cluster: it answers"
               : "the Redis at this address answers";
}

int cluster_member_ask(struct redis_conn *conn, int timeout_ms, struct redis_reply *ret_slots, struct error *error)
{
    struct buffer request;
    buffer_init(&request);
    redis_command_words(&request, TEXT("CLUSTER"), TEXT("SLOTS"));
    int result = redis_command_begin(conn, &request, timeout_ms, error);
    if (result == 0) {
        result = redis_conn_next(conn, ret_slots);
        if (result != 0) {
            error_set(error, "%s", redis_conn_error(conn));
        } else if (ret_slots->type != REDIS_ARRAY) {
            error_set(error, "%s CLUSTER SLOTS with %s", answers_as(ret_slots), redis_quote(ret_slots->text).text);
            result = -1;
        }
    }
    buffer_done(&request);
    return result;
}

int cluster_member_check(const struct cluster_ids *ids, const struct redis_reply *slots, struct error *error)
{
    if (ids->count == 0) {
        redis_login_untold(REDIS_UNTOLD_NODES);
        return 0;
    }
    if (!cluster_ids_are_shared(ids, slots)) {
        error_set(error, "the Redis at this address knows no node of the Redis Cluster: it is of another one");
        return -1;
    }
    return 0;
}
