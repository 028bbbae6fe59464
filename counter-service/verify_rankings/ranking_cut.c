#include "counter-service/verify_rankings/ranking_cut.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/config/config_units.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/verify/report.h"
#include "counter-service/verify_rankings/ranking_cut_parts.h"
#include "counter-service/verify_rankings/ranking_view.h"

enum {
    /* Buckets between the oldest and the newest: an aggregator that comes after a long time has some over. */
    BUCKETS_MAX = 10 * 1000,
    AGAIN_MS = 20,
};

/* ---- init ---- */

static size_t copy_count(const struct ranking_cut *cut)
{
    return cut->states[0].type_count * RANKING_WINDOWS_MAX * RANKING_SLOTS;
}

static int init_copies(struct ranking_cut *cut)
{
    cut->copies = calloc(copy_count(cut), sizeof(*cut->copies));
    for (size_t i = 0; cut->copies != NULL && i < copy_count(cut); i++) {
        ranking_copy_init(&cut->copies[i]);
    }
    return cut->copies != NULL ? 0 : -1;
}

static int init_memory(struct ranking_cut *cut, bool keeps_buckets, struct error *error)
{
    size_t most = 1;
    const struct ranking_state *state = cut->state;
    cut->resources = calloc(RANKING_CUT_MAX, sizeof(*cut->resources));
    cut->layouts = calloc(state->type_count, sizeof(*cut->layouts));
    for (size_t i = 0; cut->layouts != NULL && i < state->type_count; i++) {
        cut->layouts[i] = ranking_layout_of(&state->types[i], true);
        most = cut->layouts[i].cell_count > most ? cut->layouts[i].cell_count : most;
    }
    cut->buckets = keeps_buckets ? calloc(RANKING_CUT_MAX * most, sizeof(*cut->buckets)) : NULL;
    if (cut->resources == NULL || cut->layouts == NULL || (keeps_buckets && cut->buckets == NULL) ||
        init_copies(cut) != 0) {
        error_set(error, "out of memory");
        return -1;
    }
    return 0;
}

int ranking_cut_init(struct ranking_cut *cut, struct redis_reader *reader, const struct config *config, int timeout_ms,
                     bool keeps_buckets, struct error *error)
{
    const unsigned partition = (unsigned)reader->partition;
    *cut = (struct ranking_cut){.reader = reader, .timeout_ms = timeout_ms};
    ranking_waiting_init(&cut->waiting);
    cut->state = &cut->states[0];
    if (ranking_state_init(&cut->states[0], partition, config, error) == 0 &&
        ranking_state_init(&cut->states[1], partition, config, error) == 0 &&
        init_memory(cut, keeps_buckets, error) == 0 && ranking_cut_look(cut, error) == 0) {
        return 0;
    }
    ranking_cut_done(cut);
    return -1;
}

void ranking_cut_done(struct ranking_cut *cut)
{
    for (size_t i = 0; cut->copies != NULL && i < copy_count(cut); i++) {
        ranking_copy_done(&cut->copies[i]);
    }
    free(cut->copies);
    ranking_waiting_done(&cut->waiting);
    ranking_state_done(&cut->states[0]);
    ranking_state_done(&cut->states[1]);
    free(cut->resources);
    free(cut->layouts);
    free(cut->buckets);
    *cut = (struct ranking_cut){.state = NULL};
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
    resp_put_array(&cut->reader->requests, 2);
    resp_put_string(&cut->reader->requests, TEXT("HGETALL"));
    redis_key_put_single(&cut->reader->requests, &cut->state->prefix, RANKING_STATE_KEY);
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
        if (ranked->window.kind == RANKING_KIND_ROLLING && ranking_cut_buckets(ranked) > BUCKETS_MAX) {
            error_set(error, "the window %s of %.*s has %" PRId64 " buckets: more than %d are not read",
                      ranked->window.name, (int)ranked->counter_type.len, ranked->counter_type.data,
                      ranking_cut_buckets(ranked), BUCKETS_MAX);
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

/* Whether the copies that were asked for go on. All that do not are emptied. */
static bool follow_tops(struct ranking_cut *cut, const struct ranking_state *now, size_t type, enum ranking_scope scope)
{
    bool fits = true;
    for (size_t i = 0; i < now->types[type].window_count; i++) {
        const struct ranked_window *ranked = &now->types[type].windows[i];
        for (size_t slot = 0; ranking_is_in_scope(ranked, scope) && slot < ranking_slot_count(&ranked->window);
             slot++) {
            fits &= ranking_copy_follow(ranking_cut_copy(cut, type, i, slot), &ranked->board.tops[slot]);
        }
    }
    return fits;
}

/* *ret_fits: the keys that were asked for were the right ones, and so was what was asked for of the tops. */
static int exchange(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                    size_t count, bool *ret_fits, struct error *error)
{
    struct redis_reply results;
    struct ranking_state *now = other_state(cut);
    if (check_buckets(&cut->state->types[type], error) != 0) {
        return -1;
    }
    const size_t commands = ranking_cut_ask(cut, type, scope, ids, count);
    if (redis_command_begin(cut->reader->conn, &cut->reader->requests, cut->reader->timeout_ms, error) != 0 ||
        await_results(cut, commands, &results, error) != 0 || ranking_cut_read_state(cut, now, &results, error) != 0) {
        return -1;
    }
    *ret_fits = ranking_view_same_keys(cut->state, now);
    *ret_fits &= follow_tops(cut, now, type, scope);
    cut->state = now;
    return *ret_fits ? ranking_cut_read_resources(cut, type, scope, ids, count, &results, error) : 0;
}

static int tell_waiting(const struct ranking_cut *cut, struct error *error)
{
    char timeout[CONFIG_NUMBER_SIZE];
    const uint64_t waiting = cut->waiting.appended - cut->state->at.number;
    config_units_format(CONFIG_UNIT_DURATION, cut->timeout_ms, timeout);
    if (cut->state->part.lanes > 0) {
        error_set(error,
                  "there was no moment in %s at which no events were in a part of the records only: "
                  "counter-service's /health says how the rankings are",
                  timeout);
        return -1;
    }
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
        const bool knows_all = scope == RANKING_OF_COUNTERS ? cut->waiting.is_whole : cut->waiting.knows_place;
        if (fits && knows_all && cut->state->part.lanes == 0) {
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
