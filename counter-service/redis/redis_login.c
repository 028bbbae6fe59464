#include "counter-service/redis/redis_login.h"

#include <stdatomic.h>

#include "common/base/buffer.h"
#include "common/base/decimal.h"
#include "common/log/log.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/redis_tls.h"

/* ---- the answers ------------------------------------------------------------------------------------------------- */

static int check_role(const struct redis_reply *reply, struct error *error)
{
    struct text role = {"", 0};
    if (reply->type == REDIS_ARRAY && reply->element_count > 0) {
        role = redis_reply_element(reply, 0).text;
    }
    return redis_check_role(role, error);
}

/* Adds to *untold what Redis does not tell. */
static int check(enum redis_login_question question, const struct redis_reply *reply, unsigned *untold,
                 struct error *error)
{
    static const struct {
        const char *command;
        enum redis_untold untold;
    } questions[] = {
        [REDIS_LOGIN_ROLE] = {"ROLE", REDIS_UNTOLD_ROLE},
        [REDIS_LOGIN_INFO_SERVER] = {"INFO", REDIS_UNTOLD_VERSION},
        [REDIS_LOGIN_INFO_MEMORY] = {"INFO", REDIS_UNTOLD_POLICY},
    };
    if (reply->type == REDIS_ERROR && redis_error_refuses_command(reply->text)) {
        *untold |= questions[question].untold;
        return 0;
    }
    if (reply->type == REDIS_ERROR) {
        error_set(error, "Redis refuses %s: %s", questions[question].command, redis_quote(reply->text).text);
        return -1;
    }
    switch (question) {
    case REDIS_LOGIN_INFO_SERVER:
        return redis_check_version(reply->text, untold, error);
    case REDIS_LOGIN_INFO_MEMORY:
        return redis_check_policy(reply->text, untold, error);
    default:
        return check_role(reply, error);
    }
}

/* Once in the process: every connection finds the same. */
void redis_login_untold(unsigned untold)
{
    static atomic_uint told;
    if ((untold & ~atomic_fetch_or(&told, untold)) != 0) {
        log_warn("redis", "Redis does not tell all that is to be checked",
                 LOG_STR("unchecked", redis_untold_write(untold).text));
    }
}

int redis_login_check(enum redis_login_question question, const struct redis_reply *reply, struct error *error)
{
    unsigned untold = 0;
    const int result = check(question, reply, &untold, error);
    redis_login_untold(untold);
    return result;
}

/* ---- the login --------------------------------------------------------------------------------------------------- */

static void put_entry(struct buffer *requests, const struct config *config)
{
    const struct text username = text_of(config->redis.username);
    const struct text password = text_of(config->redis.password);
    char db[DECIMAL_LEN_MAX];
    const struct text db_text = {db, (size_t)(decimal_put(db, config->redis.db) - db)};
    if (username.len > 0) {
        redis_command_words(requests, TEXT("AUTH"), username, password);
    } else if (password.len > 0) {
        redis_command_words(requests, TEXT("AUTH"), password);
    }
    if (config->redis.db != 0) {
        redis_command_words(requests, TEXT("SELECT"), db_text);
    }
}

static int ask_who(struct redis_conn *conn, const struct config *config, bool any_role, struct buffer *requests,
                   struct error *error)
{
    unsigned untold = 0;
    struct redis_reply reply;
    struct error refusal = {.message = ""};
    put_entry(requests, config);
    redis_command_words(requests, TEXT("ROLE"));
    redis_command_words(requests, TEXT("INFO"), TEXT("server"));
    redis_command_words(requests, TEXT("INFO"), TEXT("memory"));
    if (redis_command_begin(conn, requests, config->redis.timeout_ms, error) != 0 ||
        (config->redis.password[0] != '\0' && redis_command_expect(conn, "AUTH", &reply, error) != 0) ||
        (config->redis.db != 0 && redis_command_expect(conn, "SELECT", &reply, error) != 0)) {
        return -1;
    }
    for (int question = 0; question < REDIS_LOGIN_QUESTIONS; question++) {
        if (redis_conn_next(conn, &reply) != 0) {
            *error = refusal;
            if (refusal.message[0] == '\0') {
                error_set(error, "%s", redis_conn_error(conn));
            }
            return -1;
        }
        if (reply.type == REDIS_ERROR) { /* if it closes the connection after that, this is why */
            error_set(&refusal, "Redis refuses the login: %s", redis_quote(reply.text).text);
        }
        if (question == REDIS_LOGIN_ROLE && any_role) {
            continue;
        }
        if (check((enum redis_login_question)question, &reply, &untold, error) != 0) {
            return -1;
        }
    }
    if (!any_role) { /* else the next login tells of all of it */
        redis_login_untold(untold);
    }
    return 0;
}

void redis_login_doubt_port(const struct redis_conn *conn, const struct redis_address *address,
                            const struct config *config, struct error *error)
{
    if (redis_conn_was_refused(conn) && config->redis.tls == CONFIG_FALSE && address->path[0] == '\0') {
        error_set(error, "%s, before %s answered anything: if that port speaks TLS, redis.tls must be true",
                  redis_conn_error(conn), redis_address_write(address).text);
    }
}

static struct redis_conn *log_in(const struct redis_address *address, const struct config *config, bool any_role,
                                 struct heartbeat *heartbeat, struct error *error)
{
    struct buffer requests;
    struct redis_tls tls;
    struct redis_conn *conn =
        redis_conn_open(address, redis_tls_of(config, &tls), config->redis.connect_timeout_ms, heartbeat, error);
    if (conn == NULL) {
        return NULL;
    }
    buffer_init(&requests);
    if (ask_who(conn, config, any_role, &requests, error) != 0) {
        redis_login_doubt_port(conn, address, config, error);
        redis_conn_close(conn);
        conn = NULL;
    }
    buffer_done(&requests);
    return conn;
}

struct redis_conn *redis_login(const struct redis_address *address, const struct config *config,
                               struct heartbeat *heartbeat, struct error *error)
{
    return log_in(address, config, false, heartbeat, error);
}

struct redis_conn *redis_connect(const struct redis_address *address, const struct config *config, struct error *error)
{
    return log_in(address, config, true, NULL, error);
}
