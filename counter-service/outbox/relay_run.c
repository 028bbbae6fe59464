#include "counter-service/outbox/relay_run.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "counter-service/outbox/relay_kafka.h"

enum {
    /* An instance that dies is succeeded within so long. Longer than what a turn usually waits for; one that loses its
     * lease meanwhile only repeats events. */
    LEASE_MS = 10 * 1000,
    /* Between two steps: while nothing waits or another instance leads; and while it must only be told what is done. */
    STANDBY_STEP_MS = 1000,
    /* Events that wait for so long on another instance are worth a word. */
    STUCK_MS = 30 * 1000,
    START_MS = 100,
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2000,
};

int relay_run_init(struct relay_run *run, const struct config *config, struct topology *topology, struct error *error)
{
    *run = (struct relay_run){.config = config, .topology = topology};
    if (outbox_follower_init(&run->follower, 0, outbox_consumer_kafka, LEASE_MS, error) != 0) {
        return -1;
    }
    run->follower.configured = outbox_consumers_of(config);
    run->metrics = relay_metrics_register();
    buffer_init(&run->value);
    backoff_init(&run->backoff, RETRY_MIN_MS, RETRY_MAX_MS);
    run->moved_us = clock_monotonic_us();
    run->retry_us = run->moved_us + START_MS * 1000; /* a store worker gives a new store its id meanwhile */
    return 0;
}

void relay_run_done(struct relay_run *run)
{
    kafka_producer_free(run->producer);
    outbox_conn_close(&run->conn);
    outbox_follower_done(&run->follower);
    buffer_done(&run->value);
}

/* ---- when something fails ---- */

void relay_run_wait(struct relay_run *run)
{
    uint64_t count;
    if (log_limiter_allows(&run->limiter, clock_monotonic_us(), &count)) {
        log_warn("events", "not published", LOG_STR("reason", run->trouble.message), LOG_INT("count", count));
    }
    run->retry_us = clock_monotonic_us() + (int64_t)backoff_next_ms(&run->backoff) * 1000;
}

static void drop_producer(struct relay_run *run)
{
    kafka_producer_free(run->producer);
    run->producer = NULL;
    run->topic_is_there = false;
}

/* What was handed to Kafka and not acknowledged is read and sent again. The producer's tags point into it, so it goes
 * first. */
static void start_over(struct relay_run *run)
{
    drop_producer(run);
    outbox_follower_restart(&run->follower);
}

void relay_run_fail(struct relay_run *run)
{
    metrics_add(run->metrics.restarts, 1);
    start_over(run);
    relay_run_wait(run);
    assert(run->producer == NULL && run->follower.events_open == 0);
    run->step_us = 0; /* the lease is still this instance's */
}

static void fail_redis(struct relay_run *run)
{
    relay_run_fail(run);
    run->redis_failed = true;
    outbox_conn_close(&run->conn);
}

void relay_run_recover(struct relay_run *run)
{
    if (run->retry_us != 0) {
        if (run->trouble.message[0] != '\0') {
            log_info("events", "well again");
        }
        run->retry_us = 0;
        run->redis_failed = false;
        run->trouble.message[0] = '\0';
        run->limiter = (struct log_limiter){0};
        backoff_reset(&run->backoff);
    }
}

/* ---- Redis ---- */

static void tell_damage(struct relay_run *run)
{
    const uint64_t damaged = run->follower.damaged - run->damaged_told;
    if (damaged > 0) {
        metrics_add(run->metrics.damaged, (int64_t)damaged);
        log_error("events", "an entry of the outbox is damaged and was left out", LOG_INT("entries", damaged));
        run->damaged_told = run->follower.damaged;
    }
}

static size_t room(const struct relay_run *run)
{
    return run->follower.events_open < RELAY_WINDOW ? RELAY_WINDOW - run->follower.events_open : 0;
}

/* Reads as fast as Kafka takes it; else now and then, to keep the lease and to tell what is done. */
static int step_after_ms(const struct relay_run *run)
{
    const struct outbox_follower *follower = &run->follower;
    if (!follower->owns) {
        return STANDBY_STEP_MS;
    }
    const bool can_read = follower->waiting == NULL && room(run) >= RELAY_WINDOW / 2;
    return can_read && !follower->at_end ? 0 : RELAY_IDLE_MS;
}

/* Whoever leads: whether the position moves while events wait. */
static void watch_position(struct relay_run *run)
{
    const struct outbox_follower *follower = &run->follower;
    if (outbox_follower_waiting(follower) == 0 || stream_id_compare(follower->stored.id, run->seen) != 0) {
        run->seen = follower->stored.id;
        run->moved_us = clock_monotonic_us();
    }
}

static void step(struct relay_run *run)
{
    struct outbox_follower *follower = &run->follower;
    bool restarted;
    if (outbox_follower_step(follower, &run->conn, room(run), &restarted, &run->trouble) != 0) {
        fail_redis(run);
        return;
    }
    if (restarted && follower->owns && outbox_conn_check_store(&run->conn, &run->trouble) != 0) {
        fail_redis(run);
        return;
    }
    if (run->redis_failed || !follower->owns) {
        relay_run_recover(run);
    }
    if (restarted) {
        /* The follower has forgotten what the producer has. */
        drop_producer(run);
        log_info("events", follower->owns ? "this instance publishes" : "another instance publishes",
                 LOG_INT("partition", follower->partition), LOG_INT("waiting", outbox_follower_waiting(follower)));
    }
    tell_damage(run);
    watch_position(run);
}

static void step_if_due(struct relay_run *run)
{
    const int64_t now_us = clock_monotonic_us();
    if (now_us >= run->step_us + (int64_t)step_after_ms(run) * 1000) {
        run->step_us = now_us;
        step(run);
    }
}

static void connect(struct relay_run *run)
{
    struct redis_address address;
    run->step_us = 0;
    if (!topology_find(run->topology, 0, &address)) {
        error_set(&run->trouble, "no Redis is known");
        fail_redis(run);
        return;
    }
    if (outbox_conn_open(&run->conn, &address, run->config, &run->trouble) != 0) {
        fail_redis(run);
        return;
    }
    event_writer_init(&run->writer, run->config->kafka.format, run->conn.store_id);
}

/* ---- turns ---- */

int relay_run_turn(struct relay_run *run)
{
    const bool waits = run->retry_us > clock_monotonic_us();
    if (run->conn.redis == NULL && !waits) {
        connect(run);
    }
    if (run->conn.redis != NULL) {
        step_if_due(run);
    }
    if (run->conn.redis != NULL && run->follower.owns && !waits) {
        return relay_kafka_turn(run);
    }
    return run->conn.redis != NULL && !run->follower.owns ? STANDBY_STEP_MS : RELAY_IDLE_MS;
}

void relay_run_finish(struct relay_run *run, int timeout_ms)
{
    const int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    while (run->producer != NULL && run->follower.events_open > 0 && clock_monotonic_us() < until_us &&
           kafka_producer_poll(run->producer, RELAY_LISTEN_MS, &run->trouble) == KAFKA_OK) {
        /* acknowledgements are taken */
    }
    if (run->conn.redis != NULL) {
        outbox_follower_release(&run->follower, &run->conn);
    }
    drop_producer(run);
}

static const char *trouble_of(const struct relay_run *run)
{
    const char *trouble = run->retry_us != 0      ? run->trouble.message
                          : run->producer != NULL ? kafka_producer_trouble(run->producer)
                                                  : "";
    const bool is_stuck = run->conn.redis != NULL && outbox_follower_waiting(&run->follower) > 0 &&
                          clock_monotonic_us() > run->moved_us + (int64_t)STUCK_MS * 1000;
    return trouble[0] == '\0' && is_stuck ? "events wait, and for 30 s Kafka has acknowledged none of them" : trouble;
}

void relay_run_state(const struct relay_run *run, struct relay_state *ret_state)
{
    const struct outbox_follower *follower = &run->follower;
    const int64_t oldest_ms = outbox_follower_oldest_ms(follower);
    *ret_state = (struct relay_state){
        .role = follower->owns ? RELAY_LEADS : RELAY_STANDS_BY,
        .waiting = outbox_follower_waiting(follower),
        .lag_ms = oldest_ms > 0 && follower->clock_ms > oldest_ms ? follower->clock_ms - oldest_ms : 0,
        .published_us = run->published_us,
    };
    snprintf(ret_state->trouble, sizeof(ret_state->trouble), "%s", trouble_of(run));
}
