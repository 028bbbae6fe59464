#include "counter-service/verify_rankings/ranking_verify.h"

#include <inttypes.h>

#include "counter-service/verify_rankings/ranking_check.h"
#include "counter-service/verify_rankings/ranking_topic.h"
#include "counter-service/verify_rankings/ranking_view.h"

struct ranking_verify {
    const struct config *config;
    const struct verify_options *options;
    struct error *error;
    struct report report;
    struct ranking_told told;
    struct redis_reader redis;
    struct ranking_cut cut;
    struct ranking_topic topic;
    struct ranking_events events;
    bool has_events; /* both are open */
};

static void report_head(const struct ranking_verify *verify)
{
    size_t windows = 0;
    for (size_t i = 0; i < verify->cut.state->type_count; i++) {
        windows += verify->cut.state->types[i].window_count;
    }
    report_line(&verify->report, "store %s, %zu ranking%s, %zu window%s", verify->redis.store_id,
                verify->config->ranking_count, report_plural(verify->config->ranking_count), windows,
                report_plural(windows));
}

static void report_unfilled(const struct ranking_verify *verify)
{
    char name[RANKING_VIEW_NAME_SIZE];
    RANKED_EACH (verify->cut.state, ranked) {
        if (ranking_view_is_unfilled(ranked)) {
            ranking_view_name(ranked, ranked->board.period, name);
            report_line(&verify->report, "%s is being made anew from the counters: it is not compared", name);
        }
    }
}

static int check(struct ranking_verify *verify)
{
    struct ranking_check check = {
        .reader = &verify->redis,
        .shard = verify->options->shard,
        .cut = &verify->cut,
        .told = &verify->told,
        .take = ranking_events_take_records,
        .owner = verify->has_events ? &verify->events : NULL,
    };
    if (ranking_check_run(&check, verify->error) != 0) {
        return -1;
    }
    report_line(&verify->report, "%" PRIu64 " record%s, %" PRIu64 " counter%s, %" PRIu64 " place%s", check.records,
                report_plural(check.records), check.counters, report_plural(check.counters), check.members,
                report_plural(check.members));
    return 0;
}

/* ---- the events -------------------------------------------------------------------------------------------------- */

static int begin_events(struct ranking_verify *verify)
{
    if (verify->config->kafka.broker_count == 0 || !ranking_events_are_wanted(verify->cut.state)) {
        return 0;
    }
    if (ranking_topic_open(&verify->topic, verify->config, verify->options->timeout_ms, verify->error) != 0 ||
        ranking_events_init(&verify->events, &verify->cut, verify->options->shard, verify->redis.store_id, false,
                            verify->error) != 0) {
        return -1;
    }
    verify->has_events = true;
    return 0;
}

static int tell_difference(void *owner, const struct ranking_difference *difference)
{
    char name[RANKING_VIEW_NAME_SIZE];
    struct ranking_verify *verify = owner;
    const struct text id = ranking_resource_id(&verify->events.types[difference->type], difference->resource);
    if (difference->resource->is_damaged) {
        return 0; /* that was told */
    }
    ranking_view_name(&verify->cut.state->types[difference->type].windows[difference->window], difference->period,
                      name);
    if (difference->resource->has_record) {
        report_difference(&verify->report, "%.*s %s: events say %" PRId64 ", its record has %" PRId64, (int)id.len,
                          id.data, name, difference->cell->of_events, difference->cell->of_record);
    } else {
        report_difference(&verify->report, "%.*s %s: events say %" PRId64 ", it has no record", (int)id.len, id.data,
                          name, difference->cell->of_events);
    }
    return 0;
}

static int compare_events(struct ranking_verify *verify)
{
    int64_t complete_ms;
    const struct ranking_events *events = &verify->events;
    if (!verify->has_events) {
        report_line(&verify->report, "the sums are not compared with events: %s",
                    verify->config->kafka.broker_count == 0 ? "kafka.brokers is empty" : "only \"all\" is ranked");
        return 0;
    }
    if (ranking_cut_look(&verify->cut, verify->error) != 0 ||
        ranking_topic_read(&verify->topic, &verify->redis, &verify->events, verify->cut.state, &complete_ms,
                           verify->error) != 0) {
        return -1;
    }
    report_line(&verify->report, "%" PRIu64 " event%s, %" PRIu64 " repetition%s, %" PRIu64 " later", events->events,
                report_plural(events->events), events->repetitions, report_plural(events->repetitions), events->later);
    ranking_events_report_skipped(events, verify->cut.state, complete_ms, &verify->report);
    return ranking_events_compare(events, verify->cut.state, complete_ms, tell_difference, verify);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static int run(struct ranking_verify *verify)
{
    report_head(verify);
    if (begin_events(verify) != 0 || check(verify) != 0) {
        return VERIFY_FAILED;
    }
    report_unfilled(verify);
    if (compare_events(verify) != 0) {
        return VERIFY_FAILED;
    }
    report_end(&verify->report);
    return verify->report.differences == 0 ? VERIFY_EQUAL : VERIFY_DIFFERENT;
}

int ranking_verify_run(const struct config *config, const struct verify_options *options, FILE *out,
                       struct error *error)
{
    int code = VERIFY_FAILED;
    struct ranking_verify verify = {
        .config = config,
        .options = options,
        .error = error,
        .report = {.out = out, .shows_all = options->shows_all},
    };
    if (config->ranking_count == 0) {
        error_set(error, "rankings is empty: there are none to compare");
        return VERIFY_FAILED;
    }
    ranking_told_init(&verify.told, &verify.report);
    if (redis_reader_open(&verify.redis, config, error) == 0 &&
        ranking_cut_init(&verify.cut, &verify.redis, config, options->timeout_ms, false, error) == 0) {
        code = run(&verify);
        ranking_events_done(&verify.events);
        ranking_topic_close(&verify.topic);
        ranking_cut_done(&verify.cut);
    }
    ranking_told_done(&verify.told);
    redis_reader_close(&verify.redis);
    return code;
}
