#include "counter-service/ranking/ranking_answer.h"

#include "common/base/decimal.h"
#include "counter-service/ranking/ranking_record.h"

/* ---- the state ---- */

enum status ranking_answer_period(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                                  int64_t *ret_period, struct error *error)
{
    const struct ranking_window *window = &question->window;
    const int64_t running = snapshot->has_board ? snapshot->board.period : ranking_period_at(window, snapshot->now_ms);
    const int64_t period = question->has_period ? question->period : running;
    if (period != running && period != running - 1) {
        char asked[RANKING_PERIOD_SIZE];
        char kept[RANKING_SLOTS][RANKING_PERIOD_SIZE];
        ranking_period_name(window, period, asked);
        ranking_period_name(window, running - 1, kept[0]);
        ranking_period_name(window, running, kept[1]);
        error_set(error, "period %s is not kept: %s and %s are", asked, kept[0], kept[1]);
        return STATUS_NO_SUCH_RANKING;
    }
    *ret_period = period;
    return STATUS_OK;
}

/* How many places must be the true ones. place: of the resource, from 0; -1: it has none. */
static int64_t places_asked(const struct ranking_question *question, int64_t place)
{
    if (!ranking_question_is_of_one(question)) {
        return question->offset + question->limit;
    }
    return place < 0 ? question->config->keep : place + 1 + question->neighbours;
}

static bool has_places(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                       const struct ranking_top *top, int64_t place)
{
    const int64_t members = snapshot->has_order ? (int64_t)snapshot->order.count : top->members;
    return snapshot->is_whole && (!top->is_bounded || members >= places_asked(question, place));
}

/* The resource has come among the best by events that the top does not have yet: what its rank is, nobody knows. */
static bool is_ahead_of_top(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                            const struct ranking_answer *answer, int64_t place)
{
    return ranking_question_is_of_one(question) && place < 0 &&
           ranking_snapshot_belongs(snapshot, answer->score, question->resource_id);
}

static void set_state(struct ranking_answer *answer, const struct ranking_question *question,
                      const struct ranking_snapshot *snapshot, int64_t period, int64_t place)
{
    const bool has_top = snapshot->has_board && snapshot->has_top;
    const struct ranking_top top = has_top ? snapshot->top : ranking_top_unfilled(snapshot->now_ms);
    const bool has_past = top.since_ms <= ranking_period_first_ms(&question->window, period);
    const bool lets_go = snapshot->has_board && ranking_board_lets_go(&snapshot->board, &question->window);
    ranking_period_name(&question->window, period, answer->period);
    answer->as_of_ms = ranking_snapshot_as_of_ms(snapshot, ranking_question_is_of_one(question) && place < 0);
    /* Not before the first event comes is it known since when a window that was turned on is whole. */
    const int64_t since_ms = top.since_ms < answer->as_of_ms ? top.since_ms : answer->as_of_ms;
    answer->since_ms = has_past ? 0 : since_ms;
    answer->is_complete = has_past && !lets_go && has_places(question, snapshot, &top, place) &&
                          !is_ahead_of_top(question, snapshot, answer, place);
}

/* ---- the resource ---- */

static bool read_total(const struct ranking_question *question, struct text total, int64_t period, int64_t *ret_score)
{
    struct ranking_record record;
    if (total.len == 0) {
        *ret_score = 0;
        return true;
    }
    if (question->window.kind == RANKING_KIND_ALL) {
        return decimal_parse(total, ret_score);
    }
    if (ranking_record_unpack(total, &record) != 0) {
        return false;
    }
    *ret_score = ranking_record_sum(&record, &question->window, period);
    return true;
}

static int64_t place_of(const struct ranking_question *question, const struct ranking_snapshot *snapshot)
{
    return ranking_question_is_of_one(question) ? ranking_snapshot_find(snapshot, question->resource_id) : -1;
}

bool ranking_answer_needs_total(const struct ranking_question *question, const struct ranking_snapshot *snapshot)
{
    return ranking_question_is_of_one(question) && place_of(question, snapshot) < 0;
}

bool ranking_answer_lacks_rank(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                               const struct ranking_snapshot *of_total, const struct ranking_answer *answer)
{
    /* A record that is ahead of the top: reading that again would not help. */
    return !of_total->has_order && of_total->total_counted <= of_total->counted &&
           ranking_question_is_of_one(question) && answer->rank == 0 &&
           ranking_snapshot_belongs(snapshot, answer->score, question->resource_id);
}

/* ---- the places ---- */

/* The places of the order from first, from 0, up to and without end. */
static void set_places(struct ranking_answer *answer, const struct ranking_order *order, int64_t first, int64_t end)
{
    const int64_t count = (int64_t)order->count;
    const int64_t last = end < count ? end : count;
    answer->first_rank = first + 1;
    answer->entry_count = first < last ? (size_t)(last - first) : 0;
    answer->entries = answer->entry_count > 0 ? order->entries + first : NULL;
}

static void set_one(struct ranking_answer *answer, const struct ranking_question *question,
                    const struct ranking_order *order, int64_t place)
{
    const int64_t first = place > question->neighbours ? place - question->neighbours : 0;
    set_places(answer, order, first, place + question->neighbours + 1);
    answer->rank = place + 1;
    answer->score = order->entries[place].score;
}

enum status ranking_answer_make(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                                struct text total, struct ranking_answer *ret_answer, struct error *error)
{
    struct ranking_answer answer = {.first_rank = 1};
    int64_t period;
    const enum status status = ranking_answer_period(question, snapshot, &period, error);
    if (status != STATUS_OK) {
        return status;
    }
    const int64_t place = place_of(question, snapshot);
    if (!ranking_question_is_of_one(question)) {
        set_places(&answer, &snapshot->order, question->offset, question->offset + question->limit);
    } else if (place >= 0) {
        set_one(&answer, question, &snapshot->order, place);
    } else if (!read_total(question, total, period, &answer.score)) {
        error_set(error, "what Redis holds of the resource in the ranking is damaged");
        return STATUS_DATA_DAMAGED;
    }
    set_state(&answer, question, snapshot, period, place);
    *ret_answer = answer;
    return STATUS_OK;
}
