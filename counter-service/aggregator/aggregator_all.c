#include "counter-service/aggregator/aggregator_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"

enum {
    /* An instance that dies is succeeded within so long. */
    LEASE_MS = 10 * 1000,
};

/* ---- the followers' consumer ---- */

static void drop_runs(struct aggregator_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        aggregator_run_done(&runs[i]);
    }
    free(runs);
}

static int begin(void *ctx, struct outbox_member *members, size_t count, struct error *error)
{
    struct aggregator_all *all = ctx;
    struct aggregator_run *runs = calloc(count, sizeof(*runs));
    if (runs == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (aggregator_run_init(&runs[i], all->config, &all->shared, &members[i], error) != 0) {
            drop_runs(runs, i);
            return -1;
        }
    }
    all->shared.partitions = count;
    all->runs = runs;
    return 0;
}

static struct outbox_wish wish(void *ctx, size_t i)
{
    const struct aggregator_all *all = ctx;
    return aggregator_run_wish(&all->runs[i], outbox_set_idle_ms(&all->set));
}

static bool may_leave(void *ctx, size_t i)
{
    const struct aggregator_all *all = ctx;
    return !aggregator_run_is_amid(&all->runs[i]);
}

static void stepped(void *ctx, size_t i, bool restarted)
{
    const struct aggregator_all *all = ctx;
    aggregator_run_stepped(&all->runs[i], restarted);
}

static void lost(void *ctx, size_t i)
{
    const struct aggregator_all *all = ctx;
    aggregator_run_lost(&all->runs[i]);
}

static void failed(void *ctx)
{
    const struct aggregator_all *all = ctx;
    metrics_add(all->shared.metrics.restarts, 1);
}

/* ---- init ---- */

void aggregator_all_init(struct aggregator_all *all, const struct config *config, struct topology *topology)
{
    *all = (struct aggregator_all){.config = config, .shared = {.metrics = aggregator_metrics_register()}};
    const struct outbox_set_consumer consumer = {
        .ctx = all,
        .component = "rankings",
        .failure = "not kept",
        .name = outbox_consumer_rankings,
        .lease_ms = LEASE_MS,
        .begin = begin,
        .wish = wish,
        .may_leave = may_leave,
        .stepped = stepped,
        .lost = lost,
        .failed = failed,
    };
    ranking_work_init(&all->shared.work);
    outbox_set_init(&all->set, config, topology, &consumer);
}

void aggregator_all_done(struct aggregator_all *all)
{
    drop_runs(all->runs, all->set.count);
    ranking_work_done(&all->shared.work);
    outbox_set_done(&all->set);
}

/* ---- turns ---- */

/* Returns how long the thread may sleep for this partition. */
static int turn_of(struct aggregator_all *all, size_t i, int pause_ms)
{
    struct aggregator_run *run = &all->runs[i];
    const bool waits = run->member->step_us == 0 || run->member->retry_us > clock_monotonic_us();
    run->conn = outbox_set_conn(&all->set, i);
    if (run->conn == NULL || waits) {
        return pause_ms;
    }
    const int own_ms = aggregator_run_work(run);
    if (own_ms < 0) {
        outbox_set_fail(&all->set, i, &run->trouble);
        run->conn = NULL;
        return pause_ms;
    }
    outbox_set_well(&all->set, i);
    return own_ms < pause_ms ? own_ms : pause_ms;
}

int aggregator_all_turn(struct aggregator_all *all)
{
    outbox_set_turn(&all->set);
    int pause_ms = outbox_set_pause_ms(&all->set);
    for (size_t k = 0; k < all->set.count; k++) {
        pause_ms = turn_of(all, (all->first + k) % all->set.count, pause_ms);
    }
    all->first = all->set.count > 0 ? (all->first + 1) % all->set.count : 0;
    return pause_ms;
}

void aggregator_all_finish(struct aggregator_all *all)
{
    for (size_t i = 0; i < all->set.count; i++) {
        struct aggregator_run *run = &all->runs[i];
        run->conn = outbox_set_conn(&all->set, i);
        if (run->conn != NULL && aggregator_run_finish(run) != 0) {
            outbox_set_fail(&all->set, i, &run->trouble);
        }
    }
    outbox_set_release(&all->set);
}

/* ---- what is known ---- */

static void tell_trouble(const struct aggregator_all *all, char *out, size_t size)
{
    outbox_set_tell_trouble(&all->set, out, size);
    for (size_t i = 0; i < all->set.count && out[0] == '\0'; i++) {
        snprintf(out, size, "%s", all->runs[i].difference.message);
    }
}

void aggregator_all_state(const struct aggregator_all *all, struct aggregator_state *ret_state)
{
    *ret_state = (struct aggregator_state){
        .role = all->set.led > 0 ? AGGREGATOR_LEADS : AGGREGATOR_STANDS_BY,
        .partitions = all->set.count,
        .led = all->set.led,
        .waiting = outbox_set_waiting(&all->set),
        .lag_ms = outbox_set_lag_ms(&all->set),
    };
    for (size_t i = 0; i < all->set.count; i++) {
        ret_state->incomplete_count += aggregator_run_incomplete(&all->runs[i]);
    }
    tell_trouble(all, ret_state->trouble, sizeof(ret_state->trouble));
}
