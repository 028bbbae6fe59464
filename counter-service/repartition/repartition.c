#include "counter-service/repartition/repartition.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/redis/redis_checks.h"
#include "counter-service/repartition/repartition_count.h"
#include "counter-service/repartition/repartition_guard.h"
#include "counter-service/repartition/repartition_move.h"
#include "counter-service/repartition/repartition_outbox.h"
#include "counter-service/repartition/repartition_state.h"

#define LINE REPARTITION_LINE

static volatile sig_atomic_t interrupted;

static void note_signal(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* ---- count ------------------------------------------------------------------------------------------------------- */

static int count_before(struct repartition *run)
{
    struct repartition_count count = {
        .site = &run->source,
        .partitions = run->mark.from,
        .drops_sessions = true,
        .interrupted = &interrupted,
        .misplaced_in = run->mark.is_copy ? 0 : run->mark.to,
    };
    if (repartition_count(&count, run->error) != 0) {
        return -1;
    }
    if (count.misplaced_key[0] != '\0') {
        error_set(run->error,
                  "key %s is in a partition that its resource is not in now, and would be in then: nobody reads it. "
                  "Delete or rename it first",
                  count.misplaced_key);
        return -1;
    }
    LINE(run, "%" PRIu64 " counters of %" PRIu64 " resources, check %016" PRIx64 "; %" PRIu64 " session%s ended",
         count.totals.counters, count.totals.resources, count.totals.check, count.sessions,
         report_plural(count.sessions));
    if (count.misplaced > 0) {
        LINE(run, "%" PRIu64 " key%s in a partition that %s resource is not in: nobody reads %s, left as %s",
             count.misplaced, count.misplaced == 1 ? " is" : "s are", count.misplaced == 1 ? "its" : "their",
             count.misplaced == 1 ? "it" : "them", count.misplaced == 1 ? "it is" : "they are");
    }
    run->mark.totals = count.totals;
    return 0;
}

/* VERIFY_EQUAL, VERIFY_DIFFERENT or VERIFY_FAILED. */
static int count_after(struct repartition *run)
{
    struct repartition_count count = {.site = run->target, .partitions = run->mark.to, .interrupted = &interrupted};
    const struct repartition_totals *before = &run->mark.totals;
    if (repartition_count(&count, run->error) != 0) {
        return VERIFY_FAILED;
    }
    if (!repartition_totals_equal(&count.totals, before)) {
        LINE(run,
             "the counters differ: before %" PRIu64 " of %" PRIu64 " resources, check %016" PRIx64 ", now %" PRIu64
             " of %" PRIu64 ", check %016" PRIx64 ": tally:meta is not switched, and no service starts",
             before->counters, before->resources, before->check, count.totals.counters, count.totals.resources,
             count.totals.check);
        return VERIFY_DIFFERENT;
    }
    LINE(run, "the same counters are in their new partitions");
    return VERIFY_EQUAL;
}

/* ---- move -------------------------------------------------------------------------------------------------------- */

/* Nothing of Tally's may be where the data are to come. */
static int check_target_empty(struct repartition *run)
{
    struct repartition_count count = {.site = &run->other, .partitions = 1, .interrupted = &interrupted};
    if (repartition_count(&count, run->error) != 0) {
        return -1;
    }
    if (count.totals.resources > 0 || count.misplaced > 0) {
        error_set(run->error, "the Redis of --to has no key tally:meta, but it has counters of Tally: empty it first");
        return -1;
    }
    return 0;
}

/* So that nobody takes the target for an empty one. */
static int mark_target(struct repartition *run)
{
    struct repartition_mark mark = run->mark;
    mark.phase = REPARTITION_CHECK;
    mark.totals = (struct repartition_totals){.resources = 0};
    char text[REPARTITION_MARK_SIZE];
    repartition_mark_put(&mark, text);
    if (strcmp(run->target_meta, text) == 0) {
        return 0;
    }
    if (repartition_guard_swap(&run->other, run->target_meta, text, run->error) != 0) {
        return -1;
    }
    memcpy(run->target_meta, text, sizeof(text));
    return 0;
}

static int move_all(struct repartition *run, struct repartition_move *move)
{
    *move = (struct repartition_move){
        .from = &run->source,
        .to = run->target,
        .partitions_from = run->mark.from,
        .partitions_to = run->mark.to,
        .interrupted = &interrupted,
        .report = &run->report,
    };
    if (repartition_move(move, run->error) != 0) {
        return -1;
    }
    LINE(run, "%" PRIu64 " resources and %" PRIu64 " idempotency records %s", move->resources, move->records,
         run->mark.is_copy || move->copies > 0 ? "copied" : "moved");
    return 0;
}

/* What is copied to another node of the cluster must be kept there before it is deleted here. */
static int drop_copied(struct repartition *run, struct repartition_move *move)
{
    if (move->copies == 0) {
        return 0;
    }
    if (repartition_state_tell_mark(run, &run->source) != 0 || repartition_state_settle(run, &run->source) != 0 ||
        repartition_move_drop(move, run->error) != 0) {
        return -1;
    }
    LINE(run, "%" PRIu64 " key%s deleted where %s", move->dropped, report_plural(move->dropped),
         move->dropped == 1 ? "it was" : "they were");
    return 0;
}

static int begin_outboxes(struct repartition *run)
{
    struct repartition_outbox_end end;
    const int limit = run->mark.is_copy ? run->mark.to : repartition_state_most_partitions(run);
    return repartition_outbox_end(&run->source, run->mark.is_copy ? run->mark.from : limit, &end, run->error) == 0
               ? repartition_outbox_begin(run->target, run->mark.to, limit, &end, run->error)
               : -1;
}

/* VERIFY_EQUAL, VERIFY_DIFFERENT or VERIFY_FAILED. */
static int move(struct repartition *run)
{
    struct repartition_move move;
    if (run->mark.is_copy && (mark_target(run) != 0 || repartition_state_tell_mark(run, &run->other) != 0)) {
        return VERIFY_FAILED;
    }
    if (move_all(run, &move) != 0 || begin_outboxes(run) != 0) {
        return VERIFY_FAILED;
    }
    const int code = count_after(run);
    return code != VERIFY_EQUAL || drop_copied(run, &move) == 0 ? code : VERIFY_FAILED;
}

/* ---- switch ------------------------------------------------------------------------------------------------------ */

static int close_source(struct repartition *run)
{
    run->mark.phase = REPARTITION_MOVED;
    return repartition_state_put_mark(run);
}

/* What lets services in is told where no failover takes it away before tally:meta is switched, which a run that goes on
 * relies on; and the source of a copy is closed when nothing of the target can be lost any more. */
static int switch_over(struct repartition *run)
{
    struct repartition_site *target = run->target;
    if (repartition_state_tell_store(run, target, run->mark.to, run->error) != 0 ||
        repartition_state_settle(run, target) != 0 ||
        repartition_state_switch_meta(run, target, run->mark.to, run->error) != 0) {
        return -1;
    }
    run->is_switched = true;
    if (repartition_state_settle(run, target) != 0 || (run->mark.is_copy && close_source(run) != 0)) {
        return -1;
    }
    LINE(run, "rankings begin anew: \"all\" is filled from the counters, other windows count from now on");
    LINE(run, "done: %d partition%s%s%s", run->mark.to, run->mark.to == 1 ? "" : "s",
         run->mark.is_copy ? "; set redis.addr to " : "", run->mark.is_copy ? run->options->to : "");
    return 0;
}

/* ---- begin ------------------------------------------------------------------------------------------------------- */

static int keep_out(struct repartition *run)
{
    return repartition_state_put_mark(run) == 0 && repartition_state_end_calls(run) == 0
               ? repartition_state_check_waiting(run)
               : -1;
}

/* Before anything is copied, the mark is where no failover takes it away. */
static int begin_move(struct repartition *run)
{
    run->mark.phase = REPARTITION_MOVE;
    return repartition_state_put_mark(run) == 0 ? repartition_state_settle(run, &run->source) : -1;
}

static void back_to_check(struct repartition *run)
{
    run->mark.phase = REPARTITION_CHECK;
    run->mark.totals = (struct repartition_totals){.resources = 0};
}

/* Nothing was moved: the services go on as before. tally:meta says so first, so that the next run counts anew whatever
 * becomes of this one. */
static void let_in_again(struct repartition *run)
{
    struct error why;
    back_to_check(run);
    if (repartition_site_reopen(&run->source, &why) == 0 && repartition_state_put_meta(run, &why) == 0 &&
        repartition_state_tell_store(run, &run->source, run->mark.from, &why) == 0 &&
        repartition_state_switch_meta(run, &run->source, run->mark.from, &why) == 0) {
        LINE(run, "nothing was moved, and the services go on");
    } else {
        LINE(run, "nothing was moved, but not all services can go on: run the same again (%s)", why.message);
    }
}

/* Whether the run before has moved or copied something within the source: then only its counts are of all counters. */
static int find_moved(struct repartition *run, bool *ret_is_moved)
{
    struct repartition_count count = {.site = &run->source,
                                      .partitions = run->mark.from,
                                      .interrupted = &interrupted,
                                      .misplaced_in = run->mark.is_copy ? 0 : run->mark.to};
    const int result = repartition_count(&count, run->error);
    *ret_is_moved = count.misplaced_key[0] != '\0';
    return result;
}

/* Goes on with a run that was ended while it moved. Where somebody was let in since, the counts before are none: it
 * goes back to where nothing is counted yet, if nothing is moved. If something is, the counts at the end are to tell
 * whether somebody has counted. */
static int go_on(struct repartition *run)
{
    bool is_moved;
    if (run->was_open) {
        if (find_moved(run, &is_moved) != 0) {
            return -1;
        }
        if (!is_moved) {
            back_to_check(run);
            return 0;
        }
        if (repartition_state_check_waiting(run) != 0) {
            return -1;
        }
    }
    return repartition_state_tell_mark(run, &run->source) == 0 && repartition_state_end_calls(run) == 0
               ? repartition_state_settle(run, &run->source)
               : -1;
}

/* Until anything was moved, whatever ends the run lets the services go on as before. */
static int prepare(struct repartition *run)
{
    if (run->mark.phase == REPARTITION_MOVE && go_on(run) != 0) {
        return -1;
    }
    if (run->mark.phase != REPARTITION_CHECK) {
        return 0;
    }
    if ((!run->is_begun && repartition_state_check_waiting(run) != 0) ||
        (run->mark.is_copy && run->target_meta[0] == '\0' && check_target_empty(run) != 0)) {
        return -1;
    }
    LINE(run, "all services are kept out: they are NOT_SERVING until this is done");
    if (keep_out(run) == 0 && count_before(run) == 0 && begin_move(run) == 0) {
        return 0;
    }
    if (strcmp(run->meta, redis_meta_of(run->mark.from).text) != 0) {
        let_in_again(run);
    }
    return -1;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* What a run told last may be lost, and is told again: in a Redis Cluster; or at another Redis, before the source is
 * closed, after which there is no way back to it. */
static int tell_done(struct repartition *run)
{
    const bool is_open = run->mark.is_copy && run->mark.phase == REPARTITION_MOVE;
    const bool is_told = run->mark.is_copy ? is_open : run->source.is_cluster;
    if (is_told && (repartition_state_tell_store(run, run->target, run->mark.to, run->error) != 0 ||
                    repartition_state_settle(run, run->target) != 0)) {
        return VERIFY_FAILED;
    }
    if (is_open && close_source(run) != 0) {
        return VERIFY_FAILED;
    }
    LINE(run, "done before: %d partition%s", run->mark.to, run->mark.to == 1 ? "" : "s");
    return VERIFY_EQUAL;
}

static int work(struct repartition *run)
{
    if (repartition_state_find(run) != 0) {
        return VERIFY_FAILED;
    }
    LINE(run, "store %s: from %d to %d partitions, %s%s", run->mark.store_id, run->mark.from, run->mark.to,
         run->mark.is_copy ? "to " : "in place", run->mark.is_copy ? run->options->to : "");
    if (run->is_done) {
        return tell_done(run);
    }
    if (!run->lacks_switch) {
        if (prepare(run) != 0) {
            return VERIFY_FAILED;
        }
        assert(run->mark.phase == REPARTITION_MOVE);
        const int code = move(run);
        if (code != VERIFY_EQUAL) {
            return code;
        }
    }
    return switch_over(run) == 0 ? VERIFY_EQUAL : VERIFY_FAILED;
}

int repartition_run(const struct config *config, const struct verify_options *options, FILE *out, struct error *error)
{
    struct repartition *run = calloc(1, sizeof(*run));
    const struct sigaction action = {.sa_handler = note_signal};
    if (run == NULL) {
        error_set(error, "out of memory");
        return VERIFY_FAILED;
    }
    interrupted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    run->config = config;
    run->options = options;
    run->report = (struct report){.out = out};
    run->interrupted = &interrupted;
    run->error = error;
    const int code = work(run);
    if (code == VERIFY_FAILED && run->is_switched) {
        report_line(&run->report, "the data are switched, but may not outlive a master: run the same again before any "
                                  "service starts");
    } else if (code == VERIFY_FAILED && run->mark.phase == REPARTITION_MOVE) {
        report_line(&run->report,
                    "not done: run the same again, which goes on from here; until then no service starts");
    }
    repartition_site_close(&run->source);
    repartition_site_close(&run->other);
    free(run);
    return code;
}
