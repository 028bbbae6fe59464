#include "counter-service/verify_rankings/ranking_events.h"
#include "counter-service/verify_rankings/ranking_view.h"

struct comparing {
    const struct ranking_events *events;
    const struct ranked_type *type; /* now */
    size_t type_place;
    int64_t complete_ms;
    int (*tell)(void *owner, const struct ranking_difference *difference);
    void *owner;
};

/* slot: 0 is the running one. */
static bool is_comparable(const struct comparing *comparing, const struct ranking_moment *moment, size_t window,
                          size_t slot)
{
    const struct ranked_window *ranked = &comparing->type->windows[window];
    return moment->is_whole[window][slot] &&
           ranking_view_start_ms(ranked, moment->periods[window] - (int64_t)slot) >= comparing->complete_ms;
}

/* Without a record nothing was written since the start, unless a period has ended: then it may have been dropped. */
static bool says_nothing(const struct ranking_resource *resource, const struct ranking_moment *moment,
                         const struct ranked_window *now, size_t window)
{
    return !resource->has_record && (resource->has_later || moment->periods[window] != now->board.period);
}

static int compare_window(const struct comparing *comparing, const struct ranking_resource *resource,
                          const struct ranking_moment *moment, size_t window)
{
    const struct ranking_layout *layout = &comparing->events->layouts[comparing->type_place];
    const struct ranked_window *ranked = &comparing->type->windows[window];
    if (says_nothing(resource, moment, ranked, window)) {
        return 0;
    }
    for (size_t i = 0; i < layout->count[window]; i++) {
        const size_t slot = ranked->window.kind == RANKING_KIND_CALENDAR ? i : 0;
        const struct ranking_cell *cell = &resource->cells[layout->first[window] + i];
        if (cell->of_record == cell->of_events || !is_comparable(comparing, moment, window, slot)) {
            continue;
        }
        const struct ranking_difference difference = {comparing->type_place, window, resource, cell,
                                                      moment->periods[window] - (int64_t)i};
        const int result = comparing->tell(comparing->owner, &difference);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static int compare_type(const struct comparing *comparing)
{
    const struct ranking_resource *resource = NULL;
    while ((resource = ranking_sums_next(&comparing->events->types[comparing->type_place], resource)) != NULL) {
        const struct ranking_moment *moment = ranking_events_moment(comparing->events, comparing->type_place, resource);
        for (size_t i = 0; i < comparing->type->window_count; i++) {
            const int result = compare_window(comparing, resource, moment, i);
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

int ranking_events_compare(const struct ranking_events *events, const struct ranking_state *end, int64_t complete_ms,
                           int (*tell)(void *owner, const struct ranking_difference *difference), void *owner)
{
    int result = 0;
    for (size_t i = 0; i < events->type_count && result == 0; i++) {
        const struct comparing comparing = {events, &end->types[i], i, complete_ms, tell, owner};
        result = compare_type(&comparing);
    }
    return result;
}

static void report_type(const struct comparing *comparing, const char *where, const struct report *report)
{
    char name[RANKING_VIEW_NAME_SIZE];
    const struct ranking_moment *moment = &comparing->events->starts[comparing->type_place];
    for (size_t i = 0; i < comparing->type->window_count; i++) {
        const struct ranked_window *ranked = &comparing->type->windows[i];
        for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
            if (ranked->window.kind != RANKING_KIND_ALL && !is_comparable(comparing, moment, i, slot)) {
                ranking_view_name(ranked, moment->periods[i] - (int64_t)slot, name);
                report_line(report, "%s%s is not compared with the events: %s lacks the first ones", name, where,
                            moment->is_whole[i][slot] ? "the topic" : "it");
            }
        }
    }
}

void ranking_events_report_skipped(const struct ranking_events *events, const struct ranking_state *end,
                                   int64_t complete_ms, const char *where, const struct report *report)
{
    for (size_t i = 0; i < events->type_count; i++) {
        const struct comparing comparing = {events, &end->types[i], i, complete_ms, NULL, NULL};
        report_type(&comparing, where, report);
    }
}
