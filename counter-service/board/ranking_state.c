#include "counter-service/board/ranking_state.h"

#include <stdlib.h>

#include "common/base/random_hex.h"

/* ---- init ---- */

static void init_type(struct ranked_type *type, const struct ranking_config *config)
{
    struct ranking_window windows[RANKING_WINDOWS_MAX];
    *type = (struct ranked_type){.counter_type = text_of(config->counter_type), .config = config};
    type->window_count = ranking_windows_of(config, windows);
    for (size_t i = 0; i < type->window_count; i++) {
        type->windows[i] =
            (struct ranked_window){.window = windows[i], .counter_type = type->counter_type, .keep = config->keep};
        ranking_table_init(&type->windows[i].table, (size_t)config->keep);
        ranking_table_init(&type->windows[i].fresh, (size_t)config->keep);
        buffer_init(&type->windows[i].untold);
    }
}

int ranking_state_init(struct ranking_state *state, unsigned partition, const struct config *config,
                       struct error *error)
{
    *state = (struct ranking_state){.prefix = redis_key_prefix_of((int)partition)};
    if (random_hex(state->token, OUTBOX_TOKEN_LEN) != 0) {
        error_set(error, "the kernel has no random numbers");
        return -1;
    }
    state->types = calloc(config->ranking_count, sizeof(*state->types));
    if (state->types == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    state->type_count = config->ranking_count;
    for (size_t i = 0; i < state->type_count; i++) {
        init_type(&state->types[i], &config->rankings[i]);
    }
    return 0;
}

void ranking_state_done(struct ranking_state *state)
{
    RANKED_EACH (state, ranked) {
        ranking_table_done(&ranked->table);
        ranking_table_done(&ranked->fresh);
        buffer_done(&ranked->untold);
    }
    free(state->types);
    *state = (struct ranking_state){.types = NULL};
}

int64_t ranking_state_next(const struct ranking_state *state)
{
    int64_t next_ms = INT64_MAX;
    RANKED_EACH (state, ranked) {
        if (ranked->window.kind != RANKING_KIND_ALL) {
            const int64_t begins_ms = ranking_period_start(&ranked->window, ranked->board.period + 1);
            next_ms = begins_ms < next_ms ? begins_ms : next_ms;
        }
    }
    return next_ms;
}

void ranked_type_make_room(const struct ranked_type *type, struct ranking_record *record)
{
    uint32_t tags[RANKING_WINDOWS_MAX];
    for (size_t i = 0; i < type->window_count; i++) {
        tags[i] = type->windows[i].window.tag;
    }
    ranking_record_make_room(record, tags, type->window_count);
}

struct ranked_type *ranking_state_find(const struct ranking_state *state, struct text counter_type)
{
    for (size_t i = 0; i < state->type_count; i++) {
        if (text_equal(state->types[i].counter_type, counter_type)) {
            return &state->types[i];
        }
    }
    return NULL;
}
