#include "counter-service/topology/cluster_home.h"

#include <string.h>

#include "common/base/buffer.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/topology/cluster_member.h"

/* Where nobody has said a number, and nobody has written: some for each master, for up to a dozen of them. */
enum { CLUSTER_PARTITIONS = 64 };

static int exchange(struct redis_conn *conn, const struct config *config, struct buffer *request, const char *command,
                    struct redis_reply *ret_reply, struct error *error)
{
    return redis_command_begin(conn, request, config->redis.timeout_ms, error) != 0
               ? -1
               : redis_command_expect(conn, command, ret_reply, error);
}

/* What the key holds; it is written if there is nothing. Another service may do the same meanwhile: then SET with NX
 * and GET answers what that service has written. The reply lives as long as the connection is left alone. */
static int read_or_write(struct redis_conn *conn, const struct config *config, bool may_write, struct text key,
                         struct text value, struct text *ret_value, struct error *error)
{
    struct redis_reply reply = {.type = REDIS_NIL};
    struct buffer request;
    buffer_init(&request);
    redis_command_words(&request, TEXT("GET"), key);
    int result = exchange(conn, config, &request, "GET", &reply, error);
    if (result == 0 && reply.type == REDIS_NIL && !may_write) {
        error_set(error, "the Redis Cluster has no key %.*s: Tally has never used it", (int)key.len, key.data);
        result = -1;
    } else if (result == 0 && reply.type == REDIS_NIL) {
        buffer_clear(&request, SIZE_MAX);
        redis_command_words(&request, TEXT("SET"), key, value, TEXT("NX"), TEXT("GET"));
        result = exchange(conn, config, &request, "SET", &reply, error);
    }
    buffer_done(&request);
    if (result == 0) {
        *ret_value = reply.type == REDIS_NIL ? value : reply.text;
    }
    return result;
}

static int settle_meta(struct redis_conn *conn, const struct config *config, bool may_write, int *partitions,
                       struct error *error)
{
    const int expected = *partitions != 0 ? *partitions : config->redis.partitions;
    const struct redis_meta meta = redis_meta_of(expected != 0 ? expected : CLUSTER_PARTITIONS);
    struct text found;
    if (read_or_write(conn, config, may_write, redis_meta_key, text_of(meta.text), &found, error) != 0) {
        return -1;
    }
    return redis_meta_read(found, expected, partitions, error);
}

static int settle_store(struct redis_conn *conn, const struct config *config, bool may_write,
                        char store_id[STORE_ID_SIZE], struct error *error)
{
    char own[STORE_ID_SIZE];
    char other[STORE_ID_SIZE];
    struct text found;
    const bool is_known = store_id[0] != '\0';
    memcpy(own, store_id, sizeof(own));
    if ((!is_known && redis_store_id_make(own, error) != 0) ||
        read_or_write(conn, config, may_write, redis_store_id_key, text_of(own), &found, error) != 0 ||
        redis_store_id_read(found, other, error) != 0) {
        return -1;
    }
    if (is_known && strcmp(other, store_id) != 0) {
        error_set(error, "key tally:store of the Redis Cluster was \"%s\" and is \"%s\"", store_id, other);
        return -1;
    }
    memcpy(store_id, other, sizeof(other));
    return 0;
}

/* At the address of a node that is gone may be another Redis. */
static struct redis_conn *log_in(const struct redis_address *address, const struct config *config,
                                 const struct cluster_ids *ids, struct error *error)
{
    struct redis_reply slots;
    struct redis_conn *conn = redis_login(address, config, NULL, error);
    if (conn != NULL && (cluster_member_ask(conn, config->redis.timeout_ms, &slots, error) != 0 ||
                         cluster_member_check(ids, &slots, error) != 0)) {
        redis_conn_close(conn);
        conn = NULL;
    }
    return conn;
}

int cluster_home_settle(const struct config *config, const struct cluster_ids *ids, const struct redis_address *meta,
                        const struct redis_address *store, bool may_write, int *partitions,
                        char store_id[STORE_ID_SIZE], struct error *error)
{
    struct redis_conn *conn = log_in(meta, config, ids, error);
    if (conn == NULL) {
        return -1;
    }
    int result = settle_meta(conn, config, may_write, partitions, error);
    redis_conn_close(conn);
    if (result != 0) {
        return -1;
    }
    conn = log_in(store, config, ids, error);
    if (conn == NULL) {
        return -1;
    }
    result = settle_store(conn, config, may_write, store_id, error);
    redis_conn_close(conn);
    return result;
}
