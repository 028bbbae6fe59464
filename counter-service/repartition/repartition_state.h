/* What a run of counter-verify --repartition knows, and what it tells all who look whose the data are. Owned by one
 * thread. Functions return 0, or -1 with run->error, or the given one, filled. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_STATE_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_STATE_H

#include <signal.h>
#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/repartition/repartition_mark.h"
#include "counter-service/repartition/repartition_site.h"
#include "counter-service/verify/report.h"
#include "counter-service/verify/verify_options.h"

struct repartition {
    const struct config *config;
    const struct verify_options *options;
    const volatile sig_atomic_t *interrupted;
    struct report report;
    struct error *error;
    struct repartition_site source;
    struct repartition_site other; /* with --to */
    struct repartition_site *target;
    struct repartition_mark mark;
    char meta[REPARTITION_MARK_SIZE];        /* what the source's tally:meta holds */
    char target_meta[REPARTITION_MARK_SIZE]; /* the same of another target */
    bool is_begun;                           /* by a run before */
    bool is_done;                            /* by a run before */
    bool lacks_switch;                       /* of a run before: all but tally:meta is as it is to be */
    bool was_open;                           /* since the mark says "move", to services as before */
    bool is_switched;                        /* tally:meta, by this run */
};

#define REPARTITION_LINE(run, ...) \
    do { \
        report_line(&(run)->report, __VA_ARGS__); \
        fflush((run)->report.out); \
    } while (0)

int repartition_state_most_partitions(const struct repartition *run);

/* Opens the sites, and reads what a run before has done. */
int repartition_state_find(struct repartition *run) MUST_CHECK;

/* All that tell whose the data are say the mark. */
int repartition_state_tell_mark(struct repartition *run, struct repartition_site *site) MUST_CHECK;
/* tally:meta of the source, from what it holds to the mark. */
int repartition_state_put_meta(struct repartition *run, struct error *error) MUST_CHECK;
/* Both. */
int repartition_state_put_mark(struct repartition *run) MUST_CHECK;

/* The data serve with so many partitions from now on: the marks say so first, tally:meta last. */
int repartition_state_tell_store(struct repartition *run, struct repartition_site *site, int partitions,
                                 struct error *error) MUST_CHECK;
int repartition_state_switch_meta(struct repartition *run, struct repartition_site *site, int partitions,
                                  struct error *error) MUST_CHECK;

/* Waits until what the site was told before, by one of the two that tell marks, outlives each of its masters. Within
 * one Redis nothing is on its own, as it loses what came last: there it does nothing, nor at the source of a copy. */
int repartition_state_settle(struct repartition *run, struct repartition_site *site) MUST_CHECK;

/* After the mark was told: what was sent by those who did not know it is over. */
int repartition_state_end_calls(struct repartition *run) MUST_CHECK;
/* Fails if events wait in the outbox, and may not be dropped. */
int repartition_state_check_waiting(struct repartition *run) MUST_CHECK;

#endif
