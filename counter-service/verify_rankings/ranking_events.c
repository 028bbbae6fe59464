#include "counter-service/verify_rankings/ranking_events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/wrap.h"
#include "counter-service/verify_rankings/ranking_judge.h"
#include "counter-service/verify_rankings/ranking_view.h"

enum { MOMENTS_FIRST = 64 };

static int out_of_memory(struct error *error)
{
    error_set(error, "out of memory: --shard lets several runs share the resources");
    return -1;
}

/* ---- moments ----------------------------------------------------------------------------------------------------- */

static struct ranking_moment moment_of(const struct ranking_cut *cut, const struct ranked_type *type)
{
    struct ranking_moment moment = {.at = cut->state->at.id, .place = cut->waiting.at_place};
    for (size_t i = 0; i < type->window_count; i++) {
        const struct ranked_window *ranked = &type->windows[i];
        const size_t running = ranked_slot(ranked);
        moment.periods[i] = ranked->board.period;
        moment.is_whole[i][0] = ranking_view_is_whole(ranked, running);
        if (ranked->window.kind == RANKING_KIND_CALENDAR) {
            moment.is_whole[i][1] = ranking_view_is_whole(ranked, 1 - running);
        }
    }
    return moment;
}

static bool is_same(const struct ranking_moment *a, const struct ranking_moment *b)
{
    return stream_id_compare(a->at, b->at) == 0 && a->place == b->place &&
           memcmp(a->periods, b->periods, sizeof(a->periods)) == 0 &&
           memcmp(a->is_whole, b->is_whole, sizeof(a->is_whole)) == 0;
}

static int add_moment(struct ranking_events *events, const struct ranking_moment *moment, struct error *error)
{
    if (events->moment_count > 0 && is_same(&events->moments[events->moment_count - 1], moment)) {
        return 0;
    }
    if (events->moment_count == events->moment_capacity) {
        const size_t capacity = events->moment_capacity == 0 ? MOMENTS_FIRST : 2 * events->moment_capacity;
        struct ranking_moment *grown = realloc(events->moments, capacity * sizeof(*grown));
        if (grown == NULL) {
            return out_of_memory(error);
        }
        events->moments = grown;
        events->moment_capacity = capacity;
    }
    events->moments[events->moment_count++] = *moment;
    if (stream_id_compare(moment->at, events->last) > 0) {
        events->last = moment->at;
    }
    return 0;
}

/* ---- init -------------------------------------------------------------------------------------------------------- */

/* The start of the oldest period that is kept. */
static int64_t first_ms_of(const struct ranked_type *type)
{
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < type->window_count; i++) {
        const struct ranked_window *ranked = &type->windows[i];
        if (ranked->window.kind != RANKING_KIND_ALL) {
            const bool has_former = ranked->window.kind == RANKING_KIND_CALENDAR;
            const int64_t start_ms = ranking_view_start_ms(ranked, ranked->board.period - (has_former ? 1 : 0));
            first_ms = start_ms < first_ms ? start_ms : first_ms;
        }
    }
    return first_ms;
}

static int init_types(struct ranking_events *events, const struct ranking_cut *cut, bool by_bucket, struct error *error)
{
    events->starts = calloc(events->type_count, sizeof(*events->starts));
    events->types = calloc(events->type_count, sizeof(*events->types));
    events->first_ms = calloc(events->type_count, sizeof(*events->first_ms));
    events->layouts = calloc(events->type_count, sizeof(*events->layouts));
    if (events->starts == NULL || events->types == NULL || events->first_ms == NULL || events->layouts == NULL) {
        return out_of_memory(error);
    }
    for (size_t i = 0; i < events->type_count; i++) {
        const struct ranked_type *type = &cut->state->types[i];
        events->starts[i] = moment_of(cut, type);
        events->first_ms[i] = first_ms_of(type);
        events->layouts[i] = ranking_layout_of(type, by_bucket);
        ranking_sums_init(&events->types[i], events->layouts[i].cell_count);
    }
    events->last = cut->state->at.id;
    return 0;
}

static size_t type_with_records(const struct ranking_state *state)
{
    size_t i = 0;
    while (i < state->type_count && !ranked_type_has_records(&state->types[i])) {
        i++;
    }
    return i;
}

bool ranking_events_are_wanted(const struct ranking_state *state)
{
    return type_with_records(state) < state->type_count;
}

/* The start is what the state is now; any resource will do to ask for it. */
int ranking_events_init(struct ranking_events *events, struct ranking_cut *cut, struct shard shard,
                        const char *store_id, bool by_bucket, struct error *error)
{
    const struct text any = TEXT("-");
    *events = (struct ranking_events){.shard = shard, .store_id = store_id, .type_count = cut->state->type_count};
    assert(ranking_events_are_wanted(cut->state));
    if (ranking_cut_read(cut, type_with_records(cut->state), RANKING_OF_RECORDS, &any, 1, error) != 0 ||
        init_types(events, cut, by_bucket, error) != 0) {
        ranking_events_done(events);
        return -1;
    }
    return 0;
}

void ranking_events_done(struct ranking_events *events)
{
    for (size_t i = 0; i < events->type_count && events->types != NULL; i++) {
        ranking_sums_done(&events->types[i]);
    }
    free(events->types);
    free(events->first_ms);
    free(events->starts);
    free(events->layouts);
    free(events->moments);
    *events = (struct ranking_events){.events = 0};
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static void set_calendar(struct ranking_cell *cells, const struct ranked_window *ranked,
                         const struct ranking_record *record)
{
    for (int slot = 0; slot < RANKING_SLOTS; slot++) {
        cells[slot].of_record = ranking_record_sum(record, &ranked->window, ranked->board.period - slot);
    }
}

/* What has left the window is in the record until it is let go of. */
static void set_rolling(struct ranking_cell *cell, const struct ranked_window *ranked,
                        const struct ranking_found *found, int64_t in_old)
{
    const int64_t sum = ranking_record_sum(&found->record, &ranked->window, ranked->board.period);
    cell->of_record = wrap_subtract(sum, in_old);
}

static void set_buckets(struct ranking_cell *cells, size_t count, const int64_t *buckets, bool are_right)
{
    for (size_t i = 0; i < count - 1; i++) {
        cells[i].of_record = buckets[i];
    }
    cells[count - 1].of_record = are_right ? 0 : 1;
}

static void set_cells(struct ranking_resource *resource, const struct ranking_layout *layout,
                      const struct ranking_cut *cut, const struct ranked_type *type, size_t place)
{
    const struct ranking_found *found = &cut->resources[place];
    for (size_t i = 0; i < type->window_count; i++) {
        const struct ranked_window *ranked = &type->windows[i];
        struct ranking_cell *cells = &resource->cells[layout->first[i]];
        if (ranked->window.kind == RANKING_KIND_CALENDAR) {
            set_calendar(cells, ranked, &found->record);
        } else if (ranked->window.kind == RANKING_KIND_ROLLING && !layout->by_bucket) {
            set_rolling(cells, ranked, found, found->windows[i].in_old);
        } else if (ranked->window.kind == RANKING_KIND_ROLLING) {
            set_buckets(cells, layout->count[i], &cut->buckets[place * layout->cell_count + layout->first[i]],
                        ranking_judge_buckets(ranked, i, found));
        }
    }
}

int ranking_events_take_records(void *owner, size_t type, const struct ranking_cut *cut, struct error *error)
{
    struct ranking_events *events = owner;
    const struct ranked_type *ranked_type = &cut->state->types[type];
    const struct ranking_moment moment = moment_of(cut, ranked_type);
    if (add_moment(events, &moment, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < cut->count; i++) {
        const struct ranking_found *found = &cut->resources[i];
        if (!found->has_record) {
            continue; /* it was dropped meanwhile */
        }
        struct ranking_resource *resource = ranking_sums_take(&events->types[type], found->id);
        if (resource == NULL) {
            return out_of_memory(error);
        }
        resource->has_record = true;
        resource->is_damaged = found->is_damaged;
        resource->moment = (uint32_t)(events->moment_count - 1);
        set_cells(resource, &events->layouts[type], cut, ranked_type, i);
    }
    return 0;
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static bool is_behind(struct stream_id entry, uint32_t place, struct stream_id other, uint32_t other_place)
{
    const int order = stream_id_compare(entry, other);
    return order > 0 || (order == 0 && place > other_place);
}

static void add(struct ranking_resource *resource, const struct ranking_layout *layout, const struct ranked_type *type,
                const struct ranking_moment *moment, const struct event *event)
{
    for (size_t i = 0; i < type->window_count; i++) {
        const struct ranked_window *ranked = &type->windows[i];
        const int64_t period = ranking_period_at(&ranked->window, (int64_t)event->entry.ms);
        const int64_t cell = ranking_layout_cell(layout, ranked, i, moment->periods[i], period);
        if (cell != RANKING_NO_CELL) {
            int64_t *sum = &resource->cells[cell].of_events;
            *sum = wrap_add(*sum, event->delta);
        }
    }
}

static int take_of_type(struct ranking_events *events, size_t type, const struct ranked_type *ranked_type,
                        const struct event *event, struct error *error)
{
    struct ranking_resource *resource = ranking_sums_take(&events->types[type], event->resource_id);
    if (resource == NULL) {
        return out_of_memory(error);
    }
    const struct ranking_moment *moment = ranking_events_moment(events, type, resource);
    if (!is_behind(event->entry, event->place, resource->last_entry, resource->last_place)) {
        events->repetitions++;
        return 0;
    }
    resource->last_entry = event->entry;
    resource->last_place = event->place;
    if (is_behind(event->entry, event->place, moment->at, moment->place)) {
        resource->has_later = true;
        events->later++;
        return 0;
    }
    events->events++;
    add(resource, &events->layouts[type], ranked_type, moment, event);
    return 0;
}

int ranking_events_take(struct ranking_events *events, const struct ranking_state *state, const struct event_copy *copy,
                        struct error *error)
{
    const struct event *event = &copy->event;
    const struct ranked_type *type = ranking_state_find(state, event->counter_type);
    assert(state->type_count == events->type_count);
    if (memcmp(copy->store, events->store_id, EVENT_ID_STORE_LEN) != 0) {
        events->other_stores++;
        return 0;
    }
    if (type == NULL || !shard_has(events->shard, event->resource_id) || event->entry.ms > INT64_MAX ||
        (int64_t)event->entry.ms < events->first_ms[type - state->types]) {
        return 0;
    }
    return take_of_type(events, (size_t)(type - state->types), type, event, error);
}
