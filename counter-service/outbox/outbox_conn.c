#include "counter-service/outbox/outbox_conn.h"

#include <string.h>

#include "counter-service/outbox/outbox_script.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"

static int read_store_id(const struct outbox_conn *conn, char out[STORE_ID_SIZE], struct error *error)
{
    struct redis_reply reply;
    redis_conn_begin(conn->redis, redis_store_id_request, conn->timeout_ms);
    return redis_command_expect(conn->redis, "GET", &reply, error) != 0 ? -1
                                                                        : redis_store_id_read(reply.text, out, error);
}

static int settle(struct outbox_conn *conn, struct error *error)
{
    if (read_store_id(conn, conn->store_id, error) != 0) {
        return -1;
    }
    return redis_script_load(conn->redis, (struct text){outbox_step, outbox_step_len}, conn->timeout_ms, conn->step_sha,
                             error);
}

int outbox_conn_open(struct outbox_conn *conn, const struct redis_address *address, const struct config *config,
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

int outbox_conn_check_store(const struct outbox_conn *conn, struct error *error)
{
    char store_id[STORE_ID_SIZE];
    if (read_store_id(conn, store_id, error) != 0) {
        return -1;
    }
    if (strcmp(store_id, conn->store_id) != 0) {
        error_set(error, "Redis's data was replaced: key tally:store was \"%s\" and is \"%s\"", conn->store_id,
                  store_id);
        return -1;
    }
    return 0;
}

void outbox_conn_close(struct outbox_conn *conn)
{
    redis_conn_close(conn->redis);
    conn->redis = NULL;
}
