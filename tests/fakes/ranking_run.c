#include "tests/fakes/ranking_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "counter-service/verify_rankings/ranking_verify.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, RESOURCES = RANKING_RUN_UNUSED, KEEP = 40, BATCH = 20 };

/* Ahead of the clock, which would otherwise move the windows on. */
static int64_t start_ms(void)
{
    const int64_t ahead_ms = clock_realtime_us() / 1000 + INT64_C(400) * DAY;
    return ahead_ms - ahead_ms % HOUR + 30 * (int64_t)MINUTE;
}

void ranking_run_write(struct ranking_run *run, int count, int64_t step_ms)
{
    for (int i = 0; i < count; i++) {
        struct ranking_event batch[BATCH];
        for (int k = 0; k < BATCH; k++) {
            const int64_t size = 1 + (int64_t)prng_up_to(&run->prng, 5);
            batch[k] = (struct ranking_event){.resource = (int)prng_up_to(&run->prng, RESOURCES - 1),
                                              .delta = prng_up_to(&run->prng, 9) == 0 ? -size : size};
        }
        ranking_fixture_write(run->rankings, run->rankings->now_ms + step_ms, batch, BATCH);
    }
}

void ranking_run_begin(struct ranking_run *run, struct store_fixture *store)
{
    *run = (struct ranking_run){.prng = {7}, .options = {.shard = {0, 1}, .timeout_ms = 5000}};
    run->rankings = ranking_fixture_open(store, RESOURCES + 1, KEEP);
    run->rankings->config.kafka.broker_count = 0; /* there is no topic to compare with */
    run->rankings->now_ms = start_ms();
    run->run = ranking_fixture_start(run->rankings);
    ranking_run_write(run, 100, MINUTE);
    ranking_fixture_settle(run->run);
    ranking_fixture_compare(run->rankings, run->run);
}

void ranking_run_end(struct ranking_run *run)
{
    ranking_fixture_kill(run->run);
    ranking_fixture_free(run->rankings);
    free(run->text);
}

void ranking_run_task(struct ranking_run *run, ranking_task_fn task)
{
    size_t len;
    free(run->text);
    run->error.message[0] = '\0';
    FILE *out = open_memstream(&run->text, &len);
    assert_non_null(out);
    run->code = task(&run->rankings->config, &run->options, out, &run->error);
    fclose(out);
}

void ranking_run_check_equal(struct ranking_run *run)
{
    ranking_run_task(run, ranking_verify_run);
    assert_string_equal(run->error.message, "");
    if (run->code != VERIFY_EQUAL) {
        fail_msg("%s", run->text);
    }
    assert_non_null(strstr(run->text, "\nequal\n"));
}

void ranking_run_check_tells(struct ranking_run *run, const char *piece, int count)
{
    char end_piece[32];
    ranking_run_task(run, ranking_verify_run);
    assert_string_equal(run->error.message, "");
    assert_int_equal(run->code, VERIFY_DIFFERENT);
    if (strstr(run->text, piece) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", piece, run->text);
    }
    snprintf(end_piece, sizeof(end_piece), "\n%d difference%s\n", count, count == 1 ? "" : "s");
    if (count > 0 && strstr(run->text, end_piece) == NULL) {
        fail_msg("%d differences are expected in:\n%s", count, run->text);
    }
}
