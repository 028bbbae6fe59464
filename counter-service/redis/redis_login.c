#include "counter-service/redis/redis_login.h"

#include "common/base/buffer.h"
#include "common/base/decimal.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"

int redis_login_check_role(const struct redis_reply *reply, struct error *error)
{
    struct text role = {"", 0};
    if (reply->type == REDIS_ARRAY && reply->element_count > 0) {
        role = redis_reply_element(reply, 0).text;
    }
    return redis_check_role(role, error);
}

static int enter(struct redis_conn *conn, const struct config *config, struct buffer *requests, struct error *error)
{
    char db[DECIMAL_LEN_MAX];
    const struct text db_text = {db, (size_t)(decimal_put(db, config->redis.db) - db)};
    const bool with_password = config->redis.password[0] != '\0';
    if (with_password) {
        redis_command_words(requests, TEXT("AUTH"), text_of(config->redis.password));
    }
    redis_command_words(requests, TEXT("SELECT"), db_text);

    struct redis_reply reply;
    if (redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0 ||
        (with_password && redis_command_expect(conn, "AUTH", &reply, error) != 0) ||
        redis_command_expect(conn, "SELECT", &reply, error) != 0) {
        return -1;
    }
    return 0;
}

static int ask_who(struct redis_conn *conn, const struct config *config, struct buffer *requests, struct error *error)
{
    struct redis_reply reply;
    redis_command_words(requests, TEXT("ROLE"));
    redis_command_words(requests, TEXT("INFO"), TEXT("server"));
    redis_command_words(requests, TEXT("INFO"), TEXT("memory"));
    if (redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0 ||
        redis_command_expect(conn, "ROLE", &reply, error) != 0 || redis_login_check_role(&reply, error) != 0 ||
        redis_command_expect(conn, "INFO", &reply, error) != 0 || redis_check_version(reply.text, error) != 0 ||
        redis_command_expect(conn, "INFO", &reply, error) != 0 || redis_check_policy(reply.text, error) != 0) {
        return -1;
    }
    return 0;
}

static struct redis_conn *connect_by(int (*settle)(struct redis_conn *conn, const struct config *config,
                                                   struct buffer *requests, struct error *error),
                                     struct redis_conn *conn, const struct config *config, struct error *error)
{
    struct buffer requests;
    buffer_init(&requests);
    if (conn != NULL && settle(conn, config, &requests, error) != 0) {
        redis_conn_close(conn);
        conn = NULL;
    }
    buffer_done(&requests);
    return conn;
}

struct redis_conn *redis_connect(const struct redis_address *address, const struct config *config,
                                 struct heartbeat *heartbeat, struct error *error)
{
    struct redis_conn *conn =
        redis_conn_open(address->tcp.host, address->tcp.port, config->redis.connect_timeout_ms, heartbeat, error);
    return connect_by(enter, conn, config, error);
}

struct redis_conn *redis_login(const struct redis_address *address, const struct config *config,
                               struct heartbeat *heartbeat, struct error *error)
{
    return connect_by(ask_who, redis_connect(address, config, heartbeat, error), config, error);
}
