/* The login, against a real Redis: TLS, users, Unix sockets, and what a Redis may hide. */
#include "counter-service/redis/redis_login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "counter-service/redis/redis_command.h"
#include "tests/fakes/redis_process.h"
#include "tests/fakes/tls_identity.h"
#include "tests/fakes/wait_for.h"

enum { SETTINGS_MAX = 8, SETTING_SIZE = 160 };

struct setting {
    struct redis_process *redis;
    struct redis_process *tls_port; /* never started: only its port is used */
    struct tls_identity *identity;
    char socket_path[64];
    /* Of the environment: NAME=value. */
    char texts[SETTINGS_MAX][SETTING_SIZE];
    char *environment[SETTINGS_MAX + 1];
    int setting_count;
    struct config *config; /* outlives connections */
    struct error error;
};

static void set(struct setting *setting, const char *name, const char *value)
{
    assert_true(setting->setting_count < SETTINGS_MAX);
    char *text = setting->texts[setting->setting_count];
    snprintf(text, SETTING_SIZE, "TALLY_REDIS_%s=%s", name, value);
    setting->environment[setting->setting_count++] = text;
}

static int setup(void **state)
{
    *state = NULL;
    if (!redis_process_available()) {
        return 0;
    }
    struct setting *setting = calloc(1, sizeof(*setting));
    assert_non_null(setting);
    setting->identity = tls_identity_create();
    tls_identity_sign(setting->identity, "redis", "IP:127.0.0.1", false);
    setting->tls_port = redis_process_prepare(NULL);
    snprintf(setting->socket_path, sizeof(setting->socket_path), "/tmp/tally-test-%ld.sock", (long)getpid());
    const char *const options[] = {"--tls-port",
                                   strchr(redis_process_address(setting->tls_port), ':') + 1,
                                   "--tls-ca-cert-file",
                                   tls_identity_ca(setting->identity),
                                   "--tls-cert-file",
                                   tls_identity_path(setting->identity, "redis", "pem"),
                                   "--tls-key-file",
                                   tls_identity_path(setting->identity, "redis", "key"),
                                   "--tls-auth-clients",
                                   "no",
                                   "--unixsocket",
                                   setting->socket_path,
                                   NULL};
    setting->redis = redis_process_start(options);
    REDIS_ASK(setting->redis, "ACL", "SETUSER", "tally", "on", ">right", "~*", "+@all");
    *state = setting;
    return 0;
}

static int teardown(void **state)
{
    struct setting *setting = *state;
    if (setting != NULL) {
        redis_process_end(setting->redis);
        redis_process_end(setting->tls_port);
        tls_identity_free(setting->identity);
        config_free(setting->config);
        free(setting);
    }
    return 0;
}

static void use_tls(struct setting *setting)
{
    set(setting, "ADDR", redis_process_address(setting->tls_port));
    set(setting, "TLS", "true");
    set(setting, "TLS_CA", tls_identity_ca(setting->identity));
}

/* Returns NULL with setting->error filled. */
static struct redis_conn *login(struct setting *setting)
{
    struct redis_address address;
    config_free(setting->config);
    setting->config = config_load_text("test", "", 0, setting->environment, &setting->error);
    const struct config *config = setting->config;
    if (config == NULL) {
        fail_msg("%s", setting->error.message);
        return NULL;
    }
    assert_int_equal(redis_address_parse(config->redis.addrs[0], &address, &setting->error), 0);
    return redis_login(&address, config, NULL, &setting->error);
}

static struct redis_conn *login_fine(struct setting *setting)
{
    struct redis_conn *conn = login(setting);
    if (conn == NULL) {
        fail_msg("%s", setting->error.message);
    }
    return conn;
}

static void assert_refused(struct setting *setting, const char *reason)
{
    assert_null(login(setting));
    if (strstr(setting->error.message, reason) == NULL) {
        fail_msg("\"%s\" says nothing of \"%s\"", setting->error.message, reason);
    }
}

/* Who Redis takes the connection for. */
static void assert_is(struct redis_conn *conn, struct text user)
{
    struct redis_reply reply;
    redis_conn_begin(conn, TEXT("ACL WHOAMI\r\n"), 10000);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(text_equal(reply.text, user));
}

static void test_a_user_over_tls(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    use_tls(setting);
    set(setting, "USERNAME", "tally");
    set(setting, "PASSWORD", "right");
    struct redis_conn *conn = login_fine(setting);
    assert_true(redis_conn_is_idle(conn)); /* tickets are no bytes */
    assert_is(conn, TEXT("tally"));
    assert_true(redis_conn_is_idle(conn));
    redis_process_kill(setting->redis);
    WAIT_FOR(!redis_conn_is_idle(conn));
    assert_string_equal(redis_conn_error(conn), "Redis closed the connection");
    redis_conn_close(conn);
}

static void test_large_answers_come_over_tls(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    struct redis_reply reply;
    use_tls(setting);
    struct redis_conn *conn = login_fine(setting);
    static char request[3 * 1024 * 1024];
    const size_t value_len = sizeof(request) - 64;
    const size_t head_len = (size_t)sprintf(request, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", value_len);
    memset(request + head_len, 'x', value_len);
    memcpy(request + head_len + value_len, "\r\nGET k\r\n", 9);
    redis_conn_begin(conn, (struct text){request, head_len + value_len + 9}, 20000);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(text_equal(reply.text, TEXT("OK")));
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(text_equal(reply.text, (struct text){request + head_len, value_len}));
    assert_int_equal(redis_conn_sent(conn), head_len + value_len + 9);
    assert_true(redis_conn_is_idle(conn));
    redis_conn_close(conn);
}

static void test_a_renewed_certificate_is_taken_up(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    use_tls(setting);
    set(setting, "TLS_CERT", tls_identity_path(setting->identity, "tally", "pem"));
    set(setting, "TLS_KEY", tls_identity_path(setting->identity, "tally", "key"));
    REDIS_ASK(setting->redis, "CONFIG", "SET", "tls-auth-clients", "yes");
    tls_identity_sign(setting->identity, "tally", "DNS:tally", true);
    assert_refused(setting, " certificate of redis.tls_cert ");
    tls_identity_sign(setting->identity, "tally", "DNS:tally", false);
    redis_conn_close(login_fine(setting));
}

static void test_a_missing_certificate_is_told(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    use_tls(setting);
    REDIS_ASK(setting->redis, "CONFIG", "SET", "tls-auth-clients", "yes");
    assert_refused(setting, "it asks for a client's certificate, and redis.tls_cert is not set");
}

static void test_a_wrong_user_or_password_is_told(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    set(setting, "ADDR", redis_process_address(setting->redis));
    set(setting, "USERNAME", "tally");
    set(setting, "PASSWORD", "wrong-secret");
    assert_refused(setting, "Redis refuses AUTH: WRONGPASS");
    assert_null(strstr(setting->error.message, "secret"));
    set(setting, "USERNAME", "nobody"); /* the later one holds */
    set(setting, "PASSWORD", "right");
    assert_refused(setting, "Redis refuses AUTH: WRONGPASS");
}

static void test_a_port_of_the_other_kind_is_told(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    set(setting, "ADDR", redis_process_address(setting->tls_port));
    assert_refused(setting, "if that port speaks TLS, redis.tls must be true");
    use_tls(setting);
    set(setting, "ADDR", redis_process_address(setting->redis));
    assert_refused(setting, "by TLS: ");
}

static void test_a_unix_socket_and_a_database(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    char address[96];
    struct redis_reply reply;
    snprintf(address, sizeof(address), "unix:%s", setting->socket_path);
    set(setting, "ADDR", address);
    set(setting, "DB", "3");
    struct redis_conn *conn = login_fine(setting);
    redis_conn_begin(conn, TEXT("SET here 1\r\n"), 10000);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    redis_conn_close(conn);
    assert_string_equal(REDIS_ASK(setting->redis, "DBSIZE"), "0");
    set(setting, "ADDR", "unix:/tmp/tally-test-nowhere.sock");
    assert_refused(setting, "cannot connect to Redis at unix:/tmp/tally-test-nowhere.sock: No such file or directory");
}

static void test_what_a_redis_does_not_tell_is_not_held_against_it(void **state)
{
    struct setting *setting = *state;
    if (setting == NULL) {
        return;
    }
    set(setting, "ADDR", redis_process_address(setting->redis));
    set(setting, "USERNAME", "tally");
    set(setting, "PASSWORD", "right");
    REDIS_ASK(setting->redis, "ACL", "SETUSER", "tally", "-info", "-role");
    redis_conn_close(login_fine(setting));
    /* What can be read and is wrong still counts. */
    REDIS_ASK(setting->redis, "ACL", "SETUSER", "tally", "+info");
    REDIS_ASK(setting->redis, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    assert_refused(setting, "maxmemory-policy");
    REDIS_ASK(setting->redis, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    REDIS_ASK(setting->redis, "ACL", "SETUSER", "tally", "+role", "-info");
    REDIS_ASK(setting->redis, "REPLICAOF", "127.0.0.1", "1");
    assert_refused(setting, "Redis's role is \"slave\": it must be master");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_user_over_tls),
        TEST(test_large_answers_come_over_tls),
        TEST(test_a_renewed_certificate_is_taken_up),
        TEST(test_a_missing_certificate_is_told),
        TEST(test_a_wrong_user_or_password_is_told),
        TEST(test_a_port_of_the_other_kind_is_told),
        TEST(test_a_unix_socket_and_a_database),
        TEST(test_what_a_redis_does_not_tell_is_not_held_against_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
