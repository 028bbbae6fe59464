#include "counter-service/outbox/outbox_conn.h"

#include "counter-service/outbox/outbox_script.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"

static int settle(struct outbox_conn *conn, struct error *error)
{
    struct redis_reply reply;
    redis_conn_begin(conn->redis, redis_store_id_request, conn->timeout_ms);
    if (redis_command_expect(conn->redis, "GET", &reply, error) != 0 ||
        redis_store_id_read(reply.text, conn->store_id, error) != 0) {
        return -1;
    }
    return redis_script_load(conn->redis, (struct text){outbox_step, outbox_step_len}, conn->timeout_ms, conn->step_sha,
                             error);
}

int outbox_conn_open(struct outbox_conn *conn, const struct host_port *address, const struct config *config,
                     struct error *error)
{
    *conn = (struct outbox_conn){.timeout_ms = config->redis.timeout_ms};
    conn->redis = redis_login(address, config, NULL, error);
    if (conn->redis == NULL) {
        return -1;
    }
    if (settle(conn, error) != 0) {
        outbox_conn_close(conn);
        return -1;
    }
    return 0;
}

void outbox_conn_close(struct outbox_conn *conn)
{
    redis_conn_close(conn->redis);
    conn->redis = NULL;
}
