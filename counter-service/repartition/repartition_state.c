#include "counter-service/repartition/repartition_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/repartition/repartition_addrs.h"
#include "counter-service/repartition/repartition_guard.h"
#include "counter-service/repartition/repartition_outbox.h"
#include "counter-service/repartition/repartition_settle.h"

int repartition_state_most_partitions(const struct repartition *run)
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

/* Whom the marks let in while tally:meta says that the data are on their way: those of the new number where only the
 * switch is missing; or, by a run that could not let in all again, or where a failover has undone that tally:meta was
 * told, those of the old number. */
static int look_at_marks(struct repartition *run, const char *store)
{
    struct repartition_let_in let_in;
    const int most = repartition_state_most_partitions(run);
    if (run->mark.phase != REPARTITION_MOVE || !run->source.is_cluster) {
        return 0;
    }
    if (repartition_guard_let_in(&run->source, &run->mark, most, &let_in, run->error) != 0) {
        return -1;
    }
    const bool is_store_open = store_id_is_valid(text_of(store));
    run->lacks_switch = !run->mark.is_copy && let_in.after == most && is_store_open;
    run->was_open = !run->lacks_switch && (let_in.before > 0 || is_store_open);
    return 0;
}

/* A run before has begun. */
static int take_begun(struct repartition *run, const char *store)
{
    const bool is_copy = run->options->to != NULL;
    if (run->mark.to != run->options->partitions || run->mark.is_copy != is_copy) {
        error_set(run->error, "a repartition to %d partitions %s has begun: end it first, by --repartition %d%s",
                  run->mark.to, run->mark.is_copy ? "at another Redis" : "in place", run->mark.to,
                  run->mark.is_copy ? " --to that Redis" : "");
        return -1;
    }
    return look_at_marks(run, store);
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
    run->is_begun = repartition_mark_read(text_of(run->meta), &run->mark);
    return run->is_begun ? take_begun(run, store) : take_fresh(run, store);
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
                          strcmp(found.store_id, run->mark.store_id) == 0 && run->is_begun &&
                          run->mark.phase != REPARTITION_MOVED;
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

int repartition_state_find(struct repartition *run)
{
    return open_sites(run) == 0 && read_source(run) == 0 ? read_target(run) : -1;
}

/* ---- marks ------------------------------------------------------------------------------------------------------- */

int repartition_state_tell_mark(struct repartition *run, struct repartition_site *site)
{
    char text[REPARTITION_MARK_SIZE];
    repartition_mark_put(&run->mark, text);
    return repartition_guard_tell(site, text, text, repartition_state_most_partitions(run), run->error);
}

int repartition_state_put_meta(struct repartition *run, struct error *error)
{
    char text[REPARTITION_MARK_SIZE];
    repartition_mark_put(&run->mark, text);
    if (repartition_guard_swap(&run->source, run->meta, text, error) != 0) {
        return -1;
    }
    memcpy(run->meta, text, sizeof(run->meta));
    return 0;
}

int repartition_state_put_mark(struct repartition *run)
{
    return repartition_state_put_meta(run, run->error) == 0 ? repartition_state_tell_mark(run, &run->source) : -1;
}

int repartition_state_tell_store(struct repartition *run, struct repartition_site *site, int partitions,
                                 struct error *error)
{
    char mark[REDIS_STORE_MARK_SIZE];
    redis_store_mark_put(mark, run->mark.store_id, partitions);
    return repartition_guard_tell(site, run->mark.store_id, mark, repartition_state_most_partitions(run), error);
}

static char *meta_of(struct repartition *run, const struct repartition_site *site)
{
    return site == &run->source ? run->meta : run->target_meta;
}

int repartition_state_switch_meta(struct repartition *run, struct repartition_site *site, int partitions,
                                  struct error *error)
{
    char *meta = meta_of(run, site);
    const struct redis_meta after = redis_meta_of(partitions);
    if (repartition_guard_swap(site, meta, after.text, error) != 0) {
        return -1;
    }
    snprintf(meta, REPARTITION_MARK_SIZE, "%s", after.text);
    return 0;
}

/* tally:meta is written once more, as it stands: whoever told the marks has not written on that connection. */
int repartition_state_settle(struct repartition *run, struct repartition_site *site)
{
    const char *meta = meta_of(run, site);
    if (site == &run->source && (!site->is_cluster || run->mark.is_copy)) {
        return 0;
    }
    REPARTITION_LINE(run, "waiting until replicas and disks have what was written");
    return repartition_guard_swap(site, meta, meta, run->error) == 0
               ? repartition_settle(site, run->interrupted, &run->report, run->error)
               : -1;
}

/* ---- keep everybody out ------------------------------------------------------------------------------------------ */

/* What services had sent before they knew is over by then. */
static int wait_for_calls(struct repartition *run)
{
    const int wait_ms = run->config->counter_service.max_deadline_ms + 2 * run->config->redis.timeout_ms + 2000;
    REPARTITION_LINE(run,
                     "Redis lets nobody cut connections (CLIENT LIST, CLIENT KILL): waiting %d s for calls under way",
                     (wait_ms + 999) / 1000);
    return repartition_guard_await_calls(wait_ms, run->interrupted, run->error);
}

int repartition_state_end_calls(struct repartition *run)
{
    bool is_cut;
    return repartition_guard_cut(&run->source, &is_cut, run->error) == 0 &&
                   repartition_guard_await_leases(&run->source, run->mark.from, run->interrupted, run->error) == 0
               ? (is_cut ? 0 : wait_for_calls(run))
               : -1;
}

int repartition_state_check_waiting(struct repartition *run)
{
    uint64_t events;
    if (repartition_outbox_waiting(&run->source, run->mark.from, &events, run->error) != 0) {
        return -1;
    }
    if (events == 0) {
        return 0;
    }
    if (run->options->drops_events) {
        REPARTITION_LINE(run, "%" PRIu64 " event%s in the outbox will be dropped", events, report_plural(events));
        return 0;
    }
    error_set(run->error,
              "%" PRIu64 " event%s in the outbox, for Kafka or the rankings: let a counter-service run with them "
              "until none is left, without load, or drop them by --drop-events",
              events, events == 1 ? " waits" : "s wait");
    return -1;
}
