#include "counter-service/repair/ranking_rebuild.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/config/config_units.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/repair/ranking_repair.h"
#include "counter-service/verify/redis_readers.h"
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

/* The rankings of one partition. */
struct rebuilding {
    struct redis_reader *redis;
    struct error *error;
    /* what was seen last */
    struct ranking_state state;
    bool is_led;
    char version[OUTBOX_TOKEN_LEN + 2 * DECIMAL_LEN_MAX];
    size_t left; /* windows that are to be filled */
};

struct rebuild {
    const struct config *config;
    const struct verify_options *options;
    struct report report;
    struct error *error;
    struct redis_readers redis;
    struct rebuilding *all; /* of each partition */
};

/* Those of all partitions. */
#define EACH(rebuild, partition) \
    for (struct rebuilding *partition = (rebuild)->all; (partition) < (rebuild)->all + (rebuild)->redis.count; \
         (partition)++)

static void put(struct rebuilding *partition, struct text verb, struct text key, const struct text *words, size_t count)
{
    struct buffer *out = &partition->redis->requests;
    resp_put_array(out, 2 + count);
    resp_put_string(out, verb);
    redis_key_put_single(out, &partition->redis->prefix, key);
    for (size_t i = 0; i < count; i++) {
        resp_put_string(out, words[i]);
    }
}

static int begin(struct rebuilding *partition)
{
    return redis_command_begin(partition->redis->conn, &partition->redis->requests, partition->redis->timeout_ms,
                               partition->error);
}

static int expect(struct rebuilding *partition, const char *command, struct redis_reply *ret_reply)
{
    return redis_command_expect(partition->redis->conn, command, ret_reply, partition->error);
}

/* ---- look -------------------------------------------------------------------------------------------------------- */

/* Reads the state, who wrote it last, and whether anybody leads. watches: for the next transaction. */
static int look(struct rebuilding *partition, bool watches)
{
    struct redis_reply reply;
    const struct text version = RANKING_FIELD_VERSION;
    buffer_clear(&partition->redis->requests, SIZE_MAX);
    if (watches) {
        put(partition, TEXT("WATCH"), RANKING_STATE_KEY, NULL, 0);
    }
    put(partition, TEXT("GET"), LEASE_KEY, NULL, 0);
    put(partition, TEXT("HMGET"), RANKING_STATE_KEY, &version, 1);
    put(partition, TEXT("HGETALL"), RANKING_STATE_KEY, NULL, 0);
    if (begin(partition) != 0 || (watches && expect(partition, "WATCH", &reply) != 0) ||
        expect(partition, "GET", &reply) != 0) {
        return -1;
    }
    partition->is_led = reply.type == REDIS_TEXT;
    if (expect(partition, "HMGET", &reply) != 0) {
        return -1;
    }
    const struct text text = reply.element_count == 1 ? redis_reply_element(&reply, 0).text : (struct text){NULL, 0};
    snprintf(partition->version, sizeof(partition->version), "%.*s", (int)text.len, text.len == 0 ? "" : text.data);
    return expect(partition, "HGETALL", &reply) != 0 ? -1
                                                     : ranking_view_read(&partition->state, &reply, partition->error);
}

static int look_for_leader(struct rebuilding *partition)
{
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)NOBODY_LEADS_MS * 1000;
    for (;;) {
        if (look(partition, false) != 0) {
            return -1;
        }
        if (partition->is_led) {
            return 0;
        }
        if (clock_monotonic_us() >= give_up_us) {
            error_set(partition->error,
                      "nobody keeps the rankings: no counter-service runs that is configured to, or its /health says "
                      "why not (key %.*slease:rankings is not there)",
                      (int)partition->redis->prefix.len, partition->redis->prefix.data);
            return -1;
        }
        clock_sleep_ms(LOOK_EVERY_MS);
    }
}

/* ---- mark -------------------------------------------------------------------------------------------------------- */

/* A version that nobody else writes: a leader whose transaction watches the state is refused, and reads it anew. */
static void put_version(struct rebuilding *partition)
{
    char version[64];
    const int len = snprintf(version, sizeof(version), "rebuild-%ld:%" PRId64, (long)getpid(), clock_realtime_us());
    const struct text words[] = {RANKING_FIELD_VERSION, {version, (size_t)len}};
    put(partition, TEXT("HSET"), RANKING_STATE_KEY, words, 2);
}

static size_t put_boards(struct rebuilding *partition)
{
    char field[RANKING_KEY_SIZE];
    char value[RANKING_BOARD_TEXT_SIZE];
    size_t count = 0;
    RANKED_EACH (&partition->state, ranked) {
        ranked->board.filling = true;
        const struct text words[] = {ranking_board_field(field, ranked->counter_type, &ranked->window),
                                     ranking_board_put(value, &ranked->board)};
        put(partition, TEXT("HSET"), RANKING_STATE_KEY, words, 2);
        count++;
    }
    return count;
}

/* *ret_done: false if somebody has written meanwhile. */
static int try_to_mark(struct rebuilding *partition, bool *ret_done)
{
    struct redis_reply reply = {.type = REDIS_NIL};
    if (look(partition, true) != 0) {
        return -1;
    }
    buffer_clear(&partition->redis->requests, SIZE_MAX);
    redis_command_words(&partition->redis->requests, TEXT("MULTI"));
    put_version(partition);
    const size_t commands = 1 + put_boards(partition);
    redis_command_words(&partition->redis->requests, TEXT("EXEC"));
    if (begin(partition) != 0) {
        return -1;
    }
    for (size_t i = 0; i < commands + 2; i++) { /* the last is EXEC's */
        if (expect(partition, "MULTI", &reply) != 0) {
            return -1;
        }
    }
    *ret_done = reply.type == REDIS_ARRAY;
    return 0;
}

static int mark(struct rebuilding *partition)
{
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        bool is_done;
        if (try_to_mark(partition, &is_done) != 0) {
            return -1;
        }
        if (is_done) {
            return 0;
        }
    }
    error_set(partition->error,
              "the rankings could not be marked: the service has written them between each two steps");
    return -1;
}

/* ---- wait -------------------------------------------------------------------------------------------------------- */

static size_t filling_count(const struct rebuilding *partition)
{
    size_t count = 0;
    RANKED_EACH (&partition->state, ranked) {
        count += ranked->board.filling;
    }
    return count;
}

static size_t left_count(const struct rebuild *rebuild)
{
    size_t left = 0;
    EACH(rebuild, partition)
    {
        left += partition->left;
    }
    return left;
}

static int tell_standstill(const struct rebuild *rebuild, size_t left)
{
    char timeout[CONFIG_NUMBER_SIZE];
    bool is_led = true;
    EACH(rebuild, partition)
    {
        is_led &= partition->left == 0 || partition->is_led;
    }
    config_units_format(CONFIG_UNIT_DURATION, rebuild->options->timeout_ms, timeout);
    error_set(rebuild->error, "%zu window%s %s still to be filled, and %s: counter-service's /health says why", left,
              report_plural(left), left == 1 ? "is" : "are",
              is_led ? "there is no progress" : "nobody keeps the rankings any more");
    return -1;
}

/* Of those that are not filled. *ret_written: whether any of them was written since. */
static int look_again(struct rebuild *rebuild, bool *ret_written)
{
    *ret_written = false;
    EACH(rebuild, partition)
    {
        char before[sizeof(partition->version)];
        if (partition->left == 0) {
            continue;
        }
        snprintf(before, sizeof(before), "%s", partition->version);
        if (look(partition, false) != 0) {
            return -1;
        }
        *ret_written |= strcmp(before, partition->version) != 0;
        partition->left = filling_count(partition);
    }
    return 0;
}

/* Whoever fills them writes at every step. */
static int await_fill(struct rebuild *rebuild)
{
    const int64_t timeout_us = (int64_t)rebuild->options->timeout_ms * 1000;
    EACH(rebuild, partition)
    {
        partition->left = filling_count(partition);
    }
    const size_t all = left_count(rebuild);
    size_t left = all;
    int64_t written_us = clock_monotonic_us();
    int64_t filled_us = written_us;
    while (left > 0) {
        bool was_written;
        clock_sleep_ms(LOOK_EVERY_MS);
        if (look_again(rebuild, &was_written) != 0) {
            return -1;
        }
        const int64_t now_us = clock_monotonic_us();
        const size_t count = left_count(rebuild);
        if (count != left) {
            report_line(&rebuild->report, "%zu of %zu windows are filled", all > count ? all - count : 0, all);
            fflush(rebuild->report.out);
            left = count;
            filled_us = now_us;
        }
        written_us = was_written ? now_us : written_us;
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

static int look_for_leaders(struct rebuild *rebuild)
{
    EACH(rebuild, partition)
    {
        if (look_for_leader(partition) != 0) {
            return -1;
        }
    }
    return 0;
}

static int mark_all(struct rebuild *rebuild)
{
    EACH(rebuild, partition)
    {
        if (mark(partition) != 0) {
            return -1;
        }
    }
    return 0;
}

static int run(struct rebuild *rebuild)
{
    report_line(&rebuild->report, "store %s", rebuild->redis.store_id);
    if (look_for_leaders(rebuild) != 0 || mend_sums(rebuild) != 0 || mark_all(rebuild) != 0 ||
        await_fill(rebuild) != 0) {
        return VERIFY_FAILED;
    }
    report_line(&rebuild->report, "rebuilt");
    return VERIFY_EQUAL;
}

static int open_partitions(struct rebuild *rebuild)
{
    if (redis_readers_open(&rebuild->redis, rebuild->config, rebuild->error) != 0) {
        return -1;
    }
    rebuild->all = calloc((size_t)rebuild->redis.count, sizeof(*rebuild->all));
    if (rebuild->all == NULL) {
        error_set(rebuild->error, "out of memory");
        return -1;
    }
    for (int i = 0; i < rebuild->redis.count; i++) {
        rebuild->all[i].redis = &rebuild->redis.all[i];
        rebuild->all[i].error = rebuild->error;
        if (ranking_state_init(&rebuild->all[i].state, (unsigned)i, rebuild->config, rebuild->error) != 0) {
            return -1;
        }
    }
    return 0;
}

int ranking_rebuild_run(const struct config *config, const struct verify_options *options, FILE *out,
                        struct error *error)
{
    struct rebuild rebuild = {.config = config, .options = options, .report = {.out = out}, .error = error};
    if (config->ranking_count == 0) {
        error_set(error, "rankings is empty: there are none to rebuild");
        return VERIFY_FAILED;
    }
    const int code = open_partitions(&rebuild) == 0 ? run(&rebuild) : VERIFY_FAILED;
    for (int i = 0; rebuild.all != NULL && i < rebuild.redis.count; i++) {
        ranking_state_done(&rebuild.all[i].state);
    }
    free(rebuild.all);
    redis_readers_close(&rebuild.redis);
    return code;
}
