#include "counter-service/outbox/outbox_conn.h"

#include <stdio.h>
#include <string.h>

#include "counter-service/outbox/outbox_script.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/redis/resp.h"

void outbox_conn_put_store_key(struct buffer *out, bool is_cluster, const struct redis_key_prefix *partition)
{
    if (is_cluster) {
        redis_key_put_single(out, partition, store_mark);
    } else {
        resp_put_string(out, redis_store_id_key);
    }
}

static int read_store_id(const struct outbox_conn *conn, const struct redis_key_prefix *partition,
                         char out[STORE_ID_SIZE], struct error *error)
{
    struct redis_reply reply;
    struct buffer request;
    buffer_init(&request);
    resp_put_array(&request, 2);
    resp_put_string(&request, TEXT("GET"));
    outbox_conn_put_store_key(&request, conn->is_cluster, partition);
    int result = redis_command_begin(conn->redis, &request, conn->timeout_ms, error);
    if (result == 0) {
        result = redis_command_expect(conn->redis, "GET", &reply, error);
    }
    if (result == 0) {
        struct text found = reply.text;
        if (conn->is_cluster && found.len > STORE_ID_LEN && found.data[STORE_ID_LEN] == '/') {
            found.len = STORE_ID_LEN; /* of a mark, redis_store_mark_put */
        }
        result = redis_store_id_read(found, out, error);
    }
    buffer_done(&request);
    return result;
}

static int open_conn(struct outbox_conn *conn, const struct redis_address *address, const struct config *config,
                     struct error *error)
{
    const struct text script = {outbox_step, outbox_step_len};
    conn->redis = redis_login(address, config, NULL, error);
    if (conn->redis == NULL) {
        return -1;
    }
    if ((!conn->is_cluster && read_store_id(conn, NULL, conn->store_id, error) != 0) ||
        redis_script_load(conn->redis, script, conn->timeout_ms, conn->step_sha, error) != 0) {
        outbox_conn_close(conn);
        return -1;
    }
    return 0;
}

int outbox_conn_open(struct outbox_conn *conn, const struct redis_address *address, const struct config *config,
                     struct error *error)
{
    *conn = (struct outbox_conn){.timeout_ms = config->redis.timeout_ms};
    return open_conn(conn, address, config, error);
}

int outbox_conn_open_node(struct outbox_conn *conn, const struct redis_address *address, const struct config *config,
                          const char *store_id, struct error *error)
{
    *conn = (struct outbox_conn){.timeout_ms = config->redis.timeout_ms, .is_cluster = true};
    snprintf(conn->store_id, sizeof(conn->store_id), "%s", store_id);
    return open_conn(conn, address, config, error);
}

int outbox_conn_check_store(const struct outbox_conn *conn, const struct redis_key_prefix *partition,
                            struct error *error)
{
    char store_id[STORE_ID_SIZE];
    if (read_store_id(conn, partition, store_id, error) != 0) {
        return -1;
    }
    if (strcmp(store_id, conn->store_id) != 0) {
        error_set(error, "Redis's data was replaced: key tally:store was \"%s\" and is \"%s\"", conn->store_id,
                  store_id);
        return -1;
    }
    return 0;
}

int outbox_conn_await_replicas(const struct outbox_conn *conn, int wanted, int wait_ms, int64_t *ret_replicas,
                               struct error *error)
{
    struct redis_reply reply;
    struct buffer request;
    buffer_init(&request);
    redis_command_wait(&request, wanted, wait_ms);
    int result = redis_command_begin(conn->redis, &request, conn->timeout_ms + wait_ms, error);
    if (result == 0) {
        result = redis_command_expect(conn->redis, "WAIT", &reply, error);
    }
    if (result == 0) {
        *ret_replicas = reply.integer;
    }
    buffer_done(&request);
    return result;
}

void outbox_conn_close(struct outbox_conn *conn)
{
    redis_conn_close(conn->redis);
    conn->redis = NULL;
}
