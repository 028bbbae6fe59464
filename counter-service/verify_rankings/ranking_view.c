#include "counter-service/verify_rankings/ranking_view.h"

#include <stdio.h>

#include "common/base/decimal.h"
#include "counter-service/event/stream_id.h"
#include "counter-service/redis/redis_command.h"

/* False if it is not there, or the last leader has not kept it up. */
static bool read_window(struct ranked_window *ranked, const struct redis_reply *fields)
{
    char name[RANKING_KEY_SIZE];
    struct ranking_board *board = &ranked->board;
    const struct text field = ranking_board_field(name, ranked->counter_type, &ranked->window);
    if (!ranking_board_read(redis_reply_field(fields, field), board) ||
        !ranking_fed_has_window(redis_reply_field(fields, RANKING_FIELD_FED), ranked->counter_type, &ranked->window)) {
        return false;
    }
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        const struct text top = ranking_top_field(name, ranked->counter_type, &ranked->window, slot);
        if (!ranking_top_read(redis_reply_field(fields, top), &board->tops[slot])) {
            return false;
        }
    }
    return true;
}

int ranking_view_read(struct ranking_state *state, const struct redis_reply *fields, struct error *error)
{
    struct text at = redis_reply_field(fields, RANKING_FIELD_AT);
    const struct text id = text_cut(&at, ' ');
    if (!stream_id_parse(id, &state->at.id) || !decimal_parse_unsigned(at, UINT64_MAX, &state->at.number) ||
        !decimal_parse(redis_reply_field(fields, RANKING_FIELD_TIME), &state->time_ms)) {
        error_set(error, "Redis has no rankings: no counter-service that is configured to keep any has run on it");
        return -1;
    }
    if (!ranking_part_read(redis_reply_field(fields, RANKING_FIELD_PART), &state->part)) {
        state->part.lanes = 0; /* the next leader marks what it cannot know */
    }
    RANKED_EACH (state, ranked) {
        if (!read_window(ranked, fields)) {
            error_set(error, "the rankings in Redis lack %.*s %s: counter-service runs with another configuration",
                      (int)ranked->counter_type.len, ranked->counter_type.data, ranked->window.name);
            return -1;
        }
    }
    return 0;
}

struct text ranking_view_version(const struct redis_reply *fields)
{
    return redis_reply_field(fields, RANKING_FIELD_VERSION);
}

bool ranking_view_same_keys(const struct ranking_state *a, const struct ranking_state *b)
{
    for (size_t i = 0; i < a->type_count; i++) {
        for (size_t k = 0; k < a->types[i].window_count; k++) {
            const struct ranking_board *left = &a->types[i].windows[k].board;
            const struct ranking_board *right = &b->types[i].windows[k].board;
            if (left->period != right->period || left->oldest != right->oldest || left->newest != right->newest) {
                return false;
            }
        }
    }
    return true;
}

bool ranking_view_is_whole(const struct ranked_window *ranked, size_t slot)
{
    const int64_t since_ms = ranked->board.tops[slot].since_ms;
    return since_ms <= ranking_view_start_ms(ranked, ranking_view_period(ranked, slot));
}

int64_t ranking_view_period(const struct ranked_window *ranked, size_t slot)
{
    return slot == ranked_slot(ranked) ? ranked->board.period : ranked->board.period - 1;
}

int64_t ranking_view_start_ms(const struct ranked_window *ranked, int64_t period)
{
    return ranking_period_start(&ranked->window, ranked->window.kind == RANKING_KIND_ROLLING
                                                     ? ranking_view_first_bucket(ranked, period)
                                                     : period);
}

void ranking_view_name(const struct ranked_window *ranked, int64_t period, char out[RANKING_VIEW_NAME_SIZE])
{
    char name[RANKING_PERIOD_SIZE];
    ranking_period_name(&ranked->window, period, name);
    snprintf(out, RANKING_VIEW_NAME_SIZE, "%.*s %s%s%s", (int)ranked->counter_type.len, ranked->counter_type.data,
             ranked->window.name, name[0] == '\0' ? "" : " ", name);
}
