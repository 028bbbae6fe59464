#include <inttypes.h>

#include "counter-service/verify_rankings/ranking_events.h"
#include "counter-service/verify_rankings/ranking_view.h"

struct comparing {
    const struct ranking_events *events;
    const struct ranked_type *type; /* now */
    size_t type_place;
    int64_t complete_ms;
    struct report *report;
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

static void compare_window(const struct comparing *comparing, const struct ranking_resource *resource,
                           const struct ranking_moment *moment, size_t window)
{
    char name[RANKING_VIEW_NAME_SIZE];
    const struct ranked_window *ranked = &comparing->type->windows[window];
    const struct ranking_window_sums *sums = &resource->windows[window];
    const struct text id = ranking_resource_id(&comparing->events->types[comparing->type_place], resource);
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        if (sums->of_record[slot] == sums->of_events[slot] || !is_comparable(comparing, moment, window, slot) ||
            says_nothing(resource, moment, ranked, window)) {
            continue;
        }
        ranking_view_name(ranked, moment->periods[window] - (int64_t)slot, name);
        if (resource->has_record) {
            report_difference(comparing->report, "%.*s %s: events say %" PRId64 ", its record has %" PRId64,
                              (int)id.len, id.data, name, sums->of_events[slot], sums->of_record[slot]);
        } else {
            report_difference(comparing->report, "%.*s %s: events say %" PRId64 ", it has no record", (int)id.len,
                              id.data, name, sums->of_events[slot]);
        }
    }
}

static void compare_type(const struct comparing *comparing)
{
    const struct ranking_resource *resource = NULL;
    while ((resource = ranking_sums_next(&comparing->events->types[comparing->type_place], resource)) != NULL) {
        const struct ranking_moment *moment = ranking_events_moment(comparing->events, comparing->type_place, resource);
        for (size_t i = 0; i < comparing->type->window_count && !resource->is_damaged; i++) {
            if (comparing->type->windows[i].window.kind != RANKING_KIND_ALL) {
                compare_window(comparing, resource, moment, i);
            }
        }
    }
}

static void report_skipped(const struct comparing *comparing)
{
    char name[RANKING_VIEW_NAME_SIZE];
    const struct ranking_moment *moment = &comparing->events->starts[comparing->type_place];
    for (size_t i = 0; i < comparing->type->window_count; i++) {
        const struct ranked_window *ranked = &comparing->type->windows[i];
        for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
            if (ranked->window.kind != RANKING_KIND_ALL && !is_comparable(comparing, moment, i, slot)) {
                ranking_view_name(ranked, moment->periods[i] - (int64_t)slot, name);
                report_line(comparing->report, "%s is not compared with the events: %s lacks the first ones", name,
                            moment->is_whole[i][slot] ? "the topic" : "it");
            }
        }
    }
}

void ranking_events_compare(const struct ranking_events *events, const struct ranking_state *end, int64_t complete_ms,
                            struct report *report)
{
    for (size_t i = 0; i < events->type_count; i++) {
        const struct comparing comparing = {events, &end->types[i], i, complete_ms, report};
        report_skipped(&comparing);
        compare_type(&comparing);
    }
}
