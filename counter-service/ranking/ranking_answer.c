#include "counter-service/ranking/ranking_answer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "counter-service/ranking/ranking_record.h"

int64_t ranking_score_told(double score)
{
    static const double beyond = 9223372036854775808.0; /* 2^63 */
    if (score >= beyond) {
        return INT64_MAX;
    }
    return score < -beyond ? INT64_MIN : (int64_t)score;
}

bool ranking_score_is_inexact(double score)
{
    return fabs(score) >= 9007199254740992.0; /* 2^53: from here on doubles are more than 1 apart */
}

/* ---- the state ---- */

static enum status find_period(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
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

/* When no event waits, the rankings are those of now, up to the next period: that one is begun by an event, or a little
 * later. Redis's clock may have stepped back behind the last event. */
static int64_t as_of_ms(const struct ranking_snapshot *snapshot)
{
    if (!snapshot->has_board) {
        return snapshot->now_ms;
    }
    const int64_t until_ms = clock_earlier(snapshot->now_ms, snapshot->next_ms - 1);
    const bool nothing_waits = snapshot->counted == snapshot->appended;
    return nothing_waits && until_ms > snapshot->counted_ms ? until_ms : snapshot->counted_ms;
}

/* The first time at which an event counts in the period. */
static int64_t first_ms(const struct ranking_window *window, int64_t period)
{
    const bool is_rolling = window->kind == RANKING_KIND_ROLLING;
    return ranking_period_start(window, is_rolling ? period - window->bucket_count + 1 : period);
}

/* How many places must be the true ones. */
static int64_t places_asked(const struct ranking_question *question, const struct ranking_snapshot *snapshot)
{
    if (!ranking_question_is_of_one(question)) {
        return question->offset + question->limit;
    }
    return snapshot->rank < 0 ? question->config->keep : snapshot->rank + 1 + question->neighbours;
}

static void set_state(struct ranking_answer *answer, const struct ranking_question *question,
                      const struct ranking_snapshot *snapshot, int64_t period)
{
    const bool has_top = snapshot->has_board && snapshot->has_top;
    const struct ranking_top top = has_top ? snapshot->top : ranking_top_unfilled(snapshot->now_ms);
    const bool has_past = top.since_ms <= first_ms(&question->window, period);
    const bool lets_go = snapshot->has_board && ranking_board_lets_go(&snapshot->board, &question->window);
    const bool has_places = !top.is_bounded || snapshot->top_count >= places_asked(question, snapshot);
    ranking_period_name(&question->window, period, answer->period);
    answer->as_of_ms = as_of_ms(snapshot);
    /* Not before the first event comes is it known since when a window that was turned on is whole. */
    const int64_t since_ms = top.since_ms < answer->as_of_ms ? top.since_ms : answer->as_of_ms;
    answer->since_ms = has_past ? 0 : since_ms;
    answer->is_complete = has_past && !lets_go && has_places;
}

/* ---- the resource ---- */

static bool read_total(const struct ranking_question *question, const struct ranking_snapshot *snapshot, int64_t period,
                       int64_t *ret_score)
{
    struct ranking_record record;
    if (snapshot->total.len == 0) {
        *ret_score = 0;
        return true;
    }
    if (question->window.kind == RANKING_KIND_ALL) {
        return decimal_parse(snapshot->total, ret_score);
    }
    if (ranking_record_unpack(snapshot->total, &record) != 0) {
        return false;
    }
    *ret_score = ranking_record_sum(&record, &question->window, period);
    return true;
}

/* ---- the places ---- */

static int64_t first_rank(const struct ranking_question *question, const struct ranking_snapshot *snapshot)
{
    if (!ranking_question_is_of_one(question)) {
        return question->offset + 1;
    }
    return snapshot->rank > question->neighbours ? snapshot->rank - question->neighbours + 1 : 1;
}

static size_t text_bytes(const struct ranking_list *list)
{
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        bytes += list->entries[i].resource_id.len;
    }
    return bytes;
}

/* Its places are those of all partitions' members; there is one partition. */
static struct ranking_answer *copy_places(struct ranking_list list)
{
    const size_t text_start = sizeof(struct ranking_answer) + list.count * sizeof(struct ranking_entry);
    const size_t bytes = text_start + text_bytes(&list);
    struct ranking_answer *answer = calloc(1, bytes);
    if (answer == NULL) {
        return NULL;
    }
    char *at = (char *)answer + text_start;
    atomic_init(&answer->holders, 1);
    answer->bytes = bytes;
    answer->entry_count = ranking_merge(&list, 1, answer->entries, list.count);
    for (size_t i = 0; i < answer->entry_count; i++) {
        struct text *resource_id = &answer->entries[i].resource_id;
        memcpy(at, resource_id->data, resource_id->len);
        resource_id->data = at;
        at += resource_id->len;
    }
    assert(at == (char *)answer + bytes);
    return answer;
}

enum status ranking_answer_make(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                                struct ranking_answer **ret_answer, struct error *error)
{
    int64_t period;
    int64_t score = 0;
    const enum status status = find_period(question, snapshot, &period, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!read_total(question, snapshot, period, &score)) {
        error_set(error, "what Redis holds of the resource in the ranking is damaged");
        return STATUS_DATA_DAMAGED;
    }
    /* Members without a board are of nobody knows which period. */
    const bool has_places = snapshot->has_board && snapshot->has_top;
    struct ranking_answer *answer = copy_places(has_places ? snapshot->members : (struct ranking_list){.count = 0});
    if (answer == NULL) {
        error_set(error, "The service is out of memory");
        return STATUS_OUT_OF_MEMORY;
    }
    set_state(answer, question, snapshot, period);
    answer->rank = has_places && ranking_question_is_of_one(question) ? snapshot->rank + 1 : 0;
    answer->score = score;
    answer->first_rank = first_rank(question, snapshot);
    *ret_answer = answer;
    return STATUS_OK;
}

void ranking_answer_hold(struct ranking_answer *answer)
{
    const unsigned before = atomic_fetch_add_explicit(&answer->holders, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}

void ranking_answer_release(struct ranking_answer *answer)
{
    if (answer != NULL && atomic_fetch_sub_explicit(&answer->holders, 1, memory_order_acq_rel) == 1) {
        free(answer);
    }
}
