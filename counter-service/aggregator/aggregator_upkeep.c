#include "counter-service/aggregator/aggregator_upkeep.h"

#include "common/base/clock.h"
#include "counter-service/aggregator/aggregator_count.h"

enum {
    /* Without anything to write: that nobody else has written is looked at so often. */
    CONFIRM_MS = 1000,
    /* Redis is left alone for so many times as long as a step of upkeep took. */
    REST = 2,
};

/* Nothing was to be written. What would have refused that is asked for now and then. */
static int confirm(struct aggregator_run *run)
{
    const int64_t now_us = clock_monotonic_us();
    if (now_us < run->confirm_us) {
        return 0;
    }
    run->confirm_us = now_us + (int64_t)CONFIRM_MS * 1000;
    return ranking_txn_confirm(&run->work.txn, &run->state, &run->conn, &run->trouble);
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

int aggregator_upkeep(struct aggregator_run *run)
{
    const int64_t start_us = clock_monotonic_us();
    if (start_us < run->upkeep_us && !is_outrun(run)) {
        return 0;
    }
    const int released = ranking_release_step(&run->release, &run->state, &run->work, &run->conn, &run->trouble);
    if (released < 0) {
        return -1;
    }
    const int scanned = ranking_scan_step(&run->scan, &run->state, &run->work, &run->conn,
                                          aggregator_has_counted_all(run) ? run->step_us : 0, &run->trouble);
    if (scanned < 0 || (released == 0 && scanned == 0 && confirm(run) != 0)) {
        return -1;
    }
    const int64_t end_us = clock_monotonic_us();
    const bool has_done = released > 0 || scanned > 0;
    run->upkeep_us = has_done ? end_us + REST * (end_us - start_us) : end_us;
    return has_done;
}
