#include "counter-service/repartition/repartition.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/repartition/repartition_addrs.h"
#include "counter-service/repartition/repartition_count.h"
#include "counter-service/repartition/repartition_guard.h"
#include "counter-service/repartition/repartition_mark.h"
#include "counter-service/repartition/repartition_move.h"
#include "counter-service/repartition/repartition_outbox.h"
#include "counter-service/repartition/repartition_settle.h"
#include "counter-service/repartition/repartition_site.h"
#include "counter-service/verify/report.h"

struct repartition {
    const struct config *config;
    const struct verify_options *options;
    struct report report;
    struct error *error;
    struct repartition_site source;
    struct repartition_site other; /* with --to */
    struct repartition_site *target;
    struct repartition_mark mark;
    char meta[REPARTITION_MARK_SIZE];        /* what the source's tally:meta holds */
    char target_meta[REPARTITION_MARK_SIZE]; /* the same of another target */
    bool is_done;                            /* by a run before */
    bool is_switched;                        /* tally:meta, by this run */
};

static volatile sig_atomic_t interrupted;

static void note_signal(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

#define LINE(run, ...) \
    do { \
        report_line(&(run)->report, __VA_ARGS__); \
        fflush((run)->report.out); \
    } while (0)

static int most_partitions(const struct repartition *run)
{
    return run->mark.from > run->mark.to ? run->mark.from : run->mark.to;
}

/* ---- what there is ----------------------------------------------------------------------------------------------- */

/* The data are whole, and in use. A node of a cluster may have lost the last that it was told. */
static int take_fresh(struct repartition *run, const char *store)
{
    struct repartition_mark last;
    if (repartition_mark_read(text_of(store), &last)) {
        store = last.store_id;
    }
    if (redis_meta_read(text_of(run->meta), 0, &run->mark.from, run->error) != 0 ||
        redis_store_id_read(text_of(store), run->mark.store_id, run->error) != 0) {
        return -1;
    }
    run->mark.to = run->options->partitions;
    run->mark.is_copy = run->options->to != NULL;
    run->mark.phase = REPARTITION_CHECK;
    run->is_done = !run->mark.is_copy && run->mark.from == run->mark.to;
    return 0;
}

/* A run before has begun. */
static int take_begun(struct repartition *run)
{
    const bool is_copy = run->options->to != NULL;
    if (run->mark.to != run->options->partitions || run->mark.is_copy != is_copy) {
        error_set(run->error, "a repartition to %d partitions %s has begun: end it first, by --repartition %d%s",
                  run->mark.to, run->mark.is_copy ? "at another Redis" : "in place", run->mark.to,
                  run->mark.is_copy ? " --to that Redis" : "");
        return -1;
    }
    return 0;
}

static int read_source(struct repartition *run)
{
    char store[REPARTITION_MARK_SIZE];
    if (repartition_guard_read(&run->source, run->meta, store, run->error) != 0) {
        return -1;
    }
    if (run->meta[0] == '\0') {
        error_set(run->error, "Redis has no key tally:meta: Tally has never used this Redis, or not this redis.db of "
                              "it");
        return -1;
    }
    return repartition_mark_read(text_of(run->meta), &run->mark) ? take_begun(run) : take_fresh(run, store);
}

/* Another target is empty, or what a run before has begun or ended. */
static int read_target(struct repartition *run)
{
    char store[REPARTITION_MARK_SIZE];
    struct repartition_mark found;
    if (!run->mark.is_copy) {
        return 0;
    }
    if (repartition_guard_read(&run->other, run->target_meta, store, run->error) != 0) {
        return -1;
    }
    const bool is_begun = repartition_mark_read(text_of(run->target_meta), &found) && found.to == run->mark.to &&
                          found.is_copy && found.phase == REPARTITION_CHECK &&
                          strcmp(found.store_id, run->mark.store_id) == 0 && run->mark.phase == REPARTITION_MOVE;
    const bool is_ended = strcmp(run->target_meta, redis_meta_of(run->mark.to).text) == 0 &&
                          strcmp(store, run->mark.store_id) == 0 && run->mark.phase != REPARTITION_CHECK;
    if (run->target_meta[0] != '\0' && !is_begun && !is_ended) {
        error_set(run->error, "the Redis of --to holds data of its own: its key tally:meta is \"%s\"",
                  redis_quote(text_of(run->target_meta)).text);
        return -1;
    }
    if (run->mark.phase == REPARTITION_MOVED && !is_ended) {
        error_set(run->error, "the data were moved to another Redis than that of --to");
        return -1;
    }
    run->is_done = is_ended;
    return 0;
}

static int open_sites(struct repartition *run)
{
    const struct config *config = run->config;
    run->target = &run->source;
    if (repartition_site_open(&run->source, config, config->redis.addrs, config->redis.addr_count, run->error) != 0) {
        return -1;
    }
    if (run->options->to == NULL) {
        return 0;
    }
    struct repartition_addrs addrs;
    if (repartition_addrs_read(&addrs, run->options->to, run->error) != 0) {
        return -1;
    }
    run->target = &run->other;
    const int result = repartition_site_open(&run->other, config, addrs.all, addrs.count, run->error);
    repartition_addrs_done(&addrs);
    return result;
}

/* ---- keep everybody out ------------------------------------------------------------------------------------------ */

static int check_waiting(struct repartition *run)
{
    uint64_t events;
    if (repartition_outbox_waiting(&run->source, run->mark.from, &events, run->error) != 0) {
        return -1;
    }
    if (events == 0) {
        return 0;
    }
    if (run->options->drops_events) {
        LINE(run, "%" PRIu64 " event%s in the outbox will be dropped", events, report_plural(events));
        return 0;
    }
    error_set(run->error,
              "%" PRIu64 " event%s in the outbox, for Kafka or the rankings: let a counter-service run with them "
              "until none is left, without load, or drop them by --drop-events",
              events, events == 1 ? " waits" : "s wait");
    return -1;
}

/* All that tell whose the data are say the text. */
static int tell_mark(struct repartition *run, struct repartition_site *site)
{
    char text[REPARTITION_MARK_SIZE];
    repartition_mark_put(&run->mark, text);
    return repartition_guard_tell(site, text, text, most_partitions(run), run->error);
}

/* Moves the source on to the mark. */
static int put_mark(struct repartition *run)
{
    char text[REPARTITION_MARK_SIZE];
    repartition_mark_put(&run->mark, text);
    if (repartition_guard_swap(&run->source, run->meta, text, run->error) != 0) {
        return -1;
    }
    memcpy(run->meta, text, sizeof(run->meta));
    return tell_mark(run, &run->source);
}

static int tell_store(struct repartition *run, struct repartition_site *site, int partitions, struct error *error)
{
    char mark[REDIS_STORE_MARK_SIZE];
    redis_store_mark_put(mark, run->mark.store_id, partitions);
    return repartition_guard_tell(site, run->mark.store_id, mark, most_partitions(run), error);
}

/* The data serve with so many partitions from now on; tally:meta says so last. */
static int open_data(struct repartition *run, struct repartition_site *site, const char *meta, int partitions,
                     struct error *error)
{
    return tell_store(run, site, partitions, error) == 0
               ? repartition_guard_swap(site, meta, redis_meta_of(partitions).text, error)
               : -1;
}

/* What was told before has gone to every master. Within one Redis nothing is on its own: it loses what came last. */
static int settle(struct repartition *run)
{
    if (!run->source.is_cluster || run->mark.is_copy) {
        return 0;
    }
    LINE(run, "waiting until replicas and disks have what was written");
    return repartition_settle(&run->source, &interrupted, &run->report, run->error);
}

/* What services had sent before they knew is over by then. */
static int wait_for_calls(struct repartition *run)
{
    const int wait_ms = run->config->counter_service.max_deadline_ms + 2 * run->config->redis.timeout_ms + 2000;
    LINE(run, "Redis lets nobody cut connections (CLIENT LIST, CLIENT KILL): waiting %d s for calls under way",
         (wait_ms + 999) / 1000);
    return repartition_guard_await_calls(wait_ms, &interrupted, run->error);
}

static int keep_out(struct repartition *run)
{
    bool is_cut;
    return put_mark(run) == 0 && repartition_guard_cut(&run->source, &is_cut, run->error) == 0 &&
                   repartition_guard_await_leases(&run->source, run->mark.from, &interrupted, run->error) == 0 &&
                   (is_cut || wait_for_calls(run) == 0)
               ? check_waiting(run)
               : -1;
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
    if (tell_mark(run, &run->source) != 0 || settle(run) != 0 || repartition_move_drop(move, run->error) != 0) {
        return -1;
    }
    LINE(run, "%" PRIu64 " key%s deleted where %s", move->dropped, report_plural(move->dropped),
         move->dropped == 1 ? "it was" : "they were");
    return 0;
}

static int begin_outboxes(struct repartition *run)
{
    struct repartition_outbox_end end;
    const int limit = run->mark.is_copy ? run->mark.to : most_partitions(run);
    return repartition_outbox_end(&run->source, run->mark.is_copy ? run->mark.from : limit, &end, run->error) == 0
               ? repartition_outbox_begin(run->target, run->mark.to, limit, &end, run->error)
               : -1;
}

/* VERIFY_EQUAL, VERIFY_DIFFERENT or VERIFY_FAILED. */
static int move(struct repartition *run)
{
    struct repartition_move move;
    if (run->mark.is_copy && (mark_target(run) != 0 || tell_mark(run, &run->other) != 0)) {
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
    return put_mark(run);
}

static int switch_over(struct repartition *run)
{
    const char *meta = run->mark.is_copy ? run->target_meta : run->meta;
    if (open_data(run, run->target, meta, run->mark.to, run->error) != 0 ||
        (run->mark.is_copy && close_source(run) != 0)) {
        return -1;
    }
    run->is_switched = true;
    if (settle(run) != 0) {
        return -1;
    }
    LINE(run, "rankings begin anew: \"all\" is filled from the counters, other windows count from now on");
    LINE(run, "done: %d partition%s%s%s", run->mark.to, run->mark.to == 1 ? "" : "s",
         run->mark.is_copy ? "; set redis.addr to " : "", run->mark.is_copy ? run->options->to : "");
    return 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* Before anything is copied, the mark is where no failover takes it away. */
static int begin_move(struct repartition *run)
{
    run->mark.phase = REPARTITION_MOVE;
    return put_mark(run) == 0 ? settle(run) : -1;
}

/* Until anything was moved, whatever ends the run lets the services go on as before. */
static int prepare(struct repartition *run)
{
    struct error ignored;
    if (run->mark.phase != REPARTITION_CHECK) {
        return 0;
    }
    const bool is_fresh = strcmp(run->meta, redis_meta_of(run->mark.from).text) == 0;
    if ((is_fresh && check_waiting(run) != 0) || (run->mark.is_copy && check_target_empty(run) != 0)) {
        return -1;
    }
    LINE(run, "all services are kept out: they are NOT_SERVING until this is done");
    if (keep_out(run) == 0 && count_before(run) == 0 && begin_move(run) == 0) {
        return 0;
    }
    const bool is_marked = strcmp(run->meta, redis_meta_of(run->mark.from).text) != 0;
    if (is_marked && repartition_site_reopen(&run->source, &ignored) == 0 &&
        open_data(run, &run->source, run->meta, run->mark.from, &ignored) == 0) {
        run->mark.phase = REPARTITION_CHECK;
        LINE(run, "nothing was moved, and the services go on");
    }
    return -1;
}

/* Where a Redis Cluster has lost what a run told last, it is told again. */
static int tell_done(struct repartition *run)
{
    if (run->source.is_cluster && !run->mark.is_copy &&
        (tell_store(run, &run->source, run->mark.to, run->error) != 0 || settle(run) != 0)) {
        return VERIFY_FAILED;
    }
    if (run->mark.is_copy && run->mark.phase == REPARTITION_MOVE && close_source(run) != 0) {
        return VERIFY_FAILED;
    }
    LINE(run, "done before: %d partition%s", run->mark.to, run->mark.to == 1 ? "" : "s");
    return VERIFY_EQUAL;
}

static int work(struct repartition *run)
{
    if (open_sites(run) != 0 || read_source(run) != 0 || read_target(run) != 0) {
        return VERIFY_FAILED;
    }
    LINE(run, "store %s: from %d to %d partitions, %s%s", run->mark.store_id, run->mark.from, run->mark.to,
         run->mark.is_copy ? "to " : "in place", run->mark.is_copy ? run->options->to : "");
    if (run->is_done) {
        return tell_done(run);
    }
    if (prepare(run) != 0) {
        return VERIFY_FAILED;
    }
    assert(run->mark.phase == REPARTITION_MOVE);
    const int code = move(run);
    return code != VERIFY_EQUAL || switch_over(run) == 0 ? code : VERIFY_FAILED;
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
