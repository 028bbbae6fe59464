#include "counter-service/topology/sentinel_look.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_tls.h"

enum {
    REST_US = 5 * 1000 * 1000,
    /* After so long the lower epoch of most sentinels is believed. */
    OLDER_US = 10 * 1000 * 1000,
};

/* What one sentinel says. */
struct opinion {
    struct redis_address master;
    uint64_t epoch;
};

int sentinel_look_init(struct sentinel_look *look, const struct config *config, struct error *error)
{
    *look = (struct sentinel_look){.config = config};
    const size_t count = config->redis.sentinel_addr_count;
    if (count == 0) {
        return 0;
    }
    look->sentinels = calloc(count, sizeof(*look->sentinels));
    if (look->sentinels == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (; look->count < count; look->count++) {
        if (redis_address_parse(config->redis.sentinel_addrs[look->count], &look->sentinels[look->count].address,
                                error) != 0) {
            return -1;
        }
    }
    return 0;
}

static void forget_conn(struct sentinel *sentinel)
{
    redis_conn_close(sentinel->conn);
    sentinel->conn = NULL;
}

void sentinel_look_done(struct sentinel_look *look)
{
    for (size_t i = 0; i < look->count; i++) {
        forget_conn(&look->sentinels[i]);
    }
    free(look->sentinels);
    look->sentinels = NULL;
    look->count = 0;
}

/* ---- one sentinel ---- */

static void put_login(struct buffer *requests, const struct config *config)
{
    const struct text username = text_of(config->redis.sentinel_username);
    const struct text password = text_of(config->redis.sentinel_password);
    if (username.len > 0) {
        redis_command_words(requests, TEXT("AUTH"), username, password);
    } else if (password.len > 0) {
        redis_command_words(requests, TEXT("AUTH"), password);
    }
}

static int check_known(const struct redis_reply *reply, const struct config *config, struct error *error)
{
    const bool is_unknown =
        reply->type == REDIS_NIL ||
        (reply->type == REDIS_ERROR && memmem(reply->text.data, reply->text.len, "No such master", 14) != NULL);
    if (is_unknown) {
        error_set(error, "it knows no master %s (redis.sentinel_master)",
                  redis_quote(text_of(config->redis.sentinel_master)).text);
        return -1;
    }
    if (reply->type == REDIS_ERROR) {
        error_set(error, "it refuses SENTINEL: %s", redis_quote(reply->text).text);
        return -1;
    }
    if (reply->type != REDIS_ARRAY) {
        error_set(error, "its answer to SENTINEL was not understood");
        return -1;
    }
    return 0;
}

static int read_address(const struct redis_reply *reply, struct redis_address *ret_address, struct error *error)
{
    int64_t port;
    if (reply->element_count == 2 && decimal_parse(redis_reply_element(reply, 1).text, &port) &&
        redis_address_of_tcp(redis_reply_element(reply, 0).text, port, ret_address) == 0) {
        return 0;
    }
    error_set(error, "the address that it names is none");
    return -1;
}

static int read_epoch(const struct redis_reply *fields, uint64_t *ret_epoch, struct error *error)
{
    int64_t epoch;
    if (!decimal_parse(redis_reply_field(fields, TEXT("config-epoch")), &epoch) || epoch < 0) {
        error_set(error, "its answer to SENTINEL MASTER has no config-epoch");
        return -1;
    }
    *ret_epoch = (uint64_t)epoch;
    return 0;
}

static int read_answers(struct redis_conn *conn, const struct config *config, bool logs_in, struct opinion *ret_opinion,
                        struct error *error)
{
    struct redis_reply reply;
    if (logs_in && redis_command_expect(conn, "AUTH", &reply, error) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        if (redis_conn_next(conn, &reply) != 0) {
            error_set(error, "%s", redis_conn_error(conn));
            return -1;
        }
        if (check_known(&reply, config, error) != 0 || (i == 0 ? read_address(&reply, &ret_opinion->master, error)
                                                               : read_epoch(&reply, &ret_opinion->epoch, error)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* On the connection that there is, or a new one. */
static int exchange(struct sentinel *sentinel, const struct config *config, struct opinion *ret_opinion,
                    struct error *error)
{
    const struct text name = text_of(config->redis.sentinel_master);
    const bool is_new = sentinel->conn == NULL;
    struct redis_tls tls;
    struct buffer requests;
    if (is_new) {
        sentinel->conn = redis_conn_open(&sentinel->address, redis_tls_of(config, &tls),
                                         config->redis.connect_timeout_ms, NULL, error);
        if (sentinel->conn == NULL) {
            return -1;
        }
    }
    sentinel->was_reached = true;
    buffer_init(&requests);
    if (is_new) {
        put_login(&requests, config);
    }
    redis_command_words(&requests, TEXT("SENTINEL"), TEXT("GET-MASTER-ADDR-BY-NAME"), name);
    redis_command_words(&requests, TEXT("SENTINEL"), TEXT("MASTER"), name);
    const bool logs_in = is_new && config->redis.sentinel_password[0] != '\0';
    int result = redis_command_begin(sentinel->conn, &requests, config->redis.timeout_ms, error);
    if (result == 0) {
        result = read_answers(sentinel->conn, config, logs_in, ret_opinion, error);
    }
    buffer_done(&requests);
    if (result != 0) {
        redis_login_doubt_port(sentinel->conn, &sentinel->address, config, error);
        forget_conn(sentinel);
    }
    return result;
}

/* error: that of a sentinel that was not reached leaves what another has said. */
static int ask(struct sentinel *sentinel, const struct config *config, struct opinion *ret_opinion, struct error *error)
{
    struct error why = {.message = ""};
    if (sentinel->conn != NULL && !redis_conn_is_idle(sentinel->conn)) {
        forget_conn(sentinel);
    }
    if (exchange(sentinel, config, ret_opinion, &why) == 0) {
        sentinel->rests_until_us = 0;
        return 0;
    }
    sentinel->rests_until_us = clock_monotonic_us() + REST_US;
    if (sentinel->was_reached || error->message[0] == '\0') {
        error_set(error, "the sentinel %s: %s", redis_address_write(&sentinel->address).text, why.message);
    }
    return -1;
}

/* ---- all of them ---- */

/* Asks those that rest, or those that do not. Returns how many have answered; *best is that of the highest epoch. */
static size_t ask_all(struct sentinel_look *look, bool resting, int64_t now_us, struct opinion *best,
                      struct error *error)
{
    size_t answers = 0;
    for (size_t i = 0; i < look->count; i++) {
        struct opinion opinion;
        struct sentinel *sentinel = &look->sentinels[i];
        if (sentinel->was_asked || (sentinel->rests_until_us > now_us) != resting) {
            continue;
        }
        sentinel->was_asked = true;
        if (ask(sentinel, look->config, &opinion, error) != 0) {
            continue;
        }
        if (answers == 0 || opinion.epoch > best->epoch) {
            *best = opinion;
        }
        answers++;
    }
    return answers;
}

/* Those that answer before those that do not. */
static void put_in_order(struct sentinel_look *look)
{
    size_t first = 0;
    for (size_t i = 0; i < look->count; i++) {
        if (look->sentinels[i].rests_until_us == 0) {
            const struct sentinel found = look->sentinels[i];
            memmove(&look->sentinels[first + 1], &look->sentinels[first], (i - first) * sizeof(found));
            look->sentinels[first++] = found;
        }
    }
}

static int check_epoch(struct sentinel_look *look, const struct opinion *best, size_t answers, int64_t now_us,
                       struct error *error)
{
    if (best->epoch < look->epoch && look->older_since_us == 0) {
        look->older_since_us = now_us;
    }
    if (best->epoch >= look->epoch || (2 * answers > look->count && now_us - look->older_since_us > OLDER_US)) {
        look->epoch = best->epoch;
        look->older_since_us = 0;
        return 0;
    }
    error_set(error,
              "the sentinels that answer do not know the last failover: their epoch is %llu, that of others was %llu",
              (unsigned long long)best->epoch, (unsigned long long)look->epoch);
    return -1;
}

int sentinel_look(struct sentinel_look *look, struct redis_address *ret_master, struct error *error)
{
    struct opinion best;
    const int64_t now_us = clock_monotonic_us();
    error->message[0] = '\0';
    for (size_t i = 0; i < look->count; i++) {
        look->sentinels[i].was_asked = false;
        look->sentinels[i].was_reached = false;
    }
    size_t answers = ask_all(look, false, now_us, &best, error);
    if (answers == 0) {
        answers = ask_all(look, true, now_us, &best, error);
    }
    put_in_order(look);
    if (answers == 0 || check_epoch(look, &best, answers, now_us, error) != 0) {
        return -1;
    }
    *ret_master = best.master;
    return 0;
}
