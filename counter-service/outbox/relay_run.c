#include "counter-service/outbox/relay_run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "counter-service/outbox/relay_kafka.h"

enum {
    /* An instance that dies is succeeded within so long. Longer than what a turn usually waits for; one that loses its
     * lease meanwhile only repeats events. */
    LEASE_MS = 10 * 1000,
    /* Events that wait for so long on another instance are worth a word. */
    STUCK_MS = 30 * 1000,
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2000,
    /* A partition reads so many events ahead, or its share of the window if that is more. */
    AHEAD_MIN = 250,
};

/* ---- when Kafka fails ---- */

void relay_run_wait(struct relay_run *run)
{
    uint64_t count;
    if (log_limiter_allows(&run->limiter, clock_monotonic_us(), &count)) {
        log_warn("events", "not published", LOG_STR("reason", run->trouble.message), LOG_INT("count", count));
    }
    run->retry_us = clock_monotonic_us() + (int64_t)backoff_next_ms(&run->backoff) * 1000;
}

/* What it had of partitions whose followers go on is not theirs any more. */
static void drop_producer(struct relay_run *run)
{
    kafka_producer_free(run->producer);
    run->producer = NULL;
    run->topic_is_there = false;
    run->open = 0;
}

/* What was handed to Kafka and not acknowledged is read and sent again. The producer's tags point into it, so it goes
 * first. */
static void start_over(struct relay_run *run)
{
    drop_producer(run);
    outbox_set_restart(&run->set);
    outbox_orphans_free(&run->orphans);
}

void relay_run_fail(struct relay_run *run)
{
    metrics_add(run->metrics.restarts, 1);
    start_over(run);
    relay_run_wait(run);
    assert(run->producer == NULL && run->open == 0);
}

void relay_run_recover(struct relay_run *run)
{
    if (run->retry_us != 0) {
        if (run->trouble.message[0] != '\0') {
            log_info("events", "well again");
        }
        run->retry_us = 0;
        run->trouble.message[0] = '\0';
        run->limiter = (struct log_limiter){0};
        backoff_reset(&run->backoff);
    }
}

/* ---- the followers' consumer ---- */

static int begin(void *ctx, struct outbox_member *members, size_t count, struct error *error)
{
    (void)members;
    struct relay_run *run = ctx;
    run->partitions = calloc(count, sizeof(*run->partitions));
    if (run->partitions == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        run->partitions[i].moved_us = clock_monotonic_us();
    }
    return 0;
}

static size_t room(const struct relay_run *run)
{
    return run->open < RELAY_WINDOW ? RELAY_WINDOW - run->open : 0;
}

/* Those that are led read ahead together about as much as the window holds. */
static size_t ahead_of(const struct relay_run *run)
{
    const size_t share = RELAY_WINDOW / (run->set.led > 0 ? run->set.led : 1);
    const size_t ahead = share < AHEAD_MIN ? AHEAD_MIN : share;
    return room(run) < ahead ? room(run) : ahead;
}

/* Reads as fast as Kafka takes it; else now and then, to keep the lease and to tell what is done. */
static struct outbox_wish wish(void *ctx, size_t i)
{
    const struct relay_run *run = ctx;
    const struct outbox_follower *follower = &run->set.members[i].follower;
    const bool can_read = follower->waiting == NULL && room(run) >= RELAY_WINDOW / 2;
    return (struct outbox_wish){
        .after_ms = can_read && !follower->at_end ? 0 : outbox_set_idle_ms(&run->set),
        .events_max = ahead_of(run),
    };
}

static void tell_damage(struct relay_run *run, const struct outbox_follower *follower,
                        struct relay_partition *partition)
{
    const uint64_t damaged = follower->damaged - partition->damaged_told;
    if (damaged > 0) {
        metrics_add(run->metrics.damaged, (int64_t)damaged);
        log_error("events", "an entry of the outbox is damaged and was left out",
                  LOG_INT("partition", follower->partition), LOG_INT("entries", damaged));
        partition->damaged_told = follower->damaged;
    }
}

/* Whoever leads: whether the position moves while events wait. */
static void watch_position(const struct outbox_follower *follower, struct relay_partition *partition)
{
    if (outbox_follower_waiting(follower) == 0 || stream_id_compare(follower->stored.id, partition->seen) != 0) {
        partition->seen = follower->stored.id;
        partition->moved_us = clock_monotonic_us();
    }
}

static bool may_leave(void *ctx, size_t i)
{
    const struct relay_run *run = ctx;
    return run->set.members[i].follower.events_open == 0;
}

static void stepped(void *ctx, size_t i, bool restarted)
{
    struct relay_run *run = ctx;
    const struct outbox_follower *follower = &run->set.members[i].follower;
    if (follower->holds) {
        run->partitions[i].moved_us = clock_monotonic_us(); /* they do not wait for Kafka */
        return;
    }
    outbox_set_well(&run->set, i);
    if (restarted) {
        log_info("events", follower->owns ? "this instance publishes" : "another instance publishes",
                 LOG_INT("partition", follower->partition), LOG_INT("waiting", outbox_follower_waiting(follower)));
    }
    tell_damage(run, follower, &run->partitions[i]);
    watch_position(follower, &run->partitions[i]);
}

/* Events that wait for Redis do not wait for Kafka. */
static void lost(void *ctx, size_t i)
{
    const struct relay_run *run = ctx;
    run->partitions[i].moved_us = clock_monotonic_us();
}

static void failed(void *ctx)
{
    const struct relay_run *run = ctx;
    metrics_add(run->metrics.restarts, 1);
}

/* ---- init ---- */

void relay_run_init(struct relay_run *run, const struct config *config, struct topology *topology)
{
    *run = (struct relay_run){.config = config, .metrics = relay_metrics_register()};
    const struct outbox_set_consumer consumer = {
        .ctx = run,
        .component = "events",
        .failure = "not published",
        .name = outbox_consumer_kafka,
        .lease_ms = LEASE_MS,
        .orphans = &run->orphans,
        .needs_replicas = true,
        .begin = begin,
        .wish = wish,
        .may_leave = may_leave,
        .stepped = stepped,
        .lost = lost,
        .failed = failed,
    };
    outbox_set_init(&run->set, config, topology, &consumer);
    buffer_init(&run->value);
    backoff_init(&run->backoff, RETRY_MIN_MS, RETRY_MAX_MS);
}

void relay_run_done(struct relay_run *run)
{
    drop_producer(run);
    outbox_set_done(&run->set);
    outbox_orphans_free(&run->orphans);
    free(run->partitions);
    buffer_done(&run->value);
}

/* ---- turns ---- */

int relay_run_turn(struct relay_run *run)
{
    outbox_set_turn(&run->set);
    if (run->set.led == 0) {
        if (run->producer != NULL) {
            start_over(run);
        }
        relay_run_recover(run);
        return outbox_set_pause_ms(&run->set);
    }
    return run->retry_us > clock_monotonic_us() ? RELAY_IDLE_MS : relay_kafka_turn(run);
}

void relay_run_finish(struct relay_run *run, int timeout_ms)
{
    const int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    while (run->producer != NULL && run->open > 0 && clock_monotonic_us() < until_us &&
           kafka_producer_poll(run->producer, RELAY_LISTEN_MS, &run->trouble) == KAFKA_OK) {
        /* acknowledgements are taken */
    }
    outbox_set_release(&run->set);
    drop_producer(run);
}

/* ---- what is known ---- */

static bool is_stuck(const struct relay_run *run)
{
    const int64_t long_ago_us = clock_monotonic_us() - (int64_t)STUCK_MS * 1000;
    for (size_t i = 0; i < run->set.count; i++) {
        if (outbox_set_conn(&run->set, i) != NULL && outbox_follower_waiting(&run->set.members[i].follower) > 0 &&
            run->partitions[i].moved_us < long_ago_us) {
            return true;
        }
    }
    return false;
}

static void tell_trouble(const struct relay_run *run, char *out, size_t size)
{
    outbox_set_tell_trouble(&run->set, out, size);
    if (out[0] == '\0' && run->retry_us != 0) {
        snprintf(out, size, "%s", run->trouble.message);
    }
    if (out[0] == '\0' && run->producer != NULL) {
        snprintf(out, size, "%s", kafka_producer_trouble(run->producer));
    }
    if (out[0] == '\0' && is_stuck(run)) {
        snprintf(out, size, "events wait, and for 30 s Kafka has acknowledged none of them");
    }
}

void relay_run_state(const struct relay_run *run, struct relay_state *ret_state)
{
    *ret_state = (struct relay_state){
        .role = run->set.led > 0 ? RELAY_LEADS : RELAY_STANDS_BY,
        .partitions = run->set.count,
        .led = run->set.led,
        .waiting = outbox_set_waiting(&run->set),
        .lag_ms = outbox_set_lag_ms(&run->set),
        .published_us = run->published_us,
    };
    tell_trouble(run, ret_state->trouble, sizeof(ret_state->trouble));
}
