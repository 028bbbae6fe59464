#include "counter-service/verify_rankings/ranking_cut.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/config/config_units.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/verify/report.h"
#include "counter-service/verify_rankings/ranking_cut_reply.h"
#include "counter-service/verify_rankings/ranking_view.h"

enum {
    /* Fields and scores that a transaction asks for. */
    ANSWERS_MAX = 4000,
    /* Events that may wait: more are not read. */
    WAITING_MAX = 20 * 1000,
    /* Buckets between the oldest and the newest: an aggregator that comes after a long time has some over. */
    BUCKETS_MAX = 10 * 1000,
    AGAIN_MS = 20,
    STREAM_ID_SIZE = 2 * (DECIMAL_LEN_MAX + 1),
};

/* ---- init ---- */

int ranking_cut_init(struct ranking_cut *cut, struct redis_reader *reader, const struct config *config, int timeout_ms,
                     struct error *error)
{
    *cut = (struct ranking_cut){.reader = reader, .timeout_ms = timeout_ms};
    ranking_waiting_init(&cut->waiting);
    cut->state = &cut->states[0];
    cut->resources = calloc(RANKING_CUT_MAX, sizeof(*cut->resources));
    if (cut->resources == NULL) {
        error_set(error, "out of memory");
    } else if (ranking_state_init(&cut->states[0], 0, config, error) == 0 &&
               ranking_state_init(&cut->states[1], 0, config, error) == 0 && ranking_cut_look(cut, error) == 0) {
        return 0;
    }
    ranking_cut_done(cut);
    return -1;
}

void ranking_cut_done(struct ranking_cut *cut)
{
    ranking_waiting_done(&cut->waiting);
    ranking_state_done(&cut->states[0]);
    ranking_state_done(&cut->states[1]);
    free(cut->resources);
    cut->resources = NULL;
}

/* ---- questions ---- */

static int64_t bucket_count(const struct ranked_window *ranked)
{
    return ranked->board.newest >= ranked->board.oldest ? ranked->board.newest - ranked->board.oldest + 1 : 0;
}

size_t ranking_cut_room(const struct ranking_cut *cut, size_t type, enum ranking_scope scope)
{
    const struct ranked_type *ranked_type = &cut->state->types[type];
    size_t answers = 1;
    for (size_t i = 0; i < ranked_type->window_count; i++) {
        const struct ranked_window *ranked = &ranked_type->windows[i];
        if (ranking_is_in_scope(ranked, scope)) {
            answers += ranking_slot_count(&ranked->window);
            answers += ranked->window.kind == RANKING_KIND_ROLLING ? (size_t)bucket_count(ranked) : 0;
        }
    }
    const size_t room = ANSWERS_MAX / answers;
    return room < 1 ? 1 : room > RANKING_CUT_MAX ? RANKING_CUT_MAX : room;
}

/* "VERB key id id ..." */
static void put_of_each(struct buffer *out, const struct ranking_state *state, struct text verb, struct text key,
                        const struct text *ids, size_t count)
{
    resp_put_array(out, 2 + count);
    resp_put_string(out, verb);
    redis_key_put_single(out, &state->prefix, key);
    for (size_t i = 0; i < count; i++) {
        resp_put_string(out, ids[i]);
    }
}

static void put_key(struct buffer *out, const struct ranking_state *state, struct text verb, struct text key)
{
    put_of_each(out, state, verb, key, NULL, 0);
}

/* Returns how many commands they are. */
static size_t put_state_questions(struct buffer *out, const struct ranking_state *state)
{
    char id[STREAM_ID_SIZE];
    const struct text last_number = TEXT("n");
    const int len = snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, state->at.id.ms, state->at.id.seq);
    const struct text range[] = {{id, (size_t)len}, TEXT("+"), TEXT("COUNT")};
    put_key(out, state, TEXT("HGETALL"), RANKING_STATE_KEY);
    put_of_each(out, state, TEXT("HMGET"), outbox_marks, &last_number, 1);
    resp_put_array(out, 6);
    resp_put_string(out, TEXT("XRANGE"));
    redis_key_put_single(out, &state->prefix, outbox_stream);
    for (size_t i = 0; i < 3; i++) {
        resp_put_string(out, range[i]);
    }
    resp_put_integer(out, WAITING_MAX);
    return RANKING_STATE_ANSWERS;
}

static size_t put_window_questions(struct buffer *out, const struct ranking_state *state,
                                   const struct ranked_window *ranked, const struct text *ids, size_t count)
{
    char key[RANKING_KEY_SIZE];
    size_t commands = 0;
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++, commands++) {
        const struct text top = ranking_top_key(key, ranked->counter_type, &ranked->window, slot);
        put_of_each(out, state, TEXT("ZMSCORE"), top, ids, count);
    }
    if (ranked->window.kind == RANKING_KIND_ROLLING) {
        for (int64_t bucket = ranked->board.oldest; bucket <= ranked->board.newest; bucket++, commands++) {
            const struct text hash = ranking_bucket_key(key, ranked->counter_type, &ranked->window, bucket);
            put_of_each(out, state, TEXT("HMGET"), hash, ids, count);
        }
    }
    return commands;
}

static size_t put_source_questions(struct buffer *out, const struct ranking_state *state,
                                   const struct ranked_type *type, enum ranking_scope scope, const struct text *ids,
                                   size_t count)
{
    char key[RANKING_KEY_SIZE];
    if (scope == RANKING_OF_RECORDS) {
        put_of_each(out, state, TEXT("HMGET"), ranking_records_key(key, type->counter_type), ids, count);
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        resp_put_array(out, 3);
        resp_put_string(out, TEXT("HMGET"));
        redis_key_put_counters(out, &state->prefix, ids[i]);
        resp_put_string(out, type->counter_type);
    }
    return count;
}

/* In the order of ranking_cut_reply.h. */
static size_t put_questions(struct ranking_cut *cut, const struct ranked_type *type, enum ranking_scope scope,
                            const struct text *ids, size_t count)
{
    struct buffer *out = &cut->reader->requests;
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("MULTI"));
    size_t commands = put_state_questions(out, cut->state);
    commands += put_source_questions(out, cut->state, type, scope, ids, count);
    for (size_t i = 0; i < type->window_count; i++) {
        if (ranking_is_in_scope(&type->windows[i], scope)) {
            commands += put_window_questions(out, cut->state, &type->windows[i], ids, count);
        }
    }
    redis_command_words(out, TEXT("EXEC"));
    return commands;
}

/* ---- the exchange ---- */

static struct ranking_state *other_state(struct ranking_cut *cut)
{
    return cut->state == &cut->states[0] ? &cut->states[1] : &cut->states[0];
}

int ranking_cut_look(struct ranking_cut *cut, struct error *error)
{
    struct redis_reply fields;
    buffer_clear(&cut->reader->requests, SIZE_MAX);
    put_key(&cut->reader->requests, cut->state, TEXT("HGETALL"), RANKING_STATE_KEY);
    if (redis_command_begin(cut->reader->conn, &cut->reader->requests, cut->reader->timeout_ms, error) != 0 ||
        redis_command_expect(cut->reader->conn, "HGETALL", &fields, error) != 0) {
        return -1;
    }
    return ranking_view_read(cut->state, &fields, error);
}

static int check_buckets(const struct ranked_type *type, struct error *error)
{
    for (size_t i = 0; i < type->window_count; i++) {
        const struct ranked_window *ranked = &type->windows[i];
        if (ranked->window.kind == RANKING_KIND_ROLLING && bucket_count(ranked) > BUCKETS_MAX) {
            error_set(error, "the window %s of %.*s has %" PRId64 " buckets: more than %d are not read",
                      ranked->window.name, (int)ranked->counter_type.len, ranked->counter_type.data,
                      bucket_count(ranked), BUCKETS_MAX);
            return -1;
        }
    }
    return 0;
}

static int await_results(struct ranking_cut *cut, size_t commands, struct redis_reply *ret_results, struct error *error)
{
    for (size_t i = 0; i < commands + 1; i++) {
        if (redis_command_expect(cut->reader->conn, "MULTI", ret_results, error) != 0) {
            return -1;
        }
    }
    if (redis_command_expect(cut->reader->conn, "EXEC", ret_results, error) != 0) {
        return -1;
    }
    if (ret_results->type != REDIS_ARRAY || ret_results->element_count != commands) {
        error_set(error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    return 0;
}

/* *ret_fits: the keys that were asked for were the right ones. */
static int exchange(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                    size_t count, bool *ret_fits, struct error *error)
{
    struct redis_reply results;
    const struct ranked_type *asked = &cut->state->types[type];
    struct ranking_state *now = other_state(cut);
    if (check_buckets(asked, error) != 0) {
        return -1;
    }
    const size_t commands = put_questions(cut, asked, scope, ids, count);
    if (redis_command_begin(cut->reader->conn, &cut->reader->requests, cut->reader->timeout_ms, error) != 0 ||
        await_results(cut, commands, &results, error) != 0 ||
        ranking_cut_read_state(now, &cut->waiting, &results, error) != 0) {
        return -1;
    }
    *ret_fits = ranking_view_same_keys(cut->state, now);
    cut->state = now;
    return *ret_fits ? ranking_cut_read_resources(cut, type, scope, ids, count, &results, error) : 0;
}

static int tell_waiting(const struct ranking_cut *cut, struct error *error)
{
    char timeout[CONFIG_NUMBER_SIZE];
    const uint64_t waiting = cut->waiting.appended - cut->state->at.number;
    config_units_format(CONFIG_UNIT_DURATION, cut->timeout_ms, timeout);
    error_set(error,
              "%" PRIu64 " event%s wait%s to be ranked, and too many or not all of them are in the outbox, for %s: "
              "counter-service's /health says why",
              waiting, report_plural(waiting), waiting == 1 ? "s" : "", timeout);
    return -1;
}

int ranking_cut_read(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                     size_t count, struct error *error)
{
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)cut->timeout_ms * 1000;
    assert(count <= RANKING_CUT_MAX);
    for (;;) {
        bool fits;
        if (exchange(cut, type, scope, ids, count, &fits, error) != 0) {
            return -1;
        }
        if (fits && cut->waiting.is_whole) {
            return 0;
        }
        if (fits) {
            if (clock_monotonic_us() > give_up_us) {
                return tell_waiting(cut, error);
            }
            clock_sleep_ms(AGAIN_MS);
        }
    }
}
