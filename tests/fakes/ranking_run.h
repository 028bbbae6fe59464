/* counter-verify's tasks on the rankings of a real Redis, for tests: rankings that are kept by an aggregator which is
 * driven turn by turn, and what a task printed. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_RANKING_RUN_H
#define TALLY_TESTS_FAKES_RANKING_RUN_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/prng.h"
#include "counter-service/verify/verify_options.h"
#include "tests/fakes/ranking_fixture.h"

/* A resource that no event is of. */
enum { RANKING_RUN_UNUSED = 300 };

struct ranking_run {
    struct ranking_fixture *rankings;
    struct aggregator_run *run;
    struct prng prng;
    struct verify_options options;
    char *text; /* what the last task printed */
    int code;
    struct error error;
};

/* Two hours and some minutes have events, from the middle of an hour on, ahead of the clock. */
void ranking_run_begin(struct ranking_run *run, struct store_fixture *store);
void ranking_run_end(struct ranking_run *run);
/* More events: so many entries, step_ms between two. */
void ranking_run_write(struct ranking_run *run, int count, int64_t step_ms);

typedef int (*ranking_task_fn)(const struct config *config, const struct verify_options *options, FILE *out,
                               struct error *error);
void ranking_run_task(struct ranking_run *run, ranking_task_fn task);
/* --rankings finds no difference. */
void ranking_run_check_equal(struct ranking_run *run);
/* It finds some. piece: of what is printed. count: of differences; 0: any. */
void ranking_run_check_tells(struct ranking_run *run, const char *piece, int count);

/* REDIS_ASK of the run's Redis. */
#define RANKING_RUN_ASK(run, ...) REDIS_ASK((run)->rankings->store->redis, __VA_ARGS__)

#endif
