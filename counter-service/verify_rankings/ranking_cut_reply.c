#include "counter-service/verify_rankings/ranking_cut_parts.h"

#include <stdio.h>
#include <string.h>

#include "common/base/decimal.h"
#include "common/base/wrap.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/verify_rankings/ranking_view.h"

/* Goes through the results one by one. */
struct answers {
    const struct redis_reply *results;
    size_t next;
    struct error *error;
};

int ranking_cut_read_state(struct ranking_cut *cut, struct ranking_state *state, const struct redis_reply *results,
                           struct error *error)
{
    const struct redis_reply fields = redis_reply_element(results, 0);
    const struct redis_reply marks = redis_reply_element(results, 1);
    const struct redis_reply entries = redis_reply_element(results, 2);
    const struct text version = ranking_view_version(&fields);
    snprintf(cut->version, sizeof(cut->version), "%.*s", (int)version.len, version.len == 0 ? "" : version.data);
    return ranking_view_read(state, &fields, error) == 0
               ? ranking_waiting_read(&cut->waiting, &state->at, &marks, &entries, error)
               : -1;
}

/* An array of so many elements. */
static int take_array(struct answers *answers, size_t count, struct redis_reply *ret_array)
{
    *ret_array = redis_reply_element(answers->results, answers->next++);
    if (ret_array->type == REDIS_ERROR) {
        error_set(answers->error, "a key of the rankings is damaged: %s", redis_quote(ret_array->text).text);
        return -1;
    }
    if (ret_array->type != REDIS_ARRAY || ret_array->element_count != count) {
        error_set(answers->error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    return 0;
}

static int take_records(struct answers *answers, struct ranking_cut *cut)
{
    struct redis_reply records;
    if (take_array(answers, cut->count, &records) != 0) {
        return -1;
    }
    for (size_t i = 0; i < cut->count; i++) {
        struct ranking_found *found = &cut->resources[i];
        const struct redis_reply record = redis_reply_element(&records, i);
        found->has_record = record.type == REDIS_TEXT;
        found->is_damaged = ranking_record_unpack(record.text, &found->record) != 0;
        found->record.count = found->is_damaged ? 0 : found->record.count;
    }
    return 0;
}

/* A key that holds no counters has none. */
static void take_counters(struct answers *answers, struct ranking_cut *cut, struct text counter_type)
{
    for (size_t i = 0; i < cut->count; i++) {
        struct ranking_found *found = &cut->resources[i];
        const struct redis_reply fields = redis_reply_element(answers->results, answers->next++);
        if (fields.type == REDIS_ARRAY && fields.element_count == 1) {
            found->has_counter = decimal_parse(redis_reply_element(&fields, 0).text, &found->counter);
            found->counter = wrap_subtract(found->counter, ranking_waiting_of(&cut->waiting, found->id, counter_type));
        }
    }
}

static int take_top(struct answers *answers, struct ranking_cut *cut, size_t type, size_t window, size_t slot)
{
    const struct redis_reply length = redis_reply_element(answers->results, answers->next++);
    const struct redis_reply added = redis_reply_element(answers->results, answers->next++);
    struct ranking_copy *copy = ranking_cut_copy(cut, type, window, slot);
    if (ranking_copy_take(copy, &cut->state->types[type].windows[window].board.tops[slot], &length, &added) != 0) {
        error_set(answers->error, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < cut->count; i++) {
        const struct ranking_member *member = ranking_table_find(&copy->table, cut->resources[i].id);
        cut->resources[i].windows[window].tops[slot].has_score = member != NULL;
        cut->resources[i].windows[window].tops[slot].score = member == NULL ? 0 : member->score;
    }
    return 0;
}

/* What the record has of a rolling window; NULL: nothing. */
static const struct ranking_rolling_sum *rolling_of(const struct ranking_record *record, uint32_t tag)
{
    for (size_t i = 0; i < record->count; i++) {
        if (record->windows[i].tag == tag) {
            return &record->windows[i].rolling;
        }
    }
    return NULL;
}

/* What of a bucket, which holds so much of the resource, counts (ranking_record.h). */
static int64_t counts_of(const struct ranking_rolling_sum *rolling, int64_t bucket, int64_t held)
{
    if (rolling == NULL || bucket < rolling->first) {
        return 0; /* of a record of before */
    }
    return rolling->bucket == bucket && rolling->is_ahead ? rolling->bucket_sum : held;
}

static void keep_bucket(struct ranking_cut *cut, const struct ranking_layout *layout,
                        const struct ranked_window *ranked, size_t window, size_t resource, int64_t bucket, int64_t sum)
{
    const int64_t cell = ranking_layout_cell(layout, ranked, window, ranked->board.period, bucket);
    if (cut->buckets != NULL && cell != RANKING_NO_CELL) {
        cut->buckets[resource * layout->cell_count + (size_t)cell] = sum;
    }
}

static int take_bucket(struct answers *answers, struct ranking_cut *cut, const struct ranking_layout *layout,
                       const struct ranked_window *ranked, size_t window, int64_t bucket)
{
    struct redis_reply sums;
    if (take_array(answers, cut->count, &sums) != 0) {
        return -1;
    }
    for (size_t i = 0; i < cut->count; i++) {
        struct ranking_found_window *found = &cut->resources[i].windows[window];
        const struct redis_reply text = redis_reply_element(&sums, i);
        int64_t sum = 0;
        found->has_no_number |= text.type == REDIS_TEXT && !decimal_parse(text.text, &sum);
        const struct ranking_rolling_sum *rolling = rolling_of(&cut->resources[i].record, ranked->window.tag);
        sum = text.type == REDIS_TEXT ? counts_of(rolling, bucket, sum) : 0;
        const bool is_old = bucket < ranking_view_first_bucket(ranked, ranked->board.period);
        keep_bucket(cut, layout, ranked, window, i, bucket, sum);
        found->in_buckets = wrap_add(found->in_buckets, sum);
        found->in_old = wrap_add(found->in_old, is_old ? sum : 0);
        if (rolling != NULL && rolling->bucket == bucket) {
            found->in_last = sum;
        }
    }
    return 0;
}

static int take_window(struct answers *answers, struct ranking_cut *cut, size_t type, size_t window)
{
    const struct ranked_window *ranked = &cut->state->types[type].windows[window];
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        if (take_top(answers, cut, type, window, slot) != 0) {
            return -1;
        }
    }
    if (ranked->window.kind == RANKING_KIND_ROLLING) {
        for (int64_t bucket = ranked->board.oldest; bucket <= ranked->board.newest; bucket++) {
            if (take_bucket(answers, cut, &cut->layouts[type], ranked, window, bucket) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

int ranking_cut_read_resources(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                               size_t count, const struct redis_reply *results, struct error *error)
{
    struct answers answers = {results, RANKING_STATE_ANSWERS, error};
    const struct ranked_type *ranked_type = &cut->state->types[type];
    const struct ranking_layout *layout = &cut->layouts[type];
    cut->count = count;
    if (cut->buckets != NULL) {
        memset(cut->buckets, 0, count * layout->cell_count * sizeof(*cut->buckets));
    }
    for (size_t i = 0; i < count; i++) {
        cut->resources[i] = (struct ranking_found){.id = ids[i]};
    }
    if (scope == RANKING_OF_COUNTERS) {
        take_counters(&answers, cut, ranked_type->counter_type);
    } else if (take_records(&answers, cut) != 0) {
        return -1;
    }
    for (size_t i = 0; i < ranked_type->window_count; i++) {
        const struct ranked_window *ranked = &ranked_type->windows[i];
        if (ranking_is_in_scope(ranked, scope) && take_window(&answers, cut, type, i) != 0) {
            return -1;
        }
    }
    return 0;
}
