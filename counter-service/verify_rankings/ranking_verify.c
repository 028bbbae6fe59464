#include "counter-service/verify_rankings/ranking_verify.h"

#include <inttypes.h>

#include "counter-service/verify_rankings/ranking_check.h"
#include "counter-service/verify_rankings/ranking_view.h"

struct ranking_verify {
    const struct config *config;
    const struct verify_options *options;
    struct error *error;
    struct report report;
    struct ranking_told told;
    struct redis_reader redis;
    struct ranking_cut cut;
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
    RANKED_EACH(verify->cut.state, ranked)
    {
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
    };
    if (ranking_check_run(&check, verify->error) != 0) {
        return -1;
    }
    report_line(&verify->report, "%" PRIu64 " record%s, %" PRIu64 " counter%s, %" PRIu64 " place%s", check.records,
                report_plural(check.records), check.counters, report_plural(check.counters), check.members,
                report_plural(check.members));
    return 0;
}

static int run(struct ranking_verify *verify)
{
    report_head(verify);
    if (check(verify) != 0) {
        return VERIFY_FAILED;
    }
    report_unfilled(verify);
    report_line(&verify->report, "kafka.brokers is empty: the sums are not compared with the events");
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
        ranking_cut_init(&verify.cut, &verify.redis, config, options->timeout_ms, error) == 0) {
        code = run(&verify);
        ranking_cut_done(&verify.cut);
    }
    ranking_told_done(&verify.told);
    redis_reader_close(&verify.redis);
    return code;
}
