#include "counter-service/verify_rankings/ranking_judge.h"

#include <inttypes.h>

#include "counter-service/verify_rankings/ranking_view.h"

/* What of a resource may be wrong, as bits of what was told: the record, and in each window these. */
enum part { SLOT_0, SLOT_1, BUCKETS, LAST_BUCKET, PARTS };
enum { RECORD_BIT = RANKING_WINDOWS_MAX * PARTS };
_Static_assert(RECORD_BIT < 64, "bits have room");

/* "article_001 like day 2026-11-28", for a format. */
#define NAME_FORMAT "%.*s %s"

struct judging {
    const struct ranking_cut *cut;
    size_t type;
    const struct ranking_found *found;
    struct ranking_told *told;
    struct text counter_type;
    bool is_right;
};

void ranking_told_init(struct ranking_told *told, struct report *report)
{
    *told = (struct ranking_told){.report = report};
    counter_table_init(&told->resources);
}

void ranking_told_done(struct ranking_told *told)
{
    counter_table_done(&told->resources);
}

/* Something is wrong. Returns whether that is to be told now; a counter's sum has the bits that were. */
static bool is_news(struct judging *judging, unsigned bit)
{
    judging->is_right = false;
    if (judging->told == NULL) {
        return false;
    }
    struct counter *counter = counter_table_take(&judging->told->resources, judging->found->id, judging->counter_type);
    if (counter == NULL) {
        return true;
    }
    const bool is_told = ((uint64_t)counter->sum >> bit & 1) != 0;
    counter->sum = (int64_t)((uint64_t)counter->sum | UINT64_C(1) << bit);
    return !is_told;
}

static unsigned bit_of(size_t window, enum part part)
{
    return (unsigned)(window * PARTS + part);
}

static void tell_place(struct judging *judging, const char *window, bool has_place, int64_t score, bool should,
                       int64_t sum)
{
    struct report *report = judging->told->report;
    const struct text id = judging->found->id;
    if (!has_place) {
        report_difference(report, NAME_FORMAT ": has no place, should have one with %" PRId64, (int)id.len, id.data,
                          window, sum);
    } else if (!should) {
        report_difference(report, NAME_FORMAT ": has a place with %" PRId64 ", should have none with %" PRId64,
                          (int)id.len, id.data, window, score, sum);
    } else {
        report_difference(report, NAME_FORMAT ": has a place with %" PRId64 ", should have one with %" PRId64,
                          (int)id.len, id.data, window, score, sum);
    }
}

static void judge_place(struct judging *judging, const struct ranked_window *ranked, size_t window, size_t slot,
                        int64_t sum)
{
    char name[RANKING_VIEW_NAME_SIZE];
    const struct ranking_found_window *found = &judging->found->windows[window];
    const bool has_place = found->tops[slot].has_score;
    const bool should = ranking_top_has(&ranked->board.tops[slot], sum, judging->found->id);
    const int64_t score = found->tops[slot].score;
    const bool is_right = has_place == should && (!should || score == sum);
    if (!is_right && is_news(judging, bit_of(window, slot == 0 ? SLOT_0 : SLOT_1))) {
        ranking_view_name(ranked, ranking_view_period(ranked, slot), name);
        tell_place(judging, name, has_place, score, should, sum);
    }
}

static void tell_damage(struct report *report, const char *name, const char *where, const struct ranking_copy *copy)
{
    switch (copy->damage) {
    case RANKING_NO_STRING:
        report_difference(report, "%s%s: its key holds no string", name, where);
        break;
    case RANKING_LENGTH:
        report_difference(report, "%s%s: its string has %" PRId64 " byte%s, should have %" PRId64, name, where,
                          copy->found, report_plural((uint64_t)copy->found), copy->wanted);
        break;
    case RANKING_PLACE:
        report_difference(report, "%s%s: a place in its string is damaged", name, where);
        break;
    case RANKING_MEMBERS:
        report_difference(report, "%s%s: its string has %" PRId64 " member%s, should have %" PRId64, name, where,
                          copy->found, report_plural((uint64_t)copy->found), copy->wanted);
        break;
    case RANKING_UNDAMAGED:
        break;
    }
}

static void judge_top(const struct ranking_cut *cut, size_t type, size_t window, size_t slot, struct ranking_told *told)
{
    char name[RANKING_VIEW_NAME_SIZE];
    const struct ranked_window *ranked = &cut->state->types[type].windows[window];
    const struct ranking_copy *copy = ranking_cut_copy(cut, type, window, slot);
    bool *is_told = &told->tops[type][window][slot];
    if (copy->damage != RANKING_UNDAMAGED && !*is_told) {
        *is_told = true;
        ranking_view_name(ranked, ranking_view_period(ranked, slot), name);
        tell_damage(told->report, name, cut->reader->where, copy);
    }
}

void ranking_judge_tops(const struct ranking_cut *cut, size_t type, enum ranking_scope scope, struct ranking_told *told)
{
    const struct ranked_type *ranked_type = &cut->state->types[type];
    for (size_t i = 0; i < ranked_type->window_count; i++) {
        const struct ranked_window *ranked = &ranked_type->windows[i];
        const bool is_judged = ranking_is_in_scope(ranked, scope) && !ranking_view_is_unfilled(ranked);
        for (size_t slot = 0; is_judged && slot < ranking_slot_count(&ranked->window); slot++) {
            judge_top(cut, type, i, slot, told);
        }
    }
}

/* ---- resources ---- */

static int64_t last_bucket_sum(const struct ranking_record *record, const struct ranked_window *ranked)
{
    for (size_t i = 0; i < record->count; i++) {
        const int64_t bucket = record->windows[i].rolling.bucket;
        if (record->windows[i].tag == ranked->window.tag) {
            const bool is_held = bucket >= ranked->board.oldest && bucket <= ranked->board.newest;
            return is_held ? record->windows[i].rolling.bucket_sum : 0;
        }
    }
    return 0;
}

bool ranking_judge_buckets(const struct ranked_window *ranked, size_t window, const struct ranking_found *found)
{
    const struct ranking_found_window *buckets = &found->windows[window];
    return !buckets->has_no_number && last_bucket_sum(&found->record, ranked) == buckets->in_last &&
           ranking_record_sum(&found->record, &ranked->window, ranked->board.period) == buckets->in_buckets;
}

static void judge_buckets(struct judging *judging, const struct ranked_window *ranked, size_t window)
{
    char name[RANKING_VIEW_NAME_SIZE];
    const struct ranking_found *resource = judging->found;
    const struct ranking_found_window *found = &resource->windows[window];
    const int64_t sum = ranking_record_sum(&resource->record, &ranked->window, ranked->board.period);
    const int64_t last = last_bucket_sum(&resource->record, ranked);
    ranking_view_name(ranked, ranked->board.period, name);
    if (found->has_no_number && is_news(judging, bit_of(window, BUCKETS))) {
        report_difference(judging->told->report, NAME_FORMAT ": a bucket has no number", (int)resource->id.len,
                          resource->id.data, name);
    } else if (sum != found->in_buckets && is_news(judging, bit_of(window, BUCKETS))) {
        report_difference(judging->told->report, NAME_FORMAT ": its record has %" PRId64 ", its buckets have %" PRId64,
                          (int)resource->id.len, resource->id.data, name, sum, found->in_buckets);
    }
    if (last != found->in_last && is_news(judging, bit_of(window, LAST_BUCKET))) {
        report_difference(judging->told->report,
                          NAME_FORMAT ": its record has %" PRId64 " in its last bucket, the bucket has %" PRId64,
                          (int)resource->id.len, resource->id.data, name, last, found->in_last);
    }
}

static void judge_window(struct judging *judging, const struct ranked_window *ranked, size_t window)
{
    const struct ranking_found *found = judging->found;
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        const int64_t period = ranking_view_period(ranked, slot);
        const int64_t sum = ranked->window.kind == RANKING_KIND_ALL
                                ? found->counter
                                : ranking_record_sum(&found->record, &ranked->window, period);
        if (ranking_cut_copy(judging->cut, judging->type, window, slot)->damage == RANKING_UNDAMAGED) {
            judge_place(judging, ranked, window, slot, sum);
        }
    }
    if (ranked->window.kind == RANKING_KIND_ROLLING) {
        judge_buckets(judging, ranked, window);
    }
}

bool ranking_judge(const struct ranking_cut *cut, size_t type, enum ranking_scope scope,
                   const struct ranking_found *found, struct ranking_told *told)
{
    const struct ranked_type *ranked_type = &cut->state->types[type];
    struct judging judging = {cut, type, found, told, ranked_type->counter_type, true};
    if (found->is_damaged) {
        if (is_news(&judging, RECORD_BIT)) {
            report_difference(told->report, NAME_FORMAT ": has a record that is none", (int)found->id.len,
                              found->id.data, cut->state->types[type].config->counter_type);
        }
        return false;
    }
    for (size_t i = 0; i < ranked_type->window_count; i++) {
        const struct ranked_window *ranked = &ranked_type->windows[i];
        if (ranking_is_in_scope(ranked, scope) && !ranking_view_is_unfilled(ranked)) {
            judge_window(&judging, ranked, i);
        }
    }
    return judging.is_right;
}
