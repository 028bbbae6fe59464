#include "counter-service/repair/ranking_rebuild.h"

#include <inttypes.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/config/config_units.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/repair/ranking_repair.h"
#include "counter-service/verify/redis_reader.h"
#include "counter-service/verify/report.h"
#include "counter-service/verify_rankings/ranking_view.h"

enum {
    /* A leader that has ended is succeeded within a second, if there are others. */
    NOBODY_LEADS_MS = 3000,
    LOOK_EVERY_MS = 100,
    /* The leader writes all the time, and each write makes an attempt vain. */
    ATTEMPTS_MAX = 2000,
    /* A leader that starts over again and again writes too, but fills nothing: so many time-outs are its. */
    TIMEOUTS_TO_FILL_ONE = 10,
};

#define LEASE_KEY TEXT("lease:rankings")

struct rebuild {
    const struct config *config;
    const struct verify_options *options;
    struct report report;
    struct redis_reader redis;
    struct ranking_state state;
    struct error *error;
    /* what was seen last */
    bool is_led;
    char version[OUTBOX_TOKEN_LEN + 2 * DECIMAL_LEN_MAX];
};

static void put(struct rebuild *rebuild, struct text verb, struct text key, const struct text *words, size_t count)
{
    struct buffer *out = &rebuild->redis.requests;
    resp_put_array(out, 2 + count);
    resp_put_string(out, verb);
    redis_key_put_single(out, &rebuild->redis.prefix, key);
    for (size_t i = 0; i < count; i++) {
        resp_put_string(out, words[i]);
    }
}

static int begin(struct rebuild *rebuild)
{
    return redis_command_begin(rebuild->redis.conn, &rebuild->redis.requests, rebuild->redis.timeout_ms,
                               rebuild->error);
}

static int expect(struct rebuild *rebuild, const char *command, struct redis_reply *ret_reply)
{
    return redis_command_expect(rebuild->redis.conn, command, ret_reply, rebuild->error);
}

/* ---- look -------------------------------------------------------------------------------------------------------- */

/* Reads the state, who wrote it last, and whether anybody leads. watches: for the next transaction. */
static int look(struct rebuild *rebuild, bool watches)
{
    struct redis_reply reply;
    const struct text version = RANKING_FIELD_VERSION;
    buffer_clear(&rebuild->redis.requests, SIZE_MAX);
    if (watches) {
        put(rebuild, TEXT("WATCH"), RANKING_STATE_KEY, NULL, 0);
    }
    put(rebuild, TEXT("GET"), LEASE_KEY, NULL, 0);
    put(rebuild, TEXT("HMGET"), RANKING_STATE_KEY, &version, 1);
    put(rebuild, TEXT("HGETALL"), RANKING_STATE_KEY, NULL, 0);
    if (begin(rebuild) != 0 || (watches && expect(rebuild, "WATCH", &reply) != 0) ||
        expect(rebuild, "GET", &reply) != 0) {
        return -1;
    }
    rebuild->is_led = reply.type == REDIS_TEXT;
    if (expect(rebuild, "HMGET", &reply) != 0) {
        return -1;
    }
    const struct text text = reply.element_count == 1 ? redis_reply_element(&reply, 0).text : (struct text){NULL, 0};
    snprintf(rebuild->version, sizeof(rebuild->version), "%.*s", (int)text.len, text.len == 0 ? "" : text.data);
    return expect(rebuild, "HGETALL", &reply) != 0 ? -1 : ranking_view_read(&rebuild->state, &reply, rebuild->error);
}

static int look_for_leader(struct rebuild *rebuild)
{
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)NOBODY_LEADS_MS * 1000;
    for (;;) {
        if (look(rebuild, false) != 0) {
            return -1;
        }
        if (rebuild->is_led) {
            return 0;
        }
        if (clock_monotonic_us() >= give_up_us) {
            error_set(rebuild->error,
                      "nobody keeps the rankings: no counter-service runs that is configured to, or its /health says "
                      "why not (key %.*slease:rankings is not there)",
                      (int)rebuild->redis.prefix.len, rebuild->redis.prefix.data);
            return -1;
        }
        clock_sleep_ms(LOOK_EVERY_MS);
    }
}

/* ---- mark -------------------------------------------------------------------------------------------------------- */

/* A version that nobody else writes: a leader whose transaction watches the state is refused, and reads it anew. */
static void put_version(struct rebuild *rebuild)
{
    char version[64];
    const int len = snprintf(version, sizeof(version), "rebuild-%ld:%" PRId64, (long)getpid(), clock_realtime_us());
    const struct text words[] = {RANKING_FIELD_VERSION, {version, (size_t)len}};
    put(rebuild, TEXT("HSET"), RANKING_STATE_KEY, words, 2);
}

static size_t put_boards(struct rebuild *rebuild)
{
    char field[RANKING_KEY_SIZE];
    char value[RANKING_BOARD_TEXT_SIZE];
    size_t count = 0;
    RANKED_EACH (&rebuild->state, ranked) {
        ranked->board.filling = true;
        const struct text words[] = {ranking_board_field(field, ranked->counter_type, &ranked->window),
                                     ranking_board_put(value, &ranked->board)};
        put(rebuild, TEXT("HSET"), RANKING_STATE_KEY, words, 2);
        count++;
    }
    return count;
}

/* *ret_done: false if somebody has written meanwhile. */
static int try_to_mark(struct rebuild *rebuild, bool *ret_done)
{
    struct redis_reply reply = {.type = REDIS_NIL};
    if (look(rebuild, true) != 0) {
        return -1;
    }
    buffer_clear(&rebuild->redis.requests, SIZE_MAX);
    redis_command_words(&rebuild->redis.requests, TEXT("MULTI"));
    put_version(rebuild);
    const size_t commands = 1 + put_boards(rebuild);
    redis_command_words(&rebuild->redis.requests, TEXT("EXEC"));
    if (begin(rebuild) != 0) {
        return -1;
    }
    for (size_t i = 0; i < commands + 2; i++) { /* the last is EXEC's */
        if (expect(rebuild, "MULTI", &reply) != 0) {
            return -1;
        }
    }
    *ret_done = reply.type == REDIS_ARRAY;
    return 0;
}

static int mark(struct rebuild *rebuild)
{
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        bool is_done;
        if (try_to_mark(rebuild, &is_done) != 0) {
            return -1;
        }
        if (is_done) {
            return 0;
        }
    }
    error_set(rebuild->error, "the rankings could not be marked: the service has written them between each two steps");
    return -1;
}

/* ---- wait -------------------------------------------------------------------------------------------------------- */

static size_t filling_count(const struct rebuild *rebuild)
{
    size_t count = 0;
    RANKED_EACH (&rebuild->state, ranked) {
        count += ranked->board.filling;
    }
    return count;
}

static int tell_standstill(struct rebuild *rebuild, size_t left)
{
    char timeout[CONFIG_NUMBER_SIZE];
    config_units_format(CONFIG_UNIT_DURATION, rebuild->options->timeout_ms, timeout);
    error_set(rebuild->error, "%zu window%s %s still to be filled, and %s: counter-service's /health says why", left,
              report_plural(left), left == 1 ? "is" : "are",
              rebuild->is_led ? "there is no progress" : "nobody keeps the rankings any more");
    return -1;
}

/* Whoever fills them writes at every step. */
static int await_fill(struct rebuild *rebuild)
{
    char version[sizeof(rebuild->version)] = "";
    const int64_t timeout_us = (int64_t)rebuild->options->timeout_ms * 1000;
    size_t left = filling_count(rebuild);
    const size_t all = left;
    int64_t written_us = clock_monotonic_us();
    int64_t filled_us = written_us;
    while (left > 0) {
        clock_sleep_ms(LOOK_EVERY_MS);
        if (look(rebuild, false) != 0) {
            return -1;
        }
        const int64_t now_us = clock_monotonic_us();
        const size_t count = filling_count(rebuild);
        if (count != left) {
            report_line(&rebuild->report, "%zu of %zu windows are filled", all > count ? all - count : 0, all);
            fflush(rebuild->report.out);
            left = count;
            filled_us = now_us;
        }
        if (strcmp(version, rebuild->version) != 0) {
            snprintf(version, sizeof(version), "%s", rebuild->version);
            written_us = now_us;
        }
        if (left > 0 && (now_us > written_us + timeout_us || now_us > filled_us + TIMEOUTS_TO_FILL_ONE * timeout_us)) {
            return tell_standstill(rebuild, left);
        }
    }
    return 0;
}

static int mend_sums(struct rebuild *rebuild)
{
    return rebuild->config->kafka.broker_count == 0
               ? 0
               : ranking_repair_run(rebuild->config, rebuild->options, &rebuild->redis, &rebuild->report,
                                    rebuild->error);
}

static int run(struct rebuild *rebuild)
{
    report_line(&rebuild->report, "store %s", rebuild->redis.store_id);
    if (look_for_leader(rebuild) != 0 || mend_sums(rebuild) != 0 || mark(rebuild) != 0 || await_fill(rebuild) != 0) {
        return VERIFY_FAILED;
    }
    report_line(&rebuild->report, "rebuilt");
    return VERIFY_EQUAL;
}

int ranking_rebuild_run(const struct config *config, const struct verify_options *options, FILE *out,
                        struct error *error)
{
    int code = VERIFY_FAILED;
    struct rebuild rebuild = {.config = config, .options = options, .report = {.out = out}, .error = error};
    if (config->ranking_count == 0) {
        error_set(error, "rankings is empty: there are none to rebuild");
        return VERIFY_FAILED;
    }
    if (redis_reader_open(&rebuild.redis, config, error) == 0 &&
        ranking_state_init(&rebuild.state, 0, config, error) == 0) {
        code = run(&rebuild);
    }
    ranking_state_done(&rebuild.state);
    redis_reader_close(&rebuild.redis);
    return code;
}
