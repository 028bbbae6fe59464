#include "counter-service/aggregator/aggregator_upkeep.h"

#include "common/base/clock.h"
#include "counter-service/aggregator/aggregator_count.h"

enum {
    /* Without anything to write: that nobody else has written is looked at so often. */
    CONFIRM_MS = 1000,
    /* Redis is left alone for so many times as long as a step of upkeep took. */
    REST = 2,
    REST_WHILE_OUTRUN = 1,
    /* What was left undone while a chunk was counted is made up for, up to so much of the time. */
    MADE_UP_MS = 400,
};

/* Nothing was to be written. What would have refused that is asked for now and then. */
static int confirm(struct aggregator_run *run)
{
    const int64_t now_us = clock_monotonic_us();
    if (now_us < run->confirm_us) {
        return 0;
    }
    run->confirm_us = now_us + (int64_t)CONFIRM_MS * 1000;
    return ranking_txn_confirm(&run->shared->work.txn, &run->state, run->conn, &run->trouble);
}

/* A window is more than a bucket behind. */
static bool is_outrun(const struct aggregator_run *run)
{
    RANKED_EACH (&run->state, ranked) {
        if (ranking_board_lets_go(&ranked->board, &ranked->window) &&
            ranked->board.oldest < ranked->board.period - ranked->window.bucket_count) {
            return true;
        }
    }
    return false;
}

/* Returns 1, 0 if there was nothing to do, or -1 with trouble filled. */
static int step(struct aggregator_run *run)
{
    if ((ranking_release_has_work(&run->state) || ranking_scan_has_work(&run->scan, &run->state)) &&
        aggregator_run_claim(run) != 0) {
        return -1;
    }
    const int released = ranking_release_step(&run->release, &run->state, &run->shared->work, run->conn, &run->trouble);
    if (released < 0) {
        return -1;
    }
    const int scanned = ranking_scan_step(&run->scan, &run->state, &run->shared->work, run->conn,
                                          aggregator_has_counted_all(run) ? run->member->step_us : 0, &run->trouble);
    return scanned < 0 ? -1 : released > 0 || scanned > 0;
}

int aggregator_upkeep(struct aggregator_run *run)
{
    int64_t now_us = clock_monotonic_us();
    const int64_t made_up_us = now_us - (int64_t)MADE_UP_MS * 1000;
    bool has_done = false;
    run->shared->upkeep_us = run->shared->upkeep_us < made_up_us ? made_up_us : run->shared->upkeep_us;
    while (run->shared->upkeep_us <= now_us) {
        const int64_t start_us = now_us;
        const int done = step(run);
        if (done < 0) {
            return -1;
        }
        now_us = clock_monotonic_us();
        if (done == 0) {
            run->shared->upkeep_us = now_us;
            return confirm(run) != 0 ? -1 : has_done;
        }
        has_done = true;
        run->shared->upkeep_us += (1 + (is_outrun(run) ? REST_WHILE_OUTRUN : REST)) * (now_us - start_us);
    }
    return has_done;
}
