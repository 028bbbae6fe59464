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
    struct redis_readers redis;
    struct ranked_partitions ranked;
    struct ranking_topic topic;
    bool has_events; /* the topic is open */
};

/* The state of any partition, for what the configuration says. */
static const struct ranking_state *any_state(const struct ranking_verify *verify)
{
    return verify->ranked.all[0].cut.state;
}

static void report_head(const struct ranking_verify *verify)
{
    size_t windows = 0;
    for (size_t i = 0; i < any_state(verify)->type_count; i++) {
        windows += any_state(verify)->types[i].window_count;
    }
    report_line(&verify->report, "store %s, %zu ranking%s, %zu window%s", verify->redis.store_id,
                verify->config->ranking_count, report_plural(verify->config->ranking_count), windows,
                report_plural(windows));
}

static void report_unfilled(const struct ranking_verify *verify, const struct ranked_partition *partition)
{
    char name[RANKING_VIEW_NAME_SIZE];
    RANKED_EACH (partition->cut.state, ranked) {
        if (ranking_view_is_unfilled(ranked)) {
            ranking_view_name(ranked, ranked->board.period, name);
            report_line(&verify->report, "%s%s is being made anew from the counters: it is not compared", name,
                        partition->reader->where);
        }
    }
}

static int check_partition(struct ranking_verify *verify, struct ranked_partition *partition,
                           struct ranking_check *totals)
{
    struct ranking_told told;
    ranking_told_init(&told, &verify->report);
    struct ranking_check check = {
        .reader = partition->reader,
        .shard = verify->options->shard,
        .cut = &partition->cut,
        .told = &told,
        .take = ranking_events_take_records,
        .owner = verify->has_events ? &partition->events : NULL,
    };
    const int result = ranking_check_run(&check, verify->error);
    totals->records += check.records;
    totals->members += check.members;
    totals->counters += check.counters;
    ranking_told_done(&told);
    return result;
}

static int check(struct ranking_verify *verify)
{
    struct ranking_check totals = {.records = 0};
    for (int i = 0; i < verify->ranked.count; i++) {
        if (check_partition(verify, &verify->ranked.all[i], &totals) != 0) {
            return -1;
        }
    }
    report_line(&verify->report, "%" PRIu64 " record%s, %" PRIu64 " counter%s, %" PRIu64 " place%s", totals.records,
                report_plural(totals.records), totals.counters, report_plural(totals.counters), totals.members,
                report_plural(totals.members));
    for (int i = 0; i < verify->ranked.count; i++) {
        report_unfilled(verify, &verify->ranked.all[i]);
    }
    return 0;
}

/* ---- the events -------------------------------------------------------------------------------------------------- */

static int begin_events(struct ranking_verify *verify)
{
    if (verify->config->kafka.broker_count == 0 || !ranking_events_are_wanted(any_state(verify))) {
        return 0;
    }
    if (ranking_topic_open(&verify->topic, verify->config, verify->options->timeout_ms, verify->error) != 0 ||
        ranked_partitions_init_events(&verify->ranked, verify->options->shard, verify->redis.store_id, false,
                                      verify->error) != 0) {
        return -1;
    }
    verify->has_events = true;
    return 0;
}

/* Who tells of a difference. */
struct telling {
    struct ranking_verify *verify;
    const struct ranked_partition *partition;
};

static int tell_difference(void *owner, const struct ranking_difference *difference)
{
    char name[RANKING_VIEW_NAME_SIZE];
    const struct telling *telling = owner;
    const struct ranked_partition *partition = telling->partition;
    struct report *report = &telling->verify->report;
    const struct text id = ranking_resource_id(&partition->events.types[difference->type], difference->resource);
    if (difference->resource->is_damaged) {
        return 0; /* that was told */
    }
    ranking_view_name(&partition->cut.state->types[difference->type].windows[difference->window], difference->period,
                      name);
    if (difference->resource->has_record) {
        report_difference(report, "%.*s %s: events say %" PRId64 ", its record has %" PRId64, (int)id.len, id.data,
                          name, difference->cell->of_events, difference->cell->of_record);
    } else {
        report_difference(report, "%.*s %s: events say %" PRId64 ", it has no record", (int)id.len, id.data, name,
                          difference->cell->of_events);
    }
    return 0;
}

static void report_events(const struct ranking_verify *verify)
{
    uint64_t count = 0;
    uint64_t repetitions = 0;
    uint64_t later = 0;
    for (int i = 0; i < verify->ranked.count; i++) {
        const struct ranking_events *events = &verify->ranked.all[i].events;
        count += events->events;
        repetitions += events->repetitions;
        later += events->later;
    }
    report_line(&verify->report, "%" PRIu64 " event%s, %" PRIu64 " repetition%s, %" PRIu64 " later", count,
                report_plural(count), repetitions, report_plural(repetitions), later);
}

static int read_events(struct ranking_verify *verify)
{
    for (int i = 0; i < verify->ranked.count; i++) {
        if (ranking_cut_look(&verify->ranked.all[i].cut, verify->error) != 0) {
            return -1;
        }
    }
    return ranking_topic_read(&verify->topic, &verify->ranked, verify->error);
}

static int compare_events(struct ranking_verify *verify)
{
    if (!verify->has_events) {
        report_line(&verify->report, "the sums are not compared with events: %s",
                    verify->config->kafka.broker_count == 0 ? "kafka.brokers is empty" : "only \"all\" is ranked");
        return 0;
    }
    if (read_events(verify) != 0) {
        return -1;
    }
    report_events(verify);
    int result = 0;
    for (int i = 0; i < verify->ranked.count && result == 0; i++) {
        const struct ranked_partition *partition = &verify->ranked.all[i];
        struct telling telling = {verify, partition};
        ranking_events_report_skipped(&partition->events, partition->cut.state, partition->complete_ms,
                                      partition->reader->where, &verify->report);
        result = ranking_events_compare(&partition->events, partition->cut.state, partition->complete_ms,
                                        tell_difference, &telling);
    }
    return result;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static int run(struct ranking_verify *verify)
{
    report_head(verify);
    if (begin_events(verify) != 0 || check(verify) != 0 || compare_events(verify) != 0) {
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
    if (redis_readers_open(&verify.redis, config, error) == 0 &&
        ranked_partitions_init(&verify.ranked, &verify.redis, config, options->timeout_ms, false, error) == 0) {
        code = run(&verify);
    }
    ranking_topic_close(&verify.topic);
    ranked_partitions_done(&verify.ranked);
    redis_readers_close(&verify.redis);
    return code;
}
